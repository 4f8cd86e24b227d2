"""The page of one document: what happened, what it says, what proves it, and how to answer it."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from io import SEEK_END
from typing import Any, Final, TypeVar
from uuid import UUID

from aiohttp import web
from multidict import MultiMapping

from gateway.access.principal import principal
from gateway.conversion.accounts import kept_account, laid_out
from gateway.core.app_keys import DATABASE
from gateway.core.errors import GatewayError
from gateway.core.http import (
    BAD_REQUEST,
    NOT_FOUND,
    RENDER,
    Face,
    Route,
    form_of,
    path_id,
    seen_other,
)
from gateway.exchange.delivery_view import way_of
from gateway.exchange.document_tab import document_tab
from gateway.exchange.evidence_check import check_evidence
from gateway.exchange.keys import ARCHIVE, EVIDENCE, RESPONDER
from gateway.exchange.mls_view import mls_panel
from gateway.exchange.queries import Dossier, dossier
from gateway.exchange.responding import ResponseOrder, allowed_statuses
from gateway.exchange.states import NetworkState, display_status, terminal
from gateway.exchange.streaming import send_stored
from gateway.exchange.tables import Direction, Document, DocumentKind
from gateway.exchange.timeline_view import detail, histories, title, written
from gateway.validation.tables import ValidationRun
from schematron.report.view import report_view
from ubl.response import InvoiceStatus, StatusAction, StatusReason

__all__ = ["ROUTES"]

_PAGE: Final = "exchange/document.html"
_LIVE: Final = "exchange/live.html"
_PATH: Final = "/documents/{document_id:[0-9a-f]{8}-[0-9a-f-]{27}}"
_TABS: Final = ("invoice", "report", "messages", "evidence")
_BILLS: Final = frozenset({DocumentKind.INVOICE, DocumentKind.CREDIT_NOTE})
_FORMAT: Final = "format."
_SOON_S: Final = 2
_LATER_S: Final = 10
_PATIENCE: Final = timedelta(minutes=10)
_NOTE_LENGTH: Final = 2000
_VERIFIED_AT_ONCE: Final = 2 * 1024 * 1024

_Code = TypeVar("_Code", bound=StrEnum)


async def show_document(request: web.Request) -> web.Response:
    """The whole page with the chosen tab."""
    return await _page(request, await _case(request), error=None)


async def show_live(request: web.Request) -> web.Response:
    """The part that can change while somebody looks: status, timeline, answers."""
    case = await _case(request)
    return request.app[RENDER](request, _LIVE, _frame(request, case))


async def answer_document(request: web.Request) -> web.Response:
    """Answer a received invoice, or show the page again with the reason why not."""
    form = await form_of(request)
    try:
        order = ResponseOrder(
            status=_code(InvoiceStatus, form.get("status")),
            note=_text(form, "note"),
            reasons=tuple(_code(StatusReason, one) for one in form.getall("reason", [])),
            actions=tuple(_code(StatusAction, one) for one in form.getall("action", [])),
            text=_text(form, "text"),
        )
        await request.app[RESPONDER].respond(principal(request), _document_id(request), order)
    except GatewayError as error:
        if error.kind.status == NOT_FOUND.status:
            raise
        response = await _page(request, await _case(request), error=error)
        response.set_status(error.kind.status)
        return response
    return seen_other(f"/documents/{_document_id(request)}")


async def download_blob(request: web.Request) -> web.StreamResponse:
    """One stored message, receipt or answer of the document, exactly as kept."""
    case = await _case(request)
    blob_id = path_id(request, "blob_id")
    if blob_id not in _blobs(case):
        raise GatewayError(NOT_FOUND, "This document has no such evidence.")
    async with request.app[DATABASE].read() as session:
        # What carried an MLS is the provider's own; that it is in this case is the permission.
        stored = await request.app[ARCHIVE].row(session, blob_id)
    return await send_stored(
        request,
        await request.app[ARCHIVE].open(stored),
        size=stored.size,
        media_type="application/octet-stream",
        file_name=f"{stored.purpose}-{stored.id}.{_suffix(stored.media_type)}",
    )


async def _case(request: web.Request) -> Dossier:
    async with request.app[DATABASE].read() as session:
        return await dossier(session, principal(request).tenant_id, _document_id(request))


async def _page(request: web.Request, case: Dossier, *, error: GatewayError | None) -> web.Response:
    tab = request.query.get("tab") or _TABS[0]
    if tab not in _TABS:
        raise GatewayError(BAD_REQUEST, "A document has no such part; choose one of its tabs.")
    fill = {"invoice": _invoice, "report": _report, "messages": _messages, "evidence": _evidence}
    async with request.app[DATABASE].read() as session:
        panel = await mls_panel(session, case.document)
        way = await way_of(session, case.document)
    context = {
        **_frame(request, case),
        "mls": panel,
        "way": way,
        "tab": tab,
        "tabs": _TABS,
        "error": error,
        "statuses": allowed_statuses(case.document),
        "reasons": tuple(StatusReason),
        "actions": tuple(StatusAction),
        **await fill[tab](request, case),
    }
    return request.app[RENDER](request, _PAGE, context)


def _frame(request: web.Request, case: Dossier) -> dict[str, Any]:
    return {
        "document": case.document,
        "outgoing": case.document.direction is Direction.OUT,
        "status": _status(case.document),
        "histories": histories(case.events),
        "title": title,
        "detail": detail,
        "written": written,
        "accounts_kept": _accounts(case, lang=principal(request).locale),
        "answers": [
            (one, _status(one)) for one in case.answers if one.kind is not DocumentKind.REMINDER
        ],
        "reminders": [
            (one, _status(one)) for one in case.answers if one.kind is DocumentKind.REMINDER
        ],
        "refresh_s": _refresh_s(case, datetime.now(UTC)),
    }


def _accounts(case: Dossier, *, lang: str) -> dict[int | None, dict[str, Any]]:
    """What conversion left out of a document on its way in, by the entry that tells of it."""
    kept = {
        one.id: kept_account(one.facts, lang=lang)
        for one in case.events
        if one.kind.startswith(_FORMAT)
    }
    return {id: laid_out(account, lang=lang) for id, account in kept.items() if account is not None}


def _status(document: Document) -> Any:
    return display_status(document.transport, document.network, document.business, document.payment)


def _refresh_s(case: Dossier, now: datetime) -> int | None:
    """How soon something may have changed; ``None`` once only a new message could change it."""
    document = case.document
    travelling = [document, *case.answers]
    if any(_on_its_way(one) for one in travelling if one.direction is Direction.OUT):
        return _SOON_S
    answered = document.kind in _BILLS and not document.business.is_final
    awaited = document.direction is Direction.OUT and (
        answered or document.network is NetworkState.AWAITED
    )
    delivered = document.network is not NetworkState.REJECTED and document.failure_code is None
    if awaited and delivered and now - document.updated_at < _PATIENCE:
        return _SOON_S if document.network is NetworkState.AWAITED else _LATER_S
    return None


def _on_its_way(document: Document) -> bool:
    return not terminal(document.transport)


async def _invoice(request: web.Request, case: Dossier) -> Mapping[str, Any]:
    return await document_tab(request, case.document)


async def _report(request: web.Request, case: Dossier) -> Mapping[str, Any]:
    if case.document.validation_id is None:
        return {"report": None}
    async with request.app[DATABASE].read() as session:
        run = await session.get_one(ValidationRun, case.document.validation_id)
    return {"report": report_view(run.report, lang=principal(request).locale)}


async def _messages(_request: web.Request, case: Dossier) -> Mapping[str, Any]:
    attempts = {
        one.id: [each for each in case.attempts if each.transmission_id == one.id]
        for one in case.transmissions
    }
    return {
        "transmissions": [(one, attempts[one.id]) for one in case.transmissions],
        "receptions": case.receptions,
    }


async def _evidence(request: web.Request, case: Dossier) -> Mapping[str, Any]:
    """What the bundle proves; for a large document only when somebody asks for it."""
    async with request.app[DATABASE].read() as session:
        stored = await request.app[ARCHIVE].row(session, case.document.content_id)
    if stored.size > _VERIFIED_AT_ONCE and "verify" not in request.query:
        return {"checks": None}
    with await request.app[EVIDENCE].build(case.document.tenant_id, case.document.id) as bundle:
        checks = await asyncio.to_thread(check_evidence, bundle.binary)
        size = bundle.seek(0, SEEK_END)
    return {
        "checks": checks,
        "bundle_size": size,
        "broken": sum(not one.holds for one in checks),
    }


def _blobs(case: Dossier) -> frozenset[UUID]:
    """Everything kept about this document."""
    found: set[UUID | None] = {case.document.content_id}
    found |= {one.evidence_id for one in case.events}
    found |= {one.answer_id for one in case.attempts}
    for sent in case.transmissions:
        found |= {sent.lookup_id, sent.envelope_id, sent.request_id, sent.receipt_id}
    for received in case.receptions:
        found |= {received.request_id, received.envelope_id, received.receipt_id}
        found.add(received.revocation_id)
    return frozenset(one for one in found if one is not None)


def _suffix(media_type: str) -> str:
    kind = media_type.partition(";")[0].strip().lower()
    suffixes = {
        "application/pdf": "pdf",
        "application/zip": "zip",
        "multipart/related": "mime",
        "message/rfc822": "eml",
    }
    return suffixes.get(kind, "xml")


def _document_id(request: web.Request) -> UUID:
    return path_id(request, "document_id")


def _code(codes: type[_Code], value: object) -> _Code:
    try:
        return codes(str(value or ""))
    except ValueError:
        raise GatewayError(BAD_REQUEST, "Choose one of the answers that the form offers.") from None


def _text(form: MultiMapping[Any], name: str) -> str | None:
    value = form.get(name)
    text = value.strip()[:_NOTE_LENGTH] if isinstance(value, str) else ""
    return text.replace("\r\n", "\n") or None


ROUTES: Final = (
    Route("GET", _PATH, show_document, "documents:read", "Show a document", Face.PAGE),
    Route("GET", f"{_PATH}/live", show_live, "documents:read", "Show what changes", Face.PAGE),
    Route(
        "POST",
        f"{_PATH}/answer",
        answer_document,
        "responses:send",
        "Answer a received invoice",
        Face.PAGE,
    ),
    Route(
        "GET",
        f"{_PATH}/blobs/{{blob_id:[0-9a-f]{{8}}-[0-9a-f-]{{27}}}}",
        download_blob,
        "documents:read",
        "Download stored bytes",
        Face.PAGE,
    ),
)
