"""Every case of the third-party corpus: the verdict, and the exact rules that fire.

Each case is examined twice. *By name*: with exactly the rule sets it was judged by, where the
fired rules (id, severity, count) must be those of the official artefact. *As received*: with
whatever this product chooses by itself, where the verdict must be the published one. What
differs and may is listed in differences.toml with its reason; a listed difference that no longer
occurs fails as well, so that the list stays true.
"""

import json
import tomllib
from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from schematron import registry as registries
from schematron.finding import Layer, Report, RunVerdict, Verdict
from schematron.manifest import XSD
from schematron.registry import Registry
from schematron.validate import Options, validate
from ubl.safexml import parse

pytestmark = pytest.mark.corpus

HERE = Path(__file__).resolve().parent
CORPUS = HERE.parents[2] / "shared" / "corpus"
DAY = date(2026, 11, 2)
OUT_OF_SCOPE = "peppol-cii-3.0.19"
HOSTILE = "hostile"
# How the corpus and how we name an assertion to which its publisher gave no id.
_ID = {"?": "no-id"}


def _cases() -> dict[str, list[dict[str, Any]]]:
    suites: dict[str, list[dict[str, Any]]] = {}
    for name in ("index.jsonl", "index-flagged.jsonl"):
        path = CORPUS / name
        if not path.is_file():
            continue
        for line in path.read_text(encoding="utf-8").splitlines():
            case = json.loads(line)
            if OUT_OF_SCOPE in case["rulesets"] or case["suite"] == HOSTILE:
                continue
            suite = "flagged" if name == "index-flagged.jsonl" else case["suite"]
            suites.setdefault(suite, []).append(case)
    return suites


SUITES = _cases()


@dataclass
class Tally:
    """What one suite showed."""

    cases: int = 0
    verdicts: int = 0
    verdicts_right: int = 0
    sets: Counter[str] = field(default_factory=Counter)
    sets_equal: Counter[str] = field(default_factory=Counter)
    wrongly_valid: list[str] = field(default_factory=list)
    differing: dict[str, str] = field(default_factory=dict)


@pytest.fixture(scope="session")
def differences() -> dict[str, str]:
    """Case and rule set (or ``verdict``) that may differ, to the reason."""
    table = tomllib.loads((HERE / "differences.toml").read_text(encoding="utf-8"))
    return {
        f"{case} {entry['what']}": entry["reason"]
        for entry in table.get("difference", [])
        for case in entry["cases"]
    }


@pytest.fixture(scope="session")
def registry(official_rules: Path) -> Registry:
    """The rule sets as an operator has them after ``gateway rules sync``."""
    return registries.load(store=official_rules)


def test_the_corpus_is_here(tell: Any) -> None:
    """Where it is not, that must be seen: none of its documents was judged."""
    if not SUITES:
        tell(
            "verdicts", "none", "0 cases: the corpus is not beside the checkout (../shared/corpus)"
        )
        pytest.skip("0 cases judged: the corpus is not beside the checkout (../shared/corpus)")
    assert sum(map(len, SUITES.values())) > 2500


@pytest.mark.parametrize("suite", sorted(SUITES))
def test_suite(suite: str, registry: Registry, differences: dict[str, str], tell: Any) -> None:
    tally = Tally()
    for case in SUITES[suite]:
        tally.cases += 1
        data = (CORPUS / case["file"]).read_bytes()
        _by_name(case, data, registry, tally)
        if not case.get("fragment"):
            _as_received(case, data, registry, tally)
    tell("verdicts", suite, tally_line(suite, tally))
    names = {case["id"] for case in SUITES[suite]}
    listed = {key for key in differences if key.split(" ")[0] in names}
    assert [name for name in tally.wrongly_valid if f"{name} verdict" not in listed] == []
    assert {key: why for key, why in tally.differing.items() if key not in listed} == {}
    assert sorted(listed - tally.differing.keys()) == []


LATER_ELEMENTS = {
    "BatchID": "SpecifiedTradeProduct",
    "ModelID": "SpecifiedTradeProduct",
    "IndustryAssignedID": "SpecifiedTradeProduct",
}


@pytest.mark.parametrize("name", sorted(LATER_ELEMENTS))
def test_what_only_a_later_schema_knows_is_refused_in_xrechnung(
    name: str, registry: Registry
) -> None:
    """XRechnung is bound to CII D16B; D22B, which other documents may use, has more elements."""
    if not SUITES:
        pytest.skip("the corpus is not beside the checkout (../shared/corpus)")
    case = next(c for c in SUITES["xrechnung-testsuite"] if c["file"].endswith("uncefact.xml"))
    root = parse((CORPUS / case["file"]).read_bytes())
    product = root.find(f".//{{*}}{LATER_ELEMENTS[name]}")
    assert product is not None
    later = etree.Element(f"{{{etree.QName(product).namespace}}}{name}")
    later.text = "X1"
    last_id = [child for child in product if etree.QName(child).localname.endswith("ID")]
    product.insert(len(last_id), later)
    report = validate(etree.tostring(root), options=Options(as_of=DAY), registry=registry)
    assert report.verdict is Verdict.INVALID
    assert any(finding.layer is Layer.XSD for finding in report.findings)


