"""Shapes of the validation API: how to check, reports, lists of them, orders."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from gateway.core.api_values import Instant
from gateway.core.paging import Cut
from gateway.validation.orders import Placed
from gateway.validation.queries import OrderFile, RunFilters
from gateway.validation.service import CheckOptions
from gateway.validation.tables import ItemState, OrderState, ValidationRun
from schematron.manifest_file import ID_PATTERN

__all__ = [
    "CheckQuery",
    "OrderOut",
    "ReadQuery",
    "ReportOut",
    "RunPage",
    "RunQuery",
    "RunVerdict",
    "header",
]

Language = Literal["en", "fr", "nl", "de"]
RulesetId = Annotated[str, StringConstraints(pattern=f"^{ID_PATTERN.pattern}$")]
RunVerdict = Literal["valid", "invalid", "undetermined", "unreadable", "engine-error"]
Search = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]


def header(name: str, description: str) -> Any:
    """A field of a query that is a header of the request."""
    return Field(
        None,
        alias=name,
        max_length=1000,
        description=description,
        json_schema_extra={"in": "header"},
    )


_ACCEPT: Any = header(
    "Accept",
    "application/json, application/vnd.svrl+xml, application/xml (SVRL), text/html, "
    "application/pdf, text/plain or text/csv.",
)
_ACCEPT_LANGUAGE: Any = header(
    "Accept-Language", "The language of sentences, where lang is absent."
)


class CheckQuery(BaseModel):
    """How to check; in a multipart body each of these may be a part instead.

    ``rules`` (repeated) names exactly the rule sets to run, ``as_of`` the date of the rules,
    ``file`` the document's name for the report where the body is the document itself.
    """

    model_config = ConfigDict(extra="forbid")

    rules: Annotated[list[RulesetId], Field(max_length=20)] = []
    as_of: date | None = None
    lang: Language | None = None
    file: Annotated[str, StringConstraints(max_length=300)] = ""
    accept: str | None = _ACCEPT
    accept_language: str | None = _ACCEPT_LANGUAGE
    prefer: str | None = header("Prefer", "respond-async: answer with an order at once (RFC 7240).")
    idempotency_key: str | None = header(
        "Idempotency-Key", "The same key with the same files and options gives the same answer."
    )

    def options(self, lang: str) -> CheckOptions:
        """How to check, in this language."""
        return CheckOptions(lang=lang, rules=tuple(self.rules) or None, as_of=self.as_of)


class ReadQuery(BaseModel):
    """How to write a report that is there already."""

    model_config = ConfigDict(extra="forbid")

    lang: Language | None = None
    accept: str | None = _ACCEPT
    accept_language: str | None = _ACCEPT_LANGUAGE


class PartOut(BaseModel):
    """One amount of a sum: its business term, what tells it from others, how much it adds."""

    term: str
    name: str
    amount: str


class FiguresOut(BaseModel):
    """The amount a document states and the one it adds up to, as decimal numbers in a currency.

    ``difference`` is stated less computed. ``parts`` add up to ``computed``, with ``more`` of
    them not listed. ``explanations`` is the same in words, by language.
    """

    term: str
    stated: str
    computed: str
    difference: str
    currency: str
    parts: list[PartOut]
    more: int
    explanations: dict[str, str]


class FindingOut(BaseModel):
    """One thing a rule, the schema or the reader found.

    ``words`` fill the placeholders of our sentence, so that a program can word it itself.
    """

    rule: str
    severity: str
    ruleset: str | None
    layer: str
    location: str | None = None
    line: int | None = None
    column: int | None = None
    terms: list[str] = Field(default_factory=list)
    value: str | None = None
    message: str
    hint: str | None = None
    group: str | None = None
    official: str | None = None
    excerpt: str | None = None
    words: dict[str, str] = Field(default_factory=dict)
    figures: FiguresOut | None = None


class ReportOut(BaseModel):
    """The report on one document, as ``gateway validate`` prints it."""

    id: UUID
    created_at: datetime
    file: str | None
    verdict: RunVerdict
    valid: bool
    sha256: str
    document: dict[str, Any]
    containers: list[dict[str, Any]] = Field(default_factory=list)
    as_of: date | None = None
    rulesets: list[dict[str, Any]]
    findings: list[FindingOut]
    counts: dict[str, int]
    elapsed_ms: float


class RunQuery(BaseModel):
    """Which page of the reports, narrowed by what.

    ``sender`` and ``file`` are looked for within; ``since`` and ``until`` (exclusive) bound when
    the check was made.
    """

    model_config = ConfigDict(extra="forbid")

    verdict: RunVerdict | None = None
    sender: Search = ""
    ruleset: RulesetId | None = None
    since: Instant | None = None
    until: Instant | None = None
    file: Search = ""
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = None
    cursor: UUID | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50

    def filters(self) -> RunFilters:
        """The narrowing as the query takes it."""
        return RunFilters(
            verdict=self.verdict or "",
            sender=self.sender,
            file_name=self.file,
            ruleset=self.ruleset or "",
            sha256=self.sha256 or "",
            since=self.since,
            until=self.until,
        )


class RunOut(BaseModel):
    """A report in short."""

    id: UUID
    created_at: datetime
    file: str | None
    sha256: str
    verdict: RunVerdict
    sender: str | None
    number: str | None
    syntax: str | None
    rulesets: list[str]
    counts: dict[str, int]

    @classmethod
    def of(cls, row: ValidationRun) -> Self:
        """The API's view of a row, which need not hold its report."""
        return cls.model_validate(
            {
                "id": row.id,
                "created_at": row.created_at,
                "file": row.file_name or None,
                "sha256": row.sha256,
                "verdict": row.verdict,
                "sender": row.sender or None,
                "number": row.number or None,
                "syntax": row.syntax or None,
                "rulesets": row.rulesets.split(),
                "counts": {"fatal": row.fatal, "warning": row.warnings},
            }
        )


