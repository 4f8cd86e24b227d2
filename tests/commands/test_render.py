"""``gateway render``: what it writes, and how it ends."""

import io
import sys
from datetime import date
from pathlib import Path

import pytest

from gateway.cli import main
from gateway.core import telemetry
from gateway.demo.cast import BUYER, SELLER
from gateway.demo.invoices import CRATES, render_invoice


@pytest.fixture
def invoice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(telemetry, "configure", lambda **_options: None)
    path = tmp_path / "VT-1.xml"
    path.write_bytes(
        render_invoice(
            number="VT-1",
            seller=SELLER,
            buyer=BUYER,
            issued=date(2026, 11, 2),
            lines=CRATES[:1],
        )
    )
    return path


def test_a_page_goes_to_the_output(invoice: Path, capsysbinary: pytest.CaptureFixture) -> None:
    assert main(["render", str(invoice), "--lang", "nl"]) == 0
    assert b"Factuur VT-1" in capsysbinary.readouterr().out


def test_a_pdf_goes_where_it_is_told(invoice: Path, tmp_path: Path) -> None:
    out = tmp_path / "VT-1.pdf"
    assert main(["render", str(invoice), "--format", "pdf", "--out", str(out)]) == 0
    assert out.read_bytes().startswith(b"%PDF-")


def test_the_document_may_come_by_the_input(
    invoice: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture
) -> None:
    stdin = io.TextIOWrapper(io.BytesIO(invoice.read_bytes()))
    monkeypatch.setattr(sys, "stdin", stdin)
    assert main(["render", "-"]) == 0
    assert b"Invoice VT-1" in capsysbinary.readouterr().out


@pytest.mark.parametrize("content", [b"", b"<x/>", b"nothing"])
def test_what_cannot_be_shown_is_told(
    content: bytes, invoice: Path, capsys: pytest.CaptureFixture
) -> None:
    invoice.write_bytes(content)
    assert main(["render", str(invoice)]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("gateway: CONVERSION-")


def test_a_file_that_is_not_there_is_told(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["render", str(tmp_path / "none.xml")]) == 2
    assert "cannot be read" in capsys.readouterr().err


def test_a_place_that_cannot_be_written_is_told(
    invoice: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert main(["render", str(invoice), "--out", str(tmp_path / "no" / "where.html")]) == 1
    assert "cannot be written" in capsys.readouterr().err
