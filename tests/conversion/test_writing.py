"""From data to every format and back: equal, or every difference is in the account."""

import io
import pickle
from dataclasses import replace
from decimal import Decimal

import pikepdf
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.conversion.accounts import account_of
from gateway.conversion.loss import essential
from gateway.conversion.outcome import Outcome, outcome_of
from gateway.conversion.reading import read_document
from gateway.conversion.writing import Order, format_named, write_document
from gateway.core.errors import GatewayError
from schematron import worker as engine
from ubl.differences import differences
from ubl.formats import FORMATS
from ubl.model import Attachment, Identifier, ItemAttribute, Note, SupportingDocument

XML = [one.id for one in FORMATS.values() if one.attachment is None]
PDF = [one.id for one in FORMATS.values() if one.attachment is not None]
TEXT = st.text("aä ß&<>\"'€\t\n.-1", min_size=1, max_size=30).map(str.strip).filter(bool)
MONEY = st.decimals("-99999.99", "99999.99", places=2)


@pytest.fixture(scope="module", autouse=True)
def rules():
    engine.initialise(warm=())


@pytest.fixture(scope="module")
def french(invoice):
    """The invoice with the mode French formats want."""
    return replace(invoice, business_process="S1")


def told(invoice, converted):
    """What is not the same when the document is read again, apart from what a format says."""
    back = read_document(converted.content).invoice
    of_format = ("specification", "business_process")
    return {
        one.path: (one.before, one.after)
        for one in differences(invoice, back)
        if one.path not in of_format
    }


@st.composite
def changes(draw):
    """What people change about an invoice: texts, references, notes, prices, attributes."""
    return {
        "number": draw(TEXT),
        "buyer_reference": draw(st.none() | TEXT),
        "purchase_order": draw(st.none() | TEXT),
        "payment_terms": draw(st.none() | TEXT),
        "notes": tuple(Note(text=one) for one in draw(st.lists(TEXT, max_size=3))),
        "invoiced_object": draw(st.none() | st.builds(Identifier, TEXT, st.just("AUN"))),
        "price": draw(MONEY),
        "attributes": tuple(
            ItemAttribute(name=name, value=value)
            for name, value in draw(st.lists(st.tuples(TEXT, TEXT), max_size=3))
        ),
    }


def changed(invoice, change):
    first = invoice.lines[0]
    price = replace(first.price, net=replace(first.price.net, value=change["price"]))
    item = replace(first.item, attributes=change["attributes"])
    line = replace(first, price=price, item=item, net_amount=None)
    fields = {name: change[name] for name in change if name not in ("price", "attributes")}
    return replace(
        invoice, lines=(line, *invoice.lines[1:]), totals=None, vat_breakdown=(), **fields
    )


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(change=changes())
@pytest.mark.parametrize("wanted", XML)
def test_every_difference_is_told(wanted, change, french, at):
    order = Order(format=FORMATS[wanted], at=at, computed=True)
    converted = write_document(changed(french, change), order)
    found = told(converted.invoice, converted)
    assert found == {
        one.path: (one.before, one.after)
        for one in (*converted.lost, *converted.added)
        if one.path not in ("specification", "business_process")
    }
    assert not any(one for one in converted.discrepancies if not one.tolerated)


@pytest.mark.parametrize("wanted", PDF)
def test_a_pdf_holds_what_its_profile_holds_and_tells_the_rest(wanted, invoice, at):
    converted = write_document(invoice, Order(format=FORMATS[wanted], at=at))
    assert converted.media_type == "application/pdf"
    assert converted.file_name == f"VT-1-{wanted}.pdf"
    listed = (*converted.lost, *converted.added)
    account = {one.path: (one.before, one.after) for one in listed}
    assert told(invoice, converted).items() <= account.items()
    with pikepdf.open(io.BytesIO(converted.content)) as pdf:
        assert FORMATS[wanted].attachment in pdf.attachments
    if wanted in ("facturx-minimum", "facturx-basic-wl"):
        assert "BT-126" in {one.term for one in essential(converted.lost)}


def test_what_a_format_adds_is_not_told_as_lost(invoice, at):
    """CII takes a VAT breakdown without its sum (BT-110), the schema of UBL does not."""
    totals = replace(invoice.totals, vat=None)
    source = replace(invoice, totals=totals)
    converted = write_document(source, Order(format=FORMATS["en16931-ubl"], at=at))
    assert converted.lost == ()
    assert essential(converted.lost) == ()
    account = account_of(converted, lang="fr")
    assert account["lost"] == []
    assert (account["counts"]["lost"], account["counts"]["added"]) == (0, 2)
    value, currency = account["added"]
    assert (value["term"], value["before"], currency["after"]) == ("BT-110", None, "EUR")
    assert Decimal(value["after"]) == invoice.totals.vat.value
    assert value["label"]
    assert not value["essential"]


