"""Every form of a report: complete, well-formed, in one voice."""

import csv
import io
import json
import re
import shutil
import subprocess
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from html.parser import HTMLParser
from itertools import pairwise

import pikepdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from pypdf import PdfReader

from schematron.report.formats import ReportFormat, render
from schematron.report.html import render_html
from schematron.report.pdf import ATTACHMENT, render_pdf
from schematron.report.table import COLUMNS, csv_line, table_row
from schematron.report.text import render_text
from schematron.report.view import report_view
from schematron.texts import LANGUAGES

AT = datetime(2026, 11, 2, 9, 5, tzinfo=UTC)
CODES = {"lang", "verdict", "severity", "layer", "ruleset", "authority", "document", "id"}


def texts(value):
    """Every text of a view that people read; codes for programs are left out."""
    if isinstance(value, str):
        if value:
            yield value
    elif is_dataclass(value):
        for field in fields(value):
            if field.name not in CODES:
                yield from texts(getattr(value, field.name))
    elif isinstance(value, tuple):
        for item in value:
            yield from texts(item)


def squeezed(text):
    """Leave out white space, which no form keeps, and hyphens put in at line ends."""
    return re.sub(r"[\s\u00ad\u200b-]+", "", text)


class Reader(HTMLParser):
    """Reads a page's text; what it loads, runs or opens and does not close stays visible."""

    VOID = frozenset({"meta", "path"})

    def __init__(self, page):
        super().__init__()
        self.text, self.open, self.tags, self.attributes = "", [], [], []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.text += data


def pdf_text(pdf):
    if shutil.which("pdftotext"):
        done = subprocess.run(
            ["pdftotext", "-enc", "UTF-8", "-layout", "-", "-"],
            input=pdf,
            capture_output=True,
            check=True,
        )
        return done.stdout.decode()
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)


def body(pdf):
    """The text between header and footer of every page, in reading order."""
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_html_and_pdf_say_all_that_the_view_says(report, lang):
    view = report_view(report, lang=lang, checked_at=AT)
    page = squeezed(Reader(render_html(view)).text)
    printed = squeezed(body(render_pdf(view, report=report, created_at=AT)))
    said = [*texts(view), *view.labels.values()]
    shown = [text for text in said if text != view.labels["no_findings"]]
    shown = [text for text in shown if text != view.labels["no_rules"]]
    assert len(shown) > 100
    for text in shown:
        assert squeezed(text) in page, text
        assert squeezed(text) in printed, text


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_page_stands_on_its_own(report, lang):
    read = Reader(render_html(report_view(report, lang=lang)))
    assert read.open == []
    assert not {"script", "link", "img", "iframe", "object", "form"} & set(read.tags)
    names = {name for name, _ in read.attributes}
    assert not names & {"src", "href", "style"}
    assert not any(name.startswith("on") for name in names)
    assert ("lang", lang) in read.attributes
    headings = [int(tag[1]) for tag in read.tags if re.fullmatch(r"h[1-6]", tag)]
    assert headings[0] == 1
    assert all(below - above <= 1 for above, below in pairwise(headings))


def test_foreign_text_stays_text(report):
    page = render_html(report_view(report, lang="en"))
    assert "<b>falsch</b>" not in page
    assert "Ganz &lt;b&gt;falsch&lt;/b&gt; &amp; schön" in page


def test_one_page_when_all_is_well(good_report):
    for lang in LANGUAGES:
        view = report_view(good_report, lang=lang, checked_at=AT)
        pdf = render_pdf(view, report=good_report, created_at=AT)
        assert len(PdfReader(io.BytesIO(pdf)).pages) == 1


def test_many_findings_go_on_over_pages_that_say_which(report):
    view = report_view(report, lang="fr", checked_at=AT)
    pages = PdfReader(io.BytesIO(render_pdf(view, report=report, created_at=AT))).pages
    assert len(pages) > 1
    for number, page in enumerate(pages, start=1):
        said = squeezed(page.extract_text())
        assert f"page{number}sur{len(pages)}" in said
        assert report["sha256"] in said


def test_the_pdf_claims_pdf_a_3b_and_carries_the_data(report):
    pdf = render_pdf(report_view(report, lang="de"), report=report, created_at=AT)
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        with opened.open_metadata() as metadata:
            assert (metadata["pdfaid:part"], metadata["pdfaid:conformance"]) == ("3", "B")
            assert metadata["dc:title"] == "Prüfbericht – 2026-117.pdf"
        spec = opened.attachments[ATTACHMENT]
        assert spec.obj.AFRelationship == "/Data"
        assert json.loads(spec.get_file().read_bytes()) == report
        assert str(opened.Root.Lang).startswith("de")
    again = render_pdf(report_view(report, lang="de"), report=report, created_at=AT)
    assert again == pdf


