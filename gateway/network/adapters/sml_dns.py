"""The SML over DNS: one NAPTR question per participant.

Tells "nobody is registered under this name" from "the DNS did not answer"; only the second is
worth another try. A truncated answer is asked for again over TCP, an alias (CNAME) is followed.
"""

import asyncio
import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final, cast

import dns.asyncresolver
import dns.exception
import dns.flags
import dns.name
import dns.nameserver
import dns.rdatatype
import dns.resolver
from dns.rdtypes.ANY.CNAME import CNAME
from dns.rdtypes.IN.NAPTR import NAPTR

from gateway.as4.identifiers import ParticipantId
from gateway.core.errors import ErrorKind, GatewayError
from gateway.network.errors import DNS, NOT_REGISTERED, LookupFailed
from gateway.network.sml import NaptrRecord, SmpAddress, dns_name, select_smp

__all__ = ["RESOLVER_INVALID", "DnsLocator", "nameserver"]

DNS_PORT: Final = 53
MAX_ALIASES: Final = 8
RESOLVER_INVALID: Final = ErrorKind("RESOLVER-INVALID", "A DNS resolver cannot be used", 500)


class DnsLocator:
    """Finds SMPs by NAPTR records under the zone that ``zone`` names at the moment of asking.

    ``resolvers`` are addresses such as ``192.0.2.1``, ``192.0.2.1:5353`` or ``[2001:db8::1]:53``,
    asked in this order; empty means the machine's own. ``timeout_s`` bounds one question with all
    its repetitions, in seconds.
    """

    def __init__(
        self, *, zone: Callable[[], str], resolvers: Sequence[str], timeout_s: float
    ) -> None:
        self._zone = zone
        self._timeout_s = timeout_s
        self._resolver = dns.asyncresolver.Resolver(configure=not resolvers)
        if resolvers:
            self._resolver.nameservers = [nameserver(one) for one in resolvers]
        # One try must leave time for the next server, or for a repetition.
        self._resolver.timeout = timeout_s / 3
        # With AD in the question a validating resolver says in the answer whether it vouches.
        self._resolver.flags = dns.flags.RD | dns.flags.AD

    async def locate(self, participant: ParticipantId) -> SmpAddress:
        """Ask the DNS.

        Raises LookupFailed: LOOKUP-NOT-REGISTERED, LOOKUP-NO-SMP and LOOKUP-DNS-RECORD are
        permanent, LOOKUP-DNS is worth another try.
        """
        name = dns_name(participant, self._zone())
        try:
            answer, aliases = await self._ask(dns.name.from_text(f"{name}."))
        except dns.resolver.NXDOMAIN:
            raise _not_registered(participant, name) from None
        except (dns.exception.DNSException, TimeoutError, OSError) as error:
            raise LookupFailed(
                DNS,
                "The DNS gave no answer about the receiver. This says nothing about the "
                "receiver; it will be asked again.",
                participant=str(participant),
                dns_name=name,
                reason=type(error).__name__,
            ) from error
        if answer.rrset is None:
            raise _not_registered(participant, name)
        smp = select_smp((_record(cast("NAPTR", one)) for one in answer.rrset), name=name)
        vouched = bool(answer.response.flags & dns.flags.AD)
        return replace(smp, aliases=aliases, authenticated=vouched)

    async def _ask(self, name: dns.name.Name) -> tuple[dns.resolver.Answer, tuple[str, ...]]:
        """Ask for one name, and for the names it is an alias of where the resolver stops."""
        aliases: list[dns.name.Name] = []
        async with asyncio.timeout(self._timeout_s):
            while True:
                asked = aliases[-1] if aliases else name
                answer = await self._resolver.resolve(
                    asked,
                    dns.rdatatype.NAPTR,
                    lifetime=self._timeout_s,
                    raise_on_no_answer=False,
                )
                aliases += [cast("CNAME", one[0]).target for one in answer.chaining_result.cnames]
                if answer.rrset is not None or not answer.chaining_result.cnames:
                    return answer, tuple(one.to_text(omit_final_dot=True) for one in aliases)
                if len(aliases) > MAX_ALIASES:
                    raise OSError(f"more than {MAX_ALIASES} aliases")


def nameserver(text: str) -> dns.nameserver.Do53Nameserver:
    """Read ``address``, ``address:port`` or ``[address]:port``.

    Raises GatewayError RESOLVER-INVALID.
    """
    host, port = text, str(DNS_PORT)
    if text.startswith("[") or text.count(":") == 1:
        host, _, port = text.rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
    try:
        return dns.nameserver.Do53Nameserver(str(ipaddress.ip_address(host)), int(port))
    except ValueError:
        raise GatewayError(
            RESOLVER_INVALID,
            f"'{text}' is not the address of a DNS resolver. Write 192.0.2.1, 192.0.2.1:53 or "
            "[2001:db8::1]:53.",
        ) from None


def _not_registered(participant: ParticipantId, name: str) -> LookupFailed:
    return LookupFailed(
        NOT_REGISTERED,
        "The receiver is not registered in Peppol. Check the identifier, or reach the receiver "
        "another way.",
        participant=str(participant),
        dns_name=name,
    )


def _record(naptr: NAPTR) -> NaptrRecord:
    return NaptrRecord(
        order=naptr.order,
        preference=naptr.preference,
        flags=naptr.flags.decode("ascii", "replace"),
        service=naptr.service.decode("ascii", "replace"),
        regexp=naptr.regexp.decode("utf-8", "replace"),
        replacement=naptr.replacement.to_text(),
    )
