"""Letters: PDF/A-3b that says what the content says and carries the UBL reminder."""

import dataclasses
import hashlib
import io
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path

import pikepdf
import pytest
from pypdf import PdfReader

from reminders.claim import Claim
from reminders.content import ReminderContent, reminder_content
from reminders.document import reminder_document
from reminders.letter import LetterRefused, reminder_letter
from reminders.wording import ReminderTexts
from ubl.localized import LANGUAGES
from ubl.reminder import ReminderType
from ubl.reminder_read import read_reminder
from ubl.reminder_write import write_reminder

MakeClaim = Callable[..., Claim]
CREATED = datetime(2026, 9, 12, 8, 0, tzinfo=UTC)
VERAPDF = Path(__file__).parent / "verapdf"


def letter_of(claim: Claim, locale: str = "fr_FR") -> tuple[ReminderContent, bytes, bytes]:
    content = reminder_content(claim, locale=locale)
    ubl = write_reminder(reminder_document(claim, content))
    return content, ubl, reminder_letter(content, ubl=ubl, created_at=CREATED)


def squeezed(text: str) -> str:
    """Leave out white space, which PDF does not keep, and hyphens put in at line ends."""
    return re.sub(r"[\s\u00ad\u200b-]+", "", text)


def text_of(pdf: bytes) -> str:
    return squeezed("\n".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_letter_says_what_the_content_says(claim: MakeClaim, language: str) -> None:
    content, _, pdf = letter_of(claim(), language)
    said = text_of(pdf)
    for text in content.claim_texts():
        assert squeezed(text) in said
    assert squeezed(content.link or "") in said
    for line in (*content.sender, *content.recipient, content.place_date, content.enclosed):
        assert squeezed(line) in said


def test_the_electronic_reminder_is_inside(claim: MakeClaim) -> None:
    _, ubl, pdf = letter_of(claim())
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        assert list(opened.attachments) == ["reminder.xml"]
        spec = opened.attachments["reminder.xml"]
        assert spec.get_file().read_bytes() == ubl
        assert spec.obj.AFRelationship == "/Data"
        assert spec.obj.EF.F.Subtype == "/application/xml"
        assert [entry.UF for entry in opened.Root.AF] == ["reminder.xml"]
        inside = opened.attachments["reminder.xml"].get_file().read_bytes()
    assert read_reminder(inside).reminder.identifier == "R-2026-0042"


def test_the_file_claims_pdf_a_3b_and_embeds_its_fonts(claim: MakeClaim) -> None:
    _, _, pdf = letter_of(claim())
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        with opened.open_metadata() as metadata:
            assert (metadata["pdfaid:part"], metadata["pdfaid:conformance"]) == ("3", "B")
            assert metadata["dc:title"] == "Rappel de paiement urgent R-2026-0042"
        assert opened.Root.OutputIntents[0].S == "/GTS_PDFA1"
        assert str(opened.Root.Lang).startswith("fr")
        fonts = list(fonts_of(opened))
        assert fonts
        for font in fonts:
            assert {"/FontFile2", "/FontFile3"} & set(font.FontDescriptor.keys())


def fonts_of(opened: pikepdf.Pdf) -> Iterator[pikepdf.Object]:
    for page in opened.pages:
        for font in page.Resources.Font.values():
            yield from font.get("/DescendantFonts", [font])


def test_the_same_reminder_gives_the_same_bytes_in_any_thread(claim: MakeClaim) -> None:
    facts = claim()
    with ThreadPoolExecutor(4) as pool:
        letters = set(pool.map(lambda _: letter_of(facts)[2], range(8)))
    assert len(letters) == 1


def test_without_ubl_nothing_is_attached(claim: MakeClaim) -> None:
    content = reminder_content(claim(), locale="en")
    pdf = reminder_letter(content, ubl=None, created_at=CREATED)
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        assert not opened.attachments
    assert squeezed(content.enclosed) not in text_of(pdf)


def test_what_looks_like_markup_is_printed_as_it_is(claim: MakeClaim) -> None:
    nasty = '#panic("x") *b* _i_ $y$ @z <l> \\ `code` = h // c'
    facts = claim(debtor=dataclasses.replace(claim().debtor, name=nasty))
    content, _, pdf = letter_of(facts)
    assert content.recipient[0] == nasty
    assert squeezed(nasty) in text_of(pdf)


def test_a_character_without_a_glyph_is_refused(claim: MakeClaim) -> None:
    facts = claim(debtor=dataclasses.replace(claim().debtor, name="漢字 株式会社"))
    with pytest.raises(LetterRefused) as caught:
        letter_of(facts)
    assert caught.value.code == "LETTER-CHARACTER"


@pytest.mark.parametrize("name", ["Ελληνική Εταιρεία", "Българска фирма", "Łódź Żółć Ćma ő ß Ñ"])
def test_the_scripts_of_europe_are_printed(claim: MakeClaim, name: str) -> None:
    facts = claim(debtor=dataclasses.replace(claim().debtor, name=name))
    _, _, pdf = letter_of(facts)
    assert squeezed(name) in text_of(pdf)


def test_many_lines_go_on_over_pages_that_say_so(claim: MakeClaim) -> None:
    many = tuple(
        dataclasses.replace(claim().lines[0], number=f"F-{position:04}") for position in range(150)
    )
    content, _, pdf = letter_of(claim(lines=many))
    pages = PdfReader(io.BytesIO(pdf)).pages
    assert len(pages) > 3
    for position, page in enumerate(pages, start=1):
        assert f"{position}/{len(pages)}" in squeezed(page.extract_text())
    said = text_of(pdf)
    assert all(squeezed(row.cells[0]) in said for row in content.lines.rows)
    assert said.count("Émission") >= len(pages) - 1


def test_long_words_and_texts_do_not_break_the_letter(claim: MakeClaim) -> None:
    facts = claim(
        identifier="R" * 60,
        customer_number="7" * 90,
        debtor=dataclasses.replace(claim().debtor, name="Gesellschaft" * 12),
    )
    texts = ReminderTexts(opening="Wort " * 600, closing="x" * 400)
    content = reminder_content(facts, locale="de", texts=texts)
    said = text_of(reminder_letter(content, ubl=None, created_at=CREATED))
    assert "Gesellschaft" in said
    assert "7" * 90 in said


def test_any_locale_with_words_makes_a_letter(claim: MakeClaim) -> None:
    for locale in ("de_Latn_DE", "fr-BE", "en"):
        assert letter_of(claim(), locale)[2].startswith(b"%PDF")


def page_images(pdf: bytes, folder: Path) -> list[Path]:
    if shutil.which("pdftoppm") is None:
        pytest.skip("NOT CHECKED: no pdftoppm (Debian poppler-utils) to draw the page with")
    (folder / "letter.pdf").write_bytes(pdf)
    command = ["pdftoppm", "-r", "150", "-png", "letter.pdf", "page"]
    subprocess.run(command, cwd=folder, check=True, timeout=60, stdin=subprocess.DEVNULL)
    return sorted(folder.glob("page*.png"))


def test_the_printed_code_can_be_scanned(claim: MakeClaim, tmp_path: Path) -> None:
    content, _, pdf = letter_of(claim())
    image = pytest.importorskip("PIL.Image", reason="NOT CHECKED: pillow is not installed")
    try:
        from pyzbar.pyzbar import decode
    except ImportError as error:
        pytest.skip(f"NOT CHECKED: no scanner (PyPI pyzbar with Debian's libzbar0): {error}")
    found = [code for page in page_images(pdf, tmp_path) for code in decode(image.open(page))]
    assert [bytes(code.data).decode() for code in found] == [content.qr]


def verapdf_class_path() -> str:
    """Fetch veraPDF from Maven Central once; the list of its files stays in the user's cache."""
    maven, java = shutil.which("mvn"), shutil.which("java")
    if maven is None or java is None:
        pytest.skip("NOT CHECKED: veraPDF needs java and mvn on PATH")
    pom = (VERAPDF / "pom.xml").read_bytes()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "peppol-gateway-tests" / hashlib.sha256(pom).hexdigest()[:12]
    listed = folder / "classpath"
    if not listed.exists():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "pom.xml").write_bytes(pom)
        goal = ["dependency:build-classpath", f"-Dmdep.outputFile={listed}"]
        done = subprocess.run(
            [maven, "-q", "-B", "-Dstyle.color=never", *goal],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        if done.returncode:
            pytest.skip(f"NOT CHECKED: Maven could not fetch veraPDF: {done.stdout[:300]}")
    return listed.read_text().strip()


@pytest.mark.interop
def test_verapdf_finds_pdf_a_3b_in_every_language(claim: MakeClaim, tmp_path: Path) -> None:
    class_path = verapdf_class_path()
    names = []
    for language in LANGUAGES:
        (tmp_path / f"{language}.pdf").write_bytes(letter_of(claim(), language)[2])
        names.append(f"{language}.pdf")
    advice = claim(ReminderType.ADVICE, issued_on=date(2026, 8, 7), deadline=date(2026, 8, 14))
    content = reminder_content(advice, locale="en")
    plain = reminder_letter(content, ubl=None, created_at=CREATED)
    (tmp_path / "plain.pdf").write_bytes(plain)
    (tmp_path / "broken.pdf").write_bytes(plain.replace(b"pdfaid:part>3<", b"pdfaid:part>9<"))
    done = subprocess.run(
        [
            "java",
            "-cp",
            class_path,
            str(VERAPDF / "Verdict.java"),
            *names,
            "plain.pdf",
            "broken.pdf",
        ],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    verdicts = dict(re.findall(r"^(\S+\.pdf) (\w+)", done.stdout, re.MULTILINE))
    assert verdicts == {
        **dict.fromkeys([*names, "plain.pdf"], "compliant"),
        "broken.pdf": "failed",
    }, done.stdout + done.stderr
