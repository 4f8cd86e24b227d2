"""What the API of answers takes and gives, apart from the rows behind it."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from gateway.exchange.answer_outcome import Outcome
from gateway.exchange.answer_policy import DEFAULTS, Policy
from gateway.exchange.answer_tables import (
    Confirm,
    InvalidPolicy,
    MlsAsked,
    MlsRecord,
    MlsSide,
    MlsState,
)
from gateway.exchange.mls_sla import TARGET_SHARE, TARGETS, PeerLevel, ServiceLevel
from gateway.exchange.mls_sla_queries import LateMls
from ubl.response import MlsCode, MlsIssue, MlsReason

__all__ = [
    "IssueIn",
    "MlrIn",
    "OutcomeIn",
    "OutcomeOut",
    "PolicyIn",
    "PolicyOut",
    "SideOut",
    "SlaCsvQuery",
    "SlaOut",
    "SlaQuery",
]


class PolicyIn(BaseModel):
    """How the account answers received documents.

    ``confirm`` is what counts as delivered: the inbox has it, the business acknowledged the
    hand-over, or it reported an outcome. ``timer_minutes`` after reception an open outcome is
    answered AB.
    """

    model_config = ConfigDict(extra="forbid")

    confirm: Confirm
    invalid: InvalidPolicy
    timer_minutes: int = Field(DEFAULTS.timer_minutes, ge=1, le=19)

    def policy(self) -> Policy:
        """The value behind it."""
        return Policy(confirm=self.confirm, invalid=self.invalid, timer_minutes=self.timer_minutes)


class PolicyOut(BaseModel):
    """The account's policy of answers."""

    confirm: Confirm
    invalid: InvalidPolicy
    timer_minutes: int

    @classmethod
    def of(cls, policy: Policy) -> Self:
        """The API's view of a policy."""
        return cls(
            confirm=policy.confirm, invalid=policy.invalid, timer_minutes=policy.timer_minutes
        )


class IssueIn(BaseModel):
    """One reason: BV rule violation, BW warning, SV syntax violation, FD failure of delivery.

    ``location`` is the XPath of the place in the document, NA without one.
    """

    model_config = ConfigDict(extra="forbid")

    code: MlsReason
    text: str = Field(min_length=1, max_length=2000)
    location: str = Field("NA", min_length=1, max_length=1000)

    def issue(self) -> MlsIssue:
        """The value behind it."""
        return MlsIssue(reason=self.code, text=self.text, location=self.location)


class OutcomeIn(BaseModel):
    """What became of a received document at the business.

    ``rejected`` needs a reason BV or SV; ``failed`` says that it will never be delivered (FD).
    """

    model_config = ConfigDict(extra="forbid")

    outcome: Outcome
    reasons: list[IssueIn] = Field(default_factory=list, max_length=50)
    text: str | None = Field(None, max_length=2000)


class ReportedOutcome(BaseModel):
    """The outcome reported last, and by whom."""

    outcome: Outcome
    text: str | None
    at: datetime
    by: str


class MlsIssueOut(BaseModel):
    """One reason of an MLS."""

    reason: MlsReason
    text: str
    location: str


class OutcomeOut(BaseModel):
    """The MLS about one document, and what the business reported.

    ``side`` owed: we answer; awaited: we are answered. ``state`` says where the MLS stands,
    ``code`` what it says (AP, AB, RE). ``timer_at`` is when an open outcome is answered AB.
    """

    document_id: UUID
    side: MlsSide
    state: MlsState
    asked: MlsAsked
    peer_seat: str
    address: str | None
    began_at: datetime
    timer_at: datetime | None
    code: MlsCode | None
    text: str | None
    issues: list[MlsIssueOut]
    answered_at: datetime | None
    took_s: int | None
    late: bool
    mls_id: UUID | None
    reported: ReportedOutcome | None

    @classmethod
    def of(cls, record: MlsRecord) -> Self:
        """The API's view of a record."""
        reported = None
        if record.outcome is not None and record.outcome_at is not None:
            reported = ReportedOutcome(
                outcome=Outcome(record.outcome),
                text=record.outcome_text,
                at=record.outcome_at,
                by=record.outcome_by or "",
            )
        return cls(
            document_id=record.document_id,
            side=record.side,
            state=record.state,
            asked=record.asked,
            peer_seat=record.peer_seat,
            address=record.address,
            began_at=record.began_at,
            timer_at=record.timer_at,
            code=MlsCode(record.code) if record.code else None,
            text=record.statement.get("text"),
            issues=[MlsIssueOut(**one) for one in record.statement.get("issues", ())],
            answered_at=record.answered_at,
            took_s=record.took_s,
            late=record.late_at is not None,
            mls_id=record.mls_id,
            reported=reported,
        )


