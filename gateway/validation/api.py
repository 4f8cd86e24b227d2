"""The API of validation: check a document, read earlier reports."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel, Field

from gateway.access.principal import principal
from gateway.core.errors import GatewayError
from gateway.core.http import BAD_REQUEST, Route
from gateway.validation.keys import VALIDATION
from gateway.validation.service import CheckOptions
from gateway.validation.tables import ValidationRun

__all__ = ["ROUTES", "read_body"]


class FindingOut(BaseModel):
    """One thing a rule, the schema or the reader found."""

    rule: str
    severity: str
    ruleset: str
    layer: str
    location: str | None = None
    line: int | None = None
    column: int | None = None
    terms: list[str] = Field(default_factory=list)
    value: str | None = None
    message: str
    hint: str | None = None


class ReportOut(BaseModel):
    """The report on one document, as ``gateway validate`` prints it."""

    id: UUID
    created_at: datetime
    file: str | None
    verdict: str
    valid: bool
    sha256: str
    document: dict[str, Any]
    rulesets: list[dict[str, Any]]
    findings: list[FindingOut]
    counts: dict[str, int]
    elapsed_ms: float


async def validate(request: web.Request) -> web.Response:
    """Check the posted document and return the report; an invalid document is no error."""
    rules = request.query.getall("rules", [])
    run = await request.app[VALIDATION].validate(
        principal(request),
        await read_body(request),
        file_name=request.query.get("file", ""),
        options=CheckOptions(
            lang=request.query.get("lang", principal(request).locale), rules=tuple(rules) or None
        ),
    )
    return web.json_response(_report(run))


async def get_validation(request: web.Request) -> web.Response:
    """One earlier report."""
    try:
        run_id = UUID(request.match_info["validation_id"])
    except ValueError:
        raise GatewayError(BAD_REQUEST, "A validation id is a UUID.") from None
    run = await request.app[VALIDATION].find(principal(request), run_id)
    return web.json_response(_report(run))


async def read_body(request: web.Request) -> bytes:
    """The posted bytes; the server has bounded their number."""
    return await request.read()


def _report(run: ValidationRun) -> dict[str, Any]:
    return {**run.report, "id": str(run.id), "created_at": run.created_at.isoformat()}


ROUTES: Final = (
    Route(
        "POST",
        "/v1/validations",
        validate,
        "validations:run",
        "Check a document against every rule that applies to it",
        body="application/xml",
        answer=ReportOut,
        statuses={503: "The validation workers are busy or could not finish"},
    ),
    Route(
        "GET",
        "/v1/validations/{validation_id:[0-9a-f-]{36}}",
        get_validation,
        "validations:run",
        "Read an earlier report",
        answer=ReportOut,
    ),
)
