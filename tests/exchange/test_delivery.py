"""What every end of an attempt means for the next one (decision 17), over real connections."""

import re

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.as4.errors import NOT_SERVICED, EbmsCode
from gateway.as4.identifiers import BILLING_INVOICE, PROCESS_BILLING
from gateway.core.errors import GatewayError
from gateway.core.outgoing import check_url
from gateway.core.settings import Stage
from gateway.exchange.delivery_job import DeliveryJob
from gateway.exchange.encoding import Encoder
from gateway.exchange.evidence_check import check_evidence
from gateway.exchange.tables import Attempt, Document
from gateway.network.participants import Offer

SENDER, RECEIVER, THIRD = "POP000101", "POP000202", "POP000303"


async def begun(pair, content):
    """Submit, look up and try once."""
    answer = await pair.sender.submit(content)
    assert answer.status == 202, answer.body
    await pair.sender.work()
    return answer.body["id"]


async def outcomes(pair, document_id):
    return [one.outcome for one in await pair.sender.attempts(document_id)]


async def states(pair, document_id):
    return (await pair.sender.document(document_id)).transport


async def move(pair, endpoint_url):
    """Publish another address for the receiver's invoices."""
    house = pair.receiver
    seat = house.gateway.network.any_signing(house.gateway.network.now())
    offer = Offer(
        BILLING_INVOICE,
        PROCESS_BILLING,
        endpoint_url=endpoint_url,
        certificate_pem=seat.certificate.public_bytes(Encoding.PEM).decode(),
    )
    await house.gateway.participants.publish(
        house.tenant_id, house.participant, BILLING_INVOICE, [offer]
    )


async def invoices(pair):
    return await pair.receiver.documents(Document.kind == "invoice")


def header_of(request, name):
    found = re.search(rb"<(?:\w+:)?" + name.encode() + rb">([^<]+)<", request.body)
    assert found is not None
    return found[1]


async def test_a_dead_access_point_gets_the_same_bytes_when_it_is_back(pair, make_invoice):
    line = pair.receiver.line

    async def vanish(_request, _forward):
        return None

    line.once(vanish)
    document_id = await begun(pair, make_invoice())
    assert await states(pair, document_id) == "waiting"
    assert (await pair.sender.timeline(document_id))[-1]["facts"]["code"] == "DELIVERY-NO-RECEIPT"
    await pair.sender.later()
    assert await states(pair, document_id) == "delivered"
    assert await outcomes(pair, document_id) == ["unknown", "receipt"]
    assert len(line.requests) == 2
    assert line.requests[0] == line.requests[1]
    await pair.settle()
    assert len(await invoices(pair)) == 1


async def test_two_workers_at_once_send_one_message(lite, make_invoice, monkeypatch):
    """The first one lost its lease while it encoded; the second one's message counts."""
    encode, run, jobs = Encoder.encode, DeliveryJob.__call__, []

    async def noted(self, job):
        jobs.append((self, job))
        await run(self, job)

    async def overtaken(self, *arguments, **named):
        made = await encode(self, *arguments, **named)
        if len(jobs) == 1:
            jobs.append(None)
            with pytest.raises(GatewayError):
                await run(*jobs[0])
        return made

    async def vanish(_request, _forward):
        return None

    monkeypatch.setattr(DeliveryJob, "__call__", noted)
    monkeypatch.setattr(Encoder, "encode", overtaken)
    lite.receiver.line.once(vanish)
    document_id = await begun(lite, make_invoice())
    assert await outcomes(lite, document_id) == ["unknown", "receipt"]
    assert len(await lite.sender.transmissions(document_id)) == 1
    first, second = lite.receiver.line.requests
    assert first == second


