"""Invoice Responses as BIS 63 tells them, what the accounts' programs hear, what fits nothing."""

import dataclasses
import json
from datetime import date
from pathlib import Path

import pytest

from gateway.access.webhook_tables import WebhookMessage
from gateway.as4.identifiers import INVOICE_RESPONSE, PROCESS_INVOICE_RESPONSE
from gateway.demo.cast import BUYER, SELLER
from gateway.exchange.tables import Document, DocumentKind
from ubl.business_status import event_of
from ubl.model import Identifier
from ubl.response import (
    InvoiceReference,
    InvoiceResponse,
    InvoiceStatus,
    ResponseParty,
    read_invoice_response,
    write_invoice_response,
)

SENDER, RECEIVER = "POP000101", "POP000202"
CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus" / "peppol-ir"
USE_CASES = sorted(CORPUS.glob("*T111-uc0*.xml"))


def party(actor):
    icd, _, value = actor.participant.value.partition(":")
    return ResponseParty(endpoint=Identifier(value, icd), name=actor.business)


def _answer(number):
    return write_invoice_response(
        InvoiceResponse(
            identifier="IR-0",
            issue_date=date(2026, 11, 3),
            sender=party(BUYER),
            receiver=party(SELLER),
            status=InvoiceStatus.ACKNOWLEDGED,
            invoice=InvoiceReference(number=number, type_code="380"),
        )
    )


@pytest.fixture
def send_answer(forge):
    """The buyer's answer, sent by another access point than ours."""

    async def send(pair, response):
        request = forge(
            write_invoice_response(response),
            from_seat=RECEIVER,
            to_seat=SENDER,
            sender=BUYER.participant,
            receiver=SELLER.participant,
            document_type=INVOICE_RESPONSE,
            process=PROCESS_INVOICE_RESPONSE,
        )
        reply = await pair.sender.post_as4(request.content_type, request.body)
        assert b"NonRepudiationInformation" in reply.body
        await pair.sender.work()

    return send


async def test_every_use_case_of_the_bis_moves_its_invoice(lite, make_invoice, send_answer):
    if not USE_CASES:
        pytest.skip(f"the test corpus is not at {CORPUS}")
    assert len(USE_CASES) == 14
    for number, file in enumerate(USE_CASES):
        sent = await lite.sender.submit(make_invoice(f"UC-{number}"))
        response = read_invoice_response(file.read_bytes())
        answer = dataclasses.replace(
            response,
            identifier=f"IR-{number}",
            sender=party(BUYER),
            receiver=party(SELLER),
            invoice=dataclasses.replace(response.invoice, number=f"UC-{number}"),
        )
        await send_answer(lite, answer)
        subject = await lite.sender.document(sent.body["id"])
        assert subject.business == event_of(response), file.name
        (last,) = [
            one
            for one in await lite.sender.timeline(subject.id)
            if one["kind"].startswith("response.")
        ]
        assert last["facts"]["status"] == response.status
        assert last["facts"]["reasons"] == [
            one.code.value for one in response.clarifications if one.code
        ]
    kept = await lite.sender.documents(Document.kind == DocumentKind.INVOICE_RESPONSE)
    assert all(one.related_id for one in kept)


async def test_an_answer_that_fits_nothing_says_so(lite, send_answer):
    sent, _ = await lite.delivered()
    response = read_invoice_response(_answer(sent.number))
    stray = dataclasses.replace(
        response, invoice=dataclasses.replace(response.invoice, number="NOT-OURS")
    )
    await send_answer(lite, stray)
    (kept,) = await lite.sender.documents(Document.kind == DocumentKind.INVOICE_RESPONSE)
    assert kept.related_id is None
    assert await lite.sender.kinds(kept.id) == ["document.received", "answer.unmatched"]


async def test_several_answers_move_one_invoice_and_each_is_kept(lite, send_answer):
    sent, _ = await lite.delivered()
    response = read_invoice_response(_answer(sent.number))
    for number, status in enumerate(("AB", "IP", "AP", "PD")):
        code = InvoiceStatus(status)
        await send_answer(
            lite, dataclasses.replace(response, identifier=f"IR-{number}", status=code)
        )
    late = InvoiceStatus.IN_PROCESS
    await send_answer(lite, dataclasses.replace(response, identifier="IR-9", status=late))
    assert (await lite.sender.document(sent.id)).business == "paid"
    kinds = await lite.sender.kinds(sent.id)
    assert kinds.count("response.advanced") == 4
    assert kinds[-1] == "response.out-of-order"


async def test_the_programs_of_both_accounts_hear_of_answers(pair):
    for house in (pair.sender, pair.receiver):
        made = await house.call(
            "POST",
            "/v1/webhook-endpoints",
            json={
                "url": "https://erp.example/hook",
                "event_types": ["document.mls", "document.answered"],
            },
        )
        assert made.status == 201, made.body
    sent, arrived = await pair.delivered()
    given = await pair.receiver.call(
        "POST", f"/v1/documents/{arrived.id}/responses", json={"status": "AP"}
    )
    assert given.status == 202
    await pair.settle()
    told = {}
    for name in ("sender", "receiver"):
        messages = [
            (one.event_type, json.loads(one.body)["data"])
            for one in await getattr(pair, name).rows(WebhookMessage)
        ]
        told[name] = [
            (kind, data["document_id"], data["facts"].get("code"), data["facts"].get("order"))
            for kind, data in messages
        ]
    assert told["sender"][:2] == [
        ("document.mls", str(sent.id), "AP", None),
        ("document.answered", str(sent.id), None, "advanced"),
    ]
    assert told["receiver"][0] == ("document.mls", str(arrived.id), "AP", None)
    assert ("document.answered", str(arrived.id), None, "sent") in told["receiver"]
