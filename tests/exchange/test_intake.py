"""From data or another format to a delivered document: chosen, written, judged, accounted for."""

import base64
import io
import json
import zipfile
from datetime import date
from decimal import Decimal

import pytest

from gateway.as4.identifiers import PROCESS_BILLING
from gateway.conversion.peppol_types import document_type_of
from gateway.conversion.writing import Order, convert_document
from gateway.core.clock import now
from gateway.demo.cast import BUYER, SELLER
from gateway.demo.invoices import CRATES, render_invoice
from gateway.exchange.evidence_check import check_evidence
from gateway.exchange.tables import Document, StoredBlob
from gateway.network.participants import Offer
from ubl.differences import differences
from ubl.formats import FORMATS
from ubl.invoice import read_invoice
from ubl.model import DocumentKind, Invoice
from ubl.model_json import invoice_to_json
from ubl.safexml import parse


def ubl(number: str = "VT-1") -> bytes:
    return render_invoice(
        number=number, seller=SELLER, buyer=BUYER, issued=date(2026, 11, 2), lines=CRATES[:2]
    )


def read(content: bytes) -> Invoice:
    return read_invoice(parse(content)).invoice


def plain(number: str = "VT-1") -> dict:
    """An invoice as accounting software would send it: the facts, no sums."""
    value = invoice_to_json(read(ubl(number)))
    for name in ("totals", "vat_breakdown", "specification", "business_process"):
        del value[name]
    for line in value["lines"]:
        del line["net_amount"]
    return value


async def send(house, body, *, path="/v1/documents", key=None, kind="application/json"):
    data = json.dumps(body).encode() if isinstance(body, dict) else body
    headers = {"Content-Type": kind, **({"Idempotency-Key": key} if key else {})}
    return await house.call("POST", path, data=data, headers=headers)


async def chosen(house, document_id) -> dict:
    """The timeline entry about the format."""
    entries = await house.timeline(document_id)
    (found,) = [one for one in entries if one["kind"].startswith("format.")]
    return found


async def test_data_becomes_the_document_the_buyer_holds(pair):
    answer = await send(pair.sender, plain())
    assert answer.status == 202, answer.body
    assert answer.body["document_type"].endswith("billing:3.0::2.1")
    assert answer.body["total_due"]["currency"] == "EUR"
    await pair.settle()
    (arrived,) = await pair.receiver.documents(Document.number == "VT-1")
    got = await pair.receiver.call("GET", f"/v1/documents/{arrived.id}/content")
    assert differences(read(ubl()), read(got.body)) == ()

    entry = await chosen(pair.sender, answer.body["id"])
    assert entry["kind"] == "format.registered"
    facts = entry["facts"]
    assert (facts["format"], facts["source"], facts["lost"]) == ("peppol-bis-3", "JSON", [])
    (source,) = await pair.sender.rows(StoredBlob, StoredBlob.purpose == "source")
    assert (str(source.id), source.media_type) == (entry["evidence_id"], "application/json")
    bundle = await pair.sender.call("GET", f"/v1/documents/{answer.body['id']}/evidence")
    with zipfile.ZipFile(io.BytesIO(bundle.body)) as proof:
        assert json.loads(proof.read("source.json")) == plain()
        assert differences(read(ubl()), read(proof.read("document.xml"))) == ()
    assert all(one.holds for one in check_evidence(io.BytesIO(bundle.body)))


async def test_the_same_data_under_one_key_is_one_document_and_another_format_another(lite):
    first, again = [await send(lite.sender, plain(), key="k-1") for _ in range(2)]
    assert (first.status, first.body["id"]) == (202, again.body["id"])
    other = await send(lite.sender, plain(), key="k-1", path="/v1/documents?format=xrechnung-ubl")
    assert (other.status, other.body["code"]) == (409, "IDEMPOTENCY-CONFLICT")
    assert len(await lite.sender.documents()) == 1


async def test_a_pdf_with_data_is_sent_in_what_the_receiver_takes(lite):
    order = Order(format=FORMATS["facturx-extended"], at=now())
    pdf = convert_document(ubl("VT-2"), "", order).content
    answer = await send(lite.sender, pdf, kind="application/pdf")
    assert answer.status == 202, answer.body
    await lite.settle()
    (arrived,) = await lite.receiver.documents(Document.number == "VT-2")
    got = await lite.receiver.call("GET", f"/v1/documents/{arrived.id}/content")
    assert differences(read(ubl("VT-2")), read(got.body)) == ()
    (source,) = await lite.sender.rows(StoredBlob, StoredBlob.purpose == "source")
    assert (source.media_type, source.size) == ("application/pdf", len(pdf))


