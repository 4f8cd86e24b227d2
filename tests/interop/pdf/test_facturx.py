"""Factur-X files of every profile as veraPDF (PDF/A-3b) and Mustang (PDF and XML) judge them."""

import base64
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import typst

from ubl.facturx import FacturxRefused, OwnPdf, hybrid_pdf
from ubl.formats import FORMATS
from ubl.invoice import write_invoice
from ubl.model import Attachment, DocumentKind, Invoice, SupportingDocument
from ubl.model_json import invoice_from_json
from ubl.totals import complete

AT = datetime(2026, 11, 2, 9, 5, tzinfo=UTC)
SAMPLE = Path(__file__).parents[2] / "ubl" / "facturx" / "invoice.json"
CORPUS = Path(__file__).resolve().parents[4] / "shared" / "corpus"
HYBRIDS = [one.id for one in FORMATS.values() if one.attachment is not None]
LANGUAGES = ("de", "fr", "nl", "en")


def sample(**changed: Any) -> Invoice:
    invoice = invoice_from_json(json.loads(SAMPLE.read_text("utf-8")))
    return complete(replace(invoice, **changed))


def credit_note() -> Invoice:
    return sample(kind=DocumentKind.CREDIT_NOTE, type_code="381", number="2026-0418")


def many_lines() -> Invoice:
    lines = sample().lines
    plain = [replace(line, net_amount=None) for line in lines]
    return sample(lines=tuple(replace(plain[n % 2], identifier=str(n + 1)) for n in range(120)))


def with_attachments() -> Invoice:
    files = (
        ("hours.csv", "text/csv", b"day;hours\n1;8\n"),
        ("plan ü.pdf", "application/pdf", b"%"),
    )
    return sample(
        supporting_documents=tuple(
            SupportingDocument(
                reference=f"T-{number}",
                description="Timesheet",
                attachment=Attachment(
                    encoded=base64.b64encode(content).decode(), mime_type=kind, file_name=name
                ),
            )
            for number, (name, kind, content) in enumerate(files, start=1)
        )
    )


def own_pages() -> bytes:
    fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=True)
    source = b'#set document(title: "Own")\n#set text(font: "DejaVu Sans Mono")\nOur own page'
    made = typst.Compiler(source, font_paths=fonts).compile(format="pdf", timestamp=0)
    assert isinstance(made, bytes)
    return made


CASES: Mapping[str, tuple[Callable[[], Invoice], OwnPdf | None]] = {
    "invoice": (sample, None),
    "credit note": (credit_note, None),
    "120 lines": (many_lines, None),
    "attachments": (with_attachments, None),
    "own pages": (sample, OwnPdf.PAGES),
    "own file beside": (sample, OwnPdf.ATTACHMENT),
}
"""What is asked for, and what becomes of an own PDF."""


def made(format_id: str, name: str, language: str) -> bytes:
    build, own = CASES[name]
    invoice = build()
    wanted = FORMATS[format_id]
    return hybrid_pdf(
        invoice,
        write_invoice(invoice, wanted).xml,
        format=wanted,
        lang=language,
        created_at=AT,
        own_pdf=None if own is None else own_pages(),
        own_pdf_as=own or OwnPdf.PAGES,
    )


@pytest.fixture(scope="module")
def verdicts(judge, tmp_path_factory):
    """Every file of this module, judged in one run."""
    folder = tmp_path_factory.mktemp("facturx")
    hybrid = []
    for number, format_id in enumerate(HYBRIDS):
        for name in CASES:
            file = folder / f"{format_id} {name}.pdf"
            file.write_bytes(made(format_id, name, LANGUAGES[number % len(LANGUAGES)]))
            hybrid.append(file)
    broken = folder / "broken.pdf"
    broken.write_bytes(hybrid[0].read_bytes().replace(b"pdfaid:part>3<", b"pdfaid:part>9<"))
    mislabelled = folder / "mislabelled.pdf"
    wanted = FORMATS["facturx-en16931"]
    mislabelled.write_bytes(
        hybrid_pdf(sample(), b"<invoice/>", format=wanted, lang="en", created_at=AT)
    )
    return judge([broken], [*hybrid, mislabelled])


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("format_id", HYBRIDS)
def test_a_file_of_each_profile_is_archivable_and_valid(format_id, name, verdicts, case):
    file = f"{format_id} {name}.pdf"
    archivable, valid = verdicts[(file, "veraPDF PDF/A-3b")], verdicts[(file, "Mustang")]
    got = f"{archivable.said}, {valid.said}"
    if got != "PDF/A-3b, valid":
        got += f": {archivable.reasons} {errors(valid.reasons)}"
    case(f"Factur-X: {file}", expected="PDF/A-3b, valid", got=got)


def errors(report: str) -> str:
    """What Mustang calls an error, out of its report."""
    return " | ".join(re.findall(r"<error[^>]*>(.*?)</error>", report))[:1500]


def test_the_judges_can_say_no(verdicts, case):
    got = ", ".join(
        (
            verdicts[("broken.pdf", "veraPDF PDF/A-3b")].said,
            verdicts[("mislabelled.pdf", "Mustang")].said,
        )
    )
    case("Factur-X: a wrong claim; no invoice", expected="not PDF/A-3b, invalid", got=got)


def test_every_own_pdf_that_is_taken_is_archivable(judge, tmp_path, case):
    files = sorted(CORPUS.glob("pdf-*/*.pdf"))
    if not files:
        pytest.skip(f"the test corpus is not at {CORPUS}")
    wanted = FORMATS["facturx-en16931"]
    invoice = sample()
    xml = write_invoice(invoice, wanted).xml
    taken = []
    for file in files:
        try:
            content = hybrid_pdf(
                invoice, xml, format=wanted, lang="en", created_at=AT, own_pdf=file.read_bytes()
            )
        except FacturxRefused:
            continue
        taken.append(tmp_path / file.name)
        taken[-1].write_bytes(content)
    found = judge(taken)
    agreed = sum(verdict.said == "PDF/A-3b" for verdict in found.values())
    # Fewer would mean that the check has become stricter than is useful.
    assert len(taken) >= len(files) // 2
    case(
        f"own PDF: taken of {len(files)} of the corpus, PDF/A-3b by veraPDF",
        expected=f"{len(taken)} of {len(taken)}",
        got=f"{agreed} of {len(taken)}",
    )
