"""The API of drafts: invoices that programs and people write together.

The same use cases as the console's pages; a version is an ETag.
"""

import hashlib
import re
from typing import Final
from uuid import UUID

from aiohttp import ETag, web

from gateway.access.principal import principal
from gateway.authoring.api_models import (
    BeginQuery,
    CheckOut,
    CheckQuery,
    CopyIn,
    CopyQuery,
    DraftOut,
    DraftPage,
    DraftQuery,
    Made,
    ReplaceQuery,
    SendQuery,
)
from gateway.authoring.errors import DRAFT_UNSEEN, DraftChanged
from gateway.authoring.keys import DRAFTS
from gateway.authoring.tables import Draft, Once
from gateway.core.errors import GatewayError
from gateway.core.http import (
    NOT_FOUND,
    Route,
    body_of,
    idempotency_key,
    json_answer,
    path_id,
    query_of,
)
from gateway.exchange.api_models import DocumentOut
from gateway.exchange.submission import DOCUMENT_INVALID, ReportedError
from gateway.validation.negotiation import choose_language
from ubl.localized import LANGUAGES

__all__ = ["ROUTES"]

_SCOPE: Final = "documents:send"
_VERSION: Final = re.compile(r"[0-9]{1,9}")
_DRAFT: Final = "/v1/drafts/{draft_id:[0-9a-f-]{36}}"
_DOCUMENT: Final = "/v1/documents/{document_id:[0-9a-f-]{36}}"


async def list_drafts(request: web.Request) -> web.Response:
    """A page of the account's drafts, newest first."""
    query = query_of(request, DraftQuery)
    rows = await request.app[DRAFTS].page(
        principal(request), before=query.cursor, limit=query.limit + 1
    )
    return json_answer(DraftPage.of(rows, query.limit))


async def begin_draft(request: web.Request) -> web.Response:
    """A new draft: of an invoice in any format, around a PDF, or an empty one without a body."""
    caller, drafts = principal(request), request.app[DRAFTS]
    query, content = query_of(request, BeginQuery), await request.read()
    once = _once(request, query.file.encode(), content)
    draft = await drafts.begun(caller, once) if once is not None else None
    if draft is None and content:
        draft = await drafts.take_over(
            caller,
            content,
            file_name=query.file or "invoice.pdf",
            media_type=request.content_type,
            once=once,
        )
    return _answer(draft or await drafts.begin(caller, once=once), status=201)


async def copy_document(request: web.Request) -> web.Response:
    """A credit note for an invoice that was sent, or the same again as a new draft."""
    caller, drafts = principal(request), request.app[DRAFTS]
    query_of(request, CopyQuery)
    document_id, wish = path_id(request, "document_id"), await body_of(request, CopyIn)
    once = _once(request, document_id.bytes, wish.make.encode())
    draft = await drafts.begun(caller, once) if once is not None else None
    if draft is None:
        crediting = wish.make is Made.CREDIT_NOTE
        draft = await drafts.copy(caller, document_id, crediting=crediting, once=once)
    return _answer(draft, status=201)


async def get_draft(request: web.Request) -> web.Response:
    """One draft, with its version as ETag."""
    return _answer(await request.app[DRAFTS].get(principal(request), _draft_id(request)))


async def replace_draft(request: web.Request) -> web.Response:
    """Put an invoice as JSON in the place of the version that If-Match names."""
    caller, drafts = principal(request), request.app[DRAFTS]
    query_of(request, ReplaceQuery)
    version = _seen(request)
    if version is None:
        raise GatewayError(
            DRAFT_UNSEEN,
            "Say in If-Match which version you have changed: the ETag of the answer you read it "
            "from. So nobody overwrites what another one wrote.",
        )
    content = await request.read()
    return _answer(await drafts.replace(caller, _draft_id(request), content, version=version))


async def check_draft(request: web.Request) -> web.Response:
    """What a draft comes to, and what is wrong with it, field by field."""
    caller, drafts = principal(request), request.app[DRAFTS]
    query = query_of(request, CheckQuery)
    draft = await drafts.get(caller, _draft_id(request))
    checked = await drafts.check(caller, draft, lang=_language(request, query))
    if checked.failure is not None:
        raise checked.failure
    response = _tagged(json_answer(CheckOut.of(draft, checked)), draft)
    response.headers["Vary"] = "Accept-Language, Authorization, Cookie"
    return response


