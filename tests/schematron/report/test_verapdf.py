"""PDF/A-3b as veraPDF sees it, in every language."""

import hashlib
import os
import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from schematron.report.pdf import render_pdf
from schematron.report.view import report_view
from schematron.texts import LANGUAGES

AT = datetime(2026, 11, 2, 9, 5, tzinfo=UTC)
VERAPDF = Path(__file__).resolve().parents[2] / "reminders" / "content" / "verapdf"


@pytest.mark.interop
def test_verapdf_finds_pdf_a_3b(report, tmp_path):
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    pom = hashlib.sha256((VERAPDF / "pom.xml").read_bytes()).hexdigest()[:12]
    listed = cache / "peppol-gateway-tests" / pom / "classpath"
    if shutil.which("java") is None or not listed.exists():
        pytest.skip("NOT CHECKED: veraPDF is fetched by the same test of the reminders' letters")
    report["document"]["sender"] = "株式会社 Ελλάς Łódź България €"
    for lang in LANGUAGES:
        view = report_view(report, lang=lang, checked_at=AT)
        pdf = render_pdf(view, report=report, created_at=AT)
        (tmp_path / f"{lang}.pdf").write_bytes(pdf)
    (tmp_path / "broken.pdf").write_bytes(pdf.replace(b"pdfaid:part>3<", b"pdfaid:part>9<"))
    names = [*(f"{lang}.pdf" for lang in LANGUAGES), "broken.pdf"]
    done = subprocess.run(
        ["java", "-cp", listed.read_text().strip(), str(VERAPDF / "Verdict.java"), *names],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    verdicts = dict(re.findall(r"^(\S+\.pdf) (\w+)", done.stdout, re.MULTILINE))
    expected = dict.fromkeys(names[:-1], "compliant") | {"broken.pdf": "failed"}
    assert verdicts == expected, done.stdout + done.stderr