@pytest.mark.parametrize("wanted", ["peppol-bis-3", "en16931-ubl", "facturx-extended"])
def test_data_becomes_a_document_the_rules_find_valid(wanted, as_json, convert):
    converted = convert(as_json, wanted)
    report = engine.run(converted.content, as_of="2026-11-22")
    assert outcome_of(converted.format, report) is Outcome.VALID, report["findings"]
    assert converted.lost == ()
    assert converted.invoice.totals.with_vat.value > 0


def test_what_data_leaves_out_is_worked_out_and_what_a_document_says_is_kept(
    ubl, as_json, invoice, convert
):
    assert told(invoice, convert(as_json, "peppol-bis-3")) == {}
    wrong = ubl.replace(b">VT-1<", b">VT-2<")
    converted = convert(wrong, "en16931-ubl")
    assert converted.invoice.totals == invoice.totals


def test_a_sum_that_is_wrong_stays_and_is_explained(invoice, at):
    due = replace(invoice.totals.due, value=invoice.totals.due.value + Decimal(1))
    wrong = replace(invoice, totals=replace(invoice.totals, due=due))
    converted = write_document(wrong, Order(format=FORMATS["peppol-bis-3"], at=at))
    again = pickle.loads(pickle.dumps(converted))  # as large ones come from their own process
    assert again == converted
    account = account_of(again, lang="fr")
    assert [one["term"] for one in account["discrepancies"]] == ["BT-115"]
    assert account["discrepancies"][0]["tolerated"] is False
    assert account["discrepancies"][0]["explanation"].startswith("Le net à payer")
    assert read_document(converted.content).invoice.totals.due == due


def test_bare_is_the_xml_of_a_pdf(invoice, at):
    order = Order(format=FORMATS["facturx-en16931"], at=at, bare=True)
    converted = write_document(invoice, order)
    assert (converted.media_type, converted.file_name[-4:]) == ("application/xml", ".xml")
    assert converted.content.startswith(b"<?xml")


def test_a_french_format_wants_the_invoicing_mode(invoice, french, at):
    order = Order(format=FORMATS["fr-ctc-ubl"], at=at)
    with pytest.raises(GatewayError) as refused:
        write_document(invoice, order)
    assert refused.value.code == "CONVERSION-MODE"
    report = engine.run(write_document(french, order).content, as_of="2026-11-22")
    # Both parties are Belgian, so the French rules do not apply, and nobody says they hold.
    assert report["verdict"] == "valid"
    assert outcome_of(order.format, report) is Outcome.UNDETERMINED


def test_an_unknown_format_is_refused_with_the_known_ones():
    with pytest.raises(GatewayError) as refused:
        format_named("word")
    assert refused.value.code == "CONVERSION-FORMAT"
    assert "peppol-bis-3" in refused.value.message


def test_a_pdf_that_cannot_carry_data_is_refused_with_what_is_in_the_way(invoice, at):
    order = Order(format=FORMATS["facturx-en16931"], at=at, own_pdf=b"%PDF-1.4 nothing")
    with pytest.raises(GatewayError) as refused:
        write_document(invoice, order)
    assert refused.value.code == "CONVERSION-OWN-PDF"


def test_names_of_files_are_safe(invoice, at):
    named = replace(invoice, number='../../é "x"\n')
    converted = write_document(named, Order(format=FORMATS["peppol-bis-3"], at=at))
    assert converted.file_name == "x-peppol-bis-3.xml"


def test_a_damaged_file_in_the_invoice_is_not_blamed_on_pages(invoice, at):
    damaged = SupportingDocument(reference="1", attachment=Attachment(encoded="!!!"))
    source = replace(invoice, supporting_documents=(damaged,))
    with pytest.raises(GatewayError, match="not base64") as refused:
        write_document(source, Order(format=FORMATS["facturx-en16931"], at=at))
    assert refused.value.kind.code == "CONVERSION-UNWRITABLE"


def test_lines_nested_deeper_than_anybody_reads_are_refused(invoice, at):
    line = invoice.lines[0]
    for _ in range(120):
        line = replace(invoice.lines[0], sub_lines=(line,))
    nested = replace(invoice, lines=(line,))
    with pytest.raises(GatewayError, match="nested") as refused:
        write_document(nested, Order(format=FORMATS["xrechnung-extension-ubl"], at=at))
    assert refused.value.kind.code == "CONVERSION-UNWRITABLE"
    assert refused.value.facts["cause"] == "XML-TOO-DEEP"
