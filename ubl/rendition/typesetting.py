"""Pages of PDF/A-3b and PDF/UA-1 by typst, from values of JSON; only this knows the typesetter.

Nothing is fetched and no font of the machine is used, so the same input gives the same file
everywhere. Setting takes computing time, seconds for thousands of lines: call it in a thread or a
worker process.
"""

import dataclasses
import io
import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Final

import pikepdf
import typst

from ubl.localized import Localized
from ubl.rendition.fonts import NO_FONTS, ScriptFonts, script_fonts
from ubl.rendition.printable import breakable, printable
from ubl.view_parts import ViewColumn, ViewField, ViewParty, ViewSection

__all__ = [
    "PDF_STANDARDS",
    "PdfUnset",
    "Row",
    "set_field",
    "set_fields",
    "set_party",
    "set_section",
    "set_table",
    "typeset",
]

PDF_STANDARDS: Final = ("a-3b", "ua-1")
"""Fit to be kept (ISO 19005-3, level B) and to be read aloud (ISO 14289-1)."""

_MAIN_COLUMNS: Final = ("InvoiceLine.item", "Item.name", "AllowanceCharge.reason")
# Characters that fit beside the main column at the size the tables are set in.
_ROOM: Final = 62
_SHORT: Final = 60
_TIGHTER: Final = (0.84, 0.66)
_FEW_PAGES: Final = 4
_MEASURED: Final = 5
# What a line feed and a place to break a word cost, in characters of a table, of which the
# typesetter sets half a million a second.
_LINE: Final = 12
_BREAK: Final = 10
_MOST_EFFORT: Final = 40_000_000
# Hebrew, Arabic and their neighbours, which run from right to left, and their older forms.
_LEFTWARD: Final = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]")


class PdfUnset(ValueError):
    """The typesetter could not set the pages. ``code`` is stable: PDF-UNSET."""

    code = "PDF-UNSET"


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """A row of a table: a text for each column, details beneath, depth within other rows.

    ``is_sum`` marks a row that other rows add up to.
    """

    cells: tuple[str, ...]
    details: tuple[ViewField, ...] = ()
    level: int = 0
    is_sum: bool = False


def typeset(
    template: str, content: Mapping[str, Any], *, language: str, created_at: datetime, qr: str = ""
) -> bytes:
    """Set content by a template as A4 pages in PDF/A-3b and PDF/UA-1.

    ``content`` has ``title``, ``number`` and ``author``, which head the pages, and what else the
    template asks for; ``qr`` is an SVG. ``created_at`` is timezone-aware. What would leave a few
    lines for a last page is set tighter, if a page less holds it then. A character that no font
    here has is printed as a box, and the page says so. Raises PdfUnset, also for texts so long
    that setting them would take minutes.
    """
    label = Localized(language).label
    words = {key: label(f"Rendition.{key}") for key in ("page_of", "scan_to_pay", "unprintable")}
    said = {**content, "words": words, "language": language}
    cleaned, missing = printable(said)
    fonts = NO_FONTS
    if missing:
        fonts = script_fonts()
        cleaned, missing = printable(said, fonts.characters)
    metadata = {"title": f"{cleaned['title']} {cleaned['number']}", "author": cleaned["author"]}
    data = {**breakable(cleaned), "unprintable": missing, "metadata": metadata}
    text = json.dumps(data, ensure_ascii=False)
    _require_bounded(text)
    data["fonts"] = fonts.in_order(text)
    data["leftward"] = _LEFTWARD.search(text) is not None
    at = int(created_at.timestamp())
    pdf = _compiled(template, {**data, "spacing": 1}, qr, at, fonts)
    pages = _pages(pdf)
    if 2 <= pages <= _FEW_PAGES:
        for spacing in _TIGHTER[: 2 if pages == 2 else 1]:
            tighter = _compiled(template, {**data, "spacing": spacing}, qr, at, fonts)
            if _pages(tighter) < pages:
                return tighter
    return pdf


