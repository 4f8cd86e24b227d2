"""Finding the receiver: what is final, what is tried again, and what is kept of it."""

import dataclasses
import io
import zipfile
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from gateway.as4.identifiers import BILLING_INVOICE
from gateway.exchange.lookup_job import evidence_of_lookup
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
