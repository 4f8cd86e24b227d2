"""How two sets of figures of the same month differ, line by line. Pure."""

from dataclasses import dataclass

from gateway.exchange.statistics.figures import Figures, Line

__all__ = ["Change", "Difference", "difference"]


@dataclass(frozen=True, slots=True)
class Change:
    """One line that is not what it was; None where it was not there before, or is not now."""

    before: Line | None
    now: Line | None

    @property
    def line(self) -> Line:
        """The line it is about, as it is now if it is there."""
        line = self.now or self.before
        assert line is not None, "a change has a line"  # noqa: S101 - by construction
        return line


@dataclass(frozen=True, slots=True)
class Difference:
    """What a report of the month would say differently from an earlier one."""

    total_before: tuple[int, ...]
    total_now: tuple[int, ...]
    changes: tuple[Change, ...]

    @property
    def none(self) -> bool:
        """Whether the two say the same."""
        return not self.changes and self.total_before == self.total_now


def difference(before: Figures, now: Figures) -> Difference:
    """Compare figures of the same kind, seat and month; raises ValueError for others."""
    if (before.kind, before.period, before.seat_id) != (now.kind, now.period, now.seat_id):
        raise ValueError("only figures of the same report can be compared")
    old, new = ({one.id: one for one in figures.lines} for figures in (before, now))
    changes = [
        Change(old.get(key), new.get(key))
        for key in dict.fromkeys((*new, *old))
        if old.get(key) != new.get(key)
    ]
    return Difference(before.total, now.total, tuple(changes))
