"""Responses and reminders as sheets of A4 in PDF/A-3b, from the views that HTML is made from too.

A reminder as it came, whoever sent it; the letter a creditor sends of its own is
``reminders.letter``. What the pages say is the view's.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from ubl.localized import Localized
from ubl.reminder_view import ReminderView
from ubl.rendition.typesetting import (
    Row,
    set_field,
    set_party,
    set_section,
    set_table,
    typeset,
)
from ubl.response_view import ResponseView
from ubl.view_parts import ViewSection

__all__ = ["paper_pdf"]


def paper_pdf(view: ReminderView | ResponseView, *, created_at: datetime) -> bytes:
    """Set a response or a reminder as A4 pages in PDF/A-3b and PDF/UA-1.

    ``created_at`` is timezone-aware. A character that no font here has is printed as a box, and
    the page says so. Raises PdfUnset.
    """
    content: dict[str, Any] = {
        "title": view.title,
        "number": view.number,
        "author": "",
        "enclosed": "",
    }
    if isinstance(view, ReminderView):
        content |= {
            "headline": None,
            "parts": list(_reminder(view)),
            "technical": {"title": "", "fields": []},
        }
    else:
        content |= {
            "headline": set_field(view.status),
            "parts": list(_response(view)),
            "technical": set_section(view.technical),
        }
    return typeset("paper.typ", content, language=view.language, created_at=created_at)


def _response(view: ResponseView) -> Iterator[dict[str, Any]]:
    yield from _sections(view.about, view.facts)
    if view.notes:
        yield _texts(Localized(view.language).label("Rendition.notes"), view.notes)
    yield from _sections(*view.reasons)
    if view.parties:
        yield {"kind": "parties", "parties": [set_party(party) for party in view.parties]}


def _reminder(view: ReminderView) -> Iterator[dict[str, Any]]:
    yield from _sections(*view.parties)
    yield from _sections(view.header)
    if view.opening:
        yield _texts("", view.opening)
    if view.lines:
        rows = [Row(row.cells, row.details) for row in view.lines]
        yield {"kind": "table", "table": set_table(view.lines_title, view.columns, rows)}
    yield from _sections(view.charges)
    if view.totals.fields:
        yield {"kind": "sums", "section": set_section(view.totals)}
    yield from _sections(*view.payment)
    if view.links:
        links = tuple(f"{view.link_label}: {one}" for one in view.links)
        yield _texts("" if view.payment else view.payment_title, links)
    if view.closing:
        yield _texts("", view.closing)


def _sections(*sections: ViewSection) -> Iterator[dict[str, Any]]:
    """Sections beside each other; none where none has a field."""
    filled = [set_section(section) for section in sections if section.fields]
    if filled:
        yield {"kind": "sections", "sections": filled}


def _texts(title: str, texts: tuple[str, ...]) -> dict[str, Any]:
    return {"kind": "texts", "title": title, "texts": texts}
