"""The API of the exchange: send documents, follow them, answer them, prove them."""

import asyncio
import shutil
from io import SEEK_END
from typing import Final

from aiohttp import web

from gateway.access.principal import principal
from gateway.conversion.api import document_answer
from gateway.core.app_keys import DATABASE
from gateway.core.errors import GatewayError
from gateway.core.http import (
    BAD_REQUEST,
    Route,
    body_of,
    form_of,
    idempotency_key,
    json_answer,
    path_id,
    query_of,
)
from gateway.core.incoming import take_body
from gateway.core.paging import Cut
from gateway.core.spool import Spool
from gateway.exchange.api_models import (
    ContentQuery,
    DocumentOut,
    DocumentPage,
    DocumentQuery,
    EvidenceQuery,
    ResponseIn,
    States,
    SubmitQuery,
    TimelineEntry,
    TimelineOut,
)
from gateway.exchange.keys import ARCHIVE, EVIDENCE, RESPONDER, SUBMISSION
from gateway.exchange.own_pages import OwnFile
from gateway.exchange.queries import (
    Filters,
    document_of,
    list_documents,
    stored_blob,
    timeline_of,
)
from gateway.exchange.responding import ResponseOrder
from gateway.exchange.showing import in_format
from gateway.exchange.streaming import send_stored
from gateway.exchange.submission import DOCUMENT_INVALID, ReportedError
from gateway.validation.errors import FILE_MISSING
from ubl.facturx import OwnPdf
from ubl.response import Condition

__all__ = ["ROUTES"]

_FORM: Final = "multipart/form-data"
_DOCUMENT: Final = "/v1/documents/{document_id:[0-9a-f-]{36}}"


async def submit_document(request: web.Request) -> web.Response:
    """Take an invoice or credit note: 202 when it is on its way, 422 with the report if not."""
    query = query_of(request, SubmitQuery)
    with Spool() as body:
        media_type, own = await _take(request, body, query.pdf)
        submitted = await request.app[SUBMISSION].submit(
            principal(request),
            body,
            wanted=query.format,
            media_type=media_type,
            idempotency_key=idempotency_key(request),
            channel=query.channel,
            own=own,
        )
    if submitted.refused:
        raise ReportedError(
            DOCUMENT_INVALID,
            f"The document breaks {submitted.report['counts']['fatal']} rule(s). Correct what "
            "the report lists and send it again under a new Idempotency-Key.",
            report=submitted.report,
            document=str(submitted.document.id),
        )
    return json_answer(DocumentOut.of(submitted.document), status=202)


async def _take(
    request: web.Request, body: Spool, use: OwnPdf | None
) -> tuple[str, OwnFile | None]:
    """Take in the invoice; its media type, and the PDF that goes with it."""
    if request.content_type != _FORM:
        await take_body(request, body.binary)
        if use is not None:
            raise GatewayError(
                BAD_REQUEST,
                "'pdf' says what becomes of a PDF beside the invoice, and there is none. Send a "
                "form (multipart/form-data) with the parts 'file' and 'pdf'.",
            )
        return request.content_type, None
    form = await form_of(request)
    file, pages = form.get("file"), form.get("pdf")
    if not isinstance(file, web.FileField):
        raise GatewayError(FILE_MISSING, "Send the invoice as the part 'file', with a file name.")
    if pages is not None and not isinstance(pages, web.FileField):
        raise GatewayError(FILE_MISSING, "Send the PDF as the part 'pdf', with a file name.")
    await asyncio.to_thread(shutil.copyfileobj, file.file, body)
    body.seek(0)
    if pages is None:
        return file.content_type, None
    own = OwnFile(await asyncio.to_thread(pages.file.read), pages.filename, use)
    return file.content_type, own


async def get_documents(request: web.Request) -> web.Response:
    """A page of the caller's documents, newest first."""
    query = query_of(request, DocumentQuery)
    async with request.app[DATABASE].read() as session:
        rows = await list_documents(
            session,
            principal(request).tenant_id,
            direction=query.direction,
            filters=Filters(query.q, query.state, (query.kind,) if query.kind else ()),
            before=query.cursor,
            limit=query.limit + 1,
        )
    page = Cut.at(rows, query.limit)
    cursor = page.cursor(lambda one: str(one.id))
    return json_answer(
        DocumentPage(items=[DocumentOut.of(one) for one in page.shown], next_cursor=cursor)
    )


async def get_document(request: web.Request) -> web.Response:
    """One document with its states."""
    async with request.app[DATABASE].read() as session:
        row = await document_of(
            session, principal(request).tenant_id, path_id(request, "document_id")
        )
    return json_answer(DocumentOut.of(row))


