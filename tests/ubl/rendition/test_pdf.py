"""Invoices as sheets: the texts of the view, all of them, in every language."""

import io
import json
import re
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pikepdf
import pytest
from lxml import html
from pypdf import PdfReader

from schematron.pdf import read
from ubl.invoice import read_invoice
from ubl.localized import LANGUAGES
from ubl.model import Address, DocumentKind, Invoice, Note, Seller
from ubl.model_json import invoice_from_json
from ubl.rendition import typesetting
from ubl.rendition.fonts import NO_FONTS, script_fonts
from ubl.rendition.html import document_html
from ubl.rendition.payment_code import payment_code
from ubl.rendition.pdf import PdfUnset, Window, invoice_pdf, render_invoice, window_of
from ubl.safexml import parse
from ubl.totals import complete
from ubl.view import invoice_view, view_texts

AT = datetime(2026, 11, 2, 9, 5, tzinfo=UTC)
SAMPLE = Path(__file__).parents[1] / "facturx" / "invoice.json"


@pytest.fixture(scope="module")
def invoice() -> Invoice:
    return complete(invoice_from_json(json.loads(SAMPLE.read_text("utf-8"))))


def squeezed(text: str) -> str:
    """Without white space and marks, which breaking lines changes."""
    return re.sub(r"[\s\u200b\u00ad]", "", text)


def pages(pdf: bytes) -> list[str]:
    return [squeezed(page.extract_text()) for page in PdfReader(io.BytesIO(pdf)).pages]


def text_of(pdf: bytes) -> str:
    return "".join(pages(pdf))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_sheets_say_what_the_page_says(language: str, invoice: Invoice) -> None:
    view = invoice_view(invoice, locale=language)
    on_paper = text_of(invoice_pdf(view, payment_code=None, created_at=AT))
    on_screen = squeezed(html.document_fromstring(document_html(view)).text_content())
    texts = [squeezed(line) for text in view_texts(view) for line in text.split("\n")]
    assert len(texts) > 50
    assert [text for text in texts if text not in on_paper] == []
    assert [text for text in texts if text not in on_screen] == []


@pytest.mark.parametrize("name", ["xrechnung-testsuite", "peppol-examples"])
def test_nothing_of_a_real_document_is_missing_on_paper(name: str) -> None:
    folder = Path(__file__).resolve().parents[4] / "shared" / "corpus" / name
    files = sorted(folder.glob("*.xml"))[::4]
    if not files:
        pytest.skip(f"the test corpus is not at {folder}")
    for file in files:
        document = replace(read_invoice(parse(file.read_bytes())).invoice, notes=())
        pdf = render_invoice(document, locale="fr", created_at=AT)
        # What runs from one sheet to the next has the foot and the head of the sheets between.
        on_paper = text_of(pdf)
        view = invoice_view(document, locale="fr")
        texts = [squeezed(line) for text in view_texts(view) for line in text.split("\n")]
        assert [text for text in texts if text not in on_paper] == [], file.name


def test_the_file_claims_pdf_a_3b_and_names_itself(invoice: Invoice) -> None:
    pdf = render_invoice(invoice, locale="nl", created_at=AT)
    xmp = read(pdf).xmp
    assert xmp is not None
    assert (xmp.part, xmp.conformance, xmp.level) == ("3", "B", None)
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        assert str(opened.docinfo["/Title"]) == "Factuur 2026-0417"
        assert str(opened.docinfo["/Author"]) == "Nordwind Werkzeuge GmbH"
        assert str(opened.Root["/Lang"]) == "nl"


def test_the_same_invoice_gives_the_same_file(invoice: Invoice) -> None:
    first, second = (render_invoice(invoice, locale="fr_BE", created_at=AT) for _ in range(2))
    assert first == second


