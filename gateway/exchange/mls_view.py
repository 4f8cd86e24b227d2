"""The MLS about one document as a page shows it, with what may be reported about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.exchange.answer_outcome import Outcome
from gateway.exchange.answer_tables import MlsRecord, MlsSide
from gateway.exchange.answer_tables import MlsState as State
from gateway.exchange.mls_queries import record_of
from gateway.exchange.tables import Document
from gateway.exchange.timeline_view import Look
from ubl.response import MlsCode, MlsReason

__all__ = ["MlsPanel", "mls_panel", "took"]

_LOOKS: Final[Mapping[State, Look]] = MappingProxyType(
    {
        State.WAITING: Look("amber", "clock"),
        State.SILENT: Look("grey", "info"),
        State.QUEUED: Look("blue", "arrow"),
        State.SENT: Look("green", "check"),
        State.UNDELIVERABLE: Look("red", "alert"),
        State.AWAITED: Look("blue", "clock"),
        State.QUIET: Look("grey", "info"),
        State.ANSWERED: Look("green", "check"),
    }
)
_REASONS: Final = (MlsReason.RULE_VIOLATION, MlsReason.SYNTAX_VIOLATION)


@dataclass(frozen=True, slots=True)
class MlsPanel:
    """What the side of a document's page says about its MLS.

    ``outcomes`` are what may be reported: none for documents we sent. ``urgent`` while nothing
    was decided and the timer runs.
    """

    record: MlsRecord
    look: Look
    outcomes: tuple[Outcome, ...]
    reasons: tuple[MlsReason, ...]
    urgent: bool

    @property
    def took(self) -> str | None:
        """How long the answer took, once there is one."""
        return None if self.record.took_s is None else took(self.record.took_s)


def took(seconds: int) -> str:
    """A duration as minutes and seconds, from an hour on with hours: 3:20, 1:03:20."""
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


async def mls_panel(session: AsyncSession, document: Document) -> MlsPanel | None:
    """The panel of one document; None where no MLS is about it."""
    record = await record_of(session, document.tenant_id, document.id)
    if record is None:
        return None
    owed = record.side is MlsSide.OWED
    return MlsPanel(
        record=record,
        look=_look(record),
        outcomes=tuple(Outcome) if owed else (),
        reasons=_REASONS,
        urgent=record.state is State.WAITING,
    )


def _look(record: MlsRecord) -> Look:
    said = record.state in (State.SENT, State.ANSWERED, State.QUEUED)
    if said and record.code == MlsCode.REJECTED:
        return Look("red", "cross")
    if record.late_at is not None and record.state in (State.AWAITED, State.WAITING, State.QUEUED):
        return Look("amber", "alert")
    return _LOOKS[record.state]