async def test_a_message_that_was_replaced_meanwhile_does_not_travel_again(
    lite, make_invoice, forge, pki, monkeypatch
):
    """A worker that went silent before a repetition wakes up after another one has gone on."""
    begin, run, jobs = DeliveryJob._begin, DeliveryJob.__call__, []

    async def noted(self, job):
        jobs.append((self, job))
        await run(self, job)

    async def overtaken(self, document_id, message):
        if message.outcomes == ["unknown"] and None not in jobs:
            jobs.append(None)
            for _ in ("an error", "an open end"):
                with pytest.raises(GatewayError):
                    await run(*jobs[0])
        return await begin(self, document_id, message)

    async def vanish(_request, _forward):
        return None

    lite.receiver.line.once(vanish)
    document_id = await begun(lite, make_invoice())
    assert await outcomes(lite, document_id) == ["unknown"]
    monkeypatch.setattr(DeliveryJob, "__call__", noted)
    monkeypatch.setattr(DeliveryJob, "_begin", overtaken)
    forge.fail(lite.receiver.line, EbmsCode.OTHER, signer=pki.seat(RECEIVER))
    lite.receiver.line.once(vanish)
    await lite.sender.later()
    assert await states(lite, document_id) == "delivered"
    assert await outcomes(lite, document_id) == ["unknown", "error", "unknown", "receipt"]
    first, second = await lite.sender.transmissions(document_id)
    travelled = [header_of(one, "MessageId").decode() for one in lite.receiver.line.requests]
    assert travelled == [first.message_id] * 2 + [second.message_id] * 2


async def test_an_access_point_that_takes_no_connection_was_sent_nothing(lite, make_invoice):
    answer = await lite.sender.submit(make_invoice())
    document_id = answer.body["id"]
    await move(lite, "http://127.0.0.1:9/as4")
    await lite.sender.work()
    assert await outcomes(lite, document_id) == ["not-sent"]
    failed = (await lite.sender.timeline(document_id))[-1]["facts"]
    assert (failed["code"], failed["endpoint"]) == (
        "DELIVERY-UNREACHABLE",
        "http://127.0.0.1:9/as4",
    )
    await lite.sender.later()
    assert await outcomes(lite, document_id) == ["not-sent", "not-sent"]
    assert len(await lite.sender.transmissions(document_id)) == 1


async def test_an_address_that_may_not_be_contacted_was_sent_nothing(
    lite, make_invoice, monkeypatch
):
    def refuse(url, _stage):
        check_url(url, Stage.PRODUCTION)

    monkeypatch.setattr("gateway.exchange.as4_client.check_url", refuse)
    answer = await lite.sender.submit(make_invoice())
    await lite.sender.work()
    assert await outcomes(lite, answer.body["id"]) == ["not-sent"]
    failed = (await lite.sender.timeline(answer.body["id"]))[-1]["facts"]
    assert failed["code"] == "OUTGOING-ADDRESS"


async def test_a_changed_endpoint_gets_a_new_message_about_the_same_document(lite, make_invoice):
    lite.receiver.line.cut()
    document_id = await begun(lite, make_invoice())
    await lite.receiver.work()
    await move(lite, f"{lite.receiver.line.url}/as4?moved")
    await lite.sender.later()
    first, second = await lite.sender.transmissions(document_id)
    assert first.message_id != second.message_id
    assert second.endpoint_url.endswith("?moved")
    # The network's answers are kept once for a document, and again when they are others.
    entries = await lite.sender.timeline(document_id)
    (routed,) = [one for one in entries if one["kind"] == "receiver.found"]
    assert routed["evidence_id"] == str(first.lookup_id) != str(second.lookup_id)
    assert await outcomes(lite, document_id) == ["unknown", "receipt"]
    await lite.settle()
    (arrived,) = await invoices(lite)
    assert [one.flagged for one in await lite.receiver.receptions() if one.document_id] == [
        False,
        True,
    ]
    assert arrived.sbdh_id == (await lite.sender.document(document_id)).sbdh_id


