"""An invoice as people read it: one view model that every rendition is made from.

Holds titles, labels and formatted texts in reading order, nothing of HTML or PDF. Each field
keeps its label key and its business term, so that a rendition can link findings to it.
"""

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

from ubl.amounts import Amount
from ubl.localized import Localized
from ubl.model import (
    Address,
    Identifier,
    Invoice,
    InvoiceLine,
    ItemAttribute,
    ItemClassification,
    Period,
    Quantity,
    SupportingDocument,
    field_numbers,
)

__all__ = [
    "InvoiceView",
    "ViewAttachment",
    "ViewColumn",
    "ViewField",
    "ViewRow",
    "ViewSection",
    "ViewTable",
    "group_fields",
    "invoice_view",
]

_CODE_LISTS: Final = {
    "Invoice.type_code": "document_type",
    "Invoice.tax_point_code": "tax_point",
    "PaymentInstructions.means_code": "payment_means",
    "AllowanceCharge.vat_category": "vat_category",
    "VatBreakdown.category": "vat_category",
    "LineVat.category": "vat_category",
}
_CURRENCIES: Final = frozenset({"Invoice.currency", "Invoice.vat_accounting_currency"})
_COUNTRIES: Final = frozenset({"Item.origin_country"})
_PERCENTAGES: Final = frozenset(
    {
        "AllowanceCharge.percentage",
        "AllowanceCharge.vat_rate",
        "VatBreakdown.rate",
        "LineVat.rate",
    }
)
_CARD_NUMBER: Final = "PaymentCard.primary_account_number"
_SHOWN_DIGITS: Final = 4
_GROUP: Final = "BG-"


@dataclass(frozen=True, slots=True)
class ViewField:
    """A labelled text. ``key`` is the field of the model, ``term`` its number (BT-n) if any."""

    key: str
    term: str | None
    label: str
    text: str


@dataclass(frozen=True, slots=True)
class ViewSection:
    """Fields under a title, for instance everything about the seller."""

    key: str
    term: str | None
    title: str
    fields: tuple[ViewField, ...]


@dataclass(frozen=True, slots=True)
class ViewColumn:
    """A column of a table; numbers are set flush right."""

    key: str
    label: str
    is_number: bool


@dataclass(frozen=True, slots=True)
class ViewRow:
    """A row: one text for each column, and details to be shown beneath it."""

    cells: tuple[str, ...]
    details: tuple[ViewField, ...] = ()


@dataclass(frozen=True, slots=True)
class ViewTable:
    """A titled table."""

    key: str
    term: str | None
    title: str
    columns: tuple[ViewColumn, ...]
    rows: tuple[ViewRow, ...]


@dataclass(frozen=True, slots=True)
class ViewAttachment:
    """A file inside the invoice; ``index`` is its place in ``Invoice.supporting_documents``."""

    index: int
    file_name: str
    mime_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceView:
    """An invoice in one language, in reading order. Empty parts are left out."""

    language: str
    title: str
    number: str
    header: ViewSection
    sections: tuple[ViewSection, ...]
    lines: ViewTable
    vat_breakdown: ViewTable
    totals: ViewSection
    payment: tuple[ViewSection, ...]
    supporting_documents: tuple[ViewSection, ...]
    attachments: tuple[ViewAttachment, ...]
    notes: tuple[str, ...]


def invoice_view(invoice: Invoice, *, locale: str) -> InvoiceView:
    """Lay out an invoice for people who read ``locale``: en, fr, nl, de, fr_BE and so on.

    Everything the invoice holds appears once. Card numbers show their last digits only.
    Raises LanguageUnknown.
    """
    return _Layout(Localized(locale)).invoice(invoice)


def group_fields(value: Any, group: str, *, words: Localized) -> tuple[ViewField, ...]:
    """Write every field that a group of the model has, for instance of a Seller (BG-4)."""
    return tuple(_Layout(words).fields(value, group))


