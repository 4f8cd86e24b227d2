"""From an acknowledged message to the business: inbox, MLS, answers that find their document."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from gateway.as4.identifiers import (
    INVOICE_RESPONSE,
    MESSAGE_LEVEL_STATUS,
    PROCESS_INVOICE_RESPONSE,
    PROCESS_MLS,
    ParticipantId,
    spid_of_seat,
)
from gateway.as4.sbdh import MlsType
from gateway.core.jobs.tables import Job
from gateway.demo.cast import BUYER, SELLER
from gateway.exchange.tables import Document
from ubl.model import Identifier
from ubl.response import (
    Clarification,
    InvoiceReference,
    InvoiceResponse,
    InvoiceStatus,
    Mls,
    MlsCode,
    MlsIssue,
    MlsReason,
    ResponseParty,
    StatusReason,
    read_mls,
    write_invoice_response,
    write_mls,
)

SENDER, RECEIVER, THIRD = "POP000101", "POP000202", "POP000303"


def identifier(participant: ParticipantId) -> Identifier:
    icd, _, value = participant.value.partition(":")
    return Identifier(value=value, scheme=icd)


def mls_about(sbdh_id, *, code=MlsCode.DELIVERED, seat=RECEIVER, number="MLS-1"):
    rejected = code is MlsCode.REJECTED
    return write_mls(
        Mls(
            identifier=number,
            issued_at=datetime(2026, 11, 2, 12, 0, tzinfo=UTC),
            sender=identifier(spid_of_seat(seat)),
            receiver=identifier(spid_of_seat(SENDER)),
            code=code,
            reference=sbdh_id,
            description="Not taken." if rejected else None,
            issues=(MlsIssue(reason=MlsReason.RULE_VIOLATION, text="[BR-01] No."),)
            if rejected
            else (),
        )
    )


@pytest.fixture
def send_mls(forge):
    """An MLS to the sender's access point, signed by a seat of the network."""

    async def send(pair, content, *, seat=RECEIVER, **how):
        request = forge(
            content,
            from_seat=seat,
            to_seat=SENDER,
            sender=spid_of_seat(seat),
            receiver=spid_of_seat(SENDER),
            document_type=MESSAGE_LEVEL_STATUS,
            process=PROCESS_MLS,
            mls_type=None,
            **how,
        )
        reply = await pair.sender.post_as4(request.content_type, request.body)
        assert b"NonRepudiationInformation" in reply.body
        await pair.sender.work()

    return send


def response_about(number, status=InvoiceStatus.ACCEPTED, *, name="Buyer", **how):
    return write_invoice_response(
        InvoiceResponse(
            identifier="IR-1",
            issue_date=date(2026, 11, 3),
            sender=ResponseParty(endpoint=identifier(BUYER.participant), name=name),
            receiver=ResponseParty(endpoint=identifier(SELLER.participant), name="Seller"),
            status=status,
            invoice=InvoiceReference(number=number, type_code="380"),
            **how,
        )
    )


@pytest.fixture
def send_response(forge):
    """An Invoice Response of the buyer to the seller."""

    async def send(pair, content, **how):
        request = forge(
            content,
            **{
                "from_seat": RECEIVER,
                "to_seat": SENDER,
                "sender": BUYER.participant,
                "receiver": SELLER.participant,
                "document_type": INVOICE_RESPONSE,
                "process": PROCESS_INVOICE_RESPONSE,
                **how,
            },
        )
        reply = await pair.sender.post_as4(request.content_type, request.body)
        assert b"NonRepudiationInformation" in reply.body
        await pair.sender.work()

    return send


async def sent_without_mls(pair, content):
    """Deliver to the receiver, which does not come to route it."""
    answer = await pair.sender.submit(content)
    await pair.sender.work()
    sent = await pair.sender.document(answer.body["id"])
    assert (sent.transport, sent.network) == ("delivered", "awaited")
    return sent


async def answers(house, kind):
    return await house.documents(Document.kind == kind, Document.direction == "in")


async def dead_jobs(house):
    return await house.rows(Job, Job.state == "dead")


async def test_an_invalid_invoice_is_rejected_with_reasons_and_stays_visible(
    pair, make_invoice, forge
):
    request = forge(make_invoice(off_by=Decimal(1)), mls_type=MlsType.FAILURE_ONLY)
    await pair.receiver.post_as4(request.content_type, request.body)
    await pair.settle()
    (arrived,) = await answers(pair.receiver, "invoice")
    assert (arrived.transport, arrived.network, arrived.number) == ("received", "rejected", "VT-1")
    assert await pair.receiver.kinds(arrived.id) == ["document.received", "document.rejected"]
    shown = await pair.receiver.call("GET", "/v1/documents?direction=in")
    assert [one["status"] for one in shown.body["items"]] == ["network-rejected"]
    (mls,) = await pair.receiver.documents(Document.kind == "mls")
    assert (mls.transport, mls.related_id) == ("delivered", arrived.id)
    content = await pair.receiver.call("GET", f"/v1/documents/{mls.id}/content")
    told = read_mls(content.body)
    assert (told.code, told.reference) == (MlsCode.REJECTED, arrived.sbdh_id)
    assert any("[BR-CO-15]" in one.text for one in told.issues)
    assert {one.reason for one in told.issues} == {MlsReason.RULE_VIOLATION}