async def send_draft(request: web.Request) -> web.Response:
    """Send a draft; it is a document then, and the same request again answers with that one."""
    caller, drafts = principal(request), request.app[DRAFTS]
    query = query_of(request, SendQuery)
    draft_id, version = _draft_id(request), _seen(request)
    try:
        draft = await drafts.get(caller, draft_id)
    except GatewayError as error:
        document = await drafts.issued(caller, draft_id)
        if error.kind is not NOT_FOUND or document is None:
            raise
        return json_answer(DocumentOut.of(document), status=202)
    if version not in (None, draft.version):
        raise DraftChanged(draft, draft.invoice)
    submitted = await drafts.issue(caller, draft, lang=_language(request, query))
    if submitted.refused:
        raise ReportedError(
            DOCUMENT_INVALID,
            "The document breaks rules and is kept as refused. Correct the draft, which is still "
            "there, and send it again.",
            report=submitted.report,
            document=str(submitted.document.id),
        )
    return json_answer(DocumentOut.of(submitted.document), status=202)


async def delete_draft(request: web.Request) -> web.Response:
    """Throw a draft away."""
    await request.app[DRAFTS].discard(principal(request), _draft_id(request))
    return web.Response(status=204)


def _language(request: web.Request, query: CheckQuery) -> str:
    asked = choose_language(request.headers.get("Accept-Language", ""), LANGUAGES)
    return query.lang or asked or principal(request).locale


def _draft_id(request: web.Request) -> UUID:
    return path_id(request, "draft_id")


def _answer(draft: Draft, *, status: int = 200) -> web.Response:
    response = _tagged(json_answer(DraftOut.of(draft), status=status), draft)
    if status == 201:
        response.headers["Location"] = f"/v1/drafts/{draft.id}"
    return response


def _tagged(response: web.Response, draft: Draft) -> web.Response:
    response.etag = str(draft.version)
    return response


def _seen(request: web.Request) -> int | None:
    """The version that If-Match names, None without; 0, which none has, for what is no ETag."""
    if "If-Match" not in request.headers:
        return None
    (tag, *more) = request.if_match or (ETag(""),)
    return int(tag.value) if not more and _VERSION.fullmatch(tag.value) else 0


def _once(request: web.Request, *content: bytes) -> Once | None:
    key = idempotency_key(request)
    if key is None:
        return None
    digest = hashlib.sha256(b"\0".join((request.path.encode(), *content)))
    return Once(key, digest.hexdigest())


_CHANGED: Final = "Another version is kept by now; the problem says what differs"
_NONE: Final = "There is no such draft: it was sent or thrown away"

ROUTES: Final = (
    Route(
        "GET",
        "/v1/drafts",
        list_drafts,
        _SCOPE,
        "List drafts, newest first",
        query=DraftQuery,
        answer=DraftPage,
    ),
    Route(
        "POST",
        "/v1/drafts",
        begin_draft,
        _SCOPE,
        "Begin a draft",
        query=BeginQuery,
        body="application/json, application/xml, application/pdf",
        answer=DraftOut,
        status=201,
        statuses={
            409: "The Idempotency-Key began another draft",
            422: "The invoice cannot be read, or is too long for a draft",
        },
    ),
    Route(
        "POST",
        f"{_DOCUMENT}/drafts",
        copy_document,
        _SCOPE,
        "Begin a credit note for an invoice that was sent, or a copy",
        query=CopyQuery,
        body=CopyIn,
        answer=DraftOut,
        status=201,
        statuses={
            404: "There is no such document",
            409: "The Idempotency-Key began another draft",
            422: "Nothing can be made of this document",
        },
    ),
    Route("GET", _DRAFT, get_draft, _SCOPE, "Read a draft", answer=DraftOut, statuses={404: _NONE}),
    Route(
        "PUT",
        _DRAFT,
        replace_draft,
        _SCOPE,
        "Replace a draft",
        query=ReplaceQuery,
        body="application/json",
        answer=DraftOut,
        statuses={
            404: _NONE,
            412: _CHANGED,
            422: "The JSON does not describe an invoice",
            428: "If-Match is missing",
        },
    ),
    Route(
        "GET",
        f"{_DRAFT}/check",
        check_draft,
        _SCOPE,
        "What a draft comes to, and what is wrong with it",
        query=CheckQuery,
        answer=CheckOut,
        statuses={404: _NONE, 503: "The workers are busy; ask again later"},
    ),
    Route(
        "POST",
        f"{_DRAFT}/send",
        send_draft,
        _SCOPE,
        "Send a draft",
        query=SendQuery,
        answer=DocumentOut,
        status=202,
        statuses={
            404: _NONE,
            409: "It was sent already, with other content",
            412: _CHANGED,
            422: "It cannot be sent as it is; the problem lists why",
            503: "The workers are busy; send again later",
        },
    ),
    Route(
        "DELETE",
        _DRAFT,
        delete_draft,
        _SCOPE,
        "Throw a draft away",
        status=204,
        statuses={404: _NONE},
    ),
)
