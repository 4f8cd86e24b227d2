"""An invoice as accessible sheets of A4 in PDF/A-3b, from the view that HTML is made from too.

Decides what stands where; what the pages say is the view's. Setting takes computing time, seconds
for thousands of lines: call it in a thread or a worker process.
"""

import dataclasses
from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from ubl.localized import Localized
from ubl.model import Invoice
from ubl.qr import qr_svg
from ubl.rendition.payment_code import payment_code
from ubl.rendition.typesetting import (
    PdfUnset,
    Row,
    set_field,
    set_fields,
    set_party,
    set_section,
    set_table,
    typeset,
)
from ubl.view import invoice_view
from ubl.view_parts import InvoiceView, ViewField, ViewParty, ViewTable

__all__ = ["PdfUnset", "Window", "invoice_pdf", "render_invoice", "window_of"]

_WINDOW_RIGHT: Final = frozenset({"BE", "FR", "LU", "MC"})
_FIRST_NOTES: Final = 300


class Window(StrEnum):
    """Where an envelope of the seller's country shows the address."""

    LEFT = "left"
    RIGHT = "right"


def window_of(country: str | None) -> Window:
    """Tell where envelopes of a country (ISO 3166-1 alpha-2) have their window."""
    return Window.RIGHT if country in _WINDOW_RIGHT else Window.LEFT


def render_invoice(
    invoice: Invoice, *, locale: str, created_at: datetime, enclosed: bool = False
) -> bytes:
    """Set an invoice for readers of ``locale``, with a code to pay by where it can be paid so.

    ``created_at`` is timezone-aware; ``enclosed`` prints that the file holds the electronic
    invoice. Raises LanguageUnknown and PdfUnset.
    """
    seller = invoice.seller
    country = seller.address.country if seller and seller.address else None
    return invoice_pdf(
        invoice_view(invoice, locale=locale),
        window=window_of(country),
        payment_code=payment_code(invoice),
        created_at=created_at,
        enclosed=enclosed,
    )


def invoice_pdf(
    view: InvoiceView,
    *,
    payment_code: str | None,
    created_at: datetime,
    window: Window = Window.LEFT,
    enclosed: bool = False,
) -> bytes:
    """Set a view as A4 pages in PDF/A-3b and PDF/UA-1.

    ``payment_code`` is the payload of a payment QR code (EPC069-12). ``created_at`` is
    timezone-aware. A character that no font here has is printed as a box, and the page says so.
    Raises PdfUnset.
    """
    return typeset(
        "invoice.typ",
        _content(view, window, enclosed=enclosed),
        language=view.language,
        created_at=created_at,
        qr="" if payment_code is None else qr_svg(payment_code),
    )


def _content(view: InvoiceView, window: Window, *, enclosed: bool) -> dict[str, Any]:
    """Lay the view out for the template: what stands where."""
    label = Localized(view.language).label
    seller = view.seller or _nobody()
    buyer = view.buyer or _nobody()
    totals = tuple(field for field in view.totals.fields if field != view.due)
    return {
        "window": window,
        "title": view.title,
        "number": view.number,
        "author": seller.name,
        "seller": set_party(seller),
        "buyer": set_party(buyer),
        "return_line": _return_line(seller),
        "facts": set_section(view.facts),
        "references": set_section(view.references),
        "parties": [set_party(party) for party in view.parties],
        "details": [set_party(party) for party in _details(view)],
        "notes": _notes(view.notes),
        "lines": _table(view.lines),
        "adjustments": _table(view.adjustments),
        "vat_breakdown": _table(view.vat_breakdown),
        "totals": set_section(dataclasses.replace(view.totals, fields=totals)),
        "due": None if view.due is None else set_field(view.due),
        "payment": [set_section(section) for section in view.payment if section.fields],
        "groups": list(_groups(view)),
        "technical": set_section(view.technical),
        "enclosed": label("Rendition.enclosed") if enclosed else "",
    }


def _nobody() -> ViewParty:
    return ViewParty("", None, "", "", "", ())


def _details(view: InvoiceView) -> Iterator[ViewParty]:
    """Seller and buyer with what letterhead and address leave out."""
    for party in (view.seller, view.buyer):
        if party is not None and party.fields:
            yield dataclasses.replace(party, name="", address="")


def _return_line(seller: ViewParty) -> str:
    return " · ".join(part for part in (seller.name, *seller.address.split("\n")) if part)


def _notes(notes: tuple[ViewField, ...]) -> list[dict[str, Any]]:
    """A note or two stand before the lines, where they are seen; more of them after everything."""
    first = sum(len(note.text) for note in notes) <= _FIRST_NOTES and len(notes) <= 2
    return [{"label": note.label, "text": note.text, "first": first} for note in notes]


def _table(table: ViewTable) -> dict[str, Any]:
    rows = [Row(row.cells, row.details, row.level, row.is_sum) for row in table.rows]
    return set_table(table.title, table.columns, rows)


def _groups(view: InvoiceView) -> Iterator[dict[str, Any]]:
    """Sections of one title together: earlier invoices, extensions, supporting documents."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for section in (*view.sections, *view.supporting_documents):
        if section.fields:
            groups.setdefault(section.title, []).append({"fields": set_fields(section.fields)})
    for title, sections in groups.items():
        yield {"title": title, "sections": sections}