async def test_what_the_receiver_takes_is_sent_byte_for_byte(lite):
    content = ubl("VT-3")
    answer = await send(
        lite.sender, content, path="/v1/documents?format=auto", kind="application/xml"
    )
    assert answer.status == 202, answer.body
    stored = await lite.sender.call("GET", f"/v1/documents/{answer.body['id']}/content")
    assert stored.body == content
    entry = await chosen(lite.sender, answer.body["id"])
    assert (entry["kind"], entry["evidence_id"]) == ("format.arrived", None)


async def test_xml_without_a_wish_is_left_alone(lite):
    answer = await lite.sender.submit(ubl("VT-4"))
    assert answer.status == 202, answer.body
    kinds = await lite.sender.kinds(answer.body["id"])
    assert not [one for one in kinds if one.startswith("format.")]


async def test_a_receiver_nobody_knows_gets_the_format_every_receiver_takes(lite):
    value = plain("VT-5")
    value["buyer"]["electronic_address"]["value"] = "0812345603"
    answer = await send(lite.sender, value)
    assert answer.status == 202, answer.body
    entry = await chosen(lite.sender, answer.body["id"])
    assert (entry["kind"], entry["facts"]["format"]) == ("format.not-on-network", "peppol-bis-3")


async def test_a_network_that_does_not_answer_does_not_stop_the_submission(lite):
    lite.receiver.line.target = "http://127.0.0.1:9"
    answer = await send(lite.sender, plain("VT-6"))
    assert answer.status == 202, answer.body
    entry = await chosen(lite.sender, answer.body["id"])
    assert (entry["kind"], entry["facts"]["format"]) == ("format.unknown", "peppol-bis-3")


async def test_an_invoice_that_would_become_another_one_is_not_sent(lite):
    answer = await send(lite.sender, plain(), path="/v1/documents?format=facturx-minimum")
    assert (answer.status, answer.body["code"]) == (422, "CONVERSION-LOSS")
    assert "BT-131" in {one["term"] for one in answer.body["problems"]}
    assert all(one["essential"] for one in answer.body["problems"])
    assert await lite.sender.documents() == []


