"""Receiving over HTTP: what is wrong is answered with its code, what is right is kept once."""

import asyncio
import base64
import re
from dataclasses import replace
from io import BytesIO
from xml.etree import ElementTree

import pytest

from gateway.as4.identifiers import ParticipantId
from gateway.core import incoming
from gateway.core.jobs.tables import Job
from gateway.exchange import encoding
from gateway.exchange.lanes import ROUTE
from gateway.exchange.tables import Document, Reception, StoredBlob

SENDER, RECEIVER, THIRD = "POP000101", "POP000202", "POP000303"
EBMS = "{http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/}"


def error_of(reply):
    """The one ebMS error of an answer: its code and our own code."""
    assert reply.content_type.startswith("application/soap+xml"), reply
    (error,) = ElementTree.fromstring(reply.body).iter(f"{EBMS}Error")
    text = error.findtext(f"{EBMS}Description") or ""
    assert text.rstrip().endswith("."), text
    return error.get("errorCode"), text.partition(":")[0]


def is_receipt(reply):
    return reply.status == 200 and b"NonRepudiationInformation" in reply.body


async def send(house, request):
    return await house.post_as4(request.content_type, request.body)


def with_byte_changed(request, at):
    body = bytearray(request.body)
    body[at] ^= 1
    return request.content_type, bytes(body)


async def test_a_message_from_any_trusted_access_point_is_taken(pair, make_invoice, forge):
    request = forge(make_invoice(), from_seat=THIRD)
    reply = await send(pair.receiver, request)
    assert is_receipt(reply)
    await pair.receiver.work()
    (document,) = await pair.receiver.documents(Document.direction == "in")
    (reception,) = await pair.receiver.receptions()
    assert (document.number, document.mls_to) == ("VT-1", "iso6523-actorid-upis::0242:000303")
    assert (reception.document_id, reception.signer_seat) == (document.id, THIRD)


async def test_a_chunked_request_in_base64_is_taken(lite, make_invoice, forge):
    """Every receiver must read both (AS4 profile 2.0.3 §10); some senders do both at once."""
    request = forge(make_invoice())
    head, mark, payload = request.body.rpartition(b"Content-Transfer-Encoding: binary\r\n")
    headers, _, rest = payload.partition(b"\r\n\r\n")
    secret, _, end = rest.rpartition(b"\r\n--")
    body = b"".join(
        (
            head,
            mark.replace(b"binary", b"base64"),
            headers,
            b"\r\n\r\n",
            base64.encodebytes(secret).replace(b"\n", b"\r\n"),
            b"\r\n--",
            end,
        )
    )

    async def pieces():
        for start in range(0, len(body), 777):
            yield body[start : start + 777]

    assert is_receipt(await lite.receiver.post_as4(request.content_type, pieces()))


async def test_a_sender_that_stalls_is_not_waited_for(lite, make_invoice, forge, monkeypatch):
    request = forge(make_invoice())
    told = asyncio.Event()

    async def pieces():
        yield request.body[:1000]
        await told.wait()
        yield request.body[1000:]

    monkeypatch.setattr(incoming, "PATIENCE_S", 0.0)
    reply = await lite.receiver.post_as4(request.content_type, pieces())
    assert (reply.status, b"AS4-CUT" in reply.body) == (400, True)
    monkeypatch.undo()
    told.set()
    assert is_receipt(await lite.receiver.post_as4(request.content_type, pieces()))


