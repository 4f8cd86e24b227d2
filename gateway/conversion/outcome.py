"""What the rules say of a document that was written in a format. Pure."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from ubl.formats import Format

__all__ = ["Outcome", "outcome_of"]

_OWN_RULES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "peppol-bis-3": "peppol-ubl-",
        "xrechnung": "xrechnung-",
        "facturx-xrechnung": "xrechnung-",
        "fr-": "br-fr-",
    }
)
"""Beginnings of format ids, and of the rule sets without which a format is not judged: their
documents also pass as plain EN 16931."""


class Outcome(StrEnum):
    """What the rules say of a document that was written.

    UNDETERMINED: the rules of its format are not known here, or did not apply to it. UNFINISHED:
    the rules stopped before their end.
    """

    VALID = "valid"
    INVALID = "invalid"
    UNDETERMINED = "undetermined"
    UNFINISHED = "engine-error"


def outcome_of(wanted: Format, report: Mapping[str, Any]) -> Outcome:
    """The outcome by a validation report; what cannot be read back is invalid."""
    try:
        outcome = Outcome(report["verdict"])
    except ValueError:
        return Outcome.INVALID
    if outcome is Outcome.VALID and not _judged_as(wanted, report):
        return Outcome.UNDETERMINED
    return outcome


def _judged_as(wanted: Format, report: Mapping[str, Any]) -> bool:
    ran = [str(one["id"]) for one in report["rulesets"]]
    own = (rules for start, rules in _OWN_RULES.items() if wanted.id.startswith(start))
    return all(any(name.startswith(rules) for name in ran) for rules in own)
