"""Finding the receiver: what is final, what is tried again, and what is kept of it."""

import dataclasses
import io
import json
import zipfile
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from gateway.access.tables import AuditEntry
from gateway.access.webhook_tables import WebhookMessage
from gateway.as4.identifiers import BILLING_INVOICE
from gateway.core.jobs.tables import Job, JobState
from gateway.exchange.departure import evidence_of_lookup
from gateway.exchange.keys import ARCHIVE
from gateway.exchange.lanes import DELIVER
from gateway.exchange.tables import StoredBlob
from gateway.network.revocation import RevocationAnswer, RevocationStatus
from gateway.network.smp_client import SmpAnswer

MOMENT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


async def submitted(pair, content):
    answer = await pair.sender.submit(content)
    assert answer.status == 202, answer.body
    return answer.body["id"]


async def test_an_unknown_receiver_ends_it_with_a_code_and_a_sentence(pair, make_invoice):
    content = make_invoice().replace(b"0876543270", b"0999999922")
    document_id = await submitted(pair, content)
    await pair.settle()
    document = await pair.sender.document(document_id)
    assert (document.transport, document.failure_code) == ("failed", "LOOKUP-NOT-REGISTERED")
    assert await pair.sender.kinds(document_id) == [
        "document.accepted",
        "item.opened",
        "delivery.failed",
    ]
    failed = (await pair.sender.timeline(document_id))[-1]["facts"]
    assert failed["code"] == "LOOKUP-NOT-REGISTERED"
    assert failed["text"].endswith(".")
    shown = await pair.sender.call("GET", f"/v1/documents/{document_id}")
    assert shown.body["failure"]["code"] == "LOOKUP-NOT-REGISTERED"
    assert pair.receiver.line.requests == []


async def test_a_document_type_that_is_not_accepted_ends_it(lite, make_invoice):
    await lite.receiver.gateway.participants.withdraw(
        lite.receiver.tenant_id, lite.receiver.participant, BILLING_INVOICE
    )
    document_id = await submitted(lite, make_invoice())
    await lite.settle()
    document = await lite.sender.document(document_id)
    assert (document.transport, document.failure_code) == ("failed", "LOOKUP-DOCUMENT-TYPE")


@pytest.mark.parametrize("trouble", ["down", "failing"])
async def test_an_smp_that_is_away_is_asked_again(lite, make_invoice, trouble):
    line = lite.receiver.line
    if trouble == "down":
        await line.close()
    else:
        line.smp_status = 503
    document_id = await submitted(lite, make_invoice())
    await lite.settle()
    assert (await lite.sender.document(document_id)).transport == "accepted"
    line.smp_status = None
    if trouble == "down":
        await line.open()
    await lite.sender.later()
    assert (await lite.sender.document(document_id)).transport == "delivered"


async def test_an_smp_that_stays_away_is_given_up_after_the_deadline(lite, make_invoice):
    lite.receiver.line.smp_status = 500
    document_id = await submitted(lite, make_invoice())
    await lite.settle()
    await lite.sender.age(days=4)
    await lite.sender.later()
    document = await lite.sender.document(document_id)
    assert (document.transport, document.failure_code) == ("failed", "LOOKUP-SMP-UNAVAILABLE")
    assert (await lite.sender.kinds(document_id))[-1] == "delivery.failed"


async def test_a_publication_signed_by_nobody_we_trust_ends_it(lite, make_invoice):
    key_ring = lite.receiver.gateway.network
    pair = key_ring.smp_signing(key_ring.now())
    seat = key_ring.any_signing(key_ring.now())
    with pytest.MonkeyPatch.context() as patch:
        wrong = dataclasses.replace(pair, certificate=seat.certificate, key=seat.key)
        patch.setattr("gateway.network.service.Network.smp_signing", lambda _self, _at: wrong)
        document_id = await submitted(lite, make_invoice())
        await lite.settle()
    document = await lite.sender.document(document_id)
    assert (document.transport, document.failure_code) == ("failed", "LOOKUP-SMP-CERTIFICATE")
    assert lite.receiver.line.requests == []