def test_what_no_font_has_is_marked_and_said(report):
    report["document"]["sender"] = "株式会社 Ελλάς Łódź България \u202e"
    pdf = render_pdf(report_view(report, lang="en"), report=report, created_at=AT)
    said = pdf_text(pdf)
    assert "▯▯▯▯ Ελλάς Łódź България ▯" in said
    assert "the attached data has them" in said
    report["document"]["sender"] = "Brouwerij"
    plain = render_pdf(report_view(report, lang="en"), report=report, created_at=AT)
    assert "the attached data has them" not in pdf_text(plain)


@given(st.text(max_size=60), st.text(max_size=30))
@settings(max_examples=40, deadline=None)
def test_no_text_of_a_document_stops_a_form(value, name):
    odd = {
        **{"rule": name or "x", "severity": "fatal", "ruleset": None, "layer": "rules"},
        **{"location": value, "value": value, "message": value, "hint": name, "excerpt": value},
    }
    made = {
        **{"file": name, "verdict": "invalid", "valid": False, "sha256": "00"},
        **{"document": {"id": value, "sender": name}, "rulesets": [], "findings": [odd]},
        **{"counts": {"fatal": 1, "warning": 0}, "elapsed_ms": 1.0},
    }
    for form in ReportFormat:
        assert render(made, form, lang="fr", checked_at=AT)
    svrl = etree.fromstring(render(made, ReportFormat.SVRL, lang="fr", checked_at=AT))
    assert len(svrl.findall("{*}failed-assert")) == 1


def test_text_is_short_and_says_the_gravest_first(report):
    text = render_text(report_view(report, lang="en", places=3), rules=2)
    assert text.startswith(
        "2026-117.pdf: Not valid. Errors: 33, warnings: 1.\n"
        "  Taken out of: PDF (factur-x.xml) › SBDH envelope\n"
        "  Rules applied: xsd (kept), cen-ubl-1.3.16 (broken), demo-set-1 (stopped)\n"
        "  error "
    )
    assert "… and 3 more rules." in text
    assert "NEXT-1" in text
    assert "Not checked: Demonstration rules" in text
    assert len(text.splitlines()) < 30


def test_control_characters_do_not_reach_the_terminal(report):
    report["findings"][30]["location"] = "/a\x1b[2J\nb"
    assert "/a [2J b" in render_text(report_view(report, lang="en"))


def test_json_is_one_line_however_it_is_called(report):
    line = render(report, ReportFormat.JSON, lang="en", checked_at=AT)
    assert line == render(report, ReportFormat.JSONL, lang="fr", checked_at=AT)
    assert line.count(b"\n") == 1
    assert json.loads(line) == report


def test_rows_have_a_cell_for_each_column_and_no_formula(report):
    report["document"]["sender"] = '=HYPERLINK("http://evil.example";"x")'
    (row,) = csv.reader(io.StringIO(csv_line(table_row(report)), newline=""))
    cells = dict(zip(COLUMNS, row, strict=True))
    assert cells["sender"].startswith("'=")
    assert cells["fatal_rules"] == "BR-25 BR-08 ODD-1 ENGINE-FAILED"
    assert cells["rulesets"] == "xsd cen-ubl-1.3.16 demo-set-1"
    assert (cells["verdict"], cells["fatal"], cells["warning"]) == ("invalid", "33", "1")


def luminance(colour):
    digits = colour * 2 if len(colour) == 3 else colour
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("theme", [0, 1])
def test_colours_reach_contrast_aa_by_day_and_by_night(report, theme):
    page = render_html(report_view(report, lang="en"))
    blocks = re.findall(r":root \{(.*?)\}", page, re.DOTALL)
    assert len(blocks) == 2
    colours = dict(re.findall(r"--([\w-]+): #([0-9a-f]{3,6})\b", blocks[theme]))
    pairs = [(tone, f"{tone}-ground") for tone in ("good", "bad", "open")]
    for ground in ("ground", "sunken"):
        pairs += [(text, ground) for text in ("ink", "quiet", "good", "bad", "open", "note")]
    pairs += [("ink", f"{tone}-ground") for tone in ("good", "bad", "open")]
    for text, ground in pairs:
        light, dark = sorted((luminance(colours[text]), luminance(colours[ground])), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (text, ground)