async def test_an_answer_that_is_no_soap_says_nothing(pair, make_invoice):
    line = pair.receiver.line
    line.answer(b"<html>Bad gateway</html>", status=500, content_type="text/html")
    line.answer(b"", status=202, content_type="application/soap+xml")
    document_id = await begun(pair, make_invoice())
    assert await outcomes(pair, document_id) == ["unknown"]
    await pair.sender.later()
    await pair.sender.later()
    assert await states(pair, document_id) == "delivered"
    assert await outcomes(pair, document_id) == ["unknown", "unknown", "receipt"]
    (attempt, *_) = await pair.sender.attempts(document_id)
    assert (attempt.http_status, attempt.code) == (500, "DELIVERY-NO-RECEIPT")
    assert len({one.body for one in line.requests}) == 1


async def test_a_lost_receipt_is_given_again_as_it_was(pair, make_invoice):
    line = pair.receiver.line
    line.cut()
    document_id = await begun(pair, make_invoice())
    assert await states(pair, document_id) == "waiting"
    await pair.sender.later()
    assert await states(pair, document_id) == "delivered"
    lost, found = line.replies
    assert lost.body == found.body
    (transmission,) = await pair.sender.transmissions(document_id)
    (attempt,) = await pair.sender.rows(Attempt, Attempt.outcome == "receipt")
    assert transmission.receipt_id == attempt.answer_id
    await pair.settle()
    assert len(await invoices(pair)) == 1
    assert len([one for one in await pair.receiver.receptions() if one.flagged]) == 0


TAMPERED = {
    "digest": lambda body: re.sub(
        rb"(<(?:\w+:)?DigestValue>)(.)", lambda m: m[1] + (b"B" if m[2] != b"B" else b"C"), body
    ),
    "reference": lambda body: re.sub(rb"(RefToMessageId>)[^<]+", rb"\1other@example", body),
    "no XML": lambda body: body[:-20],
    "unsigned": lambda body: re.sub(rb"<(\w+:)?Signature .*?</(\w+:)?Signature>", b"", body),
}


async def test_a_receipt_that_was_touched_proves_nothing(lite, make_invoice):
    for name, change in TAMPERED.items():
        lite.receiver.line.change(change)
        document_id = await begun(lite, make_invoice(f"VT-{name}"))
        assert await states(lite, document_id) == "waiting", name
        (attempt,) = await lite.sender.attempts(document_id)
        assert (attempt.outcome, attempt.code) == ("unknown", "DELIVERY-RECEIPT-INVALID"), name
        await lite.sender.later()
        assert await states(lite, document_id) == "delivered", name
        assert len(await lite.sender.transmissions(document_id)) == 1, name


async def test_after_an_error_the_document_travels_as_a_new_message(pair, make_invoice, forge, pki):
    line = pair.receiver.line
    forge.fail(line, EbmsCode.OTHER, signer=pki.seat(RECEIVER))
    document_id = await begun(pair, make_invoice())
    assert await outcomes(pair, document_id) == ["error"]
    assert await states(pair, document_id) == "waiting"
    await pair.sender.later()
    assert await states(pair, document_id) == "delivered"
    first, second = await pair.sender.transmissions(document_id)
    assert first.message_id != second.message_id
    assert (first.receipt_id, second.receipt_id is None) == (None, False)
    ids = [header_of(one, "ConversationId") for one in line.requests]
    assert ids[0] == ids[1]
    sent = await pair.sender.document(document_id)
    await pair.settle()
    (arrived,) = await invoices(pair)
    assert arrived.sbdh_id == sent.sbdh_id
    evidence = await pair.sender.call("GET", f"/v1/documents/{document_id}/evidence")
    assert all(one.holds for one in check_evidence(evidence.body))


async def test_known_already_after_an_open_end_means_delivered_without_a_receipt(
    pair, make_invoice, forge, pki
):
    line = pair.receiver.line
    line.cut()
    document_id = await begun(pair, make_invoice())
    forge.fail(line, EbmsCode.DUPLICATE_DETECTED, signer=pki.seat(RECEIVER))
    await pair.sender.later()
    assert await states(pair, document_id) == "delivered"
    assert await outcomes(pair, document_id) == ["unknown", "duplicate"]
    assert "receipt.missing" in await pair.sender.kinds(document_id)
    (transmission,) = await pair.sender.transmissions(document_id)
    assert transmission.receipt_id is None
    assert transmission.delivered_at is not None


