"""The page that looks at any participant of the network."""

from dataclasses import dataclass
from typing import Final

from aiohttp import web
from cryptography import x509

from gateway.as4.agreement import common_name
from gateway.as4.identifiers import (
    BILLING_CREDIT_NOTE,
    BILLING_INVOICE,
    BILLING_INVOICE_CII,
    INVOICE_RESPONSE,
    MESSAGE_LEVEL_STATUS,
    REMINDER,
    SELF_BILLING_INVOICE,
    DocumentTypeId,
    IdentifierInvalid,
)
from gateway.core.http import RENDER, Face, Route
from gateway.network.api_models import read_document_type, read_participant
from gateway.network.lookup_api import INSPECTOR
from gateway.network.lookup_inspection import Inspection
from gateway.network.lookup_matching import document_title
from gateway.network.service import NETWORK

__all__ = ["ROUTES"]

_OFFERED: Final = tuple(
    (str(one), document_title(one))
    for one in (
        BILLING_INVOICE,
        BILLING_CREDIT_NOTE,
        BILLING_INVOICE_CII,
        SELF_BILLING_INVOICE,
        INVOICE_RESPONSE,
        MESSAGE_LEVEL_STATUS,
        REMINDER,
    )
)


@dataclass(frozen=True, slots=True)
class _Question:
    """What the visitor asked, and the answer or the reason there can be none."""

    participant: str
    document_type: str
    inspection: Inspection | None = None
    fault: str = ""
    reason: str = ""


async def show_lookup(request: web.Request) -> web.Response:
    """A question to the network and everything it says."""
    context = {
        "question": await _ask(request),
        "offered": _OFFERED,
        "seat_of": _seat_of,
        "issuer_of": _issuer_of,
        "title_of": document_title,
    }
    return request.app[RENDER](request, "network/lookup.html", context)


async def _ask(request: web.Request) -> _Question | None:
    participant = request.query.get("participant", "").strip()
    wanted = request.query.get("document_type", "").strip()
    if not participant:
        return None
    asked: DocumentTypeId | None = None
    try:
        asked = read_document_type(wanted) if wanted else None
        whom = read_participant(participant)
    except IdentifierInvalid as error:
        return _Question(participant, wanted, fault=error.code, reason=error.message)
    inspection = await request.app[INSPECTOR].inspect(
        whom,
        at=request.app[NETWORK].now(),
        document_type=asked,
        fresh="fresh" in request.query,
    )
    return _Question(participant, wanted, inspection)


def _seat_of(certificate: x509.Certificate) -> str:
    """The seat a certificate was issued for, or its whole subject."""
    return common_name(certificate) or certificate.subject.rfc4514_string()


def _issuer_of(certificate: x509.Certificate) -> str:
    names = certificate.issuer.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(names[0].value) if names else certificate.issuer.rfc4514_string()


ROUTES: Final = (
    Route(
        "GET", "/network/lookup", show_lookup, "network:read", "Look a participant up", Face.PAGE
    ),
)