async def test_bad_messages_are_answered_with_their_codes_and_nothing_is_kept(
    lite, make_invoice, forge, pki
):
    good = forge(make_invoice())
    soap_start = good.body.index(b"<S12:Envelope") if b"<S12:Envelope" in good.body else 200
    value = good.body.index(b"SignatureValue>") + 40
    unknown = ParticipantId.of("0208:0999999922")
    xml = "text/xml; charset=utf-8"
    cases = {
        "untrusted certificate": forge(make_invoice(), credentials=pki.stranger),
        "expired certificate": forge(make_invoice(), credentials=pki.expired),
        "for another access point": forge(make_invoice(), to_seat=THIRD),
        "unknown receiver": forge(
            make_invoice().replace(b"0876543270", b"0999999922"), receiver=unknown
        ),
        "no XML at all": ("application/soap+xml", b"hello"),
        "nothing": ("application/soap+xml", b""),
        "no content type": ("", good.body),
        "another content type": ("application/json", b"{}"),
        "wrong boundary": (re.sub("boundary=.*", 'boundary="x"', good.content_type), good.body),
        "cut off": (good.content_type, good.body[: len(good.body) // 2]),
        "tampered header": (
            good.content_type,
            good.body.replace(b"0208:0765432146", b"0208:0999999922", 1),
        ),
        "tampered signature": with_byte_changed(good, value),
        "tampered payload": with_byte_changed(good, len(good.body) - 200),
        "DOCTYPE": (
            good.content_type,
            good.body[:soap_start] + b"<!DOCTYPE a>" + good.body[soap_start:],
        ),
        "plain XML": (xml, b"<Invoice/>"),
    }
    expected = {
        "untrusted certificate": "EBMS:0101",
        "expired certificate": "EBMS:0101",
        "for another access point": "EBMS:0102",
        "unknown receiver": "EBMS:0004",
        "no XML at all": "EBMS:0007",
        "nothing": "EBMS:0007",
        "no content type": "EBMS:0007",
        "another content type": "EBMS:0007",
        "wrong boundary": "EBMS:0007",
        "cut off": "EBMS:0007",
        "tampered header": "EBMS:0101",
        "tampered signature": "EBMS:0101",
        "tampered payload": "EBMS:0102",
        "DOCTYPE": "EBMS:0009",
        "plain XML": "EBMS:0007",
    }
    found, ours = {}, {}
    for name, case in cases.items():
        content_type, body = case if isinstance(case, tuple) else (case.content_type, case.body)
        found[name], ours[name] = error_of(await lite.receiver.post_as4(content_type, body))
    assert found == expected
    assert ours["unknown receiver"] == "AS4-NOT-SERVICED"
    assert ours["untrusted certificate"] != ours["expired certificate"]
    assert await lite.receiver.receptions() == []
    assert await lite.receiver.rows(StoredBlob) == []
    assert await lite.receiver.rows(Job, Job.kind == ROUTE) == []
    assert is_receipt(await send(lite.receiver, good))


async def test_an_unknown_receiver_is_told_so_in_the_word_of_the_profile(lite, make_invoice, forge):
    unknown = ParticipantId.of("0208:0999999922")
    content = make_invoice().replace(b"0876543270", b"0999999922")
    reply = await send(lite.receiver, forge(content, receiver=unknown))
    assert b"PEPPOL:NOT_SERVICED" in reply.body
    assert b"SignatureValue" in reply.body


async def test_a_repetition_gets_the_very_same_receipt(pair, make_invoice, forge):
    request = forge(make_invoice())
    first = await send(pair.receiver, request)
    again = await send(pair.receiver, request)
    assert is_receipt(first)
    assert first.body == again.body
    await pair.receiver.work()
    late = await send(pair.receiver, request)
    assert late.body == first.body
    assert len(await pair.receiver.receptions()) == 1
    assert len(await pair.receiver.documents(Document.direction == "in")) == 1


async def test_repetitions_at_the_same_moment_get_one_receipt(pair, make_invoice, forge):
    request = forge(make_invoice())
    replies = await asyncio.gather(*(send(pair.receiver, request) for _ in range(5)))
    assert len({one.body for one in replies}) == 1
    assert is_receipt(replies[0])
    assert len(await pair.receiver.rows(Reception)) == 1
    assert len(await pair.receiver.rows(Job, Job.kind == ROUTE)) == 1


async def test_the_same_id_for_other_content_is_an_error(pair, make_invoice, forge):
    first = forge(make_invoice("VT-1"), message_id="one@forge.example")
    other = forge(make_invoice("VT-2"), message_id="one@forge.example")
    assert is_receipt(await send(pair.receiver, first))
    assert error_of(await send(pair.receiver, other)) == (
        "EBMS:4001",
        "AS4-DUPLICATE-OTHER-CONTENT",
    )
    assert len(await pair.receiver.receptions()) == 1


async def test_the_same_id_of_another_access_point_is_another_message(lite, make_invoice, forge):
    for number, seat in enumerate((SENDER, THIRD)):
        request = forge(make_invoice(f"VT-{number}"), message_id="one@x.example", from_seat=seat)
        assert is_receipt(await send(lite.receiver, request))
    await lite.receiver.work()
    assert len(await lite.receiver.documents(Document.direction == "in")) == 2


async def test_the_same_document_in_a_new_message_is_taken_flagged_and_not_handed_over_twice(
    pair, make_invoice, forge
):
    for _ in range(2):
        assert is_receipt(await send(pair.receiver, forge(make_invoice(), sbdh_id="same-1")))
        await pair.receiver.work()
    (document,) = await pair.receiver.documents(Document.direction == "in")
    assert [one.flagged for one in await pair.receiver.receptions()] == [False, True]
    assert "document.repeated" in await pair.receiver.kinds(document.id)
    assert len(await pair.receiver.documents(Document.kind == "mls")) == 1


async def test_the_same_document_in_two_messages_at_once_is_handed_over_once(
    pair, make_invoice, forge
):
    requests = [forge(make_invoice(), sbdh_id="same-1") for _ in range(3)]
    await asyncio.gather(*(send(pair.receiver, one) for one in requests))
    await pair.receiver.work()
    await pair.receiver.later()
    assert len(await pair.receiver.documents(Document.direction == "in")) == 1
    assert sorted(one.flagged for one in await pair.receiver.receptions()) == [False, True, True]


async def test_a_message_over_the_limit_is_refused(lite):
    async def endless():
        for _ in range(40):
            yield bytes(100_000)

    known = await lite.receiver.post_as4("multipart/related", BytesIO(bytes(3_000_000)))
    chunked = await lite.receiver.post_as4("multipart/related", endless())
    assert (known.status, chunked.status) == (413, 413)
    assert known.body.startswith(b"BODY-TOO-LARGE")
    assert chunked.body.startswith(b"AS4-TOO-LARGE")


async def test_a_document_that_expands_beyond_the_limit_is_refused(lite, make_invoice, forge):
    note = b"<cbc:Note>" + b" " * 3_000_000
    request = forge(make_invoice().replace(b"<cbc:Note>", note))
    assert len(request.body) < 100_000
    code, _ = error_of(await send(lite.receiver, request))
    assert code == "EBMS:0303"
    assert await lite.receiver.receptions() == []


async def test_full_storage_gives_no_receipt(lite, make_invoice, forge, full_disk):
    request = forge(make_invoice())
    for after in range(3):
        with full_disk(lite.receiver, after=after):
            reply = await send(lite.receiver, request)
        assert reply.status == 507
        assert reply.body.startswith(b"STORAGE-FULL")
        assert await lite.receiver.receptions() == []
    assert is_receipt(await send(lite.receiver, request))


@pytest.mark.parametrize("fails", ["body", "document"])
async def test_no_room_for_temporary_files_gives_no_receipt(
    lite, make_invoice, forge, full_tmpdir, monkeypatch, fails
):
    """The message itself is spooled first; a small one may hold a document that is large."""
    note = b"<cbc:Note>" + b" " * 60_000
    request = forge(make_invoice().replace(b"<cbc:Note>", note))
    limit = len(request.body) + (-1 if fails == "body" else 1)
    monkeypatch.setattr(encoding, "SPOOL_IN_MEMORY", limit)
    before = len(await lite.receiver.rows(StoredBlob))
    with full_tmpdir() as folder:
        reply = await send(lite.receiver, request)
    assert (reply.status, reply.body.split(b":")[0]) == (507, b"STORAGE-FULL")
    assert await lite.receiver.receptions() == []
    assert len(await lite.receiver.rows(StoredBlob)) == before
    assert list(folder.iterdir()) == []
    assert is_receipt(await send(lite.receiver, request))


async def test_what_is_longer_than_we_can_keep_is_refused_for_good(pair, make_invoice, forge):
    """PostgreSQL would not take it, and the sender would try again for days."""
    longest = "i" * 180 + "@forge.example"
    request = forge(make_invoice(), message_id=longest, sbdh_id=longest)
    assert is_receipt(await send(pair.receiver, request))
    for one in (
        forge(make_invoice(), message_id=f"x{'i' * 210}@forge.example"),
        forge(make_invoice(), sbdh_id="i" * 210),
        replace(request, content_type=f'{request.content_type}; start-info="{"x" * 600}"'),
    ):
        code, ours = error_of(await send(pair.receiver, one))
        assert (code, ours) == ("EBMS:0009", "AS4-TOO-LONG")
    assert len(await pair.receiver.receptions()) == 1
