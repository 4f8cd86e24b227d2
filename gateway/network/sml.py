"""Service Metadata Locator: from a participant to the DNS name, from NAPTR records to the SMP.

Pure: computes names and judges records; adapters/ ask the DNS or a file. Source: SML 1.3.0 as in
exchange facts 2.9 (SHA-256 NAPTR only; the older MD5 names are no longer in use).
"""

import base64
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol
from urllib.parse import urlsplit

from gateway.as4.identifiers import ParticipantId
from gateway.network.errors import DNS_RECORD, NO_SMP_SERVICE, LookupFailed

__all__ = [
    "Locator",
    "NaptrRecord",
    "SmpAddress",
    "dns_name",
    "is_web_address",
    "select_smp",
]

SMP_SERVICE: Final = "meta:smp"
_WHOLE_STRING: Final = frozenset({".*", "^.*$", "(.*)", "^(.*)$"})
_WEB_CHARACTERS: Final = re.compile(r"https?://[A-Za-z0-9._~:/?\[\]@!$&'()*+,;=%-]+")
_HOST: Final = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class NaptrRecord:
    """One NAPTR record as found in the DNS (RFC 3403 §4.1)."""

    order: int
    preference: int
    flags: str
    service: str
    regexp: str
    replacement: str


@dataclass(frozen=True, slots=True)
class SmpAddress:
    """Where a participant's SMP is: base URL without trailing slash, and how that was learnt.

    ``source`` is the DNS name asked, or the file read; ``aliases`` the names it led on to (CNAME),
    ``records`` every NAPTR record found there, ``authenticated`` whether the resolver vouches for
    the answer (DNSSEC, AD flag). They belong to the evidence of a lookup.
    """

    url: str
    source: str
    aliases: tuple[str, ...] = ()
    records: tuple[NaptrRecord, ...] = ()
    authenticated: bool = False


class Locator(Protocol):
    """Finds the SMP of a participant."""

    async def locate(self, participant: ParticipantId) -> SmpAddress:
        """The SMP of this participant. Raises LookupFailed."""
        ...


def dns_name(participant: ParticipantId, zone: str) -> str:
    """The name to ask for NAPTR records: base32 of SHA-256 over the lower-cased value.

    ``zone`` with or without its final dot; the result has none.
    """
    digest = hashlib.sha256(participant.value.lower().encode("ascii")).digest()
    label = base64.b32encode(digest).decode("ascii").rstrip("=").lower()
    return f"{label}.{participant.scheme}.{zone.rstrip('.')}"


def is_web_address(url: str, *, https_only: bool) -> bool:
    """Whether ``url`` is an http(s) address with a host, without credentials or fragment."""
    if not _WEB_CHARACTERS.fullmatch(url):
        return False
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    host = parts.netloc if port is None else parts.netloc.rpartition(":")[0]
    return (
        parts.scheme in (("https",) if https_only else ("http", "https"))
        and _HOST.fullmatch(host) is not None
        and not parts.fragment
    )


def select_smp(records: Iterable[NaptrRecord], *, name: str) -> SmpAddress:
    """Choose the SMP among the NAPTR records found under ``name``.

    Only records with service ``Meta:SMP`` and flag ``U`` count, whatever their case. Of those with
    the lowest order (RFC 3403 §4.1: no other order may then be considered) the first by preference
    that names an address wins. Raises LookupFailed LOOKUP-NO-SMP when none is offered,
    LOOKUP-DNS-RECORD with the fault of the most preferred one when none can be used; both are
    permanent.
    """
    found = tuple(sorted(records, key=lambda one: (one.order, one.preference)))
    offered = [
        one for one in found if one.service.lower() == SMP_SERVICE and one.flags.lower() == "u"
    ]
    if not offered:
        raise LookupFailed(
            NO_SMP_SERVICE,
            "The receiver is registered, but without an SMP. Ask the receiver to have its "
            "registration completed by its provider.",
            dns_name=name,
        )
    equal = [one for one in offered if one.order == offered[0].order]
    return SmpAddress(url=_first_address(equal, name=name), source=name, records=found)


def _first_address(records: Sequence[NaptrRecord], *, name: str) -> str:
    faults = []
    for one in records:
        try:
            return _apply(one, name=name)
        except LookupFailed as fault:
            faults.append(fault)
    raise faults[0]


def _apply(record: NaptrRecord, *, name: str) -> str:
    """RFC 4848: a U-NAPTR matches the whole string and names one URI, without back references."""
    delimiter = record.regexp[:1]
    parts = record.regexp.split(delimiter) if delimiter and not delimiter.isalnum() else []
    # The terminating delimiter may be followed by the flag "i" only.
    if len(parts) != 4 or parts[1] not in _WHOLE_STRING or parts[3] not in ("", "i"):
        raise _unusable(name, "does not name one address for the whole participant")
    if record.replacement not in ("", "."):
        raise _unusable(name, "carries both a regular expression and a replacement")
    url = parts[2]
    if "?" in url or not is_web_address(url, https_only=False):
        raise _unusable(name, "does not lead to an http(s) address")
    return url.rstrip("/")


def _unusable(name: str, reason: str) -> LookupFailed:
    return LookupFailed(
        DNS_RECORD,
        f"The receiver's NAPTR record {reason}. Its provider has to correct the registration.",
        dns_name=name,
    )