async def get_content(request: web.Request) -> web.StreamResponse:
    """The document's bytes as sent or received, or written in another format."""
    query = query_of(request, ContentQuery)
    async with request.app[DATABASE].read() as session:
        row = await document_of(
            session, principal(request).tenant_id, path_id(request, "document_id")
        )
        stored = await stored_blob(session, row.tenant_id, row.content_id)
    if query.format:
        lang = query.lang or principal(request).locale
        return document_answer(await in_format(request, row, query.format, lang=lang))
    content = await request.app[ARCHIVE].open(stored)
    return await send_stored(
        request,
        content,
        size=stored.size,
        media_type="application/xml",
        file_name=f"{row.id}.xml",
    )


async def get_timeline(request: web.Request) -> web.Response:
    """What happened to a document so far."""
    async with request.app[DATABASE].read() as session:
        row = await document_of(
            session, principal(request).tenant_id, path_id(request, "document_id")
        )
        events = await timeline_of(session, row.id)
    return json_answer(
        TimelineOut(
            document_id=row.id,
            states=States(
                transport=row.transport,
                network=row.network,
                business=row.business,
                payment=row.payment,
            ),
            entries=[TimelineEntry.of(one) for one in events],
        )
    )


async def get_evidence(request: web.Request) -> web.StreamResponse:
    """The evidence bundle of a document."""
    document_id, caller = path_id(request, "document_id"), principal(request)
    query = query_of(request, EvidenceQuery)
    bundle = await request.app[EVIDENCE].build(
        caller.tenant_id, document_id, language=query.lang or caller.locale
    )
    size = bundle.seek(0, SEEK_END)
    bundle.seek(0)
    return await send_stored(
        request,
        bundle.binary,
        size=size,
        media_type="application/zip",
        file_name=f"evidence-{document_id}.zip",
    )


async def respond(request: web.Request) -> web.Response:
    """Answer a received invoice with an Invoice Response."""
    body = await body_of(request, ResponseIn)
    answer = await request.app[RESPONDER].respond(
        principal(request),
        path_id(request, "document_id"),
        ResponseOrder(
            status=body.status,
            note=body.note,
            reasons=tuple(body.reasons),
            actions=tuple(body.actions),
            text=body.text,
            effective_date=body.effective_date,
            conditions=tuple(
                Condition(attribute=one.attribute, value=one.value) for one in body.conditions
            ),
        ),
    )
    return json_answer(DocumentOut.of(answer), status=202)


ROUTES: Final = (
    Route(
        "POST",
        "/v1/documents",
        submit_document,
        "documents:send",
        "Send an invoice or credit note",
        query=SubmitQuery,
        body="application/xml, application/json, application/pdf, multipart/form-data",
        files={"pdf": "A PDF of one's own that goes with the invoice; the query's 'pdf' says how."},
        answer=DocumentOut,
        status=202,
        statuses={
            403: "The seller is not a participant of this account",
            409: "The Idempotency-Key was used for another document",
            422: "The document breaks rules, or cannot be read or written as asked; the problem "
            "carries the report or the list of problems",
            503: "The validation workers are busy; send again later",
        },
    ),
    Route(
        "GET",
        "/v1/documents",
        get_documents,
        "documents:read",
        "List documents, newest first",
        query=DocumentQuery,
        answer=DocumentPage,
    ),
    Route("GET", _DOCUMENT, get_document, "documents:read", "One document", answer=DocumentOut),
    Route(
        "GET",
        f"{_DOCUMENT}/content",
        get_content,
        "documents:read",
        "The document as sent or received, or in another format",
        query=ContentQuery,
        answer="application/xml",
        answer_also="application/pdf",
        statuses={422: "There is no such format, or the document is no invoice"},
    ),
    Route(
        "GET",
        f"{_DOCUMENT}/timeline",
        get_timeline,
        "documents:read",
        "What happened to a document",
        answer=TimelineOut,
    ),
    Route(
        "GET",
        f"{_DOCUMENT}/evidence",
        get_evidence,
        "documents:read",
        "Everything that proves what happened, as a zip",
        answer="application/zip",
        query=EvidenceQuery,
    ),
    Route(
        "POST",
        f"{_DOCUMENT}/responses",
        respond,
        "responses:send",
        "Answer a received invoice (Invoice Response)",
        body=ResponseIn,
        answer=DocumentOut,
        status=202,
        statuses={409: "This answer cannot follow the last one", 422: "The answer is incomplete"},
    ),
)
