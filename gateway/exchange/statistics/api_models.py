"""What the statistics API takes and gives."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from gateway.core.errors import GatewayError
from gateway.core.http import BAD_REQUEST
from gateway.exchange.statistics.counting import Counting, ReportKind
from gateway.exchange.statistics.difference import Difference
from gateway.exchange.statistics.figures import COUNTS, Family, KeyRole, Line
from gateway.exchange.statistics.judging import Authority, Judgement
from gateway.exchange.statistics.planning import Standing
from gateway.exchange.statistics.queries import TrafficRow
from gateway.exchange.statistics.service import Month, Preview
from gateway.exchange.statistics.states import ReportState
from gateway.exchange.statistics.tables import ReportingDuty, StatisticsReport
from gateway.exchange.tables import Direction

__all__ = [
    "DifferenceOut",
    "DutyIn",
    "DutyList",
    "DutyOut",
    "MonthList",
    "MonthQuery",
    "PreviewOut",
    "ReportOut",
    "ReportPage",
    "ReportQuery",
    "RowOut",
    "RowPage",
    "RowQuery",
    "cursor_after",
    "read_cursor",
]

_MONTH = r"^[0-9]{4}-(0[1-9]|1[0-2])$"


class KeyOut(BaseModel):
    """One key of a line: what it names, its scheme, its value."""

    names: KeyRole
    scheme: str
    value: str


class LineOut(BaseModel):
    """One subtotal or subset. ``id`` asks for the rows behind it; ``counts`` by their names:

    incoming and outgoing (TSR); sending, receiving and either (EUSR).
    """

    id: str
    family: Family
    keys: list[KeyOut]
    counts: dict[str, int]

    @classmethod
    def of(cls, line: Line, kind: ReportKind) -> Self:
        """Show a line."""
        return cls(
            id=line.id,
            family=line.family,
            keys=[KeyOut(names=one.role, scheme=one.scheme, value=one.value) for one in line.keys],
            counts=_named(kind, line.counts),
        )


class FlawOut(BaseModel):
    """One thing that is wrong with a report."""

    rule: str
    message: str


class JudgementOut(BaseModel):
    """Whether a report may be sent; ``authority`` is own where no official rules are at hand."""

    valid: bool
    authority: Authority
    rulesets: list[str]
    flaws: list[FlawOut]

    @classmethod
    def of(cls, judgement: Judgement) -> Self:
        """Show a judgement."""
        return cls.model_validate(judgement.to_json())


class ReportOut(BaseModel):
    """One report that was made for a seat and month; the newest delivered one counts.

    ``document_id`` is the outgoing document that carried it, in the operator's outbox.
    """

    id: UUID
    seat_id: str
    kind: ReportKind
    period: str
    edition: int
    state: ReportState
    receiver: str
    document_id: UUID | None
    totals: dict[str, int]
    judgement: JudgementOut
    failure: str | None
    created_at: datetime
    settled_at: datetime | None

    @classmethod
    def of(cls, row: StatisticsReport) -> Self:
        """Show a stored report."""
        return cls(
            id=row.id,
            seat_id=row.seat_id,
            kind=row.kind,
            period=row.period,
            edition=row.edition,
            state=row.state,
            receiver=row.receiver,
            document_id=row.document_id,
            totals=_named(row.kind, row.figures["total"]),
            judgement=JudgementOut.model_validate(row.judgement),
            failure=row.failure,
            created_at=row.created_at,
            settled_at=row.settled_at,
        )


class ReportPage(BaseModel):
    """Reports, newest first; send ``next_cursor`` as ``cursor`` for older ones."""

    items: list[ReportOut]
    next_cursor: UUID | None


class ReportQuery(BaseModel):
    """How to narrow and page the history of reports."""

    model_config = ConfigDict(extra="forbid")

    period: str | None = Field(None, pattern=_MONTH)
    kind: ReportKind | None = None
    cursor: UUID | None = None
    limit: int = Field(50, ge=1, le=200)


class MonthOut(BaseModel):
    """One report that a seat owes: when it is due (UTC) and where it is.

    It is sent by itself at ``opens`` and not processed any more from ``closes`` on.
    """

    seat_id: str
    kind: ReportKind
    period: str
    first_day: date
    last_day: date
    standing: Standing
    opens: datetime
    closes: datetime
    latest: ReportOut | None

    @classmethod
    def of(cls, month: Month) -> Self:
        """Show a month."""
        return cls(
            seat_id=month.seat_id,
            kind=month.kind,
            period=str(month.period),
            first_day=month.period.first_day,
            last_day=month.period.last_day,
            standing=month.standing,
            opens=month.opens,
            closes=month.closes,
            latest=ReportOut.of(month.latest) if month.latest else None,
        )


class MonthList(BaseModel):
    """The newest thirteen months of each seat, newest first."""

    items: list[MonthOut]


class MonthQuery(BaseModel):
    """Which seat's months to list."""

    model_config = ConfigDict(extra="forbid")

    seat_id: str | None = Field(None, max_length=9)


