"""An invoice as sheets of A4 in PDF/A-3b, set by typst from the view that HTML is made from too.

Typesetting only: what the pages say is the view's. Nothing is fetched and no font of the machine
is used, so the same input gives the same file everywhere. Setting takes computing time, seconds
for thousands of lines: call it in a thread or a worker process.
"""

import dataclasses
import json
from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any, Final

import typst

from ubl.localized import Localized
from ubl.model import Invoice
from ubl.qr import qr_svg
from ubl.rendition.payment_code import payment_code
from ubl.rendition.printable import breakable, printable
from ubl.view import invoice_view
from ubl.view_parts import InvoiceView, ViewField, ViewParty, ViewRow, ViewSection, ViewTable

__all__ = ["PDF_STANDARD", "PdfUnset", "Window", "invoice_pdf", "render_invoice", "window_of"]

PDF_STANDARD: Final = "a-3b"

_WINDOW_RIGHT: Final = frozenset({"BE", "FR", "LU", "MC"})
_MAIN_COLUMNS: Final = ("InvoiceLine.item", "Item.name", "AllowanceCharge.reason")
# Characters that fit beside the name of the item at the size the tables are set in.
_ROOM: Final = 62
_FIRST_NOTES: Final = 300
_SHORT: Final = 60
_MEASURED: Final = 5


class PdfUnset(ValueError):
    """The typesetter could not set the pages. ``code`` is stable: PDF-UNSET."""

    code = "PDF-UNSET"


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
    """Set a view as A4 pages in PDF/A-3b.

    ``payment_code`` is the payload of a payment QR code (EPC069-12). ``created_at`` is
    timezone-aware. A character that no font here has is printed as a box, and the page says so.
    Raises PdfUnset.
    """
    content, missing = printable(_content(view, window, enclosed=enclosed))
    content = breakable(content)
    content["unprintable"] = missing
    content["metadata"] = {"title": f"{view.title} {view.number}", "author": content["author"]}
    # The compiler is not shared: it may only be used by one thread at a time, and costs little.
    compiler = typst.Compiler(
        _template(),
        font_paths=_fonts(),
        sys_inputs={
            "content": json.dumps(content, ensure_ascii=False),
            "qr": "" if payment_code is None else qr_svg(payment_code),
        },
    )
    try:
        pdf = compiler.compile(
            format="pdf", pdf_standards=[PDF_STANDARD], timestamp=int(created_at.timestamp())
        )
    except typst.TypstError as error:
        raise PdfUnset(f"The invoice cannot be set as pages: {error.message}.") from None
    if not isinstance(pdf, bytes):
        raise PdfUnset("The typesetter gave no document.")
    return pdf


@cache
def _template() -> bytes:
    return resources.files("ubl.rendition").joinpath("templates", "invoice.typ").read_bytes()


@cache
def _fonts() -> typst.Fonts:
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=True)


def _content(view: InvoiceView, window: Window, *, enclosed: bool) -> dict[str, Any]:
    """Lay the view out for the template: what stands where."""
    label = Localized(view.language).label
    seller = view.seller or _nobody()
    buyer = view.buyer or _nobody()
    totals = tuple(field for field in view.totals.fields if field != view.due)
    return {
        "language": view.language,
        "window": window,
        "title": view.title,
        "number": view.number,
        "author": seller.name,
        "seller": _party(seller),
        "buyer": _party(buyer),
        "return_line": _return_line(seller),
        "facts": _section(view.facts),
        "references": _section(view.references),
        "parties": [_party(party) for party in view.parties],
        "details": [_party(party) for party in _details(view)],
        "notes": _notes(view.notes),
        "lines": _table(view.lines),
        "adjustments": _table(view.adjustments),
        "vat_breakdown": _table(view.vat_breakdown),
        "totals": _section(dataclasses.replace(view.totals, fields=totals)),
        "due": None if view.due is None else _field(view.due),
        "payment": [_section(section) for section in view.payment if section.fields],
        "groups": list(_groups(view)),
        "technical": _section(view.technical),
        "enclosed": label("Rendition.enclosed") if enclosed else "",
        "words": {
            "page": label("Rendition.page_of"),
            "scan_to_pay": label("Rendition.scan_to_pay"),
            "unprintable": label("Rendition.unprintable"),
        },
    }


def _nobody() -> ViewParty:
    return ViewParty("", None, "", "", "", ())


def _field(field: ViewField) -> dict[str, str]:
    return {"label": field.label, "text": field.text}


def _fields(fields: tuple[ViewField, ...]) -> list[dict[str, str]]:
    return [_field(field) for field in fields]


def _section(section: ViewSection) -> dict[str, Any]:
    return {"title": section.title, "fields": _fields(section.fields)}


def _party(party: ViewParty) -> dict[str, Any]:
    return {
        "title": party.title,
        "name": party.name,
        "address": party.address,
        "fields": _fields(party.fields),
    }


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
    """A table with the column that takes the room that is left, and details beneath it.

    Where the other columns hold more than a sheet has room for, ``narrow`` lets all of them
    break.
    """
    keys = [column.key for column in table.columns]
    main = next((keys.index(key) for key in _MAIN_COLUMNS if key in keys), 0)
    widest = [
        sorted({row.cells[index] for row in table.rows}, key=len)[-_MEASURED:]
        for index in range(len(keys))
    ]
    room = sum(len(texts[-1]) for index, texts in enumerate(widest) if texts and index != main)
    return {
        "title": table.title,
        "columns": [
            {"label": column.label, "is_number": column.is_number, "widest": texts}
            for column, texts in zip(table.columns, widest, strict=True)
        ],
        "rows": [
            {"cells": row.cells, "details": _details_of(row), "level": row.level}
            for row in table.rows
        ],
        "main": main,
        "narrow": room > _ROOM,
    }


def _details_of(row: ViewRow) -> list[str]:
    """Short details of a row in one run, long ones apart, in lines."""
    said = [f"{field.label}: {field.text}" for field in row.details]
    short = [text for text in said if len(text) <= _SHORT and "\n" not in text]
    long = [line for text in said if text not in short for line in text.split("\n")]
    return [*long, "\u00a0· ".join(short)] if short else long


def _groups(view: InvoiceView) -> Iterator[dict[str, Any]]:
    """Sections of one title together: earlier invoices, extensions, supporting documents."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for section in (*view.sections, *view.supporting_documents):
        if section.fields:
            groups.setdefault(section.title, []).append({"fields": _fields(section.fields)})
    for title, sections in groups.items():
        yield {"title": title, "sections": sections}
