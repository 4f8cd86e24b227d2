"""The judges of our PDF files, veraPDF and Mustang: compiled once, asked in one go.

Where Java, Maven or the Maven repository are not at hand every test is skipped with that reason;
a judge of ours that does not compile is a failure.
"""

import fcntl
import hashlib
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent
BUILD_SECONDS = 900
JUDGE_SECONDS = 900


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a judge said of a file, and why."""

    said: str
    reasons: str


Judge = Callable[..., Mapping[tuple[str, str], Verdict]]


@pytest.fixture(scope="session")
def judge_class_path() -> str:
    """The class path of the compiled judges; Maven runs only when the sources have changed."""
    for tool in ("java", "javac", "mvn"):
        if shutil.which(tool) is None:
            pytest.skip(f"no {tool} on PATH: the judges cannot be built")
    sources = sorted([PROJECT / "pom.xml", *PROJECT.glob("src/**/*.java")])
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
    target = PROJECT / "target"
    target.mkdir(exist_ok=True)
    with (target / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp = target / "stamp"
        if not stamp.exists() or stamp.read_text() != digest:
            build()
            stamp.write_text(digest)
    jars = (target / "classpath").read_text().strip()
    return f"{target / 'classes'}:{jars}"


def build() -> None:
    """Compile the judges; skip when the libraries cannot be fetched, fail when it is our fault."""
    mvn = shutil.which("mvn")
    assert mvn is not None
    shutil.rmtree(PROJECT / "target" / "classes", ignore_errors=True)
    done = subprocess.run(
        [mvn, "-q", "-B", "-Dstyle.color=never", "compile", "dependency:build-classpath"],
        cwd=PROJECT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=BUILD_SECONDS,
        check=False,
    )
    if "COMPILATION ERROR" in done.stdout:
        pytest.fail(f"the judges do not compile:\n{done.stdout}", pytrace=False)
    if done.returncode:
        pytest.skip(f"Maven could not fetch veraPDF and Mustang: {done.stdout[:500]}")


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