async def test_what_no_rule_knows_is_kept_and_rejected(lite, make_invoice, forge):
    content = make_invoice().replace(b"<cbc:IssueDate>2026-11-02", b"<cbc:IssueDate>yesterday")
    request = forge(content.replace(b'schemeID="0208"', b""))
    await lite.receiver.post_as4(request.content_type, request.body)
    await lite.receiver.work()
    (arrived,) = await lite.receiver.documents(Document.direction == "in")
    assert (arrived.kind, arrived.network) == ("other", "rejected")
    kept = await lite.receiver.call("GET", f"/v1/documents/{arrived.id}/content")
    assert b"yesterday" in kept.body


async def test_a_valid_invoice_of_a_sender_that_wants_failures_only_gets_no_mls(
    lite, make_invoice, forge
):
    for number, wanted in enumerate((MlsType.FAILURE_ONLY, None)):
        request = forge(make_invoice(f"VT-{number}"), mls_type=wanted)
        await lite.receiver.post_as4(request.content_type, request.body)
    await lite.receiver.work()
    assert len(await answers(lite.receiver, "invoice")) == 2
    assert await lite.receiver.documents(Document.kind == "mls") == []


async def test_an_mls_moves_the_document_it_speaks_of_once(pair, make_invoice, send_mls):
    sent = await sent_without_mls(pair, make_invoice())
    await send_mls(pair, mls_about(sent.sbdh_id, code=MlsCode.REJECTED))
    assert (await pair.sender.document(sent.id)).network == "rejected"
    *_, event = await pair.sender.timeline(sent.id)
    assert event["kind"] == "mls.received"
    assert event["facts"]["issues"][0]["text"] == "[BR-01] No."
    await send_mls(pair, mls_about(sent.sbdh_id, number="MLS-2"))
    assert (await pair.sender.document(sent.id)).network == "rejected"
    assert (await pair.sender.kinds(sent.id))[-1] == "mls.repeated"
    assert await dead_jobs(pair.sender) == []


async def test_an_mls_is_readable_by_the_account_whose_document_it_is_about(pair):
    sent, _ = await pair.delivered()
    (mls,) = await answers(pair.sender, "mls")
    assert (mls.tenant_id, mls.related_id) == (sent.tenant_id, sent.id)
    content = await pair.sender.call("GET", f"/v1/documents/{mls.id}/content")
    assert content.status == 200
    assert read_mls(content.body).reference == sent.sbdh_id
    evidence = await pair.sender.call("GET", f"/v1/documents/{mls.id}/evidence")
    assert evidence.status == 200


async def test_the_same_mls_in_a_new_message_is_flagged(pair, make_invoice, send_mls):
    sent = await sent_without_mls(pair, make_invoice())
    content = mls_about(sent.sbdh_id)
    for _ in range(2):
        await send_mls(pair, content, sbdh_id="mls-sbdh-1")
    await pair.sender.later()
    assert len(await answers(pair.sender, "mls")) == 1
    flags = [one.flagged for one in await pair.sender.receptions()]
    assert flags == [False, True]
    assert all(one.document_id for one in await pair.sender.receptions())
    assert await dead_jobs(pair.sender) == []
    assert (await pair.sender.kinds(sent.id)).count("mls.received") == 1


async def test_an_mls_of_another_provider_changes_nothing(pair, make_invoice, send_mls):
    sent = await sent_without_mls(pair, make_invoice())
    foreign = mls_about(sent.sbdh_id, code=MlsCode.REJECTED, seat=THIRD)
    await send_mls(pair, foreign, seat=THIRD)
    assert (await pair.sender.document(sent.id)).network == "awaited"
    assert (await pair.sender.kinds(sent.id))[-1] == "mls.foreign"
    await send_mls(pair, mls_about(sent.sbdh_id, number="MLS-2"))
    assert (await pair.sender.document(sent.id)).network == "accepted"


async def test_an_mls_about_nothing_of_ours_is_kept(lite, send_mls):
    await send_mls(lite, mls_about("never-sent"))
    (mls,) = await answers(lite.sender, "mls")
    assert (mls.related_id, mls.number) == (None, "MLS-1")
    assert mls.tenant_id != lite.sender.tenant_id


