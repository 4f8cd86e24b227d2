"""Payment QR codes: payload as the guidelines say, drawn so that a scanner reads it back."""

import dataclasses
import io
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ubl.amounts import Amount
from ubl.qr import SepaTransfer, TransferRefused, epc_payload, qr_png, qr_svg

TRANSFER = SepaTransfer(
    name="Atelier Lumen",
    iban="FR76 3000 6000 0112 3456 7890 189",
    amount=Amount(Decimal("605.3"), "EUR"),
    reference="RF29 F202 6001",
)


def scanned(png: bytes) -> str:
    """Read a code the way a phone does; zbar knows nothing of how it was made."""
    image = pytest.importorskip("PIL.Image", reason="NOT CHECKED: pillow is not installed")
    try:
        from pyzbar.pyzbar import decode
    except ImportError as error:
        pytest.skip(f"NOT CHECKED: no scanner (PyPI pyzbar with Debian's libzbar0): {error}")
    (code,) = decode(image.open(io.BytesIO(png)))
    return bytes(code.data).decode("utf-8")


def test_the_payload_line_by_line() -> None:
    assert epc_payload(TRANSFER).split("\n") == [
        "BCD",
        "002",
        "1",
        "SCT",
        "",
        "Atelier Lumen",
        "FR7630006000011234567890189",
        "EUR605.30",
        "",
        "RF29F2026001",
    ]


def test_every_line_is_used() -> None:
    full = dataclasses.replace(
        TRANSFER,
        bic="agrifrpp",
        reference=None,
        text="+++010/8068/17183+++",
        purpose="SCVE",
        information="Merci\n de payer",
    )
    lines = epc_payload(full).split("\n")
    assert lines[4] == "AGRIFRPP"
    assert lines[8:] == ["SCVE", "", "+++010/8068/17183+++", "Merci de payer"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"name": " "}, "QR-NAME"),
        ({"name": "x" * 71}, "QR-NAME"),
        ({"name": "a\x00b"}, "QR-NAME"),
        ({"iban": "FR7630006000011234567890188"}, "QR-IBAN"),
        ({"iban": ""}, "QR-IBAN"),
        ({"iban": "CH9300762011623852957"}, "QR-BIC-NEEDED"),
        ({"bic": "NOBIC"}, "QR-BIC"),
        ({"amount": Amount(Decimal(1), "USD")}, "QR-CURRENCY"),
        ({"amount": Amount(Decimal("0.00"), "EUR")}, "QR-AMOUNT"),
        ({"amount": Amount(Decimal("-1"), "EUR")}, "QR-AMOUNT"),
        ({"amount": Amount(Decimal("1000000000"), "EUR")}, "QR-AMOUNT"),
        ({"amount": Amount(Decimal("605.333"), "EUR")}, "QR-AMOUNT"),
        ({"amount": Amount(Decimal("NaN"), "EUR")}, "QR-AMOUNT"),
        ({"reference": "RF28F2026001"}, "QR-REFERENCE"),
        ({"reference": "F2026001"}, "QR-REFERENCE"),
        ({"text": "F-1"}, "QR-REFERENCE-AND-TEXT"),
        ({"reference": None, "text": "x" * 141}, "QR-TEXT"),
        ({"purpose": "salary"}, "QR-PURPOSE"),
        ({"information": "x" * 71}, "QR-INFORMATION"),
        ({"reference": None, "text": "€" * 100}, "QR-TOO-LARGE"),
    ],
)
def test_what_a_bank_would_refuse_is_refused(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(TransferRefused) as caught:
        epc_payload(dataclasses.replace(TRANSFER, **changes))
    assert caught.value.code == code
    assert caught.value.message


@pytest.mark.parametrize("value", ["0.01", "999999999.99"])
def test_the_limits_themselves_are_allowed(value: str) -> None:
    at_limit = dataclasses.replace(TRANSFER, amount=Amount(Decimal(value), "EUR"))
    assert epc_payload(at_limit).split("\n")[7] == f"EUR{value}"


def test_a_swiss_account_with_its_bic_is_allowed() -> None:
    swiss = dataclasses.replace(TRANSFER, iban="CH9300762011623852957", bic="UBSWCHZH80A")
    assert epc_payload(swiss).split("\n")[4] == "UBSWCHZH80A"


def test_a_scanner_reads_it_back() -> None:
    payload = epc_payload(TRANSFER)
    assert scanned(qr_png(payload)) == payload


def test_the_largest_code_is_read_back_with_its_accents() -> None:
    full = dataclasses.replace(
        TRANSFER,
        name="Société Générale d'Éclairage".ljust(60, "é"),
        reference=None,
        text="Facture n° 2026-0001 – pépinière".ljust(100, "x"),
    )
    payload = epc_payload(full)
    assert 250 < len(payload.encode()) <= 331
    assert scanned(qr_png(payload, module=4)) == payload


def test_the_svg_scales_and_loads_nothing() -> None:
    svg = qr_svg(epc_payload(TRANSFER))
    assert svg.startswith("<svg ")
    assert "viewBox" in svg
    assert "width=" not in svg.partition(">")[0]
    assert "href" not in svg


@given(
    name=st.text(min_size=1, max_size=80),
    text=st.none() | st.text(max_size=150),
    cents=st.integers(-1, 10**11 + 1),
)
@settings(max_examples=80, deadline=None)
def test_any_input_is_refused_or_keeps_the_form(name: str, text: str | None, cents: int) -> None:
    amount = Amount(Decimal(cents).scaleb(-2), "EUR")
    transfer = SepaTransfer(name=name, iban=TRANSFER.iban, amount=amount, text=text)
    try:
        payload = epc_payload(transfer)
    except TransferRefused:
        return
    lines = payload.split("\n")
    assert 8 <= len(lines) <= 12
    assert len(payload.encode()) <= 331
    assert Decimal(lines[7].removeprefix("EUR")) * 100 == cents
