"""The judges of our PDF files, veraPDF and Mustang: compiled once, asked in one go.

Where Java, Maven or the Maven repository are not at hand every test is skipped with that reason;
a judge of ours that does not compile is a failure.
"""

import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent
JUDGE_SECONDS = 900


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a judge said of a file, and why."""

    said: str
    reasons: str


Judge = Callable[..., Mapping[tuple[str, str], Verdict]]


@pytest.fixture(scope="session")
def judge_class_path(compiled: Callable[[Path, str], str]) -> str:
    """The class path of the compiled judges."""
    return compiled(PROJECT, "the judges veraPDF and Mustang")


@pytest.fixture(scope="session")
def judge(judge_class_path: str, tmp_path_factory: pytest.TempPathFactory) -> Judge:
    """Ask veraPDF about files, Mustang about those that are Factur-X, veraPDF about access."""
    java = shutil.which("java")
    assert java is not None

    def ask(
        archived: Sequence[Path] = (), hybrid: Sequence[Path] = (), accessible: Sequence[Path] = ()
    ) -> Mapping[tuple[str, str], Verdict]:
        done = subprocess.run(
            [
                java,
                "-XX:TieredStopAtLevel=1",
                "-Xmx1g",
                "-cp",
                judge_class_path,
                "judges.Judges",
                *map(str, archived),
                "--mustang",
                *map(str, hybrid),
                "--accessible",
                *map(str, accessible),
            ],
            cwd=tmp_path_factory.mktemp("judges"),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=JUDGE_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-4000:]
        verdicts = {}
        for line in done.stdout.splitlines():
            if line.count("\t") == 3:
                file, name, said, reasons = line.split("\t")
                verdicts[(Path(file).name, name)] = Verdict(said, reasons)
        return verdicts

    return ask