async def test_an_unreadable_mls_is_kept_and_says_so(lite, make_invoice, send_mls):
    sent = await sent_without_mls(lite, make_invoice())
    await send_mls(lite, mls_about(sent.sbdh_id).replace(b">AP<", b">ZZ<"))
    (mls,) = await answers(lite.sender, "mls")
    assert mls.network == "rejected"
    assert mls.failure_code.startswith("RESPONSE-")
    assert (await lite.sender.document(sent.id)).network == "awaited"


async def test_answers_move_the_invoice_in_the_order_of_the_rules(
    pair, make_invoice, send_response
):
    sent = await sent_without_mls(pair, make_invoice())
    for status, state, kind in (
        (InvoiceStatus.IN_PROCESS, "in-process", "response.advanced"),
        (InvoiceStatus.IN_PROCESS, "in-process", "response.repeated"),
        (InvoiceStatus.ACKNOWLEDGED, "in-process", "response.out-of-order"),
        (InvoiceStatus.ACCEPTED, "accepted", "response.advanced"),
        (InvoiceStatus.IN_PROCESS, "accepted", "response.out-of-order"),
        (InvoiceStatus.PAID, "paid", "response.advanced"),
        (InvoiceStatus.ACCEPTED, "paid", "response.out-of-order"),
    ):
        await send_response(pair, response_about("VT-1", status))
        document = await pair.sender.document(sent.id)
        assert (document.business, (await pair.sender.kinds(sent.id))[-1]) == (state, kind)
        assert document.payment == ("announced" if state == "paid" else "none")
    assert len(await answers(pair.sender, "invoice-response")) == 7


async def test_a_rejection_carries_its_reasons_to_the_timeline(lite, make_invoice, send_response):
    sent = await sent_without_mls(lite, make_invoice())
    reason = Clarification(code=StatusReason("PRI"), text="Agreed 30.00 a crate.")
    content = response_about("VT-1", InvoiceStatus.REJECTED, clarifications=(reason,), note="No.")
    await send_response(lite, content)
    *_, event = await lite.sender.timeline(sent.id)
    assert event["facts"]["reasons"] == ["PRI"]
    assert event["facts"]["texts"] == ["Agreed 30.00 a crate."]
    assert (await lite.sender.document(sent.id)).business == "rejected"


async def test_only_the_party_that_got_the_invoice_can_answer_it(lite, make_invoice, send_response):
    sent = await sent_without_mls(lite, make_invoice())
    await send_response(
        lite, response_about("VT-1"), sender=ParticipantId.of("0208:0999999922"), from_seat=THIRD
    )
    assert (await lite.sender.document(sent.id)).business == "unanswered"
    (answer,) = await answers(lite.sender, "invoice-response")
    assert answer.related_id is None


async def test_an_answer_to_an_unknown_invoice_is_kept(lite, send_response):
    await send_response(lite, response_about("VT-unknown"))
    (answer,) = await answers(lite.sender, "invoice-response")
    assert (answer.related_id, answer.network, answer.transport) == (None, "none", "received")


async def test_an_answer_with_a_very_long_name_is_taken(pair, make_invoice, send_response):
    sent = await sent_without_mls(pair, make_invoice())
    await send_response(pair, response_about("VT-1", name="Very long name " * 40))
    assert (await pair.sender.document(sent.id)).business == "accepted"
    assert await dead_jobs(pair.sender) == []
    (answer,) = await answers(pair.sender, "invoice-response")
    assert answer.sender_name.startswith("Very long name")


async def test_an_unreadable_answer_is_kept_and_rejected(lite, make_invoice, send_response):
    sent = await sent_without_mls(lite, make_invoice())
    await send_response(lite, response_about("VT-1").replace(b">AP<", b">ZZ<"))
    (answer,) = await answers(lite.sender, "invoice-response")
    assert (answer.network, answer.failure_code) == ("rejected", "RESPONSE-CODE")
    assert (await lite.sender.document(sent.id)).business == "unanswered"
    (mls,) = await lite.sender.documents(Document.kind == "mls", Document.direction == "out")
    content = await lite.sender.call("GET", f"/v1/documents/{mls.id}/content")
    told = read_mls(content.body)
    assert told.code is MlsCode.REJECTED
    assert told.issues[0].reason is MlsReason.SYNTAX_VIOLATION


async def test_rule_workers_that_are_busy_delay_the_inbox_and_lose_nothing(
    lite, make_invoice, forge, pool_fails
):
    request = forge(make_invoice())
    await lite.receiver.post_as4(request.content_type, request.body)
    with pool_fails(lite.receiver):
        await lite.receiver.work()
    assert await answers(lite.receiver, "invoice") == []
    await lite.receiver.later()
    assert len(await answers(lite.receiver, "invoice")) == 1