def test_the_answers_of_the_smp_are_kept_as_they_came():
    answers = (
        SmpAnswer("http://smp.example/a", 200, b"<a/>", MOMENT),
        SmpAnswer("http://b", 404, b"", MOMENT),
    )
    good = RevocationAnswer(
        kind="ocsp",
        url="http://ocsp.example",
        fetched_at=MOMENT,
        body=b"der",
        status=RevocationStatus.GOOD,
        this_update=MOMENT,
        next_update=None,
    )
    found = SimpleNamespace(evidence=answers, revocation=(good,))
    with zipfile.ZipFile(io.BytesIO(evidence_of_lookup(found))) as kept:
        assert kept.read("01-smp-answer.xml") == b"<a/>"
        assert kept.read("02-smp-answer.url") == b"404 http://b\n"
        assert kept.read("revocation/01-ocsp.der") == b"der"


async def test_a_remembered_endpoint_needs_no_lookup_of_its_own(pair, make_invoice):
    """The second invoice to a receiver sets out with its acceptance: nothing told is different."""
    first, _ = await pair.delivered("VT-1")
    hook = await pair.sender.call(
        "POST", "/v1/webhook-endpoints", json={"url": "https://erp.vuurtoren.example/hook"}
    )
    assert hook.status == 201, hook.body
    answer = await pair.sender.submit(make_invoice("VT-2"))
    assert (answer.status, answer.body["states"]["transport"]) == (202, "routed")
    second = await pair.sender.document(answer.body["id"])
    jobs = [one for one in await pair.sender.rows(Job) if str(second.id) in str(one.payload)]
    assert [(one.kind, one.state) for one in jobs] == [(DELIVER, JobState.READY)]
    assert jobs[0].payload["since"] == second.created_at.isoformat()
    told = await pair.sender.rows(WebhookMessage)
    assert [one.event_type for one in told] == ["document.accepted", "document.routed"]
    states = [json.loads(one.body)["data"]["states"]["transport"] for one in told]
    assert states == ["accepted", "routed"]
    done = await pair.sender.rows(AuditEntry, AuditEntry.object == str(second.id))
    assert [one.action for one in done] == ["document.accepted"]
    await pair.settle()
    told = [one.event_type for one in await pair.sender.rows(WebhookMessage)]
    assert told[2:4] == ["document.sending", "document.delivered"]
    assert await pair.sender.kinds(second.id) == await pair.sender.kinds(first.id)
    (message,) = await pair.sender.transmissions(second.id)
    (found,) = [
        one for one in await pair.sender.timeline(second.id) if one["kind"] == "receiver.found"
    ]
    assert found["evidence_id"] == str(message.lookup_id)
    (row,) = await pair.sender.rows(StoredBlob, StoredBlob.id == message.lookup_id)
    kept = await pair.sender.gateway.web[ARCHIVE].read(row)
    assert "01-smp-answer.xml" in zipfile.ZipFile(io.BytesIO(kept)).namelist()


async def test_a_document_by_another_channel_asks_no_memory(pair, make_invoice):
    await pair.delivered("VT-1")
    before = len(await pair.sender.rows(StoredBlob, StoredBlob.purpose == "lookup"))
    answer = await pair.sender.call(
        "POST",
        "/v1/documents?channel=link",
        data=make_invoice("VT-2"),
        headers={"Content-Type": "application/xml"},
    )
    assert (answer.status, answer.body["states"]["transport"]) == (202, "dispatching")
    assert len(await pair.sender.rows(StoredBlob, StoredBlob.purpose == "lookup")) == before
    assert await pair.sender.rows(Job, Job.kind == DELIVER, Job.state == JobState.READY) == []
