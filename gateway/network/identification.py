"""End-user identification: what is recorded of it, and whether a record still holds.

Pure but for reading one file. What must be asked is data (``identification.toml``), because the
regulations' own list of fields is not public and changes. Source: Peppol Internal Regulations
2.0.0 chapter 3.3 as far as known (exchange facts 2.14).
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gateway.core.errors import ErrorKind, GatewayError

__all__ = [
    "IDENTIFICATION_FILE",
    "IDENTIFICATION_INVALID",
    "Choice",
    "IdentificationRules",
    "Proof",
    "Standing",
    "add_months",
    "read_rules",
    "standing_of",
]

IDENTIFICATION_FILE: Final = ErrorKind(
    "IDENTIFICATION-FILE", "The rules of identification cannot be read", 500
)
IDENTIFICATION_INVALID: Final = ErrorKind(
    "IDENTIFICATION-INVALID", "The identification is not complete", 422
)

_FILE: Final = "identification.toml"
_ROOT: Final = Path(__file__).resolve().parents[2]
_PLACES: Final = (_ROOT / "config", _ROOT / "gateway" / "defaults")
_MAX_TEXT: Final = 1000
_DAYS_OF: Final = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class _Rule(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Choice(_Rule):
    """A kind of proof or a way of meeting; ``title`` by language."""

    id: str = Field(pattern=r"^[a-z][a-z_-]{0,59}$")
    title: dict[str, str]

    def named(self, language: str) -> str:
        """Its name in a language, in English where it has none in that one."""
        return self.title.get(language) or self.title.get("en", self.id)


class FieldRule(Choice):
    """One thing that is asked; ``pattern`` is what its whole text must match."""

    required: bool = False
    pattern: str = ""


class IdentificationRules(_Rule):
    """What a complete record has, and for how long it holds."""

    recheck_months: int = Field(ge=1, le=120)
    warn_days: int = Field(ge=0, le=365)
    same_user: tuple[str, ...]
    field: tuple[FieldRule, ...]
    proof: tuple[Choice, ...]
    method: tuple[Choice, ...]

    def check(
        self, fields: Mapping[str, str], proofs: Sequence["Proof"], *, method: str
    ) -> dict[str, str]:
        """The fields as they are kept. Raises GatewayError IDENTIFICATION-INVALID, naming all."""
        known = {one.id: one for one in self.field}
        faults = [f"there is no field '{name}'" for name in sorted(fields.keys() - known.keys())]
        kept = {}
        for name, rule in known.items():
            text = fields.get(name, "").strip()
            if not text:
                faults += [f"'{name}' is missing"] * rule.required
            elif len(text) > _MAX_TEXT:
                faults.append(f"'{name}' is longer than {_MAX_TEXT} characters")
            elif rule.pattern and not re.fullmatch(rule.pattern, text):
                faults.append(f"'{name}' is not written as {rule.pattern}")
            else:
                kept[name] = text
        if method not in {one.id for one in self.method}:
            faults.append(f"there is no method '{method}'")
        kinds = {one.id for one in self.proof}
        faults += [f"there is no proof '{one.kind}'" for one in proofs if one.kind not in kinds]
        if not proofs:
            faults.append("at least one proof is needed")
        if faults:
            raise GatewayError(IDENTIFICATION_INVALID, f"Correct this: {'; '.join(faults)}.")
        return kept

    def end_user(self, fields: Mapping[str, Any]) -> str:
        """The same text for every record about the same end user; empty where it cannot tell."""
        parts = [str(fields.get(name, "")).strip().casefold() for name in self.same_user]
        return "" if not all(parts) else ":".join(parts)


@dataclass(frozen=True, slots=True)
class Proof:
    """What was seen: its kind, where it is kept, the SHA-256 of the document if there is one."""

    kind: str
    reference: str
    sha256: str = ""

    def to_json(self) -> dict[str, str]:
        """The value as plain JSON data for a database column."""
        return {"kind": self.kind, "reference": self.reference, "sha256": self.sha256}


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether a participant's end user counts as identified today.

    ``code`` is ``valid``, ``due`` (still valid, look again soon), ``expired``, ``withdrawn`` or
    ``missing``.
    """

    code: str
    recheck_on: date | None = None

    @property
    def may_publish(self) -> bool:
        """Whether the participant may be published where identification is asked for."""
        return self.code in ("valid", "due")


def standing_of(
    *, valid: bool | None, recheck_on: date | None, today: date, warn_days: int
) -> Standing:
    """What the newest record means today; ``valid`` is None where there is no record."""
    if valid is None or recheck_on is None:
        return Standing("missing")
    if not valid:
        return Standing("withdrawn")
    left = (recheck_on - today).days
    if left < 0:
        return Standing("expired", recheck_on)
    return Standing("due" if left <= warn_days else "valid", recheck_on)


def add_months(day: date, months: int) -> date:
    """The same day so many months later, or the last one of a shorter month."""
    years, month = divmod(day.month - 1 + months, 12)
    year = day.year + years
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    last = 29 if month == 1 and leap else _DAYS_OF[month]
    return date(year, month + 1, min(day.day, last))


def read_rules(folder: Path | None) -> IdentificationRules:
    """Read ``identification.toml`` of a folder, else the one shipped.

    Raises GatewayError IDENTIFICATION-FILE, naming what is wrong.
    """
    places = _PLACES if folder is None else (folder, *_PLACES)
    path = next((one / _FILE for one in places if (one / _FILE).is_file()), None)
    if path is None:
        raise GatewayError(IDENTIFICATION_FILE, f"There is no {_FILE}; install the gateway again.")
    try:
        rules = IdentificationRules.model_validate(tomllib.loads(path.read_text("utf-8")))
        for one in rules.field:
            re.compile(one.pattern)
    except ValidationError as error:
        named = "; ".join(
            f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()
        )
        raise GatewayError(IDENTIFICATION_FILE, f"Correct {path}: {named}.") from None
    except (OSError, ValueError, re.error) as error:
        raise GatewayError(IDENTIFICATION_FILE, f"Correct {path}: {error}.") from None
    unknown = set(rules.same_user) - {one.id for one in rules.field}
    if unknown:
        raise GatewayError(
            IDENTIFICATION_FILE, f"Correct {path}: same_user names no field: {sorted(unknown)}."
        )
    return rules