REFUSED = {
    "unknown format": (plain(), "?format=word", "CONVERSION-FORMAT"),
    "no field": ({**plain(), "betrag": 1}, "", "INVOICE-JSON"),
    "float": ({**plain(), "lines": 3}, "", "INVOICE-JSON"),
    "broken": (b'{"number":', "", "INVOICE-JSON"),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_what_cannot_be_taken_is_refused_with_advice(lite, name):
    body, query, code = REFUSED[name]
    answer = await send(lite.sender, body, path=f"/v1/documents{query}")
    assert (answer.status, answer.body["code"]) == (422, code)
    assert answer.body["detail"].endswith(".")
    assert await lite.sender.documents() == []


async def test_data_without_its_sums_is_refused_by_place_and_may_be_sent_again(lite):
    value = plain("VT-9")
    price = value["lines"][1].pop("price")
    answer = await send(lite.sender, value, key="once")
    assert (answer.status, answer.body["code"]) == (422, "INVOICE-JSON")
    (problem,) = answer.body["problems"]
    assert problem["code"] == "JSON-INCOMPLETE"
    assert (problem["pointer"], problem["term"]) == ("/lines/1/price/net", "BT-146")
    assert await lite.sender.documents() == []
    value["lines"][1]["price"] = price
    assert (await send(lite.sender, value, key="once")).status == 202


async def test_data_that_breaks_rules_is_kept_with_its_report_and_its_source(lite):
    value = plain("VT-7")
    value["totals"] = {"due": {"value": "1.00"}}
    answer = await send(lite.sender, value)
    assert (answer.status, answer.body["code"]) == (422, "DOCUMENT-INVALID")
    kinds = await lite.sender.kinds(answer.body["document"])
    assert kinds == ["format.registered", "document.refused"]
    entry = await chosen(lite.sender, answer.body["document"])
    assert entry["facts"]["discrepancies"][0]["term"] == "BT-115"
    assert entry["evidence_id"]


async def test_a_receiver_of_cii_gets_cii(pair):
    """Written as CII, sent under its own document type, read and listed at the other end."""
    extended = FORMATS["facturx-extended"]
    taken = document_type_of(extended, DocumentKind.INVOICE)
    await pair.receiver.gateway.participants.publish(
        pair.receiver.tenant_id,
        pair.receiver.participant,
        taken,
        [Offer(taken, PROCESS_BILLING)],
    )
    value = {**plain("VT-8"), "business_process": PROCESS_BILLING.value}
    answer = await send(pair.sender, value, path="/v1/documents?format=facturx-extended")
    assert answer.status == 202, answer.body
    assert answer.body["document_type"] == str(taken)
    await pair.settle()
    sent = await pair.sender.document(answer.body["id"])
    assert (sent.transport, sent.network) == ("delivered", "accepted")
    (arrived,) = await pair.receiver.documents(Document.number == "VT-8")
    assert (arrived.kind, arrived.amount_minor, arrived.currency) == (
        "invoice",
        sent.amount_minor,
        "EUR",
    )
    got = await pair.receiver.call("GET", f"/v1/documents/{arrived.id}/content")
    terms = {one.term for one in differences(read(ubl("VT-8")), read(got.body))}
    assert terms == {"BT-24"}


async def test_what_peppol_cannot_find_the_receiver_by_is_asked_for(lite):
    answer = await send(lite.sender, plain("VT-10"), path="/v1/documents?format=facturx-extended")
    assert (answer.status, answer.body["code"]) == (422, "DOCUMENT-ADDRESS")
    assert "BT-23" in answer.body["detail"]


async def test_a_pdf_that_is_none_is_refused_with_advice(lite):
    answer = await send(lite.sender, b"%PDF-1.7 and no more", kind="application/pdf")
    assert (answer.status, answer.body["code"]) == (422, "CONVERSION-UNREADABLE")
    assert answer.body["detail"].endswith(".")


# Conversions keep nothing.


async def test_a_conversion_answers_with_the_document_and_its_account(lite):
    answer = await send(lite.sender, plain(), path="/v1/conversions?to=peppol-bis-3")
    assert (answer.status, answer.body["outcome"]) == (200, "valid"), answer.body
    assert answer.body["report"]["verdict"] == "valid"
    assert answer.body["counts"] == dict.fromkeys(
        ("unread", "lost", "added", "discrepancies", "identifiers"), 0
    )
    document = base64.b64decode(answer.body["content"])
    assert differences(read(ubl()), read(document)) == ()
    assert await lite.sender.rows(StoredBlob) == []
    assert await lite.sender.documents() == []


async def test_a_conversion_says_what_was_not_understood_and_what_is_wrong(lite):
    content = ubl().replace(b"<cbc:Note>", b"<cbc:UUID>6e2a2f0a</cbc:UUID><cbc:Note>", 1)
    wrong = render_invoice(
        number="W",
        seller=SELLER,
        buyer=BUYER,
        issued=date(2026, 11, 2),
        lines=CRATES[:1],
        total_off_by=Decimal(1),
    )
    answer = await send(
        lite.sender, wrong, path="/v1/conversions?to=en16931-ubl", kind="application/xml"
    )
    assert (answer.status, answer.body["outcome"]) == (200, "invalid")
    assert answer.body["discrepancies"][0]["tolerated"] is False
    odd = await send(
        lite.sender, content, path="/v1/conversions?to=en16931-ubl", kind="application/xml"
    )
    assert odd.body["unread"] == ["/Invoice/cbc:UUID"]


async def test_the_document_alone_comes_with_headers(lite):
    address = f"{lite.sender.url}/v1/conversions?to=facturx-extended&lang=fr"
    headers = {
        "Authorization": f"Bearer {lite.sender.key}",
        "Content-Type": "application/json",
        "Accept": "application/pdf",
    }
    body = json.dumps(plain())
    async with lite.sender.session.post(address, data=body, headers=headers) as got:
        content = await got.read()
        assert (got.status, got.content_type) == (200, "application/pdf"), content
        assert got.headers["Gateway-Outcome"] == "valid"
        assert got.headers["Gateway-Lost"] == "0"
    assert content.startswith(b"%PDF-")
    headers["Accept"] = "text/csv"
    async with lite.sender.session.post(address, data=body, headers=headers) as got:
        assert got.status == 406


async def test_a_stored_document_is_read_in_another_format(lite):
    answer = await lite.sender.submit(ubl("VT-9"))
    path = f"/v1/documents/{answer.body['id']}/content"
    cii = await lite.sender.call("GET", f"{path}?format=en16931-cii")
    assert cii.status == 200
    terms = {one.term for one in differences(read(ubl("VT-9")), read(cii.body))}
    assert terms == {"BT-24"}
    pdf = await lite.sender.call("GET", f"{path}?format=facturx-extended&lang=nl")
    assert (pdf.status, pdf.body[:5]) == (200, b"%PDF-")
    no = await lite.sender.call("GET", f"{path}?format=word")
    assert (no.status, no.body["code"]) == (422, "CONVERSION-FORMAT")


async def test_the_formats_are_listed(lite):
    answer = await lite.sender.call("GET", "/v1/formats")
    assert [one["id"] for one in answer.body["items"]] == list(FORMATS)
