"""Java sources of ours that speak for somebody else's product, built once by Maven."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from bench.peer import PeerMissing

__all__ = ["CACHE", "build"]

CACHE: Final = (
    Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "peppol-gateway-bench"
)
_BUILD_LIMIT_S: Final = 900
_READY: Final = "ready"


def build(project: Path, name: str) -> tuple[str, str]:
    """The virtual machine and the class path of a project; raises PeerMissing.

    Maven fetches and compiles at first use, into a folder of the user's cache.
    """
    java, maven = shutil.which("java"), shutil.which("mvn")
    if java is None or maven is None:
        raise PeerMissing("there is no java or no mvn on the path")
    sources = sorted([project / "pom.xml", *project.glob("src/**/*.java")])
    digest = hashlib.sha256(b"".join(one.read_bytes() for one in sources)).hexdigest()[:12]
    folder = CACHE / f"{name}-{digest}"
    if not (folder / _READY).exists():
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(project, folder, ignore=shutil.ignore_patterns("target"))
        _maven(maven, folder)
        (folder / _READY).touch()
    jars = (folder / "target" / "classpath").read_text().strip()
    return java, f"{folder / 'target' / 'classes'}{os.pathsep}{jars}"


def _maven(maven: str, folder: Path) -> None:
    try:
        subprocess.run(
            [maven, "-q", "-B", "-Dstyle.color=never", "compile", "dependency:build-classpath"],
            check=True,
            capture_output=True,
            text=True,
            timeout=_BUILD_LIMIT_S,
            cwd=folder,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.SubprocessError) as error:
        said = f"{getattr(error, 'stdout', '') or ''}\n{getattr(error, 'stderr', '') or ''}"
        words = [line for line in said.splitlines() if line.strip().isprintable()]
        raise PeerMissing(words[-1] if words else str(error)) from None