class RunPage(BaseModel):
    """Reports in short, newest first; send ``next_cursor`` as ``cursor`` for older ones."""

    items: list[RunOut]
    next_cursor: UUID | None

    @classmethod
    def of(cls, rows: Sequence[ValidationRun], *, limit: int) -> Self:
        """A page from up to ``limit + 1`` rows; the one too many says that there are more."""
        page = Cut.at(rows, limit)
        return cls(
            items=[RunOut.of(row) for row in page.shown],
            next_cursor=page.cursor(lambda row: row.id),
        )


class OrderFileOut(BaseModel):
    """One file of an order; ``validation_id`` and ``verdict`` once it is checked."""

    file: str | None
    sha256: str
    size: int
    state: ItemState
    validation_id: UUID | None
    verdict: RunVerdict | None
    error: str | None

    @classmethod
    def of(cls, one: OrderFile) -> Self:
        """The API's view of a file."""
        return cls.model_validate(
            {
                "file": one.item.file_name or None,
                "sha256": one.item.sha256,
                "size": one.item.size,
                "state": one.item.state,
                "validation_id": one.item.run_id,
                "verdict": one.run.verdict if one.run else None,
                "error": one.item.error_code,
            }
        )


class OrderOut(BaseModel):
    """An order of checks: how it stands, how it is checked, its files in the order given."""

    id: UUID
    state: OrderState
    files: int
    open: int
    rules: list[str] | None
    as_of: date
    lang: str
    created_at: datetime
    finished_at: datetime | None
    validations: list[OrderFileOut]

    @classmethod
    def of(cls, placed: Placed) -> Self:
        """The API's view of an order."""
        order = placed.order
        return cls(
            id=order.id,
            state=order.state,
            files=order.items,
            open=order.open_items,
            rules=order.options["rules"],
            as_of=date.fromisoformat(order.options["as_of"]),
            lang=order.options["lang"],
            created_at=order.created_at,
            finished_at=order.finished_at,
            validations=[OrderFileOut.of(one) for one in placed.files],
        )
