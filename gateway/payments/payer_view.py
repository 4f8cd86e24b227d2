"""The payment page's own things: how to pay by transfer, its style, its strict policy. Pure.

The page is one answer: the style stands in it and is named by digest in its policy, so that a
phone on a slow line needs no second round trip and nothing else may style or script it.
"""

import base64
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

from markupsafe import Markup
from stdnum import iban as iban_number
from stdnum import iso11649

from gateway.payments.basket import Basket, transfer_text
from ubl.amounts import from_minor
from ubl.qr import SepaTransfer, TransferRefused, epc_payload, qr_svg

__all__ = ["Transfer", "headers", "style", "transfer_of"]

_MAX_NAME: Final = 70


@dataclass(frozen=True, slots=True)
class Transfer:
    """What a payer types into their bank, or scans: ``code`` is empty where none can be made."""

    name: str
    iban: str
    bic: str | None
    text: str
    code: Markup


def transfer_of(basket: Basket) -> Transfer | None:
    """The transfer for what a link asks for now; None where the claims name no account.

    Draws the payment code, which takes a few milliseconds.
    """
    creditor = basket.creditor
    if creditor is None:
        return None
    text = transfer_text(basket.payable)
    structured = iso11649.is_valid(text)
    try:
        payload = epc_payload(
            SepaTransfer(
                name=creditor.name[:_MAX_NAME],
                iban=creditor.iban,
                bic=creditor.bic,
                amount=from_minor(basket.total, basket.currency),
                reference=text if structured else None,
                text=None if structured else text,
            )
        )
        # Drawn from the payload alone: nothing of it is text in the picture.
        code = Markup(qr_svg(payload))  # noqa: S704
    except TransferRefused:
        code = Markup("")
    return Transfer(
        name=creditor.name,
        iban=iban_number.format(creditor.iban),
        bic=creditor.bic,
        text=text,
        code=code,
    )


@cache
def style() -> Markup:
    """The style of the payer's pages."""
    file = resources.files("gateway.payments").joinpath("templates", "payer.css")
    return Markup(file.read_text("utf-8"))  # noqa: S704 - our own file


@cache
def _style_digest() -> str:
    return base64.b64encode(hashlib.sha256(style().encode()).digest()).decode()


def headers(*, provider_origin: str | None) -> dict[str, str]:
    """The headers of every answer below a payment link.

    The form may lead to the provider: browsers hold redirects to the same policy.
    """
    forms = f"'self' {provider_origin}" if provider_origin else "'self'"
    return {
        "Content-Security-Policy": (
            f"default-src 'none'; style-src 'sha256-{_style_digest()}'; img-src data:; "
            f"form-action {forms}; frame-ancestors 'none'; base-uri 'none'"
        ),
        # Nothing leaves for other sites; with "no-referrer" older browsers would post this very
        # form without an origin, and it would be refused.
        "Referrer-Policy": "same-origin",
        "X-Robots-Tag": "noindex, nofollow",
        "Cache-Control": "no-store",
    }
