"""Invoices, credit notes and answers that travel move the seller's open items."""

from datetime import date
from decimal import Decimal

import pytest

from gateway.exchange.tables import Document


async def item(house, number="VT-1", **query):
    listed = await house.call("GET", "/v1/open-items?state=all")
    (found,) = [one for one in listed.body["items"] if one["number"] == number]
    return (await house.call("GET", f"/v1/open-items/{found['id']}", params=query)).body


def credit_note(invoice, *, of):
    """The credit note that takes an invoice of the same amounts back."""
    text = invoice.decode()
    for old, new in (
        ("<Invoice ", "<CreditNote "),
        ("</Invoice>", "</CreditNote>"),
        ("xsd:Invoice-2", "xsd:CreditNote-2"),
        (
            "<cbc:InvoiceTypeCode>380</cbc:InvoiceTypeCode>",
            "<cbc:CreditNoteTypeCode>381</cbc:CreditNoteTypeCode>",
        ),
        ("cac:InvoiceLine>", "cac:CreditNoteLine>"),
        ("cbc:InvoicedQuantity", "cbc:CreditedQuantity"),
        (
            "</cbc:BuyerReference>",
            "</cbc:BuyerReference><cac:BillingReference><cac:InvoiceDocumentReference>"
            f"<cbc:ID>{of}</cbc:ID></cac:InvoiceDocumentReference></cac:BillingReference>",
        ),
    ):
        assert old in text
        text = text.replace(old, new)
    start, end = text.index("<cbc:DueDate>"), text.index("</cbc:DueDate>") + len("</cbc:DueDate>")
    return (text[:start] + text[end:]).encode()


async def answer(pair, arrived, status, **order):
    answered = await pair.receiver.call(
        "POST", f"/v1/documents/{arrived.id}/responses", json={"status": status, **order}
    )
    assert answered.status == 202, answered.body
    await pair.settle()


async def test_a_sent_invoice_becomes_an_open_item(pair):
    sent, _ = await pair.delivered()
    shown = await item(pair.sender)
    assert shown["item"]["document_id"] == str(sent.id)
    assert shown["item"]["due_date"] == sent.due_date.isoformat()
    assert shown["open"] == shown["original"] == {"amount": "679.54", "currency": "EUR"}
    assert [one["kind"] for one in shown["entries"]] == ["invoiced"]
    customer = await pair.sender.call("GET", f"/v1/customers/{shown['item']['customer_id']}")
    assert customer.body["participant"] == sent.receiver
    assert (customer.body["locale"], customer.body["country"]) == ("fr_BE", "BE")


async def test_it_did_not_exist_before_it_was_issued(lite):
    await lite.delivered()
    before = await item(lite.sender, as_of="2026-11-01")
    assert (before["exists"], before["open"]["amount"]) == (False, "0.00")
    unknown = await item(lite.sender, known_at="2026-11-01T00:00:00Z")
    assert unknown["exists"] is False
    naive = await lite.sender.call(
        "GET", f"/v1/open-items/{before['item']['id']}", params={"known_at": "2026-11-01T00:00:00"}
    )
    assert naive.status == 400


async def test_a_refused_invoice_opens_nothing(lite, make_invoice):
    assert (await lite.sender.submit(make_invoice(off_by=Decimal(1)))).status == 422
    assert (await lite.sender.call("GET", "/v1/open-items")).body["items"] == []


@pytest.mark.parametrize("status", ["UQ", "RE"])
async def test_an_invoice_under_query_or_rejected_is_disputed(lite, status):
    _, arrived = await lite.delivered()
    await answer(lite, arrived, status, reasons=["PRI"])
    shown = await item(lite.sender)
    assert (shown["status"], shown["disputed"]) == ("disputed", shown["open"])
    assert shown["entries"][-1]["reason"] == "PRI"


async def test_an_acceptance_ends_the_dispute(pair):
    _, arrived = await pair.delivered()
    await answer(pair, arrived, "UQ", reasons=["PRI"])
    await answer(pair, arrived, "AP")
    shown = await item(pair.sender)
    assert shown["disputed"]["amount"] == "0.00"
    assert [one["kind"] for one in shown["entries"]][1:] == ["dispute-opened", "dispute-resolved"]