async def test_known_already_proves_nothing_unless_the_receiver_signed_it(
    lite, make_invoice, forge, pki
):
    """Anybody on the way could say so; the document is sent again and recognised."""
    for number, signer in enumerate([None, pki.seat(THIRD)]):
        line = lite.receiver.line
        line.cut()
        document_id = await begun(lite, make_invoice(f"VT-{number}"))
        forge.fail(line, EbmsCode.DUPLICATE_DETECTED, signer=signer)
        await lite.sender.later()
        assert await states(lite, document_id) == "waiting"
        await lite.sender.later()
        assert await states(lite, document_id) == "delivered"
        assert await outcomes(lite, document_id) == ["unknown", "error", "receipt"]
        await lite.settle()
    assert len(await invoices(lite)) == 2


async def test_known_already_at_once_or_after_an_error_proves_nothing(
    lite, make_invoice, forge, pki
):
    line = lite.receiver.line
    for _ in range(2):
        forge.fail(line, EbmsCode.DUPLICATE_DETECTED, signer=pki.seat(RECEIVER))
    document_id = await begun(lite, make_invoice())
    await lite.sender.later()
    assert await outcomes(lite, document_id) == ["error", "error"]
    await lite.sender.later()
    assert await states(lite, document_id) == "delivered"
    assert len({one.message_id for one in await lite.sender.transmissions(document_id)}) == 3


async def test_not_serviced_ends_the_delivery_only_when_it_is_signed(
    pair, make_invoice, forge, pki
):
    line = pair.receiver.line
    forge.fail(line, EbmsCode.OTHER, detail=NOT_SERVICED)
    hinted = await begun(pair, make_invoice("VT-1"))
    assert await states(pair, hinted) == "waiting"
    assert (await pair.sender.document(hinted)).failure_code is None
    await pair.sender.later()
    assert await states(pair, hinted) == "delivered"
    forge.fail(line, EbmsCode.OTHER, detail=NOT_SERVICED, signer=pki.seat(RECEIVER))
    told = await begun(pair, make_invoice("VT-2"))
    assert await states(pair, told) == "waiting"
    forge.fail(line, EbmsCode.OTHER, detail=NOT_SERVICED, signer=pki.seat(RECEIVER))
    await pair.sender.later()
    document = await pair.sender.document(told)
    assert (document.transport, document.failure_code) == ("failed", "DELIVERY-NOT-SERVICED")
    assert (await pair.sender.kinds(told))[-2:] == ["attempt.failed", "delivery.failed"]
    assert RECEIVER in document.failure_text
    await pair.sender.later()
    assert await states(pair, told) == "failed"


async def test_a_refusal_of_the_message_itself_ends_the_delivery_when_it_is_confirmed(
    lite, make_invoice, forge, pki
):
    forge.fail(lite.receiver.line, EbmsCode.VALUE_INCONSISTENT, signer=pki.seat(RECEIVER))
    document_id = await begun(lite, make_invoice())
    (attempt,) = await lite.sender.attempts(document_id)
    assert attempt.code == "DELIVERY-REFUSED-ONCE"
    assert await states(lite, document_id) == "waiting"
    forge.fail(lite.receiver.line, EbmsCode.INVALID_HEADER, signer=pki.seat(RECEIVER))
    await lite.sender.later()
    assert len({one.message_id for one in await lite.sender.transmissions(document_id)}) == 2
    document = await lite.sender.document(document_id)
    assert (document.transport, document.failure_code) == ("failed", "DELIVERY-PEER-REFUSAL")
    assert "EBMS:0009" in document.failure_text


