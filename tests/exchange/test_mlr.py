"""Message Level Responses between two gateways: sent when somebody asks, never in the MLS's way."""

import pytest

from gateway.as4.identifiers import MESSAGE_LEVEL_RESPONSE, PROCESS_MLR
from gateway.demo.cast import SELLER
from gateway.exchange.tables import Document, DocumentKind
from gateway.network.participants import Offer
from schematron import worker as engine
from ubl.mlr import read_mlr

REASON = {"code": "BV", "text": "[BR-01] No.", "location": "/Invoice"}


async def answer(house, document_id, **body):
    return await house.call("POST", f"/v1/documents/{document_id}/mlr", json=body)


async def takes_mlr(pair):
    """The seller publishes that it takes Message Level Responses."""
    await pair.sender.gateway.participants.publish(
        pair.sender.tenant_id,
        SELLER.participant,
        MESSAGE_LEVEL_RESPONSE,
        [Offer(MESSAGE_LEVEL_RESPONSE, PROCESS_MLR)],
    )


async def test_a_response_reaches_the_seller_and_leaves_the_word_to_the_mls(pair):
    await takes_mlr(pair)
    sent, arrived = await pair.delivered()
    given = await answer(pair.receiver, arrived.id, code="RE", reasons=[REASON], text="Not taken.")
    assert (given.status, given.body["kind"]) == (202, "mlr")
    await pair.settle()
    own = await pair.receiver.document(given.body["id"])
    assert (own.transport, own.network) == ("delivered", "none")
    content = (await pair.receiver.call("GET", f"/v1/documents/{own.id}/content")).body
    assert engine.run(content, as_of="2026-11-02")["verdict"] == "valid"
    (got,) = await pair.sender.documents(Document.kind == DocumentKind.MLR)
    assert (got.related_id, got.number) == (sent.id, read_mlr(content).identifier)
    assert "mlr.received" in await pair.sender.kinds(sent.id)
    assert (await pair.sender.document(sent.id)).network == "accepted"
    # No MLS is ever said about it.
    assert len(await pair.receiver.documents(Document.kind == DocumentKind.MLS)) == 1


async def test_one_response_is_enough(lite):
    await takes_mlr(lite)
    _, arrived = await lite.delivered()
    assert (await answer(lite.receiver, arrived.id, code="AP")).status == 202
    again = await answer(lite.receiver, arrived.id, code="AP")
    assert (again.status, again.body["code"]) == (409, "MLR-SENT")


@pytest.mark.parametrize(
    "body",
    [
        {"code": "RE"},
        {"code": "AP", "reasons": [REASON]},
        {"code": "RE", "reasons": [{"code": "FD", "text": "Gone."}]},
        {"code": "RE", "reasons": [{"code": "BV", "text": "\x07"}]},
    ],
    ids=str,
)
async def test_a_response_that_contradicts_itself_is_refused(lite, body):
    _, arrived = await lite.delivered()
    refused = await answer(lite.receiver, arrived.id, **body)
    assert (refused.status, refused.body["code"]) == (422, "MLR-INVALID")


async def test_only_received_business_documents_are_answered(lite):
    sent, _ = await lite.delivered()
    own = await answer(lite.sender, sent.id, code="AP")
    assert (own.status, own.body["code"]) == (409, "MLR-SUBJECT")
    (mls,) = await lite.sender.documents(Document.kind == DocumentKind.MLS)
    about_mls = await answer(lite.sender, mls.id, code="AP")
    assert (about_mls.status, about_mls.body["code"]) == (409, "MLR-SUBJECT")
    foreign = await answer(lite.receiver, sent.id, code="AP")
    assert foreign.status == 404