class _Layout:
    def __init__(self, words: Localized) -> None:
        self.words = words

    def invoice(self, invoice: Invoice) -> InvoiceView:
        title = self.words.code("kind", invoice.kind)
        if invoice.type_code is not None:
            title = self.words.code("document_type", invoice.type_code)
        return InvoiceView(
            language=self.words.language,
            title=title,
            number=invoice.number or "",
            header=ViewSection("Invoice.kind", None, title, tuple(self.header_fields(invoice))),
            sections=tuple(self.sections(invoice)),
            lines=self.lines(invoice),
            vat_breakdown=self.vat_breakdown(invoice),
            totals=self.section("Invoice.totals", "BG-22", invoice.totals),
            payment=tuple(self.section("Invoice.payment", "BG-16", way) for way in invoice.payment),
            supporting_documents=tuple(
                self.section("Invoice.supporting_documents", "BG-24", document)
                for document in invoice.supporting_documents
            ),
            attachments=tuple(_attachments(invoice.supporting_documents)),
            notes=tuple(
                f"{note.subject_code}: {note.text or ''}" if note.subject_code else note.text or ""
                for note in invoice.notes
            ),
        )

    def header_fields(self, invoice: Invoice) -> Iterator[ViewField]:
        """Yield what stands at the top: every plain term of the invoice itself."""
        for name, number in field_numbers(Invoice).items():
            if number is not None and not number.startswith(_GROUP):
                yield from self.field("Invoice", name, number, getattr(invoice, name))
        if invoice.period is not None:
            text = self.period(invoice.period)
            yield ViewField("Invoice.period", "BG-14", self.words.label("Invoice.period"), text)

    def sections(self, invoice: Invoice) -> Iterator[ViewSection]:
        numbers = field_numbers(Invoice)
        for name in ("seller", "buyer", "payee", "tax_representative", "delivery"):
            value = getattr(invoice, name)
            if value is not None:
                yield self.section(f"Invoice.{name}", numbers[name] or "", value)
        for name in ("preceding_invoices", "allowances", "charges"):
            for value in getattr(invoice, name):
                yield self.section(f"Invoice.{name}", numbers[name] or "", value)

    def section(self, key: str, group: str, value: Any) -> ViewSection:
        fields = () if value is None else tuple(self.fields(value, group))
        return ViewSection(key, group, self.words.label(key), fields)

    def fields(self, value: Any, group: str, leave_out: Iterable[str] = ()) -> Iterator[ViewField]:
        """Yield every field of a group that is given, inner groups in their place."""
        model: type = type(value)
        for name, number in field_numbers(model, group).items():
            if name not in leave_out:
                yield from self.field(model.__name__, name, number, getattr(value, name), group)

    def field(
        self, model: str, name: str, number: str | None, value: Any, group: str = ""
    ) -> Iterator[ViewField]:
        key = f"{model}.{name}"
        for one in value if isinstance(value, tuple) else (value,):
            if one is None or one == "":
                continue
            text = self.text(key, one)
            if text is None:
                inner = number if number is not None and number.startswith(_GROUP) else group
                yield from self.fields(one, inner)
            elif text:
                yield ViewField(key, number, self.words.label(key), text)

    def text(self, key: str, value: Any) -> str | None:
        """Write a value in words; None where it is a group with fields of its own."""
        if isinstance(value, str):
            return self.string(key, value)
        if isinstance(value, Decimal) and key in _PERCENTAGES:
            return self.words.percentage(value)
        writers: tuple[tuple[type, Callable[[Any], str]], ...] = (
            (Amount, self.words.amount),
            (Decimal, self.words.number),
            (date, self.words.day),
            (Quantity, self.words.quantity),
            (Period, self.period),
            (Address, self.address),
            (Identifier, _identifier),
            (ItemAttribute, _attribute),
            (ItemClassification, _classification),
        )
        for kind, write in writers:
            if isinstance(value, kind):
                return write(value)
        if hasattr(value, "encoded"):
            return str(value.file_name or "")
        return None

    def string(self, key: str, value: str) -> str:
        if key in _CODE_LISTS:
            name = self.words.code(_CODE_LISTS[key], value)
            return value if name == value else f"{name} ({value})"
        if key in _CURRENCIES:
            return self.words.currency(value)
        if key in _COUNTRIES:
            return self.words.country(value)
        if key == _CARD_NUMBER and len(value) > _SHOWN_DIGITS:
            return "•" * (len(value) - _SHOWN_DIGITS) + value[-_SHOWN_DIGITS:]
        return value

    def period(self, period: Period) -> str:
        """Write a period; an open side is left blank around the dash."""
        days = ("" if day is None else self.words.day(day) for day in (period.start, period.end))
        text = " – ".join(days)
        return "" if text == " – " else text.strip(" ")

    def address(self, address: Address) -> str:
        """Write an address in lines, post code before the city, country by name."""
        country = None if address.country is None else self.words.country(address.country)
        place = " ".join(part for part in (address.post_code, address.city) if part)
        lines = (
            address.line1,
            address.line2,
            address.line3,
            place,
            address.subdivision,
            country,
        )
        return "\n".join(line for line in lines if line)

    def columns(self, *columns: tuple[str, bool]) -> tuple[ViewColumn, ...]:
        return tuple(ViewColumn(key, self.words.label(key), number) for key, number in columns)

    def lines(self, invoice: Invoice) -> ViewTable:
        columns = self.columns(
            ("InvoiceLine.identifier", False),
            ("InvoiceLine.item", False),
            ("InvoiceLine.quantity", True),
            ("Price.net", True),
            ("InvoiceLine.vat", True),
            ("InvoiceLine.net_amount", True),
        )
        rows = tuple(self.line(line) for line in invoice.lines)
        return ViewTable("Invoice.lines", "BG-25", self.words.label("Invoice.lines"), columns, rows)

    def line(self, line: InvoiceLine) -> ViewRow:
        cells = (
            line.identifier or "",
            (line.item.name if line.item else None) or "",
            self.words.quantity(line.quantity) if line.quantity else "",
            self.words.amount(line.price.net) if line.price and line.price.net else "",
            self.vat(line),
            self.words.amount(line.net_amount) if line.net_amount else "",
        )
        return ViewRow(cells, tuple(self.line_details(line)))

    def vat(self, line: InvoiceLine) -> str:
        if line.vat is None:
            return ""
        if line.vat.rate is not None:
            return self.words.percentage(line.vat.rate)
        return self.words.code("vat_category", line.vat.category or "")

    def line_details(self, line: InvoiceLine) -> Iterator[ViewField]:
        """Yield what the columns of a line do not show."""
        shown = ("identifier", "quantity", "net_amount", "item", "price", "vat")
        if line.item is not None:
            yield from self.fields(line.item, "BG-31", ("name",))
        if line.price is not None:
            yield from self.fields(line.price, "BG-29", ("net",))
        if line.vat is not None and line.vat.rate is not None:
            yield from self.fields(line.vat, "BG-30", ("rate",))
        yield from self.fields(line, "BG-25", shown)

    def vat_breakdown(self, invoice: Invoice) -> ViewTable:
        columns = self.columns(
            ("VatBreakdown.category", False),
            ("VatBreakdown.rate", True),
            ("VatBreakdown.taxable_amount", True),
            ("VatBreakdown.tax_amount", True),
        )
        shown = ("category", "rate", "taxable_amount", "tax_amount")
        rows = tuple(
            ViewRow(
                (
                    self.string("VatBreakdown.category", part.category or ""),
                    "" if part.rate is None else self.words.percentage(part.rate),
                    "" if part.taxable_amount is None else self.words.amount(part.taxable_amount),
                    "" if part.tax_amount is None else self.words.amount(part.tax_amount),
                ),
                tuple(self.fields(part, "BG-23", shown)),
            )
            for part in invoice.vat_breakdown
        )
        title = self.words.label("Invoice.vat_breakdown")
        return ViewTable("Invoice.vat_breakdown", "BG-23", title, columns, rows)


def _identifier(identifier: Identifier) -> str:
    return f"{identifier.value} ({identifier.scheme})" if identifier.scheme else identifier.value


def _attribute(attribute: ItemAttribute) -> str:
    return ": ".join(part for part in dataclasses.astuple(attribute) if part)


def _classification(classification: ItemClassification) -> str:
    scheme = " ".join(part for part in (classification.scheme, classification.version) if part)
    return f"{classification.code} ({scheme})" if scheme else classification.code


def _attachments(documents: tuple[SupportingDocument, ...]) -> Iterator[ViewAttachment]:
    for index, document in enumerate(documents):
        if document.attachment is not None:
            yield ViewAttachment(
                index,
                document.attachment.file_name or document.reference or "",
                document.attachment.mime_type or "",
            )
