"""Certain faults of PDF/A-3: each found where it is made, none where veraPDF finds none."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pikepdf
import pytest

from schematron import pdf
from schematron.pdfform import CHECKS, Fault, faults
from schematron.texts import LANGUAGES, require

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus"
# What veraPDF 1.28 says of the corpus as PDF/A-3b; all other PDFs that claim part 3 conform.
NOT_CONFORMING = {"library_src_test_resources_ZTESTZUGFERD_1_INVDSS_012015738820PDF-1.pdf"}
Breaker = Callable[[pikepdf.Pdf], Any]


def made(content: bytes = b"", *, embedded: bool = True) -> pikepdf.Pdf:
    """A PDF of one page with one font and one attached file, right in what is looked at."""
    document = pikepdf.new()
    document.add_blank_page()
    descriptor = pikepdf.Dictionary(Type=pikepdf.Name.FontDescriptor)
    if embedded:
        descriptor.FontFile2 = document.make_stream(b"glyphs")
    font = pikepdf.Dictionary(
        Type=pikepdf.Name.Font,
        Subtype=pikepdf.Name.TrueType,
        BaseFont=pikepdf.Name("/Ours"),
        FontDescriptor=descriptor,
    )
    page = document.pages[0].obj
    page.Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(F1=font))
    page.Contents = document.make_stream(content)
    stream = document.make_stream(b"<a/>", Subtype=pikepdf.Name("/text/xml"))
    spec = pikepdf.Dictionary(F="a.xml", UF="a.xml", EF=pikepdf.Dictionary(F=stream))
    document.Root.AF = pikepdf.Array([document.make_indirect(spec)])
    document.trailer.ID = pikepdf.Array([pikepdf.String("a"), pikepdf.String("a")])
    return document


def test_a_file_without_fault_has_none() -> None:
    assert faults(made(b"BT /F1 9 Tf (a) Tj ET")) == ()


def _on_page(document: pikepdf.Pdf, kind: str) -> None:
    action = pikepdf.Dictionary(S=pikepdf.Name(f"/{kind}"))
    document.pages[0].obj.Annots = pikepdf.Array([pikepdf.Dictionary(A=action)])


BREAKERS: tuple[tuple[Breaker, Fault], ...] = (
    (lambda one: one.trailer.__delitem__("/ID"), Fault("PDF-A-ID")),
    (lambda one: setattr(one.Root, "AA", pikepdf.Dictionary()), Fault("PDF-A-TRIGGER")),
    (
        lambda one: setattr(one.pages[0].obj, "AA", pikepdf.Dictionary()),
        Fault("PDF-A-TRIGGER"),
    ),
    (lambda one: _on_page(one, "Launch"), Fault("PDF-A-ACTION", "Launch")),
    (
        lambda one: setattr(one.Root, "OpenAction", pikepdf.Dictionary(S=pikepdf.Name.JavaScript)),
        Fault("PDF-A-ACTION", "JavaScript"),
    ),
    (
        lambda one: setattr(one.Root, "AcroForm", pikepdf.Dictionary(NeedAppearances=True)),
        Fault("PDF-A-FORM", "NeedAppearances"),
    ),
    (
        lambda one: setattr(one.Root, "AcroForm", pikepdf.Dictionary(XFA="x")),
        Fault("PDF-A-FORM", "XFA"),
    ),
    (lambda one: one.Root.AF[0].__delitem__("/F"), Fault("PDF-A-FILE-NAME", "a.xml")),
    (
        lambda one: one.Root.AF[0].EF.F.__delitem__("/Subtype"),
        Fault("PDF-A-FILE-TYPE", "a.xml"),
    ),
)


@pytest.mark.parametrize(("breaker", "fault"), BREAKERS)
def test_each_fault_is_found(breaker: Breaker, fault: Fault) -> None:
    document = made()
    breaker(document)
    assert faults(document) == (fault,)


def test_links_that_only_lead_somewhere_are_none() -> None:
    document = made()
    _on_page(document, "URI")
    assert faults(document) == ()


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"BT /F1 9 Tf (a) Tj ET", True),
        (b"BT /F1 9 Tf [(a)] TJ ET", True),
        (b"q BT /F1 9 Tf ET Q BT (a) Tj ET", False),
        (b"BT /F1 9 Tf ET", False),
        (b"BT /F1 9 Tf 3 Tr (a) Tj ET", False),
        (b"BT /F1 9 Tf /G1 gs (a) Tj ET", False),
        (b"BT /F2 9 Tf (a) Tj ET", False),
    ],
)
def test_a_font_counts_only_where_it_shows_text(content: bytes, found: bool) -> None:
    assert faults(made(content, embedded=False)) == (
        (Fault("PDF-A-FONT", "Ours"),) if found else ()
    )


def test_fonts_drawn_by_the_file_or_made_of_others_are_looked_into() -> None:
    document = made(b"BT /F1 9 Tf (a) Tj ET", embedded=False)
    font = document.pages[0].obj.Resources.Font.F1
    font.Subtype = pikepdf.Name.Type3
    assert faults(document) == ()
    below = pikepdf.Dictionary(
        Subtype=pikepdf.Name.CIDFontType2, FontDescriptor=font.FontDescriptor
    )
    font.Subtype, font.DescendantFonts = pikepdf.Name.Type0, pikepdf.Array([below])
    assert faults(document) == (Fault("PDF-A-FONT", "Ours"),)


def test_a_page_tree_in_a_circle_comes_to_an_end() -> None:
    document = made()
    top = document.Root.Pages
    top.Kids = pikepdf.Array([top, *list(top.Kids)])
    assert faults(document) == ()


def test_content_that_cannot_be_followed_decides_nothing() -> None:
    document, out = made(b"BT /F1 Tf (a) Tj ET 9 Tr", embedded=False), io.BytesIO()
    document.pages[0].obj.Contents = document.make_stream(b"BT Tf (a) Tj ET")
    document.save(out)
    assert pdf.read(out.getvalue()).faults is None


def test_every_fault_is_worded_in_every_language() -> None:
    for lang in LANGUAGES:
        for code in (*CHECKS, "PDF-A-LEVEL"):
            text = require(code, lang=lang, said="x")
            assert text.message
            assert text.hint


@pytest.mark.skipif(not CORPUS.is_dir(), reason="NOT CHECKED: needs ../shared/corpus")
def test_no_conforming_pdf_of_the_corpus_has_a_fault() -> None:
    seen = 0
    for file in sorted(CORPUS.glob("pdf-*/*.pdf")):
        try:
            found = pdf.read(file.read_bytes())
        except pdf.PdfRefused:
            continue
        if found.xmp is not None and found.xmp.part == "3":
            seen += 1
            expected = (Fault("PDF-A-FONT", "Courier"),) if file.name in NOT_CONFORMING else ()
            assert found.faults == expected, file.name
    assert seen > 30
