"""The SML adapter against a real DNS responder over UDP on the loopback interface."""

import asyncio
from collections.abc import Callable

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from gateway.as4.identifiers import ParticipantId
from gateway.core.errors import GatewayError, Retry
from gateway.network.adapters.sml_dns import MAX_ALIASES, DnsLocator, nameserver
from gateway.network.errors import LookupFailed
from gateway.network.sml import dns_name

RECEIVER = ParticipantId.of("0088:1234567890123")
ZONE = "participant.sml.test.example"
NAME = dns_name(RECEIVER, ZONE)

Answer = Callable[[dns.message.Message], dns.message.Message | bytes | None]


def locator(address: str, *, timeout_s: float = 60) -> DnsLocator:
    return DnsLocator(zone=lambda: ZONE, resolvers=[address], timeout_s=timeout_s)


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


async def test_an_alias_the_name_server_leaves_to_us_is_followed(name_server) -> None:
    chain = {NAME: "one.example", "one.example": "two.example"}

    def answer(query: dns.message.Message) -> dns.message.Message:
        response = dns.message.make_response(query)
        name = query.question[0].name
        target = chain.get(name.to_text(omit_final_dot=True))
        kind, text = ("NAPTR", '1 1 "U" "Meta:SMP" "!.*!https://far.example!" .')
        if target is not None:
            kind, text = "CNAME", f"{target}."
        response.answer.append(dns.rrset.from_text(name, 60, "IN", kind, text))
        return response

    address, asked = await name_server(answer)
    smp = await locator(address).locate(RECEIVER)
    assert (smp.url, smp.source) == ("https://far.example", NAME)
    assert smp.aliases == ("one.example", "two.example")
    assert len(asked) == 3


async def test_aliases_without_end_are_an_outage(name_server) -> None:
    def answer(query: dns.message.Message) -> dns.message.Message:
        response = dns.message.make_response(query)
        name = query.question[0].name
        further = f"a{len(name.to_text())}.{name.to_text()}"[-200:]
        response.answer.append(dns.rrset.from_text(name, 60, "IN", "CNAME", further))
        return response

    address, asked = await name_server(answer)
    with pytest.raises(LookupFailed, match="LOOKUP-DNS"):
        await locator(address).locate(RECEIVER)
    assert len(asked) == MAX_ALIASES + 1


async def test_an_alias_of_nothing_is_not_registered(name_server) -> None:
    def answer(query: dns.message.Message) -> dns.message.Message:
        response = dns.message.make_response(query)
        response.answer.append(
            dns.rrset.from_text(query.question[0].name, 60, "IN", "CNAME", "gone.example.")
        )
        response.set_rcode(dns.rcode.NXDOMAIN)
        return response

    address, _ = await name_server(answer)
    with pytest.raises(LookupFailed, match="LOOKUP-NOT-REGISTERED"):
        await locator(address).locate(RECEIVER)


@pytest.mark.parametrize("vouched", [True, False])
async def test_what_the_resolver_vouches_for_is_told(name_server, vouched) -> None:
    def answer(query: dns.message.Message) -> dns.message.Message:
        assert query.flags & dns.flags.AD
        found = records('1 1 "U" "Meta:SMP" "!.*!https://smp.example!" .')(query)
        if vouched:
            found.flags |= dns.flags.AD
        else:
            found.flags &= ~dns.flags.AD
        return found

    address, _ = await name_server(answer)
    smp = await locator(address).locate(RECEIVER)
    assert smp.authenticated is vouched
    assert [one.regexp for one in smp.records] == ["!.*!https://smp.example!"]


async def test_a_truncated_answer_is_asked_for_again_over_tcp(name_server) -> None:
    many = [f'100 {n} "U" "E2U+x{n}" "!.*!sip:{"n" * 60}@example!" .' for n in range(1, 40)]
    whole = records(*many, '100 50 "U" "Meta:SMP" "!.*!https://long.example!" .')
    over_tcp: list[str] = []

    def truncated(query: dns.message.Message) -> dns.message.Message:
        response = dns.message.make_response(query)
        response.flags |= dns.flags.TC
        return response

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        length = int.from_bytes(await reader.readexactly(2), "big")
        query = dns.message.from_wire(await reader.readexactly(length))
        over_tcp.append(str(query.question[0]))
        wire = whole(query).to_wire()
        writer.write(len(wire).to_bytes(2, "big") + wire)
        await writer.drain()
        writer.close()

    address, asked = await name_server(truncated)
    port = int(address.rpartition(":")[2])
    server = await asyncio.start_server(converse, "127.0.0.1", port)
    async with server:
        smp = await locator(address).locate(RECEIVER)
    assert smp.url == "https://long.example"
    assert len(smp.records) == 40
    assert over_tcp == asked == [f"{NAME}. IN NAPTR"]


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
    timeout_s = 60 if answers else 0.5
    address, asked = await name_server(answer)
    with pytest.raises(LookupFailed) as caught:
        await locator(address, timeout_s=timeout_s).locate(RECEIVER)
    assert (caught.value.code, caught.value.retry) == (code, retry)
    assert caught.value.facts["dns_name"] == NAME
    async with asyncio.timeout(60):
        while not asked:  # the question is on its way to our server, which a busy machine keeps
            await asyncio.sleep(0.01)


async def test_a_second_resolver_helps_when_the_first_is_silent(name_server) -> None:
    silent, asked = await name_server(lambda _: None)
    good, _ = await name_server(records('1 1 "U" "Meta:SMP" "!.*!https://smp.example!" .'))
    both = DnsLocator(zone=lambda: ZONE, resolvers=[silent, good], timeout_s=60)
    both._resolver.timeout = 0.2
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
    assert DnsLocator(zone=lambda: ZONE, resolvers=[], timeout_s=1)._resolver.nameservers
