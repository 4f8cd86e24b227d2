"""The files of an evidence bundle, read where they lie in the zip, and its manifest.

Distrustful: a bundle may come from anybody. Nothing is unpacked to a disk.
"""

import json
from types import TracebackType
from typing import Any, BinaryIO, Final, Self, cast
from zipfile import ZipFile

from gateway.exchange.evidence_bundle import MANIFEST

__all__ = ["BundleFiles", "read_manifest"]

_MAX_BUNDLE_BYTES: Final = 4 * 1024**3
_MAX_FILES: Final = 5000
_MAX_IN_MEMORY: Final = 64 * 1024 * 1024


class BundleFiles:
    """The entries of a zip by name. Raises ValueError or BadZipFile for what is no bundle."""

    def __init__(self, source: BinaryIO) -> None:
        self._zip = ZipFile(source)
        entries = self._zip.infolist()
        if len(entries) > _MAX_FILES or sum(one.file_size for one in entries) > _MAX_BUNDLE_BYTES:
            raise ValueError("the bundle unpacks to more than an evidence bundle ever holds")
        self._sizes = {one.filename: one.file_size for one in entries}
        if len(self._sizes) != len(entries):
            raise ValueError("the bundle holds two files of one name")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._zip.close()

    @property
    def names(self) -> frozenset[str]:
        """Every file there is."""
        return frozenset(self._sizes)

    def size(self, name: str) -> int:
        """A file's size in bytes as the zip states it; raises KeyError where there is none."""
        return self._sizes[name]

    def open(self, name: str) -> BinaryIO:
        """A file to be read in pieces; raises KeyError where there is none."""
        return cast("BinaryIO", self._zip.open(name))

    def read(self, name: str) -> bytes:
        """A small file whole; raises ValueError for one that cannot be evidence of that kind."""
        with self.open(name) as file:
            content = file.read(_MAX_IN_MEMORY + 1)
        if len(content) > _MAX_IN_MEMORY:
            raise ValueError(f"{name} is larger than it can be")
        return content


def read_manifest(files: BundleFiles) -> dict[str, Any]:
    """The manifest, its shape checked as deep as the checks rely on it; raises ValueError."""
    manifest = json.loads(files.read(MANIFEST))
    _require(isinstance(manifest, dict), "the manifest is no object")
    listed, answers = manifest.get("files"), manifest.get("answers")
    _require(isinstance(listed, dict), "the manifest lists no files")
    _require(all(isinstance(one, dict) for one in listed.values()), "a file is not described")
    _require(isinstance(answers, list), "the manifest lists no answers")
    _require(all(isinstance(one, dict) for one in answers), "an answer is not described")
    for holder in (manifest, *answers):
        messages = holder.get("messages")
        _require(isinstance(messages, list), "the manifest lists no messages")
        _require(all(isinstance(one, dict) for one in messages), "a message is not described")
    _require(all(isinstance(one.get("file"), str) for one in answers), "an answer names no file")
    return {"format": manifest.get("format"), **manifest}


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ValueError(otherwise)