def _require_bounded(content: str) -> None:
    """Refuse what would keep the typesetter busy for minutes; nothing can stop it once it runs."""
    effort = len(content) + _LINE * content.count("\\n") + _BREAK * content.count("\u200b")
    if effort > _MOST_EFFORT:
        raise PdfUnset("The document is too long to be set as pages. Read it as HTML.")


def _compiled(
    template: str, data: Mapping[str, Any], qr: str, at: int, fonts: ScriptFonts
) -> bytes:
    # The compiler is not shared: it may only be used by one thread at a time, and costs little.
    compiler = typst.Compiler(
        _template(template),
        font_paths=_fonts(fonts.folders),
        sys_inputs={"content": json.dumps(data, ensure_ascii=False), "qr": qr},
    )
    try:
        pdf = compiler.compile(format="pdf", pdf_standards=list(PDF_STANDARDS), timestamp=at)
    except typst.TypstError as error:
        raise PdfUnset(f"The document cannot be set as pages: {error.message}.") from None
    if not isinstance(pdf, bytes):
        raise PdfUnset("The typesetter gave no document.")
    return pdf


def _pages(pdf: bytes) -> int:
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        return len(opened.pages)


@cache
def _template(name: str) -> bytes:
    folder = resources.files("ubl.rendition").joinpath("templates")
    return b"\n".join(folder.joinpath(part).read_bytes() for part in ("sheet.typ", name))


@cache
def _fonts(folders: tuple[Path, ...]) -> typst.Fonts:
    return typst.Fonts(
        include_system_fonts=False, include_embedded_fonts=True, font_paths=list(folders)
    )


def set_field(field: ViewField) -> dict[str, str]:
    """A labelled text for a template."""
    return {"label": field.label, "text": field.text}


def set_fields(fields: tuple[ViewField, ...]) -> list[dict[str, str]]:
    """Labelled texts for a template."""
    return [set_field(field) for field in fields]


def set_section(section: ViewSection) -> dict[str, Any]:
    """A titled list of labelled texts for a template."""
    return {"title": section.title, "fields": set_fields(section.fields)}


def set_party(party: ViewParty) -> dict[str, Any]:
    """Somebody who takes part, for a template."""
    return {
        "title": party.title,
        "name": party.name,
        "address": party.address,
        "fields": set_fields(party.fields),
    }


def set_table(title: str, columns: Sequence[ViewColumn], rows: Sequence[Row]) -> dict[str, Any]:
    """A table for a template; the main column takes the room that is left, details beneath.

    Where the other columns hold more than a sheet has room for, ``narrow`` lets all of them
    break. Where no column has room for details, ``across`` lets them run beneath all columns.
    """
    keys = [column.key for column in columns]
    mains = [keys.index(key) for key in _MAIN_COLUMNS if key in keys]
    main = mains[0] if mains else 0
    widest = [
        sorted({row.cells[index] for row in rows}, key=len)[-_MEASURED:]
        for index in range(len(keys))
    ]
    room = sum(len(texts[-1]) for index, texts in enumerate(widest) if texts and index != main)
    return {
        "title": title,
        "columns": [
            {"label": column.label, "is_number": column.is_number, "widest": texts}
            for column, texts in zip(columns, widest, strict=True)
        ],
        "rows": [
            {
                "cells": row.cells,
                "details": _details(row.details),
                "level": row.level,
                "is_sum": row.is_sum,
            }
            for row in rows
        ],
        "main": main,
        "across": not mains,
        "narrow": room > _ROOM,
    }


def _details(fields: tuple[ViewField, ...]) -> list[list[tuple[str, str]]]:
    """Details of a row in lines of labels with texts: long ones apart, short ones in one run."""
    lines: list[list[tuple[str, str]]] = []
    run: list[tuple[str, str]] = []
    for field in fields:
        first, *more = field.text.split("\n")
        if not more and field.label and len(field.label) + len(first) <= _SHORT:
            run.append((field.label, first))
        else:
            lines.extend([[(field.label, first)], *([("", line)] for line in more)])
    return [*lines, run] if run else lines
