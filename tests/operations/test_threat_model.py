"""The threat model names modules that are there, and settles nothing by ones that are not."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "threat-model.md"
PLACES = ("", "gateway", "tests")


def named() -> set[str]:
    return set(re.findall(r"`((?:[\w*-]+/)+[\w*-]+\.py)`", PAGE.read_text("utf-8")))


def test_every_module_that_is_named_exists() -> None:
    assert len(named()) > 30
    missing = [
        one for one in named() if not any(list((ROOT / place).glob(one)) for place in PLACES)
    ]
    assert missing == []


def test_every_row_says_what_is_done() -> None:
    rows = [
        line.split("|")[1:-1]
        for line in PAGE.read_text("utf-8").splitlines()
        if re.match(r"\| [STRIDE] \|", line)
    ]
    assert len(rows) > 25
    assert all(len(row) == 4 and all(cell.strip() for cell in row) for row in rows)
    assert {row[0].strip() for row in rows} == set("STRIDE")
