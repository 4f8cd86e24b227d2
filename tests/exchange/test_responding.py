"""The buyer's answers through the API: in order, complete, about one's own invoices."""

from gateway.exchange.tables import Document
from ubl.response import read_invoice_response


async def answer(house, document_id, **order):
    return await house.call("POST", f"/v1/documents/{document_id}/responses", json=order)


async def test_an_answer_travels_to_the_seller(pair):
    sent, arrived = await pair.delivered()
    first = await answer(pair.receiver, arrived.id, status="IP", note="On it.")
    assert first.status == 202
    assert (first.body["kind"], first.body["related_id"]) == ("invoice-response", str(arrived.id))
    await pair.settle()
    assert (await pair.sender.document(sent.id)).business == "in-process"
    (got,) = await pair.sender.documents(Document.kind == "invoice-response")
    assert (got.related_id, got.transport) == (sent.id, "received")
    own = await pair.receiver.document(first.body["id"])
    assert (own.transport, own.network) == ("delivered", "accepted")
    assert (await pair.receiver.kinds(arrived.id))[-1] == "response.sent"


async def test_an_answer_out_of_order_is_refused(pair):
    _, arrived = await pair.delivered()
    assert (await answer(pair.receiver, arrived.id, status="AP")).status == 202
    late = await answer(pair.receiver, arrived.id, status="IP")
    assert (late.status, late.body["code"], late.body["state"]) == (
        409,
        "RESPONSE-ORDER",
        "accepted",
    )
    assert (await pair.receiver.document(arrived.id)).business == "accepted"
    assert len(await pair.receiver.documents(Document.kind == "invoice-response")) == 1


async def test_an_incomplete_answer_is_refused_and_says_what_is_missing(lite):
    sent, arrived = await lite.delivered()
    for status in ("RE", "UQ", "CA"):
        bare = await answer(lite.receiver, arrived.id, status=status)
        assert (bare.status, bare.body["code"]) == (422, "RESPONSE-INVALID"), status
        assert len(bare.body["detail"]) > 20
    unknown = await answer(lite.receiver, arrived.id, status="XX")
    assert (unknown.status, unknown.body["code"]) == (400, "REQUEST-INVALID")
    full = await answer(
        lite.receiver, arrived.id, status="RE", reasons=["PRI"], text="Too dear.", note="No."
    )
    assert full.status == 202
    await lite.settle()
    assert (await lite.sender.document(sent.id)).business == "rejected"


async def test_only_received_invoices_are_answered(lite):
    sent, arrived = await lite.delivered()
    own = await answer(lite.sender, sent.id, status="AP")
    assert (own.status, own.body["code"]) == (409, "RESPONSE-SUBJECT")
    (mls,) = await lite.sender.documents(Document.kind == "mls", Document.direction == "in")
    about_mls = await answer(lite.sender, mls.id, status="AP")
    assert (about_mls.status, about_mls.body["code"]) == (409, "RESPONSE-SUBJECT")
    nowhere = await answer(lite.receiver, sent.id, status="AP")
    assert (nowhere.status, nowhere.body["code"]) == (404, "NOT-FOUND")
    assert (await lite.receiver.document(arrived.id)).business == "unanswered"


async def test_conditions_travel_with_the_reason_they_belong_to(lite):
    _, arrived = await lite.delivered()
    condition = {"attribute": "BT-13", "value": "PO-77"}
    bare = await answer(lite.receiver, arrived.id, status="AB", conditions=[condition])
    assert (bare.status, bare.body["code"]) == (422, "RESPONSE-INVALID")
    full = await answer(
        lite.receiver,
        arrived.id,
        status="UQ",
        reasons=["REF"],
        actions=["PIN"],
        text="Wrong order number.",
        conditions=[condition],
        effective_date="2026-11-03",
    )
    content = await lite.receiver.call("GET", f"/v1/documents/{full.body['id']}/content")
    reason, action = read_invoice_response(content.body).clarifications
    assert [(one.attribute, one.value) for one in reason.conditions] == [("BT-13", "PO-77")]
    assert action.conditions == ()


async def test_a_query_may_be_asked_again_and_nothing_else_is_said_twice(lite):
    _, arrived = await lite.delivered()
    query = {"status": "UQ", "reasons": ["REF"], "text": "Which order?"}
    assert (await answer(lite.receiver, arrived.id, status="AB")).status == 202
    assert (await answer(lite.receiver, arrived.id, status="AB")).status == 409
    assert (await answer(lite.receiver, arrived.id, **query)).status == 202
    assert (await answer(lite.receiver, arrived.id, **query)).status == 202
    rejection = {"status": "RE", "reasons": ["REF"], "text": "No order."}
    assert (await answer(lite.receiver, arrived.id, **rejection)).status == 202
    for late in (rejection, {"status": "AP"}, {"status": "PD"}):
        refused = await answer(lite.receiver, arrived.id, **late)
        assert (refused.status, refused.body["code"]) == (409, "RESPONSE-ORDER")


async def test_paid_in_part_may_be_said_after_acceptance_until_all_is_paid(lite):
    sent, arrived = await lite.delivered()
    part = {"status": "PD", "reasons": ["PPD"], "text": "Half of it."}
    for order in ({"status": "AP"}, part, part, {"status": "PD"}):
        assert (await answer(lite.receiver, arrived.id, **order)).status == 202, order
    await lite.settle()
    subject = await lite.sender.document(sent.id)
    # The buyer's word announces money; no bank message came.
    assert (subject.business, subject.payment) == ("paid", "announced")
