"""Recomputed totals against what the corpus states, for every invoice its rule sets call valid.

Each stated amount equals what its parts come to, or differs by no more than a published rule
allows for rounding, or no rule set that judged the document compares the two: such a difference
is listed with the rule that would have. A rule set that did judge it must never be contradicted.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ubl.differences import differences
from ubl.invoice import read_invoice
from ubl.reading import DocumentUnreadable
from ubl.safexml import parse
from ubl.totals import Discrepancy, check_totals, complete

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus"
NOT_JUDGED_AS_A_WHOLE = ("xsd-", "hostile")
EVERY = 7
# Which rule sets hold a rule as a fatal one: those whose key begins like this.
HOLDERS = {
    "BR-FXEXT-": ("facturx-extended",),
    "BR-FREXT-": ("extended-ctc-fr",),
    "PEPPOL-EN16931-": ("peppol-ubl",),
    "BR-": ("cen-", "facturx-en16931", "facturx-basic"),
}


@dataclass
class Tally:
    cases: int = 0
    equal: int = 0
    allowed: int = 0
    differing: list[str] = field(default_factory=list)
    contradicted: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        head = (
            f"{self.cases} valid invoices: {self.equal} equal, {self.allowed} within a rounding "
            f"allowance, {len(self.differing)} amounts differ where no judging rule set compares"
        )
        return "\n  ".join((head, *self.differing))


def valid_cases() -> Iterator[dict[str, Any]]:
    """Whole documents a rule set has judged, with nothing fatal and no broken stylesheet."""
    index = CORPUS / "index.jsonl"
    if not index.exists():
        pytest.skip(f"the test corpus is not at {CORPUS}")
    for line in index.read_text("utf-8").splitlines():
        case = json.loads(line)
        oracle = case.get("oracle") or {}
        if case["suite"].startswith(NOT_JUDGED_AS_A_WHOLE) or case.get("fragment"):
            continue
        if case.get("xsd_valid") is False or case["expected"].get("engine_error"):
            continue
        if not oracle or not case["file"].endswith(".xml") or case.get("fatal"):
            continue
        if not any(fired[0] == "fatal" for rules in oracle.values() for fired in rules.values()):
            yield case


def is_held(discrepancy: Discrepancy, case: dict[str, Any]) -> bool:
    """Say whether a rule set that judged the case compares these amounts itself."""
    rule = discrepancy.tolerance.rule
    holders = next(sets for prefix, sets in HOLDERS.items() if rule.startswith(prefix))
    return any(key.startswith(holders) for key in case["oracle"])


def judge(case: dict[str, Any], tally: Tally) -> None:
    try:
        invoice = read_invoice(parse((CORPUS / case["file"]).read_bytes())).invoice
    except DocumentUnreadable:
        return
    tally.cases += 1
    found = check_totals(invoice)
    tally.equal += not found
    tally.allowed += bool(found) and all(entry.tolerated for entry in found)
    for entry in found:
        if entry.tolerated:
            continue
        told = (
            f"{case['id']}: {entry.term} {entry.path} is {entry.stated}, its parts come to "
            f"{entry.computed} ({entry.tolerance.rule})"
        )
        (tally.contradicted if is_held(entry, case) else tally.differing).append(told)
    anew = complete(invoice, recompute=True)
    # A price that contradicts the sub-lines it stands over is nothing that computing could settle.
    left = [entry for entry in check_totals(anew) if entry.explanation != "group-net"]
    if left or complete(anew, recompute=True) != anew:
        tally.changed.append(f"{case['id']}: recomputing does not come to rest")
    if any(change.before is not None for change in differences(invoice, complete(invoice))):
        tally.changed.append(f"{case['id']}: completing changed what was stated")


def run(step: int) -> Tally:
    tally = Tally()
    for place, case in enumerate(valid_cases()):
        if place % step == 0:
            judge(case, tally)
    assert tally.cases
    assert tally.contradicted == []
    assert tally.changed == []
    return tally


def test_recomputed_totals_agree_on_a_sample() -> None:
    print(run(EVERY))


@pytest.mark.corpus
def test_recomputed_totals_agree_on_every_valid_invoice() -> None:
    print(run(1))
