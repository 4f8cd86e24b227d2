"""The service levels of MLS as figures: how many answers came, how many in time. Pure.

MLS-1 and MLS-2 of the Peppol Network Policy (exchange facts 2.11): 20 and 25 minutes, for 99.5 %
of the documents of a month that want an answer.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import ROUND_DOWN, Decimal
from typing import Final

from gateway.exchange.answer_tables import MlsSide

__all__ = ["PERCENTILES", "TARGETS", "TARGET_SHARE", "Bin", "PeerLevel", "ServiceLevel", "measure"]

TARGETS: Final[Mapping[MlsSide, timedelta]] = {
    MlsSide.OWED: timedelta(minutes=20),
    MlsSide.AWAITED: timedelta(minutes=25),
}
"""How long an MLS may take: owed is MLS-1 (C3), awaited is MLS-2 (C2)."""

TARGET_SHARE: Final = Decimal("99.5")
"""Percent of the answers of a month that must be in time."""

PERCENTILES: Final = (50, 95, 99)


@dataclass(frozen=True, slots=True)
class Bin:
    """So many documents of one peer whose answer took ``took_s`` seconds.

    ``took_s`` None: no answer so far; then ``overdue`` says whether the time is over.
    """

    peer_seat: str
    took_s: int | None
    count: int
    overdue: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceLevel:
    """What a month came to.

    ``expected`` is every document that wants an answer: ``in_time``, ``late`` (answered after the
    target), ``missing`` (not answered, time over) and ``pending``. ``share`` is the percentage in
    time of all but the pending, to two places, rounded down; None without any. ``percentiles``
    are seconds of the answered, by percent.
    """

    expected: int
    in_time: int
    late: int
    missing: int
    pending: int
    share: Decimal | None
    percentiles: Mapping[int, int]

    @property
    def met(self) -> bool | None:
        """Whether the target share is reached; None as long as nothing can be said."""
        return None if self.share is None else self.share >= TARGET_SHARE


@dataclass(frozen=True, slots=True)
class PeerLevel:
    """The service level with one access point."""

    peer_seat: str
    level: ServiceLevel


def measure(side: MlsSide, bins: Iterable[Bin]) -> tuple[ServiceLevel, tuple[PeerLevel, ...]]:
    """The level over all access points, and that of each, the worst first."""
    everything = tuple(bins)
    by_peer: dict[str, list[Bin]] = {}
    for one in everything:
        by_peer.setdefault(one.peer_seat, []).append(one)
    peers = [PeerLevel(peer, _level(side, of)) for peer, of in by_peer.items()]
    peers.sort(key=lambda one: (-(one.level.missing + one.level.late), one.peer_seat))
    return _level(side, everything), tuple(peers)


def _level(side: MlsSide, bins: Iterable[Bin]) -> ServiceLevel:
    target = int(TARGETS[side].total_seconds())
    took: dict[int, int] = {}
    missing = pending = 0
    for one in bins:
        if one.took_s is not None:
            took[one.took_s] = took.get(one.took_s, 0) + one.count
        elif one.overdue:
            missing += one.count
        else:
            pending += one.count
    in_time = sum(count for seconds, count in took.items() if seconds <= target)
    answered = sum(took.values())
    return ServiceLevel(
        expected=answered + missing + pending,
        in_time=in_time,
        late=answered - in_time,
        missing=missing,
        pending=pending,
        share=_share(in_time, answered + missing),
        percentiles=_percentiles(took, answered),
    )


def _share(part: int, whole: int) -> Decimal | None:
    """Rounded down: 99.499 % must never read as a target that was met."""
    if not whole:
        return None
    return (Decimal(100 * part) / whole).quantize(Decimal("0.01"), rounding=ROUND_DOWN)


def _percentiles(took: Mapping[int, int], answered: int) -> dict[int, int]:
    """The nearest-rank percentiles of the seconds."""
    if not answered:
        return {}
    ranks = {percent: -(-answered * percent // 100) for percent in PERCENTILES}
    found: dict[int, int] = {}
    seen = 0
    for seconds in sorted(took):
        seen += took[seconds]
        for percent, rank in ranks.items():
            if percent not in found and seen >= rank:
                found[percent] = seconds
    return found
