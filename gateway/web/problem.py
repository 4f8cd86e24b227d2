"""Errors as answers: problem documents for programs, a page for people, a line for the network.

Source: RFC 9457. The stable code is the contract; a problem's type is a name, not an address.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import structlog
from aiohttp import ClientPayloadError, web
from aiohttp.http_exceptions import BadHttpMessage
from pydantic import BaseModel, ConfigDict, ValidationError

from gateway.core.errors import ErrorKind, GatewayError, Retry
from gateway.core.full_disk import storage_full
from gateway.core.http import BAD_REQUEST, NOT_FOUND, RENDER, Face

__all__ = [
    "BODY_TOO_LARGE",
    "INTERNAL",
    "METHOD_NOT_ALLOWED",
    "Problem",
    "ProblemDocument",
    "answer",
    "incident",
    "understand",
]

log = structlog.get_logger(__name__)

METHOD_NOT_ALLOWED: Final = ErrorKind("METHOD-NOT-ALLOWED", "This is not done here", 405)
BODY_TOO_LARGE: Final = ErrorKind("BODY-TOO-LARGE", "The request is too large", 413)
INTERNAL: Final = ErrorKind("INTERNAL", "The gateway failed", 500)

MEDIA_TYPE: Final = "application/problem+json"
TYPE_PREFIX: Final = "urn:peppol-gateway:error:"
_RETRY_AFTER_S: Final = 30
_FAULTS_SHOWN: Final = 20


class ProblemDocument(BaseModel):
    """What went wrong and what to do about it (RFC 9457), with the product's stable code.

    Further members are identifiers that help to find the cause; ``fields`` names what in a
    request is not as described, ``report`` is the validation report that explains a refusal.
    """

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    code: str


@dataclass(frozen=True, slots=True)
class Problem:
    """An error on its way out: its kind, a sentence, extension members, further headers."""

    kind: ErrorKind
    detail: str
    members: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def retry_after(self) -> int | None:
        """After how many seconds another attempt makes sense; ``None`` for never."""
        named = self.members.get("retry_after")
        if isinstance(named, int):
            return named
        return _RETRY_AFTER_S if self.kind.retry is Retry.BACKOFF else None

    def document(self) -> ProblemDocument:
        """The problem document; an extension member never replaces a standard one."""
        standard = {
            "type": TYPE_PREFIX + self.kind.code,
            "title": self.kind.title,
            "status": self.kind.status,
            "detail": self.detail,
            "code": self.kind.code,
        }
        return ProblemDocument.model_validate({**self.members, **standard})


def understand(error: Exception, *, models: frozenset[str] = frozenset()) -> Problem | None:
    """Say what an exception means to the caller; ``None`` for one nobody foresaw.

    ``models`` names the models that describe the request: only their validation errors are the
    caller's fault.
    """
    if isinstance(error, GatewayError):
        report, problems = getattr(error, "report", None), getattr(error, "problems", None)
        extra: dict[str, Any] = {"report": report} if isinstance(report, dict) else {}
        if isinstance(problems, list):
            extra["problems"] = problems
        return Problem(error.kind, error.message, {**error.facts, **extra}, _challenge(error.kind))
    if full := storage_full(error):
        return understand(full)
    if isinstance(error, ValidationError):
        return _invalid(error) if error.title in models else None
    if isinstance(error, web.HTTPException):
        return _of_aiohttp(error)
    if isinstance(error, web.RequestPayloadError | ClientPayloadError | BadHttpMessage):
        return Problem(BAD_REQUEST, "The body could not be read to its end; send it again.")
    return None


def incident(incident_id: UUID) -> Problem:
    """What the caller learns of an error nobody foresaw: where to find it in the log."""
    return Problem(
        INTERNAL,
        f"Something failed that should not have. The log has it as incident {incident_id}; "
        "try again, and tell the operator if it happens again.",
        {"incident": str(incident_id)},
    )


def answer(request: web.Request, problem: Problem, face: Face) -> web.Response:
    """The response that tells this problem to whoever is asking."""
    if face is Face.API:
        response = web.Response(
            text=problem.document().model_dump_json(),
            status=problem.kind.status,
            content_type=MEDIA_TYPE,
        )
    elif face is Face.PAGE:
        response = _page(request, problem)
    else:
        response = _plain(problem)
    for name, value in problem.headers.items():
        response.headers[name] = value
    if problem.retry_after is not None:
        response.headers["Retry-After"] = str(problem.retry_after)
    return response


def _page(request: web.Request, problem: Problem) -> web.Response:
    render = request.config_dict.get(RENDER)
    if render is None:
        return _plain(problem)
    context = {
        "status": problem.kind.status,
        "code": problem.kind.code,
        "title": problem.kind.title,
        "detail": problem.detail,
    }
    try:
        response = render(request, "web/error.html", context)
    except Exception as error:  # noqa: BLE001 - the error being told must not get lost
        log.error("http.error_page_failed", reason=type(error).__name__)
        return _plain(problem)
    response.set_status(problem.kind.status)
    return response


def _plain(problem: Problem) -> web.Response:
    return web.Response(text=f"{problem.kind.code}: {problem.detail}\n", status=problem.kind.status)


def _challenge(kind: ErrorKind) -> dict[str, str]:
    """RFC 9110 §11.6.1: a 401 says how to authenticate."""
    return {"WWW-Authenticate": "Bearer"} if kind.status == 401 else {}


def _invalid(error: ValidationError) -> Problem:
    faults = [
        {"field": ".".join(map(str, fault["loc"])), "reason": _reason(fault["msg"])}
        for fault in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    shown = faults[:_FAULTS_SHOWN]
    sentence = "; ".join(f"{one['field'] or 'request'}: {one['reason']}" for one in shown[:5])
    return Problem(BAD_REQUEST, f"{sentence}.", {"fields": shown})


def _reason(told: str) -> str:
    """What a model says of a value, without the words its library puts before our own."""
    return told.removeprefix("Value error, ").rstrip(".")


def _of_aiohttp(error: web.HTTPException) -> Problem:
    if error.status == 404:
        return Problem(NOT_FOUND, "There is nothing at this address; check it.")
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(error.allowed_methods))
        return Problem(
            METHOD_NOT_ALLOWED,
            f"This address takes {allowed or 'nothing'} only.",
            headers={"Allow": allowed},
        )
    if error.status == 413:
        return Problem(BODY_TOO_LARGE, "The body is larger than this gateway takes; send less.")
    return Problem(
        ErrorKind(f"HTTP-{error.status}", error.reason, error.status),
        "The request cannot be answered as it is; see the API description.",
    )
