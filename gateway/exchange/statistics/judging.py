"""Checking a statistics report before it is sent: the official rules where they are at hand.

Our own check always runs; it decides alone where no official rules for the report were found.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from gateway.exchange.statistics.checking import Flaw, check_report
from gateway.exchange.statistics.counting import ReportKind
from gateway.validation.service import CheckOptions, ValidationService, require_verdict
from gateway.validation.tables import ValidationRun

__all__ = ["Authority", "Judged", "Judgement", "judge"]

_UNDETERMINED: Final = "undetermined"


class Authority(StrEnum):
    """By whose rules a report was judged: OpenPeppol's own, or this product's rendering."""

    OFFICIAL = "official"
    OWN = "own"


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether a report may be sent, by which rules, and everything that is wrong with it."""

    valid: bool
    authority: Authority
    rulesets: tuple[str, ...]
    flaws: tuple[Flaw, ...]

    def to_json(self) -> dict[str, Any]:
        """The judgement as JSON values."""
        return {
            "valid": self.valid,
            "authority": self.authority.value,
            "rulesets": list(self.rulesets),
            "flaws": [{"rule": one.rule, "message": one.message} for one in self.flaws],
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Judgement":
        """Read what ``to_json`` gave."""
        return cls(
            valid=values["valid"],
            authority=Authority(values["authority"]),
            rulesets=tuple(values["rulesets"]),
            flaws=tuple(Flaw(one["rule"], one["message"]) for one in values["flaws"]),
        )


@dataclass(frozen=True, slots=True)
class Judged:
    """A judgement and the run of the official rules, if they decided."""

    judgement: Judgement
    run: ValidationRun | None


async def judge(
    validation: ValidationService, tenant_id: UUID, kind: ReportKind, content: bytes
) -> Judged:
    """Judge a report. Raises GatewayError when the workers cannot say now."""
    own = check_report(kind, content)
    run = await validation.check(
        tenant_id, content, file_name=f"{kind.value}.xml", options=CheckOptions(lang="en")
    )
    require_verdict(run)
    if run.report["verdict"] == _UNDETERMINED:
        return Judged(Judgement(not own, Authority.OWN, (), own), None)
    found = tuple(
        Flaw(one["rule"], one["message"])
        for one in run.report["findings"]
        if one["severity"] == "fatal"
    )
    rules = tuple(one["id"] for one in run.report["rulesets"])
    # Where the two disagree the report is not sent: one of them is wrong, and both are shown.
    flaws = (*found, *(one for one in own if one.rule not in {flaw.rule for flaw in found}))
    valid = run.report["valid"] and not own
    return Judged(Judgement(valid, Authority.OFFICIAL, rules, flaws), run)