def tally_line(suite: str, tally: Tally) -> str:
    """One line of the summary table."""
    sets = ", ".join(
        f"{name} {tally.sets_equal[name]}/{count}" for name, count in sorted(tally.sets.items())
    )
    return (
        f"{suite:26} {tally.cases:4} cases   verdicts {tally.verdicts_right:4}/"
        f"{tally.verdicts:<4} wrongly valid {len(tally.wrongly_valid)}   exact sets: {sets or '-'}"
    )


def _by_name(case: dict[str, Any], data: bytes, registry: Registry, tally: Tally) -> None:
    """Compare what fires with what the official artefact fired, rule set by rule set."""
    expected = case["expected"]
    oracle = case.get("oracle") or {}
    for name in dict.fromkeys([*case["rulesets"], *oracle]):
        if name == XSD:
            continue
        report = validate(data, options=Options(as_of=DAY, rules=(name,)), registry=registry)
        fired = _fired(report, name)
        tally.sets[name] += 1
        fault = None
        if expected.get("engine_error"):
            # Whether a run aborts or only fails a rule depends on the order in which the engine
            # evaluates; that it is never taken for a valid one does not.
            if report.verdict not in (Verdict.ENGINE_ERROR, Verdict.INVALID):
                fault = f"{report.verdict} where the official stylesheet stops"
        elif name in oracle:
            wanted = {_ID.get(rule, rule): (sev, n) for rule, (sev, n) in oracle[name].items()}
            if fired != wanted:
                fault = _contrast(fired, wanted)
        if fault is None and expected.get("complete") and len(case["rulesets"]) == 1:
            complete = {_ID.get(rule, rule) for rule in expected["fires"]}
            if set(fired) != complete:
                fault = f"fired {sorted(fired)}, complete set {sorted(complete)}"
        elif fault is None and "fires" in expected and len(case["rulesets"]) == 1:
            missing = set(expected["fires"]) - set(fired)
            wrong = set(expected.get("silent", ())) & set(fired)
            if missing or wrong:
                fault = f"missing {sorted(missing)}, should be silent {sorted(wrong)}"
        if fault is None:
            tally.sets_equal[name] += 1
        else:
            tally.differing[f"{case['id']} {name}"] = fault


def _contrast(fired: dict[str, tuple[str, int]], wanted: dict[str, tuple[str, int]]) -> str:
    ours = {rule: fired[rule] for rule in sorted(fired) if fired[rule] != wanted.get(rule)}
    theirs = {rule: wanted[rule] for rule in sorted(wanted) if wanted[rule] != fired.get(rule)}
    return f"ours {ours}, official {theirs}"


def _fired(report: Report, name: str) -> dict[str, tuple[str, int]]:
    """Rule to severity and count, findings beyond the cap included; our own notes left out."""
    found: dict[str, tuple[str, int]] = {}
    for finding in report.findings:
        if finding.layer is not Layer.RULES or finding.ruleset != name:
            continue
        if finding.rule == "RULES-REPEATED":
            rule = finding.words["rule"]
            severity, count = found[rule]
            found[rule] = (severity, count + int(finding.words["count"]))
        elif not finding.rule.startswith(("RULES-", "ENGINE-")):
            _, count = found.get(finding.rule, ("", 0))
            found[finding.rule] = (finding.severity.value, count + 1)
    return found


def _as_received(case: dict[str, Any], data: bytes, registry: Registry, tally: Tally) -> None:
    """Compare the verdict on the document as a user would send it."""
    wanted = case["expected"].get("valid")
    wrong = case.get("xsd_valid") is False or bool(case.get("fatal"))
    if wrong and case not in SUITES.get("flagged", ()):
        wanted = False
    if wanted is None:
        return
    chosen = (XSD,) if case["expected"].get("layer") == XSD else None
    report = validate(data, options=Options(as_of=DAY, rules=chosen), registry=registry)
    tally.verdicts += 1
    if _settled(report, wanted):
        tally.verdicts_right += 1
        return
    fatal = sorted({f.rule for f in report.findings if f.severity.value == "fatal"})[:8]
    runs = [f"{run.id}:{run.verdict}" for run in report.rulesets]
    tally.differing[f"{case['id']} verdict"] = (
        f"expected valid={wanted}, got {report.verdict} {fatal} {runs}"
    )
    if report.verdict is Verdict.VALID:
        tally.wrongly_valid.append(case["id"])


def _settled(report: Report, wanted: bool) -> bool:
    """A document expected to be invalid must not merely be undetermined where it was judged."""
    if wanted:
        return report.verdict is Verdict.VALID
    return report.verdict is not Verdict.VALID and (
        report.verdict is not Verdict.UNDETERMINED
        or all(run.verdict is not RunVerdict.INVALID for run in report.rulesets)
    )
