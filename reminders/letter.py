"""A reminder as a letter: PDF/A-3b by typst, with the electronic reminder inside.

Typesetting only: what the letter says is the content model's. Nothing is fetched, no font of the
machine is used, so the same input gives the same letter everywhere.
"""

import dataclasses
import json
from datetime import datetime
from functools import cache
from importlib import resources
from typing import Any, Final

import typst
from babel import Locale

from reminders.content import ReminderContent
from ubl.qr import qr_svg

__all__ = ["LETTER_STANDARD", "LetterRefused", "reminder_letter"]

LETTER_STANDARD: Final = "a-3b"


class LetterRefused(ValueError):
    """The letter cannot be set.

    ``code`` is stable: LETTER-CHARACTER (a character that no font here can print) or
    LETTER-TYPESETTING (anything else, with the typesetter's own words).
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@cache
def _template() -> bytes:
    return resources.files("reminders").joinpath("templates", "letter.typ").read_bytes()


@cache
def _fonts() -> typst.Fonts:
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=True)


def reminder_letter(content: ReminderContent, *, ubl: bytes | None, created_at: datetime) -> bytes:
    """Set a reminder as an A4 letter in PDF/A-3b.

    ``ubl`` is the UBL Reminder in UTF-8, attached as ``reminder.xml`` (AFRelationship Data).
    ``created_at`` is timezone-aware. Raises LetterRefused.
    """
    inputs = {
        "content": json.dumps(_data(content), ensure_ascii=False),
        "qr": "" if content.qr is None else qr_svg(content.qr),
        "ubl": "" if ubl is None else ubl.decode("utf-8"),
    }
    # The compiler is not shared: it may only be used by one thread at a time, and costs little.
    compiler = typst.Compiler(_template(), font_paths=_fonts(), sys_inputs=inputs)
    try:
        pdf = compiler.compile(
            format="pdf",
            pdf_standards=[LETTER_STANDARD],
            timestamp=int(created_at.timestamp()),
        )
    except typst.TypstError as error:
        raise _refusal(error) from None
    if not isinstance(pdf, bytes):
        raise LetterRefused("LETTER-TYPESETTING", "The typesetter gave no document.")
    return pdf


def _data(content: ReminderContent) -> dict[str, Any]:
    """Flatten the content for the template."""
    data = dataclasses.asdict(content)
    data["region"] = Locale.parse(content.locale).territory
    data["columns"] = data["lines"]["columns"]
    data["rows"] = [
        {"cells": row.cells, "details": [detail.text for detail in row.details]}
        for row in content.lines.rows
    ]
    return data


def _refusal(error: typst.TypstError) -> LetterRefused:
    if "could not be displayed" in error.message or "font" in error.message:
        return LetterRefused(
            "LETTER-CHARACTER",
            f"A name or text has a character the letter cannot print: {error.message}. "
            "Write it in Latin, Greek or Cyrillic letters.",
        )
    return LetterRefused("LETTER-TYPESETTING", f"The letter cannot be set: {error.message}.")
