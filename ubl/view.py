"""An invoice as people read it: one view model that every rendition is made from.

Decides what stands where: letterhead, facts, lines, sums, payment. Each field keeps its key and
its business term, so that a rendition can link findings to it. What the model holds and this
layout has no place for follows in the order of the model: nothing is left out.
"""

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any, Final

from ubl.localized import Localized
from ubl.model import (
    FurtherParties,
    Invoice,
    SupportingDocument,
    field_numbers,
)
from ubl.value_text import ValueText, attachment_name, attachment_size
from ubl.view_fields import FieldWriter, group_fields, group_party
from ubl.view_parts import (
    InvoiceView,
    ViewAttachment,
    ViewColumn,
    ViewField,
    ViewParty,
    ViewRow,
    ViewSection,
    ViewTable,
    view_texts,
)
from ubl.view_payment import TERMS, PaymentWriter
from ubl.view_tables import TableWriter

__all__ = [
    "InvoiceView",
    "ViewAttachment",
    "ViewColumn",
    "ViewField",
    "ViewParty",
    "ViewRow",
    "ViewSection",
    "ViewTable",
    "group_fields",
    "group_party",
    "invoice_view",
    "view_texts",
]

_FACTS: Final = (
    "number",
    "issue_date",
    "due_date",
    "period",
    "tax_point_date",
    "tax_point_code",
    "currency",
    "vat_accounting_currency",
)
_TECHNICAL: Final = (
    "type_code",
    "name",
    "is_test",
    "is_copy",
    "languages",
    "specification",
    "business_process",
)
_OWN_PLACES: Final = frozenset(
    {
        *_FACTS,
        *TERMS,
        *_TECHNICAL,
        "kind",
        "seller",
        "buyer",
        "notes",
        "lines",
        "allowances",
        "charges",
        "logistics_charges",
        "vat_breakdown",
        "totals",
        "payment",
        "payment_terms_details",
        "supporting_documents",
    }
)
_PLAIN_TYPES: Final = frozenset({"380", "381"})


def invoice_view(invoice: Invoice, *, locale: str) -> InvoiceView:
    """Lay out an invoice for people who read ``locale``: en, fr, nl, de, fr_BE and so on.

    Everything the invoice holds appears. Card numbers show their last digits only. Raises
    LanguageUnknown.
    """
    return _Layout(FieldWriter(ValueText(Localized(locale), invoice.currency))).invoice(invoice)


@dataclasses.dataclass(slots=True)
class _Others:
    """What has no place of its own."""

    parties: list[ViewParty] = dataclasses.field(default_factory=list)
    sections: list[ViewSection] = dataclasses.field(default_factory=list)
    references: list[ViewField] = dataclasses.field(default_factory=list)


class _Layout:
    def __init__(self, writer: FieldWriter) -> None:
        self.writer = writer
        self.words = writer.words

    def invoice(self, invoice: Invoice) -> InvoiceView:
        others = self.others(invoice)
        tables = TableWriter(self.writer)
        totals = self.writer.section("Invoice.totals", "BG-22", invoice.totals)
        references = self.words.label("Rendition.references")
        return InvoiceView(
            language=self.words.language,
            title=self.title(invoice),
            number=invoice.number or "",
            seller=self.party("Invoice.seller", "BG-4", invoice.seller),
            buyer=self.party("Invoice.buyer", "BG-7", invoice.buyer),
            facts=self.terms("Rendition.facts", invoice, _FACTS),
            references=ViewSection(
                "Rendition.references", None, references, tuple(others.references)
            ),
            parties=tuple(others.parties),
            sections=tuple(others.sections),
            notes=tuple(self.writer.note("Invoice.notes", "BG-1", note) for note in invoice.notes),
            lines=tables.lines(invoice),
            adjustments=tables.adjustments(invoice),
            vat_breakdown=tables.vat_breakdown(invoice),
            totals=totals,
            due=next((one for one in totals.fields if one.key == "DocumentTotals.due"), None),
            payment=tuple(PaymentWriter(self.writer).sections(invoice)),
            supporting_documents=tuple(
                self.writer.section("Invoice.supporting_documents", "BG-24", document)
                for document in invoice.supporting_documents
            ),
            attachments=tuple(_attachments(invoice.supporting_documents)),
            technical=self.terms("Rendition.technical", invoice, _TECHNICAL),
        )

    def title(self, invoice: Invoice) -> str:
        code = invoice.type_code
        if code is None or code in _PLAIN_TYPES:
            return self.words.code("kind", invoice.kind)
        name = self.words.code("document_type", code)
        return self.words.code("kind", invoice.kind) if name == code else name

    def terms(self, key: str, invoice: Invoice, names: Iterable[str]) -> ViewSection:
        """Set chosen terms of the invoice itself under a title."""
        numbers = field_numbers(Invoice)
        fields = tuple(
            field
            for name in names
            for field in self.writer.field("Invoice", name, numbers[name], getattr(invoice, name))
        )
        return ViewSection(key, None, self.words.label(key), fields)

    def party(self, key: str, group: str, value: Any) -> ViewParty | None:
        return None if value is None else self.writer.party(key, group, value)

    def others(self, invoice: Invoice) -> _Others:
        """Set what has no place of its own: parties, other groups, and plain terms."""
        found = _Others()
        for name, number in field_numbers(Invoice).items():
            value = getattr(invoice, name)
            if name not in _OWN_PLACES:
                for one in value if isinstance(value, tuple) else (value,):
                    if one is not None:
                        self.place(found, name, number, one)
        return found

    def place(self, found: _Others, name: str, number: str | None, value: Any) -> None:
        key = f"Invoice.{name}"
        if isinstance(value, FurtherParties):
            for role, group in field_numbers(FurtherParties).items():
                if (party := getattr(value, role)) is not None:
                    found.parties.append(self.writer.party(f"FurtherParties.{role}", group, party))
        elif name == "references" or self.writer.values.text(key, value) is not None:
            found.references.extend(self.writer.field("Invoice", name, number, value))
        elif hasattr(value, "name"):
            found.parties.append(self.writer.party(key, number, value))
        else:
            section = self.writer.section(key, number, value)
            if section.fields:
                found.sections.append(section)


def _attachments(documents: tuple[SupportingDocument, ...]) -> Iterator[ViewAttachment]:
    for index, document in enumerate(documents):
        if document.attachment is not None:
            yield ViewAttachment(
                index,
                attachment_name(document.attachment, document.reference),
                document.attachment.mime_type or "",
                attachment_size(document.attachment),
            )
