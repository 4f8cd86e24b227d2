"""The payment QR code of the European Payments Council (EPC069-12, SEPA credit transfer).

The payload is built and checked here; the library only draws it. Anything a banking app would
refuse is refused before it is printed.
"""

import io
import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Final

import segno
from stdnum import bic as bic_number
from stdnum import iban as iban_number
from stdnum import iso11649

from ubl.amounts import Amount

__all__ = ["SepaTransfer", "TransferRefused", "epc_payload", "qr_png", "qr_svg"]

MIN_AMOUNT: Final = Decimal("0.01")
MAX_AMOUNT: Final = Decimal("999999999.99")
MAX_BYTES: Final = 331
MAX_VERSION: Final = 13
MAX_NAME: Final = 70
MAX_TEXT: Final = 140
MAX_INFORMATION: Final = 70
_PURPOSE = re.compile(r"[A-Z0-9]{1,4}")
_EEA: Final = frozenset(
    {"AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE"}
    | {"IS", "IT", "LI", "LT", "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK"}
)


class TransferRefused(ValueError):
    """No payment QR code can be made of these data.

    ``code`` is stable: QR-NAME, QR-IBAN, QR-BIC, QR-BIC-NEEDED, QR-CURRENCY, QR-AMOUNT,
    QR-REFERENCE, QR-REFERENCE-AND-TEXT, QR-TEXT, QR-PURPOSE, QR-INFORMATION or QR-TOO-LARGE.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class SepaTransfer:
    """A transfer a payer is asked to make.

    ``reference`` is a creditor reference (ISO 11649, RF...), ``text`` free words for the
    creditor, such as a Belgian structured message; only one of them. ``purpose`` is a code of
    ISO 20022, ``information`` a note for the payer. The BIC is needed outside the EEA only.
    """

    name: str
    iban: str
    amount: Amount
    bic: str | None = None
    reference: str | None = None
    text: str | None = None
    purpose: str | None = None
    information: str | None = None


def epc_payload(transfer: SepaTransfer) -> str:
    """Build the payload, version 002 in UTF-8, lines parted by a line feed.

    Source: EPC069-12 v2.1. Raises TransferRefused.
    """
    iban = _iban(transfer)
    lines = (
        "BCD",
        "002",
        "1",
        "SCT",
        _bic(transfer, iban),
        _text("QR-NAME", "name of the creditor", transfer.name, MAX_NAME),
        iban,
        _amount(transfer.amount),
        _purpose(transfer.purpose),
        *_remittance(transfer),
        _text("QR-INFORMATION", "note for the payer", transfer.information or "", MAX_INFORMATION),
    )
    if not lines[5]:
        raise TransferRefused("QR-NAME", "Give the name of the creditor.")
    payload = "\n".join(lines).rstrip("\n")
    size = len(payload.encode("utf-8"))
    if size > MAX_BYTES:
        raise TransferRefused(
            "QR-TOO-LARGE",
            f"The payment data have {size} bytes; a code holds {MAX_BYTES}. Shorten name or text.",
        )
    return payload


def _iban(transfer: SepaTransfer) -> str:
    if not iban_number.is_valid(transfer.iban):
        raise TransferRefused("QR-IBAN", "The IBAN is wrong. Compare it with the bank's papers.")
    return str(iban_number.compact(transfer.iban))


def _bic(transfer: SepaTransfer, iban: str) -> str:
    if transfer.bic is None:
        if iban[:2] not in _EEA:
            message = f"An account in '{iban[:2]}' needs its BIC. Add it to the account."
            raise TransferRefused("QR-BIC-NEEDED", message)
        return ""
    if not bic_number.is_valid(transfer.bic):
        raise TransferRefused("QR-BIC", "The BIC is wrong. Correct it or leave it out.")
    return str(bic_number.compact(transfer.bic))


def _amount(amount: Amount) -> str:
    if amount.currency != "EUR":
        message = f"The code is for transfers in EUR, not {amount.currency}."
        raise TransferRefused("QR-CURRENCY", message)
    value = amount.value
    if not value.is_finite() or not MIN_AMOUNT <= value <= MAX_AMOUNT:
        message = f"The amount must be from {MIN_AMOUNT} to {MAX_AMOUNT} EUR."
        raise TransferRefused("QR-AMOUNT", message)
    cents = value.quantize(MIN_AMOUNT)
    if cents != value:
        raise TransferRefused("QR-AMOUNT", "The amount has a fraction of a cent. Round it first.")
    return f"EUR{cents:f}"


def _purpose(purpose: str | None) -> str:
    if purpose is not None and not _PURPOSE.fullmatch(purpose):
        message = "The purpose is a code of up to four capital letters, for instance SCVE."
        raise TransferRefused("QR-PURPOSE", message)
    return purpose or ""


def _remittance(transfer: SepaTransfer) -> tuple[str, str]:
    """Return creditor reference and free text, one of which stays empty."""
    if transfer.reference and transfer.text:
        message = "Give a creditor reference or a text, not both."
        raise TransferRefused("QR-REFERENCE-AND-TEXT", message)
    text = _text("QR-TEXT", "text", transfer.text or "", MAX_TEXT)
    if not transfer.reference:
        return "", text
    if not iso11649.is_valid(transfer.reference):
        message = "The creditor reference (RF...) is wrong. Give any other reference as text."
        raise TransferRefused("QR-REFERENCE", message)
    return str(iso11649.compact(transfer.reference)), text


def _text(code: str, what: str, value: str, limit: int) -> str:
    value = " ".join(value.split())
    if len(value) > limit:
        raise TransferRefused(code, f"The {what} has more than {limit} characters. Shorten it.")
    if not value.isprintable():
        raise TransferRefused(code, f"The {what} has a character without form. Remove it.")
    return value


@lru_cache(maxsize=256)
def _drawn(payload: str) -> segno.QRCode:
    """Draw with error correction M, as the guidelines prescribe; letter and e-mail share it."""
    code = segno.make_qr(payload, error="m", boost_error=False, encoding="utf-8")
    if int(code.version) > MAX_VERSION:
        message = f"The code would be of version {code.version}; at most {MAX_VERSION} is allowed."
        raise TransferRefused("QR-TOO-LARGE", message)
    return code


def qr_svg(payload: str) -> str:
    """Draw a payload as an SVG that scales, quiet zone of four modules included."""
    stream = io.BytesIO()
    _drawn(payload).save(
        stream, kind="svg", border=4, omitsize=True, xmldecl=False, light="#ffffff"
    )
    return stream.getvalue().decode("utf-8").strip()


def qr_png(payload: str, *, module: int = 6) -> bytes:
    """Draw a payload as PNG; ``module`` is the width of its smallest square in pixels."""
    stream = io.BytesIO()
    _drawn(payload).save(stream, kind="png", border=4, scale=module)
    return stream.getvalue()
