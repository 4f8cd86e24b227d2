"""What a benchmark says: figures in tables, and how many rounds stand behind them."""

import math
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

__all__ = ["Section", "load", "machine", "median", "percentile", "seconds_of", "show"]


@dataclass(slots=True)
class Section:
    """One table of the report. Cells are texts or numbers from 0; None is shown as a dash."""

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[str | float | None, ...]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, *cells: str | float | None) -> None:
        """Append a row of as many cells as there are columns."""
        if len(cells) != len(self.columns):
            raise ValueError(f"{self.title}: {len(cells)} cells for {len(self.columns)} columns")
        self.rows.append(cells)

    def to_json(self) -> dict[str, Any]:
        """The same as plain data, unrounded."""
        return asdict(self)


def median(values: Sequence[float]) -> float:
    """The middle of the values."""
    return statistics.median(values)


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that ``percent`` of the values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def show(section: Section) -> str:
    """The section as text for a terminal: first column left, the others right."""
    cells = [section.columns, *(tuple(_text(one) for one in row) for row in section.rows)]
    widths = [max(len(row[place]) for row in cells) for place in range(len(section.columns))]
    lines = ["", section.title, "-" * len(section.title)]
    for row in cells:
        first, *others = (
            one.ljust(width) if place == 0 else one.rjust(width)
            for place, (one, width) in enumerate(zip(row, widths, strict=True))
        )
        lines.append("  ".join([first, *others]).rstrip())
    return "\n".join([*lines, *(f"  {note}" for note in section.notes)])


def _text(cell: str | float | None) -> str:
    if cell is None:
        return "-"
    if isinstance(cell, str | int):
        return str(cell)
    return format(cell, ".0f" if cell >= 100 else ".1f" if cell >= 10 else ".2f")


def load() -> float:
    """How many processes wanted a core during the last minute, on average."""
    return round(os.getloadavg()[0], 2)


def machine() -> dict[str, Any]:
    """On what the figures were made."""
    return {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "packages": {
            name: version(name)
            for name in ("cryptography", "lxml", "sqlalchemy", "aiohttp", "saxonche")
        },
    }


def seconds_of(stat: Path) -> float:
    """Processor time in the ``stat`` file of a process or thread."""
    # The name in brackets may hold spaces; utime and stime are the 12th and 13th after it.
    fields = stat.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
