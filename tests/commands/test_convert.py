"""``gateway convert``: what it writes, what it says, how it ends."""

import io
import json
import re
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from gateway.cli import main
from gateway.core import telemetry
from gateway.demo.cast import BUYER, SELLER
from gateway.demo.invoices import CRATES, render_invoice
from ubl.differences import differences
from ubl.formats import FORMATS
from ubl.invoice import read_invoice
from ubl.model_json import invoice_to_json
from ubl.safexml import parse


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in; logging stays as pytest has set it up."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(telemetry, "configure", lambda **_options: None)
    return tmp_path


def ubl(*, off_by: Decimal = Decimal(0)) -> bytes:
    return render_invoice(
        number="VT-1",
        seller=SELLER,
        buyer=BUYER,
        issued=date(2026, 11, 2),
        lines=CRATES[:1],
        total_off_by=off_by,
    )


def read(content: bytes):
    return read_invoice(parse(content)).invoice


def convert(*arguments: object) -> int:
    return main(["convert", *map(str, arguments)])


def test_the_formats_are_listed(capsys):
    assert convert("--list") == 0
    listed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in listed] == list(FORMATS)


def test_data_becomes_a_valid_document(workplace, capsys):
    value = invoice_to_json(read(ubl()))
    del value["totals"]
    (workplace / "in.json").write_text(json.dumps(value))
    assert convert("in.json", "--to", "peppol-bis-3", "--out", "out.xml") == 0
    assert differences(read(ubl()), read((workplace / "out.xml").read_bytes())) == ()
    assert capsys.readouterr().err == "Peppol BIS Billing 3.0 (UBL): valid\n"


def test_a_pdf_is_written_and_read_again(workplace, capfdbinary):
    (workplace / "in.xml").write_bytes(ubl())
    assert convert("in.xml", "--to", "facturx-extended", "--out", "out.pdf", "--lang", "nl") == 0
    capfdbinary.readouterr()
    assert convert("out.pdf", "--to", "en16931-ubl") == 0
    assert differences(read(ubl()), read(capfdbinary.readouterr().out))[0].term == "BT-24"


def test_standard_input_is_read(workplace, monkeypatch, capfdbinary):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(ubl())))
    assert convert("-", "--to", "en16931-ubl") == 0
    assert read(capfdbinary.readouterr().out).number == "VT-1"


def test_what_is_left_behind_is_told_and_ends_in_three(workplace, capsys):
    (workplace / "in.xml").write_bytes(ubl())
    arguments = ("in.xml", "--to", "facturx-basic-wl", "--out", "out.pdf", "--report", "a.json")
    assert convert(*arguments) == 3
    account = json.loads((workplace / "a.json").read_bytes())
    assert account["outcome"] == "valid"
    assert account["counts"]["lost"] == len(account["lost"]) > 5
    said = capsys.readouterr().err
    assert f"{len(account['lost'])} not held by the format:" in said
    assert "lines[0]" in said


def test_what_the_format_adds_is_told_and_no_loss(workplace, capsys):
    """A CII invoice may leave out the sum of VAT that UBL demands."""
    (workplace / "in.xml").write_bytes(ubl())
    convert("in.xml", "--to", "en16931-cii", "--out", "cii.xml")
    whole = (workplace / "cii.xml").read_bytes()
    left = re.sub(rb"<ram:TaxTotalAmount[^>]*>[^<]*</ram:TaxTotalAmount>", b"", whole)
    assert left != whole
    (workplace / "cii.xml").write_bytes(left)
    assert convert("cii.xml", "--to", "en16931-ubl", "--out", "out.xml") == 0
    said = capsys.readouterr().err
    assert "2 added by the format:\n  totals.vat.value (BT-110): " in said
    assert "not held" not in said


def test_what_breaks_rules_is_written_and_ends_in_one(workplace, capsys):
    (workplace / "in.xml").write_bytes(ubl(off_by=Decimal(1)))
    assert convert("in.xml", "--to", "en16931-ubl", "--out", "out.xml") == 1
    said = capsys.readouterr().err
    assert "EN 16931 (UBL): invalid" in said
    assert "BR-CO-15" in said
    assert "1 sums that differ:" in said or "sums that differ:" in said
    assert (workplace / "out.xml").exists()


NOTHING_WRITTEN = {
    "no invoice": (b"<note/>", [], "CONVERSION-NO-INVOICE"),
    "bad JSON": (b'{"number": 1.5}', [], "INVOICE-JSON"),
    "not archivable": (ubl(), ["--pdf", "in"], "CONVERSION-OWN-PDF"),
}


@pytest.mark.parametrize("name", NOTHING_WRITTEN)
def test_what_cannot_be_converted_ends_in_two(workplace, capsys, name):
    content, options, code = NOTHING_WRITTEN[name]
    (workplace / "in").write_bytes(content)
    assert convert("in", "--to", "facturx-en16931", "--out", "out", *options) == 2
    assert code in capsys.readouterr().err
    assert not (workplace / "out").exists()


def test_the_original_is_not_written_over(workplace, capsys):
    (workplace / "in.xml").write_bytes(ubl())
    assert convert("in.xml", "--to", "en16931-ubl", "--out", "in.xml") == 2
    assert "original" in capsys.readouterr().err
    assert (workplace / "in.xml").read_bytes() == ubl()


def test_a_missing_file_and_a_missing_format_are_told(capsys):
    assert convert("nowhere.xml", "--to", "en16931-ubl") == 2
    assert "nowhere.xml" in capsys.readouterr().err
    assert convert("nowhere.xml") == 2
    with pytest.raises(SystemExit):
        convert("nowhere.xml", "--to", "word")
