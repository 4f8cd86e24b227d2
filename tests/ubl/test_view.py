"""The view shows everything an invoice holds, in four languages, and nothing else."""

import dataclasses
import tomllib
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from importlib import resources
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ubl.model
from ubl.amounts import Amount
from ubl.invoice import read_invoice
from ubl.localized import LANGUAGES, LanguageUnknown, Localized
from ubl.model import (
    Address,
    Attachment,
    DocumentKind,
    DocumentTotals,
    Identifier,
    Invoice,
    InvoiceLine,
    Item,
    LineVat,
    Note,
    PaymentCard,
    PaymentInstructions,
    Period,
    Price,
    Quantity,
    Seller,
    SupportingDocument,
    VatBreakdown,
)
from ubl.response import InvoiceStatus
from ubl.safexml import XmlRefused, parse
from ubl.view import InvoiceView, ViewField, ViewRow, ViewSection, ViewTable, invoice_view

# Values that stand for themselves or are written as part of another field.
UNLABELLED = {
    "Address",
    "Attachment",
    "BusinessTerm",
    "Identifier",
    "ItemAttribute",
    "ItemClassification",
    "Note",
    "Quantity",
}
INVOICE = Invoice(
    kind=DocumentKind.INVOICE,
    number="F-2026-7",
    issue_date=date(2026, 1, 31),
    type_code="380",
    currency="EUR",
    seller=Seller(
        name="Vendeur SARL",
        electronic_address=Identifier("987654325", "0002"),
        address=Address(line1="1 rue du Port", post_code="59000", city="Lille", country="FR"),
    ),
    lines=(
        InvoiceLine(
            identifier="1",
            quantity=Quantity(Decimal("2.5"), "HUR"),
            net_amount=Amount(Decimal("1250.00"), "EUR"),
            price=Price(net=Amount(Decimal("500.1234"), "EUR")),
            vat=LineVat(category="S", rate=Decimal(20)),
            item=Item(name="Conseil", description="Mars"),
        ),
    ),
    totals=DocumentTotals(due=Amount(Decimal("1500.00"), "EUR")),
    vat_breakdown=(VatBreakdown(category="S", rate=Decimal("20")),),
    notes=(Note(subject_code="AAI", text="Merci"),),
)


def texts(part: Any) -> Iterator[str]:
    if isinstance(part, str):
        yield part
    elif isinstance(part, tuple):
        for inner in part:
            yield from texts(inner)
    elif isinstance(part, ViewField):
        yield part.text
    elif isinstance(part, (ViewSection, ViewTable)):
        yield from texts(part.fields if isinstance(part, ViewSection) else part.rows)
    elif isinstance(part, ViewRow):
        yield from texts(part.cells)
        yield from texts(part.details)
    elif dataclasses.is_dataclass(part):
        for field in dataclasses.fields(part):
            yield from texts(getattr(part, field.name))


def value_of(view: InvoiceView, key: str) -> str:
    sections = (view.header, view.totals, *view.sections, *view.payment)
    (found,) = [field.text for section in sections for field in section.fields if field.key == key]
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_field_of_the_model_has_a_label(language: str) -> None:
    words = Localized(language)
    for name in ubl.model.__all__:
        model = getattr(ubl.model, name)
        if name not in UNLABELLED and dataclasses.is_dataclass(model):
            for field in dataclasses.fields(model):
                assert words.label(f"{name}.{field.name}").strip()


def test_all_languages_hold_the_same_labels() -> None:
    def keys(tree: dict[str, Any]) -> Iterator[str]:
        for key, value in tree.items():
            if isinstance(value, dict):
                yield from (f"{key}.{inner}" for inner in keys(value))
            else:
                assert value.strip() == value != ""
                yield key

    files = {
        language: tomllib.loads(
            resources.files("ubl").joinpath("labels", f"{language}.toml").read_text("utf-8")
        )
        for language in LANGUAGES
    }
    english = set(keys(files["en"]))
    assert len(english) > 200
    for tree in files.values():
        assert set(keys(tree)) == english


@pytest.mark.parametrize(
    ("locale", "title", "day", "due", "hours", "country"),
    [
        ("en", "Commercial invoice", "Jan 31, 2026", "€1,500.00", "2.5 hour", "France"),
        ("fr", "Facture commerciale", "31 janv. 2026", "1 500,00 €", "2,5 heure", "France"),
        ("nl", "Handelsfactuur", "31 jan 2026", "€ 1.500,00", "2,5 uur", "Frankrijk"),
        ("de", "Handelsrechnung", "31.01.2026", "1.500,00 €", "2,5 Stunde", "Frankreich"),
    ],
)
def test_formats_and_terms_follow_the_language(
    locale: str, title: str, day: str, due: str, hours: str, country: str
) -> None:
    def plain(text: str) -> str:
        return " ".join(text.split())

    view = invoice_view(INVOICE, locale=locale)
    assert view.title == title
    assert plain(value_of(view, "Invoice.issue_date")).replace(".", "") == day.replace(".", "")
    assert plain(value_of(view, "DocumentTotals.due")) == due
    assert plain(view.lines.rows[0].cells[2]) == hours
    assert value_of(view, "Seller.address").split("\n") == [
        "1 rue du Port",
        "59000 Lille",
        country,
    ]


def test_a_territory_changes_formats_and_keeps_the_language() -> None:
    view = invoice_view(INVOICE, locale="de-AT")
    assert view.language == "de"
    assert " ".join(value_of(view, "DocumentTotals.due").split()) == "€ 1.500,00"


