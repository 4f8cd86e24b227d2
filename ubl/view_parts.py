"""What a document consists of on paper: labelled texts, sections, parties, tables and files.

Values only, with texts in the reader's language; neither HTML nor PDF, and nothing of what they
were made from.
"""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = [
    "InvoiceView",
    "ViewAttachment",
    "ViewColumn",
    "ViewField",
    "ViewParty",
    "ViewRow",
    "ViewSection",
    "ViewTable",
    "view_texts",
]


@dataclass(frozen=True, slots=True)
class ViewField:
    """A labelled text. ``key`` is the field of the model, ``term`` its number (BT-n) if any."""

    key: str
    term: str | None
    label: str
    text: str


@dataclass(frozen=True, slots=True)
class ViewSection:
    """Fields under a title, for instance one way to pay."""

    key: str
    term: str | None
    title: str
    fields: tuple[ViewField, ...]


@dataclass(frozen=True, slots=True)
class ViewParty:
    """Somebody who takes part: what they are here, name, address in lines, and the rest."""

    key: str
    term: str | None
    title: str
    name: str
    address: str
    fields: tuple[ViewField, ...]


@dataclass(frozen=True, slots=True)
class ViewColumn:
    """A column of a table; numbers are set flush right."""

    key: str
    label: str
    is_number: bool


@dataclass(frozen=True, slots=True)
class ViewRow:
    """A row: one text for each column, and details to be shown beneath it.

    ``level`` is how deep a line stands within other lines, 0 for the lines of the invoice;
    ``is_sum`` marks a line that others stand in, whose amount is theirs.
    """

    cells: tuple[str, ...]
    details: tuple[ViewField, ...] = ()
    level: int = 0
    is_sum: bool = False


@dataclass(frozen=True, slots=True)
class ViewTable:
    """A titled table. Columns that no row fills are left out."""

    key: str
    term: str | None
    title: str
    columns: tuple[ViewColumn, ...]
    rows: tuple[ViewRow, ...]


@dataclass(frozen=True, slots=True)
class ViewAttachment:
    """A file inside the invoice; ``index`` is its place in ``Invoice.supporting_documents``.

    The name is the sender's with nothing but the last part of a path; ``size`` is in bytes.
    """

    index: int
    file_name: str
    mime_type: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceView:
    """An invoice in one language, in reading order. Parts without content are to be left out.

    ``seller`` is the letterhead and ``buyer`` the address; ``due`` repeats the field of
    ``totals`` that is to be set prominently. ``supporting_documents`` stand in the order of the
    invoice, so that an attachment's index finds its section. ``technical`` is small print.
    """

    language: str
    title: str
    number: str
    seller: ViewParty | None
    buyer: ViewParty | None
    facts: ViewSection
    references: ViewSection
    parties: tuple[ViewParty, ...]
    sections: tuple[ViewSection, ...]
    notes: tuple[ViewField, ...]
    lines: ViewTable
    adjustments: ViewTable
    vat_breakdown: ViewTable
    totals: ViewSection
    due: ViewField | None
    payment: tuple[ViewSection, ...]
    supporting_documents: tuple[ViewSection, ...]
    attachments: tuple[ViewAttachment, ...]
    technical: ViewSection


def view_texts(part: object) -> Iterator[str]:
    """List every text a rendition of the view shows, in the order of the view.

    Names and addresses, texts of fields with their labels, cells and titles of what has content.
    """
    if isinstance(part, str):
        yield part
    elif isinstance(part, tuple):
        for inner in part:
            yield from view_texts(inner)
    elif isinstance(part, InvoiceView):
        for field in dataclasses.fields(part):
            if field.name not in ("language", "attachments", "due"):
                yield from view_texts(getattr(part, field.name))
    else:
        yield from view_texts(_shown(part))


def _shown(part: object) -> tuple[object, ...]:
    match part:
        case ViewField():
            return (part.label, part.text)
        case ViewSection() if part.fields:
            return (part.title, part.fields)
        case ViewParty():
            return (part.title, part.name, part.address, part.fields)
        case ViewTable() if part.rows:
            labels = tuple(column.label for column in part.columns)
            return (part.title, labels, part.rows)
        case ViewRow():
            return (part.cells, part.details)
    return ()
