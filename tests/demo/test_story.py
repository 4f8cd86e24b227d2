"""The demonstration as a visitor runs it: a process of its own, real sockets, real files."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.demo.story import STEPS

PATIENCE_S = 30
"""Also what each step before the withheld answer may take, on a machine that tests in parallel."""


def tell(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "gateway", "demo", "--once", "--data", folder / "demo", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )


def numbers(told: subprocess.CompletedProcess[str]) -> list[int]:
    return [int(one) for one in re.findall(r"^ ?(\d+)  +\d+\.\d\d s  ", told.stdout, re.MULTILINE)]


@pytest.mark.endurance
def test_every_step_happens_and_the_evidence_verifies_afterwards(tmp_path):
    told = tell(tmp_path)
    assert told.returncode == 0, told.stderr
    assert numbers(told) == list(range(1, len(STEPS) + 1))
    assert len(STEPS) == 27
    (bundle,) = (tmp_path / "demo").glob("evidence-*.zip")
    checked = subprocess.run(
        [sys.executable, "-m", "gateway", "evidence", bundle],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout
    assert "FAIL" not in checked.stdout


MISSING = {
    "receipt": "it is delivered and the receipt verified",
    "mls": "the MLS arrives",
    "response": "the seller sees 'in process'",
    "mail": "the e-mail arrives with letter, link and code",
    "webhook": "the provider's event arrives",
    "bank-message": "the bank tells of the money",
}


@pytest.mark.endurance
@pytest.mark.parametrize("cut", MISSING)
def test_a_withheld_answer_fails_the_story_at_that_step(tmp_path, cut):
    told = tell(tmp_path, "--cut", cut, "--patience", str(PATIENCE_S))
    missing = STEPS.index(MISSING[cut])
    assert told.returncode == 1, told.stdout
    assert numbers(told) == list(range(1, missing + 1)), told.stderr
    assert f"The story stops at step {missing + 1}: {STEPS[missing]}" in told.stderr


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "mine.txt").write_text("mine")
    told = tell(tmp_path)
    assert told.returncode == 1
    assert "holds something else" in told.stderr
    assert (tmp_path / "demo" / "mine.txt").read_text() == "mine"
