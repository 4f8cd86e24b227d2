"""This product's side of the comparison of formats: a process that works and measures itself.

Reads lines "task|repeats|path|path of a PDF" on standard input and answers each with one JSON
object: ``seconds`` of processor time of one round, without what a task starts from, and ``size``,
the bytes of the result.
"""

import json
import logging
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Final

from lxml import etree

from ubl.cii.writer import write_cii
from ubl.facturx import hybrid_pdf
from ubl.formats import FORMATS
from ubl.invoice import read_invoice, write_invoice
from ubl.model import Invoice
from ubl.rendition.html import document_html
from ubl.rendition.pdf import render_invoice
from ubl.safexml import parse
from ubl.ubl21.writer import write_ubl
from ubl.view import invoice_view

__all__ = ["TASKS"]

Task = Callable[[bytes, Path], Callable[[], bytes | str | Invoice]]
"""Prepares what a task starts from; the result does the task once and gives what it made."""

_MOMENT: Final = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)


def _read(content: bytes) -> Invoice:
    return read_invoice(parse(content)).invoice


def _reading(content: bytes, _: Path) -> Callable[[], Invoice]:
    return lambda: _read(content)


def _writing(format_id: str) -> Task:
    def prepare(content: bytes, _: Path) -> Callable[[], bytes]:
        invoice, wanted = _read(content), FORMATS[format_id]
        return lambda: write_invoice(invoice, wanted).xml

    return prepare


def _writing_alone(write: Callable[[Invoice], etree._Element]) -> Task:
    def prepare(content: bytes, _: Path) -> Callable[[], bytes]:
        invoice = _read(content)
        return lambda: etree.tostring(
            write(invoice), xml_declaration=True, encoding="UTF-8", pretty_print=True
        )

    return prepare


def _converting(format_id: str) -> Task:
    def prepare(content: bytes, _: Path) -> Callable[[], bytes]:
        wanted = FORMATS[format_id]
        return lambda: write_invoice(_read(content), wanted).xml

    return prepare


def _to_html(content: bytes, _: Path) -> Callable[[], str]:
    return lambda: document_html(invoice_view(_read(content), locale="fr"))


def _to_pdf(content: bytes, _: Path) -> Callable[[], bytes]:
    return lambda: render_invoice(_read(content), locale="fr", created_at=_MOMENT)


def _hybrid(content: bytes, _: Path) -> Callable[[], bytes]:
    invoice, wanted = _read(content), FORMATS["facturx-en16931"]
    return lambda: hybrid_pdf(invoice, content, format=wanted, lang="fr", created_at=_MOMENT)


def _into_pdf(content: bytes, pdf: Path) -> Callable[[], bytes]:
    invoice, wanted, pages = _read(content), FORMATS["facturx-en16931"], pdf.read_bytes()
    return lambda: hybrid_pdf(
        invoice, content, format=wanted, lang="fr", own_pdf=pages, created_at=_MOMENT
    )


TASKS: Final[Mapping[str, Task]] = {
    "read UBL": _reading,
    "read CII": _reading,
    "write UBL": _writing("en16931-ubl"),
    "write CII": _writing("en16931-cii"),
    "write UBL, not read back": _writing_alone(write_ubl),
    "write CII, not read back": _writing_alone(write_cii),
    "UBL to CII": _converting("en16931-cii"),
    "CII to UBL": _converting("en16931-ubl"),
    "render HTML": _to_html,
    "render PDF": _to_pdf,
    "XML into PDF": _into_pdf,
    "Factur-X from data": _hybrid,
}


def _prepared(task: str, path: Path, pdf: Path) -> Callable[[], bytes | str | Invoice]:
    return TASKS[task](path.read_bytes(), pdf)


def main() -> None:
    """Do what is ordered until standard input is closed."""
    # As the gateway does: it warns of the dates of fonts, which nobody here can change.
    logging.getLogger("fontTools").setLevel(logging.ERROR)
    prepared = lru_cache(maxsize=1)(_prepared)
    for line in sys.stdin:
        task, repeats, path, pdf = line.rstrip("\n").split("|")
        once = prepared(task, Path(path), Path(pdf))
        began = time.process_time()
        for _ in range(int(repeats)):
            made = once()
        seconds = (time.process_time() - began) / int(repeats)
        size = 0 if isinstance(made, Invoice) else len(made)
        print(json.dumps({"seconds": seconds, "size": size}), flush=True)


if __name__ == "__main__":
    main()