async def test_a_message_damaged_on_its_way_is_delivered_by_the_next_attempt(
    lite, make_invoice, forge, pki
):
    forge.fail(lite.receiver.line, EbmsCode.INVALID_HEADER, signer=pki.seat(RECEIVER))
    document_id = await begun(lite, make_invoice())
    await lite.sender.later()
    assert await states(lite, document_id) == "delivered"


async def test_what_the_receiver_spoke_about_is_never_given_up(pair, make_invoice):
    pair.receiver.line.cut()
    document_id = await begun(pair, make_invoice())
    await pair.receiver.work()
    await pair.sender.age(days=4)
    pair.receiver.line.answer(b"no", status=503, content_type="text/plain")
    await pair.sender.later()
    document = await pair.sender.document(document_id)
    assert (document.transport, document.network) == ("delivered", "accepted")
    assert document.failure_code is None
    assert "delivery.proven" in await pair.sender.kinds(document_id)


async def test_it_is_given_up_after_the_deadline_and_said_so(pair, make_invoice):
    line = pair.receiver.line
    for _ in range(2):
        line.answer(b"no", status=503, content_type="text/plain")
    document_id = await begun(pair, make_invoice())
    await pair.sender.age(days=4)
    await pair.sender.later()
    document = await pair.sender.document(document_id)
    assert (document.transport, document.failure_code) == ("failed", "DELIVERY-NO-RECEIPT")
    *_, event = await pair.sender.timeline(document_id)
    assert (event["kind"], event["facts"]["code"]) == ("delivery.failed", "DELIVERY-NO-RECEIPT")
    shown = await pair.sender.call("GET", f"/v1/documents/{document_id}")
    assert (shown.body["status"], shown.body["failure"]["code"]) == (
        "failed",
        "DELIVERY-NO-RECEIPT",
    )
    assert await pair.sender.later() == 0
    evidence = await pair.sender.call("GET", f"/v1/documents/{document_id}/evidence")
    assert [one.statement for one in check_evidence(evidence.body) if not one.holds] == [
        "a receipt is there"
    ]


async def test_an_endless_answer_is_cut_off(lite, make_invoice):
    lite.receiver.line.answer(b"x" * (4 * 1024 * 1024 + 1))
    document_id = await begun(lite, make_invoice())
    (attempt,) = await lite.sender.attempts(document_id)
    assert (attempt.outcome, attempt.code) == ("unknown", "DELIVERY-NO-RECEIPT")


async def test_full_storage_at_the_receiver_loses_and_doubles_nothing(
    pair, make_invoice, full_disk
):
    with full_disk(pair.receiver):
        document_id = await begun(pair, make_invoice())
    (reply,) = pair.receiver.line.replies
    assert reply.status == 507
    assert await pair.receiver.receptions() == []
    assert await states(pair, document_id) == "waiting"
    await pair.sender.later()
    assert await states(pair, document_id) == "delivered"
    await pair.settle()
    assert len(await invoices(pair)) == 1
    first, second = pair.receiver.line.requests
    assert first == second


@pytest.mark.parametrize("moment", ["lookup", "encode", "receipt"])
async def test_full_storage_at_the_sender_loses_nothing(lite, make_invoice, full_disk, moment):
    answer = await lite.sender.submit(make_invoice())
    document_id = answer.body["id"]
    if moment == "lookup":
        with full_disk(lite.sender):
            await lite.sender.work()
        assert await states(lite, document_id) == "accepted"
    elif moment == "encode":
        with full_disk(lite.sender, after=1):
            await lite.sender.work()
        assert await states(lite, document_id) == "waiting"
        assert (await lite.sender.timeline(document_id))[-1]["facts"]["code"] == "STORAGE-FULL"
    else:
        with full_disk(lite.sender, after=3):
            await lite.sender.work()
        assert await states(lite, document_id) == "sending"
    await lite.sender.later()
    assert await states(lite, document_id) == "delivered"
    await lite.settle()
    assert len(await invoices(lite)) == 1