class RowOut(BaseModel):
    """One exchange with a positive receipt; ``participant`` is ours: C1 (out) or C4 (in).

    ``id`` is that of the transmission (out) or reception (in).
    """

    id: UUID
    exchanged_at: datetime
    direction: Direction
    c2_seat: str
    c3_seat: str
    document_type_scheme: str
    document_type: str
    process_scheme: str
    process: str
    transport_profile: str
    c1_country: str | None
    c4_country: str | None
    participant: str
    counted_in: list[ReportKind]
    document_id: UUID | None

    @classmethod
    def of(cls, row: TrafficRow) -> Self:
        """Show a row of traffic."""
        traffic = row.traffic
        return cls(
            id=traffic.id,
            exchanged_at=traffic.exchanged_at,
            direction=traffic.direction,
            c2_seat=traffic.c2_seat,
            c3_seat=traffic.c3_seat,
            document_type_scheme=traffic.document_type_scheme,
            document_type=traffic.document_type,
            process_scheme=traffic.process_scheme,
            process=traffic.process,
            transport_profile=traffic.transport_profile,
            c1_country=traffic.c1_country,
            c4_country=traffic.c4_country,
            participant=traffic.participant,
            counted_in=[one for one in ReportKind if Counting(traffic.counting).includes(one)],
            document_id=row.document_id,
        )


class RowPage(BaseModel):
    """Rows in order of exchange; send ``next_cursor`` as ``cursor`` for later ones."""

    items: list[RowOut]
    next_cursor: str | None


class RowQuery(BaseModel):
    """Which rows: those of one ``line`` of the report (its id), or all that the report counts."""

    model_config = ConfigDict(extra="forbid")

    line: str | None = Field(None, pattern=r"^[0-9a-f]{16}$")
    cursor: str | None = Field(None, max_length=100)
    limit: int = Field(100, ge=1, le=1000)


class ChangeOut(BaseModel):
    """One line that differs; None where it was not there before, or is not now."""

    before: LineOut | None
    now: LineOut | None


class DifferenceOut(BaseModel):
    """What the report would say differently from the newest delivered one."""

    totals_before: dict[str, int]
    totals_now: dict[str, int]
    changes: list[ChangeOut]

    @classmethod
    def of(cls, found: Difference, kind: ReportKind) -> Self:
        """Show a difference."""

        def shown(line: Line | None) -> LineOut | None:
            return LineOut.of(line, kind) if line else None

        return cls(
            totals_before=_named(kind, found.total_before),
            totals_now=_named(kind, found.total_now),
            changes=[
                ChangeOut(before=shown(one.before), now=shown(one.now)) for one in found.changes
            ],
        )


class RecountOut(BaseModel):
    """The month counted again from receipts: ids that are not counted, counts without a receipt."""

    agrees: bool
    uncounted: list[UUID]
    unfounded: list[UUID]


class PreviewOut(BaseModel):
    """What the report of a month would say now.

    ``difference`` compares it with the newest delivered report. ``without_country`` lists at most
    a hundred counted rows of which nobody stated a country the reports know.
    """

    month: MonthOut
    totals: dict[str, int]
    lines: list[LineOut]
    judgement: JudgementOut
    difference: DifferenceOut | None
    without_country: list[RowOut]
    recount: RecountOut

    @classmethod
    def of(cls, preview: Preview) -> Self:
        """Show a preview."""
        kind, changes = preview.figures.kind, preview.changes
        return cls(
            month=MonthOut.of(preview.month),
            totals=_named(kind, preview.figures.total),
            lines=[LineOut.of(one, kind) for one in preview.figures.lines],
            judgement=JudgementOut.of(preview.judgement),
            difference=DifferenceOut.of(changes, kind) if changes else None,
            without_country=[RowOut.of(one) for one in preview.nameless],
            recount=RecountOut(
                agrees=preview.recount.agrees,
                uncounted=list(preview.recount.uncounted),
                unfounded=list(preview.recount.unfounded),
            ),
        )


class DutyIn(BaseModel):
    """Whether this instance reports for a seat, and from which month on."""

    model_config = ConfigDict(extra="forbid")

    active: bool
    since: str = Field(pattern=_MONTH)


class DutyOut(BaseModel):
    """A seat's duty to report."""

    seat_id: str
    active: bool
    since: str
    updated_at: datetime

    @classmethod
    def of(cls, row: ReportingDuty) -> Self:
        """Show a duty."""
        return cls(
            seat_id=row.seat_id, active=row.active, since=row.since, updated_at=row.updated_at
        )


class DutyList(BaseModel):
    """Every access point seat's duty, sorted."""

    items: list[DutyOut]


def cursor_after(row: TrafficRow) -> str:
    """Where the next page of rows starts."""
    at = row.traffic.exchanged_at.isoformat().replace("+00:00", "Z")
    return f"{at}_{row.traffic.id}"


def read_cursor(text: str) -> tuple[datetime, UUID]:
    """Read what ``cursor_after`` gave. Raises GatewayError REQUEST-INVALID."""
    at, _, row_id = text.partition("_")
    try:
        when = datetime.fromisoformat(at)
        if when.tzinfo is None:
            raise ValueError("without zone")
        return when, UUID(row_id)
    except ValueError:
        raise GatewayError(
            BAD_REQUEST, "The cursor is none of ours; send the next_cursor of the last page."
        ) from None


def _named(kind: ReportKind, counts: Sequence[int]) -> dict[str, int]:
    return dict(zip(COUNTS[kind], counts, strict=True))
