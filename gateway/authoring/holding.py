"""An invoice as a draft holds it, and back: what is worked out is left out. Pure."""

import base64
import json
from dataclasses import replace
from typing import Any, Final

from gateway.authoring.checking import invoice_of
from gateway.authoring.errors import DRAFT_KIND, DRAFT_TOO_LONG
from gateway.authoring.form import MAX_ROWS, Json
from gateway.authoring.starting import kind_of_type
from gateway.authoring.tables import Draft
from gateway.core.errors import GatewayError
from ubl.model import Attachment, DocumentKind, Identifier, Invoice, SupportingDocument
from ubl.model_json import invoice_to_json
from ubl.totals import with_rate

__all__ = ["buyer_address", "enclosed", "hold", "shaped", "submittable", "typed"]

_MOST_ENCLOSED: Final = 28 * 1024 * 1024
"""Two of the largest files: every save writes all of them anew."""
_ACCOUNTING: Final = "vat_in_accounting_currency"


def typed(invoice: Invoice) -> Invoice:
    """The invoice with a type (BT-3): of a draft, it says whether it is a credit note.

    Raises GatewayError DRAFT-KIND for a type that says the contrary of the document's kind.
    """
    is_credit = invoice.kind is DocumentKind.CREDIT_NOTE
    if invoice.type_code is None:
        return replace(invoice, type_code="381" if is_credit else "380")
    if kind_of_type(invoice.type_code) is not invoice.kind:
        raise GatewayError(
            DRAFT_KIND,
            f"The type '{invoice.type_code[:10]}' (BT-3) is that of "
            f"{'an invoice' if is_credit else 'a credit note'}, the document says it is "
            f"{'a credit note' if is_credit else 'an invoice'}. Correct one of the two.",
        )
    return invoice


def shaped(invoice: Invoice) -> Json:
    """An invoice as a draft holds it: without what is worked out and without its own currency."""
    held = invoice_to_json(with_rate(invoice))
    totals = {
        name: held["totals"][name]
        for name in ("paid", "rounding", _ACCOUNTING)
        if name in held.get("totals", {})
    }
    held.pop("totals", None)
    if totals:
        held["totals"] = totals
    found: Json = _without_currency(held, held.get("currency"))
    return found


def _without_currency(value: Any, currency: str | None, name: str = "") -> Any:
    if isinstance(value, list):
        return [_without_currency(one, currency) for one in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"value", "currency"} and value["currency"] == currency:
        return value if name == _ACCOUNTING else {"value": value["value"]}
    return {inner: _without_currency(one, currency, inner) for inner, one in value.items()}


def hold(draft: Draft, held: Json) -> None:
    """Put an invoice into its row.

    Raises GatewayError DRAFT-TOO-LONG for too many lines and for too large enclosures.
    """
    lines = len(held.get("lines", ()))
    if lines > MAX_ROWS:
        raise GatewayError(
            DRAFT_TOO_LONG,
            f"The invoice has {lines} lines; a draft holds {MAX_ROWS}. Send it as a file instead.",
        )
    size = sum(
        len((one.get("attachment") or {}).get("encoded") or "")
        for one in held.get("supporting_documents", ())
    )
    if size > _MOST_ENCLOSED:
        raise GatewayError(
            DRAFT_TOO_LONG,
            f"The enclosures have more than {_MOST_ENCLOSED // 1024 // 1024} MB together, counted "
            "as they are sent (Base64). Take some out, or send the invoice as a file.",
        )
    draft.invoice = held
    draft.number = str(held.get("number") or "")[:200]
    draft.buyer_name = str((held.get("buyer") or {}).get("name") or "")[:300]


def submittable(held: Json) -> bytes:
    """The invoice as it is submitted, every sum worked out; raises JsonRefused."""
    return json.dumps({"invoice": invoice_to_json(invoice_of(held))}).encode()


def enclosed(content: bytes, file_name: str, media_type: str) -> Json:
    """A file as a supporting document (BG-24) of a draft."""
    document = SupportingDocument(
        reference=file_name[:100] or "1",
        attachment=Attachment(
            encoded=base64.b64encode(content).decode(),
            mime_type=media_type,
            file_name=file_name[:200] or None,
        ),
    )
    whole = Invoice(kind=kind_of_type(None), supporting_documents=(document,))
    first: Json = invoice_to_json(whole)["supporting_documents"][0]
    return first


def buyer_address(participant: str) -> Identifier | None:
    """A participant as an electronic address (BT-49), None for one outside the network."""
    scheme, _, value = participant.rpartition("::")[2].partition(":")
    return Identifier(value, scheme) if value and scheme.isdigit() else None