async def test_a_person_s_dispute_is_not_ended_by_the_buyer_s_answer(lite):
    _, arrived = await lite.delivered()
    opened = (await item(lite.sender))["item"]
    noted = await lite.sender.call(
        "POST", f"/v1/open-items/{opened['id']}/disputes", json={"reason": "QUA", "amount": "50.00"}
    )
    assert noted.body["disputed"]["amount"] == "50.00"
    await answer(lite, arrived, "AP")
    assert (await item(lite.sender))["disputed"]["amount"] == "50.00"
    path = f"/v1/open-items/{opened['id']}/disputes/resolve"
    ended = await lite.sender.call("POST", path, json={})
    assert ended.body["disputed"]["amount"] == "0.00"
    again = await lite.sender.call("POST", path, json={})
    assert (again.status, again.body["code"]) == (409, "DISPUTE-NONE")


async def test_a_payment_said_to_be_made_is_announced_and_not_paid(pair):
    sent, arrived = await pair.delivered()
    await answer(pair, arrived, "AP")
    await answer(pair, arrived, "PD")
    shown = await item(pair.sender)
    assert (shown["status"], shown["announced"]) == ("announced", shown["open"])
    assert (await pair.sender.document(sent.id)).payment == "announced"


async def test_a_credit_note_is_set_against_the_invoice_it_names(pair, make_invoice):
    await pair.delivered()
    sent = await pair.sender.submit(credit_note(make_invoice("VT-C1"), of="VT-1"))
    assert sent.status == 202, sent.body
    invoice = await item(pair.sender)
    assert (invoice["status"], invoice["open"]["amount"]) == ("closed", "0.00")
    assert invoice["credited"] == invoice["original"]
    credit = await item(pair.sender, "VT-C1")
    assert (credit["status"], credit["item"]["kind"]) == ("closed", "credit-note")
    document = await pair.sender.documents(Document.kind == "invoice")
    assert [one.payment for one in document] == ["none"]


async def test_customers_are_paused_and_their_language_is_kept(lite):
    await lite.delivered()
    customer = (await item(lite.sender))["item"]["customer_id"]
    path = f"/v1/customers/{customer}"
    changed = await lite.sender.call(
        "PATCH", path, json={"email": "books@deuxrives.example", "locale": "nl_BE"}
    )
    assert (changed.status, changed.body["locale"]) == (200, "nl_BE")
    wrong = await lite.sender.call("PATCH", path, json={"email": "not an address"})
    assert (wrong.status, wrong.body["code"]) == (422, "CUSTOMER-EMAIL")
    paused = await lite.sender.call("POST", f"{path}/holds", json={"note": "moving house"})
    assert (paused.status, paused.body["reason"]) == (201, "paused")
    early = await lite.sender.call("POST", f"{path}/holds", json={"last_day": "2020-01-01"})
    assert (early.status, early.body["code"]) == (422, "HOLD-DAYS")
    lifted = await lite.sender.call("POST", f"/v1/holds/{paused.body['id']}/lift")
    assert lifted.body["lifted_at"] is not None
    assert date.fromisoformat(lifted.body["last_day"]) < date.fromisoformat(lifted.body["since"])
    await lite.delivered("VT-2")
    assert (await lite.sender.call("GET", path)).body["locale"] == "nl_BE"


async def test_the_aged_balance_counts_what_is_open(lite):
    await lite.delivered()
    balance = await lite.sender.call("GET", "/v1/aged-balance?as_of=2027-01-15")
    (total,) = balance.body["totals"]
    assert total["currency"] == "EUR"
    assert total["buckets"]["31-60"] == total["balance"] == "679.54"


async def test_characters_no_database_keeps_are_refused(pair):
    await pair.delivered()
    house = pair.sender
    shown = (await item(house))["item"]
    customer = f"/v1/customers/{shown['customer_id']}"
    for method, path, body in (
        ("GET", "/v1/open-items?q=%00", None),
        ("GET", "/v1/customers?q=%00", None),
        ("POST", f"/v1/open-items/{shown['id']}/disputes", {"reason": "a\0"}),
        ("POST", f"{customer}/holds", {"note": "a\0"}),
    ):
        answered = await house.call(method, path, **({"json": body} if body else {}))
        assert answered.status == 400, (path, answered.body)


async def test_what_is_not_open_cannot_be_disputed(lite):
    await lite.delivered()
    shown = (await item(lite.sender))["item"]
    path = f"/v1/open-items/{shown['id']}/disputes"
    too_much = {"reason": "PRI", "amount": "679.55"}
    refused = await lite.sender.call("POST", path, json=too_much)
    assert refused.status == 409
    assert refused.body["type"].endswith(":DISPUTE-AMOUNT")
    for amount, status in (("0", 409), ("1.001", 400), ("679.54", 200)):
        body = {"reason": "PRI", "amount": amount}
        answered = await lite.sender.call("POST", path, json=body)
        assert answered.status == status, (amount, answered.body)
