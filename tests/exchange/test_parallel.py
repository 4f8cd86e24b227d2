"""Many messages at the same moment, both ways: every document is the one its SBDH names.

200 each way, all of 50 kB, all different in every part, so one byte in the wrong message shows.
"""

import asyncio
import base64
import hashlib
import random
from uuid import UUID

import pytest

from gateway.exchange.tables import Document, Reception

pytestmark = pytest.mark.endurance

COUNT = 200
SIZE = 50_000


def filled(make_invoice, number: str) -> bytes:
    """A valid invoice of 50 kB whose embedded file is its number's own."""
    plain = make_invoice(number)
    place = plain.index(b"<cac:AccountingSupplierParty")
    file = base64.b64encode(random.Random(number).randbytes((SIZE - len(plain)) // 4 * 3))
    return (
        plain[:place]
        + b"<cac:AdditionalDocumentReference><cbc:ID>scan</cbc:ID><cac:Attachment>"
        + b'<cbc:EmbeddedDocumentBinaryObject mimeCode="application/pdf" filename="scan.pdf">'
        + file
        + b"</cbc:EmbeddedDocumentBinaryObject></cac:Attachment>"
        + b"</cac:AdditionalDocumentReference>"
        + plain[place:]
    )


def inside(content: bytes) -> str:
    """What travels of a document: an envelope cannot hold the XML declaration."""
    text = content.partition(b"?>")[2] if content.startswith(b"<?xml") else content
    return hashlib.sha256(text.strip()).hexdigest()


async def arrived(house) -> dict[str, str]:
    """The documents of an inbox: SBDH identifier to what is inside."""
    found = {}
    for one in await house.documents(Document.direction == "in", Document.kind == "invoice"):
        body = (await house.call("GET", f"/v1/documents/{one.id}/content")).body
        assert one.sbdh_id not in found
        found[one.sbdh_id] = inside(body)
    return found


async def test_parallel_messages_are_never_mixed(lite, make_invoice, forge):
    """Half the traffic is our own both ways through both gateways, all at once."""
    incoming = {
        str(UUID(int=number + 1)): filled(make_invoice, f"IN-{number}") for number in range(COUNT)
    }
    forged = [forge(content, sbdh_id=name) for name, content in incoming.items()]
    outgoing = [filled(make_invoice, f"OUT-{number}") for number in range(COUNT)]

    async def submit(content: bytes) -> tuple[str, str]:
        answer = await lite.sender.submit(content)
        assert answer.status == 202, answer.body
        sent = await lite.sender.document(answer.body["id"])
        return sent.sbdh_id, inside(content)

    posted = asyncio.gather(*(lite.receiver.post_as4(one.content_type, one.body) for one in forged))
    submitted = asyncio.gather(*(submit(one) for one in outgoing))
    replies, sent = await posted, dict(await submitted)
    assert {one.status for one in replies} == {200}
    for request, reply in zip(forged, replies, strict=True):
        message_id = request.body.partition(b"MessageId>")[2].partition(b"<")[0]
        assert b"RefToMessageId>" + message_id + b"<" in reply.body
    await asyncio.gather(lite.sender.work(), lite.receiver.work())
    await lite.settle()
    expected = {**sent, **{name: inside(content) for name, content in incoming.items()}}
    assert len(expected) == 2 * COUNT
    assert await arrived(lite.receiver) == expected
    delivered = await lite.sender.documents(Document.kind == "invoice")
    assert {str(one.transport) for one in delivered} == {"delivered"}
    rows = await lite.receiver.rows(Reception)
    signed = {one.digest for one in rows}
    assert len(signed) == len(rows)


async def test_one_message_in_parallel_repetitions_arrives_once(lite, make_invoice, forge):
    request = forge(filled(make_invoice, "VT-1"))
    replies = await asyncio.gather(
        *(lite.receiver.post_as4(request.content_type, request.body) for _ in range(8))
    )
    assert len({one.body for one in replies}) == 1
    await lite.receiver.work()
    assert len(await lite.receiver.documents(Document.direction == "in")) == 1