@pytest.mark.parametrize("locale", ["es", "", "xx", "fr_XX_YY_ZZ", "en-!!"])
def test_a_language_without_labels_is_refused(locale: str) -> None:
    with pytest.raises(LanguageUnknown) as refused:
        invoice_view(INVOICE, locale=locale)
    assert refused.value.code == "LANGUAGE-UNKNOWN"


def test_fields_keep_their_business_terms() -> None:
    view = invoice_view(INVOICE, locale="en")
    (seller,) = view.sections
    assert (seller.key, seller.term) == ("Invoice.seller", "BG-4")
    assert [field.term for field in seller.fields] == ["BT-27", "BT-34", "BG-5"]
    assert {field.term for field in view.header.fields} == {"BT-1", "BT-2", "BT-3", "BT-5"}


def test_decimals_of_prices_are_kept() -> None:
    assert "500.1234" in invoice_view(INVOICE, locale="en").lines.rows[0].cells[3]


def test_line_columns_and_details() -> None:
    row = invoice_view(INVOICE, locale="en").lines.rows[0]
    assert row.cells[:2] == ("1", "Conseil")
    assert row.cells[4] == "20%"
    assert [(field.label, field.text) for field in row.details] == [
        ("Description", "Mars"),
        ("VAT category", "Standard rate (S)"),
    ]


def test_codes_without_a_name_are_shown_as_they_are() -> None:
    view = invoice_view(dataclasses.replace(INVOICE, type_code="999"), locale="fr")
    assert view.title == "999"
    assert value_of(view, "Invoice.type_code") == "999"


def test_a_document_without_type_is_titled_by_its_kind() -> None:
    note = Invoice(kind=DocumentKind.CREDIT_NOTE)
    assert [invoice_view(note, locale=language).title for language in LANGUAGES] == [
        "Credit note",
        "Avoir",
        "Creditnota",
        "Gutschrift",
    ]


def test_a_card_number_shows_its_last_digits_only() -> None:
    card = PaymentCard(primary_account_number="4111111111111111")
    invoice = dataclasses.replace(INVOICE, payment=(PaymentInstructions(card=card),))
    shown = value_of(invoice_view(invoice, locale="en"), "PaymentCard.primary_account_number")
    assert shown == "•" * 12 + "1111"


def test_attachments_are_offered_by_their_place() -> None:
    documents = (
        SupportingDocument(reference="D1", location="https://example.org"),
        SupportingDocument(reference="D2", attachment=Attachment(encoded="YQ==")),
    )
    view = invoice_view(dataclasses.replace(INVOICE, supporting_documents=documents), locale="en")
    (attachment,) = view.attachments
    assert (attachment.index, attachment.file_name) == (1, "D2")
    assert len(view.supporting_documents) == 2


@pytest.mark.parametrize(
    ("start", "end", "text"),
    [
        (date(2026, 1, 1), date(2026, 1, 31), "Jan 1, 2026 – Jan 31, 2026"),
        (date(2026, 1, 1), None, "Jan 1, 2026 –"),
        (None, date(2026, 1, 31), "– Jan 31, 2026"),
    ],
)
def test_periods_may_be_open(start: date | None, end: date | None, text: str) -> None:
    invoice = dataclasses.replace(INVOICE, period=Period(start=start, end=end))
    assert value_of(invoice_view(invoice, locale="en"), "Invoice.period") == text


def test_statuses_are_named_in_every_language() -> None:
    for language in LANGUAGES:
        words = Localized(language)
        names = [words.code("invoice_status", status) for status in InvoiceStatus]
        assert len(set(names)) == len(names)
        assert not set(names) & set(InvoiceStatus)


@given(
    st.decimals(
        allow_nan=False, allow_infinity=False, places=8, min_value=-(10**30), max_value=10**30
    ),
    st.text(max_size=5),
    st.sampled_from(LANGUAGES),
)
@settings(max_examples=60)
def test_any_number_and_currency_can_be_shown(value: Decimal, currency: str, locale: str) -> None:
    words = Localized(locale)
    digits = "".join(filter(str.isdigit, words.amount(Amount(value, currency or "XXX"))))
    assert "".join(filter(str.isdigit, words.number(value))) in digits
    assert words.percentage(value)


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, Attachment):
        return
    if dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            if field.name not in ("kind", "country", "origin_country", "unit", "currency"):
                yield from strings(getattr(value, field.name))
    elif isinstance(value, tuple):
        for inner in value:
            yield from strings(inner)
    elif isinstance(value, str):
        yield value


def test_every_text_of_every_corpus_invoice_is_shown(cases: list[dict[str, Any]]) -> None:
    checked = 0
    ubl_cases = [case for case in cases if case["syntax"] in ("ubl-invoice", "ubl-creditnote")]
    for number, case in enumerate(ubl_cases[::5]):
        try:
            invoice = read_invoice(parse(case["path"].read_bytes())).invoice
        except XmlRefused:
            continue
        view = invoice_view(invoice, locale=LANGUAGES[number % 4])
        shown = "\n".join(texts(view))
        for text in strings(invoice):
            if text not in shown:
                # Rates are shown instead of the code of their category, cards without digits.
                hidden = {line.vat.category for line in invoice.lines if line.vat}
                cards = {way.card.primary_account_number for way in invoice.payment if way.card}
                assert text in hidden | cards, (case["id"], text)
        checked += 1
    assert checked > 350
