"""Lists that are shown a page at a time, for programs and for people.

Whoever lists reads one row more than a page shows: that row says that others follow, and is not
shown itself. Reads nothing and knows no table.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Self, TypeVar

__all__ = ["Cut"]

_Row = TypeVar("_Row")
_Cursor = TypeVar("_Cursor")


@dataclass(frozen=True, slots=True)
class Cut(Generic[_Row]):
    """The rows of one page in their order, and whether others follow them."""

    shown: Sequence[_Row]
    more: bool

    @classmethod
    def at(cls, rows: Sequence[_Row], limit: int) -> Self:
        """The first ``limit`` of ``rows``, which were read with a limit of ``limit + 1``."""
        return cls(rows[:limit], len(rows) > limit)

    def cursor(self, of: Callable[[_Row], _Cursor]) -> _Cursor | None:
        """Where the next page goes on: what ``of`` says of the last row, None on the last page."""
        return of(self.shown[-1]) if self.more else None
