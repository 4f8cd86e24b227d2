"""The view shows everything an invoice holds, in four languages, and nothing else."""

import dataclasses
import re
import tomllib
import zlib
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
    DocumentReference,
    DocumentTotals,
    Identifier,
    IncludedItem,
    Invoice,
    InvoiceLine,
    Item,
    ItemInstance,
    LineReferences,
    LineVat,
    Note,
    PaymentCard,
    PaymentCondition,
    PaymentInstructions,
    PaymentTerms,
    Period,
    Price,
    Quantity,
    Seller,
    SupportingDocument,
    VatBreakdown,
)
from ubl.model.terms import field_types, value_type
from ubl.response import InvoiceStatus
from ubl.safexml import XmlRefused, parse
from ubl.view import InvoiceView, ViewField, invoice_view, view_texts

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


def fields_of(view: InvoiceView) -> list[ViewField]:
    sections = (
        view.facts,
        view.references,
        view.totals,
        *view.sections,
        *view.payment,
        *view.supporting_documents,
        view.technical,
    )
    parties = [party for party in (view.seller, view.buyer, *view.parties) if party is not None]
    return [field for part in (*sections, *parties) for field in part.fields]


def value_of(view: InvoiceView, key: str) -> str:
    (found,) = {field.text for field in fields_of(view) if field.key == key}
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
        ("en", "Invoice", "Jan 31, 2026", "€1,500.00", "2.5 hours", "France"),
        ("fr", "Facture", "31 janv. 2026", "1 500,00 €", "2,5 heures", "France"),
        ("nl", "Factuur", "31 jan 2026", "€ 1.500,00", "2,5 uur", "Frankrijk"),
        ("de", "Rechnung", "31.01.2026", "1.500,00 €", "2,5 Stunden", "Frankreich"),
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
    assert view.seller is not None
    assert view.seller.address.split("\n") == [
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
    assert view.seller is not None
    assert (view.seller.key, view.seller.term) == ("Invoice.seller", "BG-4")
    assert [field.term for field in view.seller.fields] == ["BT-34"]
    assert [field.term for field in view.facts.fields] == ["BT-1", "BT-2", "BT-5"]
    assert view.due is not None
    assert view.due.term == "BT-115"


def test_decimals_of_prices_are_kept() -> None:
    assert "500.1234" in invoice_view(INVOICE, locale="en").lines.rows[0].cells[3]


def test_line_columns_and_details() -> None:
    row = invoice_view(INVOICE, locale="en").lines.rows[0]
    assert row.cells[:2] == ("1", "Conseil")
    assert row.cells[4] == "20%"
    assert [(field.label, field.text) for field in row.details] == [
        ("", "Mars"),
    ]


def test_codes_without_a_name_are_shown_with_their_list() -> None:
    view = invoice_view(dataclasses.replace(INVOICE, type_code="999"), locale="fr")
    assert view.title == "Facture"
    assert value_of(view, "Invoice.type_code") == "999 (UNTDID 1001)"


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


def condition(days: str, **values: Any) -> PaymentCondition:
    return PaymentCondition(period=Quantity(Decimal(days), "DAY"), **values)


TERMS = (
    PaymentTerms(
        partial_amount=Amount(Decimal("600.00"), "EUR"),
        discounts=(
            condition(
                "8",
                from_date=date(2026, 1, 31),
                percentage=Decimal(3),
                base_amount=Amount(Decimal("600.00"), "EUR"),
                amount=Amount(Decimal("18.00"), "EUR"),
            ),
            condition("14", percentage=Decimal(2)),
        ),
        penalties=(PaymentCondition(from_date=date(2026, 3, 1), percentage=Decimal("9.5")),),
    ),
    PaymentTerms(text="Le solde", due_date=date(2026, 4, 30)),
)
SENTENCES = {
    "en": (
        "€18.00 (3% of €600.00) if paid within 8 days from Jan 31, 2026",
        "2% if paid within 14 days",
        "9.5% if paid late (reference date Mar 1, 2026)",
    ),
    "fr": (
        "18,00 € (3 % de 600,00 €) si paiement sous 8 jours à compter du 31 janv. 2026",
        "2 % si paiement sous 14 jours",
        "9,5 % en cas de retard de paiement (date de référence : 1 mars 2026)",
    ),
    "nl": (
        "€ 18,00 (3% van € 600,00) bij betaling binnen 8 dagen vanaf 31 jan 2026",
        "2% bij betaling binnen 14 dagen",
        "9,5% bij laattijdige betaling (referentiedatum 1 mrt 2026)",
    ),
    "de": (
        "18,00 € (3 % von 600,00 €) bei fristgerechter Zahlung (Frist: 8 Tage ab 31.01.2026)",
        "2 % bei fristgerechter Zahlung (Frist: 14 Tage)",
        "9,5 % bei verspäteter Zahlung (Bezugsdatum 01.03.2026)",
    ),
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_condition_of_payment_is_a_sentence_of_its_own(language: str) -> None:
    invoice = dataclasses.replace(
        INVOICE, payment_terms="60 jours", due_date=date(2026, 3, 31), payment_terms_details=TERMS
    )
    payment = invoice_view(invoice, locale=language).payment
    assert len({section.title for section in payment}) == len(payment) == 5
    assert [section.key for section in payment] == [
        "Invoice.payment_terms",
        "PaymentTerms.discounts",
        "PaymentTerms.discounts",
        "PaymentTerms.penalties",
        "Invoice.payment_terms",
    ]
    said = [section.fields[0].text for section in payment[1:4]]
    assert tuple(" ".join(text.replace(".", "").split()) for text in said) == tuple(
        text.replace(".", "") for text in SENTENCES[language]
    )
    first, last = payment[0], payment[-1]
    assert [field.key for field in first.fields] == [
        "Invoice.due_date",
        "Invoice.payment_terms",
        "PaymentTerms.partial_amount",
    ]
    assert [field.key for field in last.fields] == ["PaymentTerms.text", "PaymentTerms.due_date"]


def test_one_set_of_terms_needs_no_number() -> None:
    invoice = dataclasses.replace(
        INVOICE,
        payment_terms="30 days",
        payment_terms_details=(PaymentTerms(discounts=(condition("10"),)),),
    )
    titles = [section.title for section in invoice_view(invoice, locale="en").payment]
    assert titles == ["Payment terms", "Early payment discount"]


def test_items_of_a_composed_article_are_rows_of_their_own() -> None:
    item = Item(
        name="Kit",
        included=(
            IncludedItem(name="Vis", description="M8", quantity=Quantity(Decimal(4), "H87")),
            IncludedItem(seller_identifier="E-7"),
        ),
        instances=(ItemInstance(batch="B1", serial_number="S1"), ItemInstance(serial_number="S2")),
    )
    line = dataclasses.replace(INVOICE.lines[0], item=item)
    table = invoice_view(dataclasses.replace(INVOICE, lines=(line,)), locale="en").lines
    whole, screw, other = table.rows
    assert [row.level for row in table.rows] == [0, 1, 1]
    assert screw.cells[:3] == ("", "Contains: Vis", "4\u00a0pieces")
    assert screw.cells[3:] == ("", "", "")
    assert [(field.label, field.text) for field in screw.details] == [("", "M8")]
    assert other.cells[1] == "Contains"
    assert [field.text for field in other.details] == ["E-7"]
    pieces = [field.text for field in whole.details if field.key == "Item.instances"]
    assert pieces == ["Batch: B1, Serial number: S1", "Serial number: S2"]


def test_lines_within_lines_stand_beneath_what_they_add_up_to() -> None:
    nested = InvoiceLine(identifier="2", sub_lines=(InvoiceLine(identifier="2.1"),))
    by_reference = (
        InvoiceLine(identifier="3", subtype="GROUP"),
        InvoiceLine(identifier="3.1", parent_line="3"),
        InvoiceLine(identifier="3.1.1", parent_line="3.1"),
    )
    invoice = dataclasses.replace(INVOICE, lines=(*INVOICE.lines, nested, *by_reference))
    rows = invoice_view(invoice, locale="en").lines.rows
    assert [(row.cells[0], row.level, row.is_sum) for row in rows] == [
        ("1", 0, False),
        ("2", 0, True),
        ("2.1", 1, False),
        ("3", 0, True),
        ("3.1", 1, True),
        ("3.1.1", 2, False),
    ]


def test_lines_that_stand_in_each_other_are_all_shown() -> None:
    lines = (
        InvoiceLine(identifier="1", parent_line="2"),
        InvoiceLine(identifier="2", parent_line="1"),
    )
    rows = invoice_view(dataclasses.replace(INVOICE, lines=lines), locale="en").lines.rows
    assert [row.cells[0] for row in rows] == ["1", "2"]


def test_a_document_a_line_refers_to_is_one_text() -> None:
    contract = DocumentReference(
        number="C-7", line="3", issue_date=date(2026, 1, 5), type_code="315"
    )
    line = dataclasses.replace(INVOICE.lines[0], references=LineReferences(contract=contract))
    (row,) = invoice_view(dataclasses.replace(INVOICE, lines=(line,)), locale="en").lines.rows
    (field,) = [one for one in row.details if one.key == "LineReferences.contract"]
    assert field.text == "C-7, Line: 3, Jan 5, 2026, Contract (315)"


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


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Attachment):
        yield from ((f"{path}.file_name", value.file_name), (f"{path}.mime_type", value.mime_type))
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            inner = getattr(value, field.name)
            yield from leaves(inner, f"{type(value).__name__}.{field.name}")
    elif isinstance(value, tuple):
        for one in value:
            yield from leaves(one, path)
    elif value is not None:
        yield path, value


# What readers see in other words: names instead of codes, and what stands for the document.
IN_OTHER_WORDS = {
    "Invoice.kind",
    "Address.country",
    "Item.origin_country",
    "Identifier.scheme",
    "ItemClassification.scheme",
    "Amount.currency",
    "Quantity.unit",
    "PaymentCard.primary_account_number",
    "LineVat.category",
    "AllowanceCharge.vat_category",
    "LogisticsCharge.vat_category",
    "Invoice.is_test",
    "Invoice.is_copy",
    "Attachment.encoded",
}


def plain(text: str) -> str:
    """The text without what languages write differently: spaces, grouping, case."""
    return re.sub(r"[\s\u202f.,'’]", "", text).casefold()


def assert_everything_is_shown(invoice: Invoice, locale: str, name: str) -> int:
    shown = plain("\n".join(view_texts(invoice_view(invoice, locale=locale))))
    words = Localized(locale)
    count = 0
    for path, value in leaves(invoice):
        if path in IN_OTHER_WORDS:
            continue
        if isinstance(value, date):
            text = words.day(value)
        elif isinstance(value, Decimal):
            text = words.number(abs(value))
        elif path == "Invoice.payment_terms" and "#SKONTO#" in value:
            continue
        else:
            text = str(value)
        assert plain(text) in shown, (name, path, value)
        count += 1
    return count


def test_every_leaf_of_every_corpus_invoice_is_shown(cases: list[dict[str, Any]]) -> None:
    checked = 0
    syntaxes = ("ubl-invoice", "ubl-creditnote", "cii-d16b")
    chosen = [case for case in cases if case["syntax"] in syntaxes]
    for number, case in enumerate(chosen[::8]):
        try:
            invoice = read_invoice(parse(case["path"].read_bytes())).invoice
        except XmlRefused:
            continue
        checked += assert_everything_is_shown(invoice, LANGUAGES[number % 4], case["id"])
    assert checked > 10_000


def filled(hint: Any, name: str, depth: int = 0) -> Any:
    """A value of any type the model uses, each leaf told apart by the name of its field."""
    kind, repeats = value_type(hint)
    if repeats:
        if depth > 6:
            return ()
        return (filled(kind, f"{name}1", depth + 1), filled(kind, f"{name}2", depth + 1))
    if kind is Attachment:
        return Attachment(encoded="YWJj", mime_type="text/csv", file_name=f"{name}.csv")
    if dataclasses.is_dataclass(kind):
        assert isinstance(kind, type)
        types = field_types(kind)
        deep = depth > 4
        return kind(
            **{
                field: filled(hint, f"{name}{field}".replace("_", ""), depth + 1)
                for field, hint in types.items()
                if not (deep and dataclasses.is_dataclass(value_type(hint)[0]) and field != "value")
                and not (kind is InvoiceLine and field == "sub_lines" and depth > 2)
            }
        )
    digits = zlib.crc32(name.encode())
    samples: dict[Any, Any] = {
        Decimal: Decimal(digits % 100_000),
        date: date(2000 + digits % 60, 1 + digits % 12, 1 + digits % 28),
        bool: True,
        DocumentKind: DocumentKind.INVOICE,
    }
    return samples.get(kind, f"{name}{digits}")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_leaf_of_the_model_is_shown(language: str) -> None:
    invoice = filled(Invoice, "")
    count = assert_everything_is_shown(invoice, language, "every field")
    assert count > 1_000