class MlrIn(BaseModel):
    """A Message Level Response: AP accepted, AB acknowledged, or RE with reasons BV or SV."""

    model_config = ConfigDict(extra="forbid")

    code: MlsCode
    reasons: list[IssueIn] = Field(default_factory=list, max_length=50)
    text: str | None = Field(None, max_length=2000)


class SlaQuery(BaseModel):
    """The month asked for, as YYYY-MM in UTC; without one the present month."""

    model_config = ConfigDict(extra="forbid")

    month: str | None = Field(None, pattern=r"^2[0-9]{3}-(0[1-9]|1[0-2])$")


class SlaCsvQuery(SlaQuery):
    """The month, and whether its late documents or its access points are listed."""

    rows: Literal["documents", "peers"] = "documents"


class LevelOut(BaseModel):
    """How many answers of a month came, and how many in time.

    ``share`` is the percentage in time of all that were due, two places; null while none was.
    ``percentiles`` are seconds of the answered, by percent.
    """

    expected: int
    in_time: int
    late: int
    missing: int
    pending: int
    share: Decimal | None
    met: bool | None
    percentiles: dict[str, int]

    @classmethod
    def of(cls, level: ServiceLevel) -> Self:
        """The API's view of a level."""
        return cls(
            expected=level.expected,
            in_time=level.in_time,
            late=level.late,
            missing=level.missing,
            pending=level.pending,
            share=level.share,
            met=level.met,
            percentiles={f"p{percent}": took for percent, took in level.percentiles.items()},
        )


class PeerOut(LevelOut):
    """The level with one access point."""

    peer_seat: str

    @classmethod
    def of_peer(cls, peer: PeerLevel) -> Self:
        """The API's view of a peer."""
        return cls(peer_seat=peer.peer_seat, **LevelOut.of(peer.level).model_dump())


class LateOut(BaseModel):
    """One document answered late (``took_s`` over the target) or not at all (null)."""

    document_id: UUID
    sbdh_instance_identifier: str
    sender: str
    receiver: str
    peer_seat: str
    began_at: datetime
    answered_at: datetime | None
    took_s: int | None
    code: MlsCode | None

    @classmethod
    def of(cls, late: LateMls) -> Self:
        """The API's view of a late document."""
        return cls(
            document_id=late.document_id,
            sbdh_instance_identifier=late.sbdh_id,
            sender=late.sender,
            receiver=late.receiver,
            peer_seat=late.peer_seat,
            began_at=late.began_at,
            answered_at=late.answered_at,
            took_s=late.took_s,
            code=MlsCode(late.code) if late.code else None,
        )


class SideOut(BaseModel):
    """One service level: MLS-1 for what we owe, MLS-2 for what we await.

    ``documents`` are those late or missing, at most 500; the CSV has all.
    """

    name: Literal["MLS-1", "MLS-2"]
    target_s: int
    total: LevelOut
    peers: list[PeerOut]
    documents: list[LateOut]

    @classmethod
    def build(
        cls,
        side: MlsSide,
        total: ServiceLevel,
        peers: tuple[PeerLevel, ...],
        late: Sequence[LateMls],
    ) -> Self:
        """The API's view of one side."""
        return cls(
            name="MLS-1" if side is MlsSide.OWED else "MLS-2",
            target_s=int(TARGETS[side].total_seconds()),
            total=LevelOut.of(total),
            peers=[PeerOut.of_peer(one) for one in peers],
            documents=[LateOut.of(one) for one in late],
        )


class SlaOut(BaseModel):
    """The service levels of one month (UTC), over all accounts; ``target_share`` in percent."""

    month: str
    target_share: Decimal = TARGET_SHARE
    owed: SideOut
    awaited: SideOut
