"""Where the network's participants are registered in the DNS: zones by stage, with their dates.

Data, not code: a network that moves its SML needs a line in ``sml-zones.toml``, not a release.
Reads one file; asks nobody. Source: exchange facts 2.9.
"""

import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

from gateway.core.errors import ErrorKind, GatewayError, Retry
from gateway.core.settings import Stage

__all__ = ["SML_ZONES", "SmlZone", "read_zones", "zone_at"]

SML_ZONES: Final = ErrorKind(
    "SML-ZONES", "No DNS zone of participants is known", 500, Retry.BACKOFF
)

_FILE: Final = "sml-zones.toml"
_ROOT: Final = Path(__file__).resolve().parents[2]
_PLACES: Final = (_ROOT / "config", _ROOT / "gateway" / "defaults")
_KEYS: Final = {"stage", "zone", "valid_from", "valid_until", "source"}
_NAME: Final = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")


@dataclass(frozen=True, slots=True)
class SmlZone:
    """One zone of one stage; ``valid_until`` is its last day (UTC), None while none is set."""

    stage: Stage
    zone: str
    valid_from: date
    valid_until: date | None
    source: str

    def covers(self, day: date) -> bool:
        """Whether it is to be asked on this day (UTC)."""
        return self.valid_from <= day and (self.valid_until is None or day <= self.valid_until)


def read_zones(folder: Path | None) -> tuple[SmlZone, ...]:
    """Read ``sml-zones.toml`` of a folder, None for the one shipped.

    A folder without the file has the shipped one. Raises GatewayError SML-ZONES.
    """
    places = _PLACES if folder is None else (folder, *_PLACES)
    path = next((one / _FILE for one in places if (one / _FILE).is_file()), None)
    if path is None:
        raise GatewayError(SML_ZONES, f"There is no {_FILE}. Install the gateway again.")
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise GatewayError(SML_ZONES, f"{path} cannot be read: {error}.") from None
    rows = content.get("zone")
    if content.keys() != {"zone"} or not isinstance(rows, list):
        raise GatewayError(SML_ZONES, f"{path} must hold [[zone]] tables and nothing else.")
    return tuple(_zone(one, path=path) for one in rows)


def zone_at(zones: Iterable[SmlZone], *, stage: Stage, at: datetime) -> SmlZone:
    """The zone to ask for a stage at a moment: of the valid ones the one that began last.

    Raises GatewayError SML-ZONES when none is valid.
    """
    day = at.astimezone(UTC).date()
    valid: Sequence[SmlZone] = [one for one in zones if one.stage is stage and one.covers(day)]
    if not valid:
        raise GatewayError(
            SML_ZONES,
            f"{_FILE} names no zone of the {stage} network that is valid on {day}. Add the one in "
            "use now, or set network.sml_zone.",
            stage=str(stage),
        )
    return max(valid, key=lambda one: one.valid_from)


def _zone(row: Any, *, path: Path) -> SmlZone:
    try:
        if row.keys() - _KEYS:
            raise ValueError(f"unknown key {min(row.keys() - _KEYS)}")
        name = str(row["zone"]).lower().rstrip(".")
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no DNS name")
        return SmlZone(
            stage=Stage(row["stage"]),
            zone=name,
            valid_from=_day(row["valid_from"]),
            valid_until=_day(row["valid_until"]) if "valid_until" in row else None,
            source=str(row["source"]),
        )
    except KeyError as error:
        raise GatewayError(SML_ZONES, f"A zone in {path} has no {error.args[0]}.") from None
    except (ValueError, AttributeError) as error:
        raise GatewayError(SML_ZONES, f"A zone in {path} is wrong: {error}.") from None


def _day(value: Any) -> date:
    if type(value) is not date:
        raise ValueError(f"{value!r} is no date")
    return value
