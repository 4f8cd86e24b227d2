"""The SML adapter against a real DNS responder over UDP on the loopback interface."""

from collections.abc import Callable

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from gateway.as4.identifiers import ParticipantId
from gateway.core.errors import GatewayError, Retry
from gateway.network.adapters.sml_dns import DnsLocator, nameserver
from gateway.network.errors import LookupFailed
from gateway.network.sml import dns_name

RECEIVER = ParticipantId.of("0088:1234567890123")
ZONE = "participant.sml.test.example"
NAME = dns_name(RECEIVER, ZONE)

Answer = Callable[[dns.message.Message], dns.message.Message | bytes | None]


def locator(address: str, *, timeout_s: float = 10) -> DnsLocator:
    return DnsLocator(zone=ZONE, resolvers=[address], timeout_s=timeout_s)


def records(*naptrs: str) -> Answer:
    def answer(query: dns.message.Message) -> dns.message.Message:
        response = dns.message.make_response(query)
        if naptrs:
            response.answer.append(
                dns.rrset.from_text(query.question[0].name, 60, "IN", "NAPTR", *naptrs)
            )
        return response

    return answer


def failing(code: dns.rcode.Rcode) -> Answer:
    def answer(query: dns.message.Message) -> dns.message.Message:
        response = dns.message.make_response(query)
        response.set_rcode(code)
        return response

    return answer


async def test_the_record_leads_to_the_smp(name_server) -> None:
    answer = records('100 10 "U" "Meta:SMP" "!.*!https://smp.example/peppol/!" .')
    address, asked = await name_server(answer)
    smp = await locator(address).locate(RECEIVER)
    assert (smp.url, smp.source) == ("https://smp.example/peppol", NAME)
    assert asked == [f"{NAME}. IN NAPTR"]


async def test_an_alias_is_followed_by_the_name_server(name_server) -> None:
    def answer(query: dns.message.Message) -> dns.message.Message:
        response = dns.message.make_response(query)
        alias = "alias.example."
        response.answer.append(
            dns.rrset.from_text(query.question[0].name, 60, "IN", "CNAME", alias)
        )
        naptr = '1 1 "u" "meta:smp" "!^.*$!https://aliased.example!" .'
        response.answer.append(dns.rrset.from_text(alias, 60, "IN", "NAPTR", naptr))
        return response

    address, _ = await name_server(answer)
    assert (await locator(address).locate(RECEIVER)).url == "https://aliased.example"


@pytest.mark.parametrize(
    ("answer", "code", "retry", "answers"),
    [
        (failing(dns.rcode.NXDOMAIN), "LOOKUP-NOT-REGISTERED", Retry.NO, True),
        (records(), "LOOKUP-NOT-REGISTERED", Retry.NO, True),
        (records('1 1 "U" "E2U+sip" "!.*!sip:a@b!" .'), "LOOKUP-NO-SMP", Retry.NO, True),
        (records('1 1 "U" "Meta:SMP" "!.*!nowhere!" .'), "LOOKUP-DNS-RECORD", Retry.NO, True),
        (failing(dns.rcode.SERVFAIL), "LOOKUP-DNS", Retry.BACKOFF, True),
        (failing(dns.rcode.REFUSED), "LOOKUP-DNS", Retry.BACKOFF, True),
        (lambda _: None, "LOOKUP-DNS", Retry.BACKOFF, False),
        (lambda _: b"\x00rubbish", "LOOKUP-DNS", Retry.BACKOFF, False),
    ],
    ids=["nxdomain", "nodata", "no-smp", "broken", "servfail", "refused", "silence", "rubbish"],
)
async def test_absence_and_outage_are_told_apart(name_server, answer, code, retry, answers) -> None:
    # Long enough for a busy machine where an answer comes, short where none will.
    timeout_s = 10 if answers else 0.3
    address, asked = await name_server(answer)
    with pytest.raises(LookupFailed) as caught:
        await locator(address, timeout_s=timeout_s).locate(RECEIVER)
    assert (caught.value.code, caught.value.retry) == (code, retry)
    assert caught.value.facts["dns_name"] == NAME
    assert asked


async def test_a_second_resolver_helps_when_the_first_is_silent(name_server) -> None:
    silent, asked = await name_server(lambda _: None)
    good, _ = await name_server(records('1 1 "U" "Meta:SMP" "!.*!https://smp.example!" .'))
    both = DnsLocator(zone=ZONE, resolvers=[silent, good], timeout_s=1.5)
    assert (await both.locate(RECEIVER)).url == "https://smp.example"
    assert asked


@pytest.mark.parametrize(
    ("text", "address", "port"),
    [
        ("192.0.2.1", "192.0.2.1", 53),
        ("192.0.2.1:5353", "192.0.2.1", 5353),
        ("2001:db8::1", "2001:db8::1", 53),
        ("[2001:db8::1]:5353", "2001:db8::1", 5353),
    ],
)
def test_resolver_addresses(text, address, port) -> None:
    server = nameserver(text)
    assert (server.address, server.port) == (address, port)


@pytest.mark.parametrize("text", ["dns.example", "192.0.2.1:port", "", "[2001:db8::1"])
def test_resolver_addresses_that_are_none(text) -> None:
    with pytest.raises(GatewayError, match="RESOLVER-INVALID"):
        nameserver(text)


def test_without_resolvers_the_machines_own_are_used() -> None:
    assert DnsLocator(zone=ZONE, resolvers=[], timeout_s=1)._resolver.nameservers
