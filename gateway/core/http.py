"""Routes as values: every package says what it serves, the web layer assembles the server.

A handler takes the request and returns a response or raises GatewayError, which the server
turns into a problem document (RFC 9457) or an error page. Services are reached through typed
``web.AppKey`` objects that their own packages define.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Protocol, TypeVar
from uuid import UUID

from aiohttp import web
from multidict import MultiDictProxy
from pydantic import BaseModel

from gateway.core.errors import ErrorKind, GatewayError

__all__ = [
    "BAD_REQUEST",
    "IDEMPOTENCY_CONFLICT",
    "MULTIPART",
    "NOT_FOUND",
    "RENDER",
    "Face",
    "Handler",
    "Render",
    "Route",
    "body_of",
    "form_faults",
    "form_of",
    "idempotency_key",
    "json_answer",
    "path_id",
    "query_id",
    "query_of",
    "refuse_nul",
    "seen_other",
    "shown_again",
]

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

Render = Callable[[web.Request, str, Mapping[str, Any]], web.Response]
"""Render a template (``package/name.html``) for the request's user: language, tenant, layout."""

RENDER: Final = web.AppKey[Render]("render")

BAD_REQUEST: Final = ErrorKind("REQUEST-INVALID", "The request is not as described", 400)
NOT_FOUND: Final = ErrorKind("NOT-FOUND", "There is nothing here", 404)
IDEMPOTENCY_CONFLICT: Final = ErrorKind(
    "IDEMPOTENCY-CONFLICT", "This Idempotency-Key was used for another document", 409
)

MULTIPART: Final = "multipart/form-data"
"""The media type of a form with files."""

_MAX_KEY: Final = 200


class Face(StrEnum):
    """Who a route talks to: programs (JSON), people (pages), or the Peppol network."""

    API = "api"
    PAGE = "page"
    NETWORK = "network"


@dataclass(frozen=True, slots=True)
class Route:
    """One thing the server answers.

    ``scope`` is what the caller must be allowed to do, ``None`` for everybody. ``body``,
    ``answer`` and ``query`` are pydantic models or media types that describe the route in the
    OpenAPI document; ``answer_also`` names media types the answer may have instead, ``files`` are
    what a form may bring beside its ``file``, with what they are; ``statuses`` adds further answers
    with their meaning.

    ``takes_pieces`` is for a page whose form brings much: its handler reads the form itself, piece
    by piece, and asks for the session's secret before the first file (``require_secret``).
    """

    method: str
    path: str
    handler: Handler
    scope: str | None
    summary: str
    face: Face = Face.API
    body: type[BaseModel] | str | None = None
    answer: type[BaseModel] | str | None = None
    answer_also: str = ""
    query: type[BaseModel] | None = None
    status: int = 200
    files: Mapping[str, str] = field(default_factory=dict)
    statuses: Mapping[int, str] = field(default_factory=dict)
    takes_pieces: bool = False


_Model = TypeVar("_Model", bound=BaseModel)

_NUL_IN_JSON: Final = b"\\u0000"


def _nul() -> GatewayError:
    """No database keeps this character, and no person writes it."""
    return GatewayError(BAD_REQUEST, "The request has a NUL character in a text. Remove it.")


async def body_of(request: web.Request, model: type[_Model]) -> _Model:
    """The JSON body as the route's model; the server answers its faults with 400."""
    body = await request.read()
    found = model.model_validate_json(body)
    if _NUL_IN_JSON in body:
        raise _nul()
    return found


def query_of(request: web.Request, model: type[_Model]) -> _Model:
    """The query as the route's model; the server answers its faults with 400."""
    found = model.model_validate(dict(request.query))
    if any("\x00" in value for value in request.query.values()):
        raise _nul()
    return found


async def form_of(request: web.Request) -> MultiDictProxy[str | bytes | bytearray | web.FileField]:
    """The posted form; raises GatewayError REQUEST-INVALID.

    Refused are forms that break off or are written as none is, and a NUL character in a text or
    in a file's name.
    """
    with form_faults():
        form = await request.post()
    for value in form.values():
        text = value.filename if isinstance(value, web.FileField) else value
        if isinstance(text, str):
            refuse_nul(text)
    return form


@contextmanager
def form_faults() -> Iterator[None]:
    """Say that a form is written as none is; raises GatewayError REQUEST-INVALID."""
    try:
        yield
    except (ValueError, LookupError, AssertionError, RuntimeError):
        # What the parser raises for parts without names, unknown encodings, wrong boundaries.
        raise GatewayError(
            BAD_REQUEST, "The form could not be read to its end; send it again."
        ) from None


def refuse_nul(text: str) -> None:
    """Raises GatewayError REQUEST-INVALID for a text with a NUL: no database keeps one."""
    if "\x00" in text:
        raise _nul()


def idempotency_key(request: web.Request) -> str | None:
    """The caller's ``Idempotency-Key`` or None; raises GatewayError for an impossible one."""
    stated = request.headers.get("Idempotency-Key")
    if stated is None:
        return None
    key = stated.strip()
    # An empty key protects nobody, and who sends one believes to be protected.
    if not key or len(key) > _MAX_KEY or not key.isprintable():
        raise GatewayError(
            BAD_REQUEST,
            f"An Idempotency-Key has 1 to {_MAX_KEY} visible characters, as UTF-8. Send one, or "
            "leave the header out.",
        )
    return key


def path_id(request: web.Request, name: str) -> UUID:
    """An identifier in the address; raises GatewayError NOT-FOUND for what is none."""
    try:
        return UUID(request.match_info[name])
    except ValueError:
        raise GatewayError(NOT_FOUND, "There is nothing under this address; check it.") from None


def query_id(request: web.Request, name: str) -> UUID | None:
    """What a list of the console continues from; raises GatewayError REQUEST-INVALID."""
    value = request.query.get(name)
    try:
        return UUID(value) if value else None
    except ValueError:
        raise GatewayError(BAD_REQUEST, "This list has no such page; start from the top.") from None


def json_answer(model: BaseModel, *, status: int = 200) -> web.Response:
    """A model as a JSON answer."""
    return web.Response(
        text=model.model_dump_json(), status=status, content_type="application/json"
    )


def seen_other(address: str) -> web.Response:
    """The answer to a form that was carried out: look at the result there."""
    return web.Response(status=303, headers={"Location": address})


class _ErrorPage(Protocol):
    def __call__(self, *, error: GatewayError) -> Awaitable[web.Response]: ...


async def shown_again(error: GatewayError, page: _ErrorPage) -> web.Response:
    """The answer to a form that was refused: its page, which says why, with the error's status.

    Raises the error itself where what the form is about is not there and so has no page.
    """
    if error.kind.status == NOT_FOUND.status:
        raise error
    response = await page(error=error)
    response.set_status(error.kind.status)
    return response
