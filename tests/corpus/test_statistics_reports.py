"""Statistics reports against Peppol's own test files: the rule a file is named after fires."""

from datetime import date
from pathlib import Path

import pytest

from schematron import registry as registries
from schematron.finding import Verdict
from schematron.validate import Options, validate

pytestmark = pytest.mark.corpus

VECTORS = Path(__file__).resolve().parents[3] / "shared" / "vectors" / "reporting"
FILES = sorted(VECTORS.rglob("*.xml"))
DAY = date(2026, 11, 2)


def named(path: Path) -> set[str]:
    """``eusr-15-1.xml`` breaks SCH-EUSR-15; one found in the wild is named after no rule."""
    kind, number = path.stem.split("-")[:2]
    return {f"SCH-{kind.upper()}-{number}"} if number.isdigit() else set()


def test_each_file_is_judged_as_its_name_says(official_rules, tell):
    if not FILES:
        pytest.skip("the vectors are not beside the checkout (../shared/vectors)")
    registry = registries.load(store=official_rules)
    wrong = []
    for path in FILES:
        report = validate(path.read_bytes(), options=Options(as_of=DAY), registry=registry)
        fired = {finding.rule for finding in report.findings}
        if path.parent.name == "bad":
            if report.verdict is not Verdict.INVALID or not named(path) <= fired:
                wrong.append((path.name, report.verdict, fired))
        elif report.verdict is not Verdict.VALID:
            wrong.append((path.name, report.verdict, fired))
    tell(
        "verdicts",
        "statistics-reports",
        f"statistics reports: {len(FILES)} files, {len(wrong)} wrong",
    )
    assert wrong == []
