"""A report as PDF/A-3b by typst, with the report's data inside.

Typesetting only: what the page says is the view's. Nothing is fetched and no font of the machine
is used, so the same input gives the same file everywhere. Setting a page takes computing time
(milliseconds for one page, a second for fifty): call it in a thread or a worker process.
"""

import dataclasses
import json
from bisect import bisect_right
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from importlib import resources
from typing import Any, Final

import typst

from schematron.report.view import ReportView
from schematron.report.words import label, producer

__all__ = ["ATTACHMENT", "REPORT_STANDARD", "render_pdf", "set_printable"]

REPORT_STANDARD: Final = "a-3b"
ATTACHMENT: Final = "report.json"
_MISSING: Final = "\u25af"
_PRINTABLE: Final = (
    *((0x20, 0x7E), (0xA0, 0xAC), (0xAE, 0x377), (0x384, 0x38A), (0x38C, 0x38C), (0x38E, 0x3A1)),
    *((0x3A3, 0x4FF), (0x1E00, 0x1EFF), (0x1F00, 0x1F15), (0x1F20, 0x1F45), (0x1F50, 0x1F57)),
    *((0x1F5F, 0x1F7D), (0x1F80, 0x1FB4), (0x1FB6, 0x1FC4), (0x1FC6, 0x1FD3), (0x1FDD, 0x1FEF)),
    *((0x2010, 0x2027), (0x202F, 0x2040), (0x2074, 0x208E), (0x20A0, 0x20BF), (0x2100, 0x211E)),
    *((0x2126, 0x2151), (0x2153, 0x2184), (0x2190, 0x23FF), (0x2500, 0x25FF)),
)
"""The code points, in ranges, that the typesetter's own fonts can print."""

_STARTS: Final = tuple(first for first, _ in _PRINTABLE)


@cache
def _template() -> bytes:
    return resources.files("schematron.report").joinpath("templates", "report.typ").read_bytes()


@cache
def _fonts() -> typst.Fonts:
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=True)


def render_pdf(view: ReportView, *, report: Mapping[str, Any], created_at: datetime) -> bytes:
    """Set a report as A4 pages in PDF/A-3b.

    ``report`` is the report object the view was made from; it is attached as ``report.json``
    (AFRelationship Data). ``created_at`` is timezone-aware. A character that no font here has is
    printed as a box, and the report says so.
    """
    content, missing = set_printable(dataclasses.asdict(view))
    content["producer"] = label("PRODUCER", lang=view.lang, version=producer())
    content["page"] = label("PAGE", lang=view.lang, page="{page}", pages="{pages}")
    content["enclosed"] = [label("ATTACHED", lang=view.lang, name=ATTACHMENT)]
    if missing:
        content["enclosed"].append(label("UNPRINTABLE", lang=view.lang))
    inputs = {
        "content": json.dumps(content, ensure_ascii=False),
        "data": json.dumps(report, ensure_ascii=False, indent=2),
        "name": ATTACHMENT,
    }
    # The compiler is not shared: it may only be used by one thread at a time, and costs little.
    compiler = typst.Compiler(_template(), font_paths=_fonts(), sys_inputs=inputs)
    pdf = compiler.compile(
        format="pdf", pdf_standards=[REPORT_STANDARD], timestamp=int(created_at.timestamp())
    )
    if not isinstance(pdf, bytes):
        raise TypeError("the typesetter gave several files for one document")
    return pdf


def set_printable(value: Any) -> tuple[Any, bool]:
    """Give a value with every text in it printable by the typesetter, and whether one was not."""
    printed = _Printed()
    return printed.clean(value), printed.missing


class _Printed:
    """Replaces what cannot be printed, and remembers whether anything was."""

    def __init__(self) -> None:
        self.missing = False

    def clean(self, value: Any) -> Any:
        """Give the value with every text in it printable."""
        if isinstance(value, str):
            return value if value.isascii() and value.isprintable() else self._text(value)
        if isinstance(value, Mapping):
            return {key: self.clean(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.clean(item) for item in value]
        return value

    def _text(self, text: str) -> str:
        return "".join(self._character(char) for char in text)

    def _character(self, char: str) -> str:
        if char.isspace():
            return char if char in "\u00a0\u202f" else " "
        code = ord(char)
        index = bisect_right(_STARTS, code) - 1
        if index >= 0 and code <= _PRINTABLE[index][1]:
            return char
        self.missing = True
        return _MISSING