def test_the_code_on_paper_can_be_scanned(invoice: Invoice, tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image", reason="NOT CHECKED: pillow is not installed")
    decode = scanner()
    pdf = tmp_path / "invoice.pdf"
    pdf.write_bytes(render_invoice(invoice, locale="de", created_at=AT))
    sheet = rasterised(pdf)
    found = [bytes(code.data).decode() for code in decode(image.open(sheet))]
    assert found == [payment_code(invoice)]


def scanner():
    try:
        from pyzbar.pyzbar import decode
    except ImportError as error:
        pytest.skip(f"NOT CHECKED: no scanner (PyPI pyzbar with Debian's libzbar0): {error}")
    return decode


def rasterised(pdf: Path) -> Path:
    if shutil.which("pdftoppm") is None:
        pytest.skip("NOT CHECKED: pdftoppm (Debian's poppler-utils) is not on PATH")
    target = pdf.with_suffix("")
    command = ["pdftoppm", "-r", "110", "-png", "-f", "1", "-l", "1", "-singlefile"]
    subprocess.run([*command, str(pdf), str(target)], check=True, capture_output=True)
    return target.with_suffix(".png")


def test_a_credit_note_asks_for_nothing(invoice: Invoice) -> None:
    credit = replace(invoice, kind=DocumentKind.CREDIT_NOTE, type_code="381")
    said = text_of(render_invoice(credit, locale="en", created_at=AT))
    assert "Creditnote2026-0417" in said
    assert "Scantopay" not in said
    assert "Scantopay" in text_of(render_invoice(invoice, locale="en", created_at=AT))


def test_every_sheet_of_a_long_table_has_its_head_and_its_number(invoice: Invoice) -> None:
    lines = tuple(
        replace(invoice.lines[number % 2], identifier=f"L{number}") for number in range(150)
    )
    said = pages(render_invoice(replace(invoice, lines=lines), locale="en", created_at=AT))
    assert len(said) >= 4
    for number, page in enumerate(said, start=1):
        assert f"Page{number}of{len(said)}" in page
        if re.search(r"L\d+(Hobelbank|Leinöl)", page):
            assert "NetpriceVATNetamount" in page
    assert all(f"L{number}" in "".join(said) for number in range(150))


def test_words_of_a_user_are_never_markup(invoice: Invoice) -> None:
    hostile = '#panic("x") $a^2$ *b* \\ <label> @ref `raw` #include "/etc/passwd" // end'
    changed = replace(
        invoice,
        number='#"1"',
        notes=(Note(text=hostile),),
        seller=replace(invoice.seller or Seller(), name='=Head #let "x"'),
    )
    said = text_of(render_invoice(changed, locale="en", created_at=AT))
    for text in (hostile, '#"1"', '=Head #let "x"'):
        assert squeezed(text) in said


def test_what_no_font_has_is_a_box_and_the_sheet_says_so(
    invoice: Invoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(typesetting, "script_fonts", lambda: NO_FONTS)
    said = text_of(render_invoice(replace(invoice, project="株式会社"), locale="en", created_at=AT))
    assert "▯▯▯▯" in said
    assert "cannotbeprintedhere" in said
    assert "cannotbeprintedhere" not in text_of(render_invoice(invoice, locale="en", created_at=AT))


@pytest.mark.skipif(not script_fonts().folders, reason="the extra 'scripts' is not installed")
@pytest.mark.parametrize(
    "text",
    ["株式会社", "カタカナ", "한국어", "中文测试", "ราคา", "ქართული", "Հայերեն", "☎"],
)
def test_other_scripts_are_printed(invoice: Invoice, text: str) -> None:
    changed = replace(invoice, project=text, notes=(Note(text=f"{text} 📦\ufe0f"),))
    said = text_of(render_invoice(changed, locale="fr", created_at=AT))
    assert said.count(text) == 2
    assert "📦" in said
    assert "▯" not in said


@pytest.mark.skipif(not script_fonts().folders, reason="the extra 'scripts' is not installed")
@pytest.mark.parametrize("text", ["فاتورة رقم", "חשבונית", "हिन्दी", "বাংলা", "தமிழ்"])
def test_scripts_that_shape_their_letters_are_printed(invoice: Invoice, text: str) -> None:
    pdf = render_invoice(replace(invoice, project=text), locale="fr", created_at=AT)
    said = text_of(pdf)
    assert "▯" not in said
    assert set(re.sub(r"\W", "", text)) & set(said)


def test_amounts_and_words_without_end_do_not_break_the_sheet(invoice: Invoice) -> None:
    line = replace(
        invoice.lines[0],
        identifier="9" * 60,
        item=replace(invoice.lines[0].item, name="W" * 400, description="word " * 2000),
    )
    changed = replace(invoice, number="N" * 200, lines=(line,))
    said = text_of(render_invoice(changed, locale="de", created_at=AT))
    assert "9" * 60 in said
    assert squeezed("word " * 30) in said


@pytest.mark.parametrize("text", ["\n" * 3_100_000, "W" * 3_700_000], ids=["lines", "word"])
def test_texts_nobody_could_wait_for_are_refused_at_once(invoice: Invoice, text: str) -> None:
    noted = replace(invoice, notes=(Note(text=f"a{text}b"),))
    with pytest.raises(PdfUnset, match="too long"):
        render_invoice(noted, locale="en", created_at=AT)


def test_an_invoice_with_nothing_in_it_can_be_set() -> None:
    pdf = render_invoice(Invoice(kind=DocumentKind.INVOICE), locale="en", created_at=AT)
    assert len(pages(pdf)) == 1


def test_the_window_is_where_the_sellers_envelopes_have_it(invoice: Invoice) -> None:
    assert window_of("FR") is window_of("BE") is Window.RIGHT
    assert window_of("DE") is window_of("NL") is window_of(None) is Window.LEFT
    french = replace(invoice, seller=replace(invoice.seller, address=Address(country="FR")))
    assert left_edge(render_invoice(invoice, locale="en", created_at=AT)) < 200
    assert left_edge(render_invoice(french, locale="en", created_at=AT)) > 250


def left_edge(pdf: bytes) -> float:
    """Where the buyer's name begins, in points from the left edge of the sheet."""
    found: list[float] = []

    def visit(text: str, placed: list[float], within: list[float], *_: object) -> None:
        if "Atelier du Rivage SARL" in text:
            found.append(placed[4] + within[4])

    PdfReader(io.BytesIO(pdf)).pages[0].extract_text(visitor_text=visit)
    return found[0]


def test_text_from_right_to_left_starts_at_the_right(invoice: Invoice) -> None:
    if not script_fonts().families:
        pytest.skip("the fonts of the extra scripts are not installed")
    hebrew, latin = "משלוח חינם", "Frei Haus"
    said = replace(invoice, notes=(Note(text=f"{hebrew}\n{latin}"),))
    view = invoice_view(said, locale="en")
    pdf = invoice_pdf(view, payment_code=None, created_at=AT)
    places: dict[str, float] = {}

    def see(text: str, place: list[float], *_: object) -> None:
        places.setdefault(text.strip(), place[4])

    page = PdfReader(io.BytesIO(pdf)).pages[0]
    page.extract_text(visitor_text=see)
    middle = float(page.mediabox.width) / 2
    assert places[latin] < middle < places[hebrew.rpartition(" ")[2]]
    shown = html.document_fromstring(document_html(view))
    assert shown.xpath("//section[@class='notes']//span[@class='lines']/@dir") == ["auto"]
