"""Writes the zip of an evidence bundle in fixed memory, digests included.

Knows files and their digests, nothing of documents. Slow for large files: call it in a thread.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from io import BytesIO
from typing import Any, BinaryIO, Final
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

__all__ = ["MANIFEST", "SUMS", "BundleWriter", "as_json"]

MANIFEST: Final = "manifest.json"
SUMS: Final = "SHA256SUMS"

_CHUNK: Final = 256 * 1024
_READ_ONLY: Final = 0o444 << 16


class BundleWriter:
    """A zip that is written once, from the first file to its manifest.

    ``files`` lists what was written: name to ``{"sha256": hex, "size": bytes}``.
    """

    def __init__(self, out: BinaryIO, *, at: datetime) -> None:
        self._zip = ZipFile(out, "w", ZIP_DEFLATED)
        self._at = at.astimezone(UTC).timetuple()[:6]
        self.files: dict[str, dict[str, Any]] = {}

    def add(self, name: str, content: bytes | str | BinaryIO) -> str:
        """Write one file, from where it stands if it is open, and return its name."""
        digest, size = hashlib.sha256(), 0
        with self._zip.open(self._entry(name), "w", force_zip64=True) as entry:
            for chunk in _chunks(content):
                digest.update(chunk)
                size += len(chunk)
                entry.write(chunk)
        self.files[name] = {"sha256": digest.hexdigest(), "size": size}
        return name

    def finish(self, manifest: Mapping[str, Any]) -> None:
        """Write the digests, once for programs of every machine and once for ours."""
        sums = "".join(f"{one['sha256']}  {name}\n" for name, one in sorted(self.files.items()))
        self.add(SUMS, sums)
        listed = dict(sorted(self.files.items()))
        self._zip.writestr(self._entry(MANIFEST), as_json({**manifest, "files": listed}))
        self._zip.close()

    def _entry(self, name: str) -> ZipInfo:
        entry = ZipInfo(name, date_time=self._at)
        entry.compress_type = ZIP_DEFLATED
        entry.external_attr = _READ_ONLY
        return entry


def _chunks(content: bytes | str | BinaryIO) -> Iterator[bytes]:
    source = BytesIO(content) if isinstance(content, bytes) else content
    if isinstance(source, str):
        source = BytesIO(source.encode())
    while chunk := source.read(_CHUNK):
        yield chunk


def as_json(value: object) -> str:
    """JSON for people and programs: keys in order, one value per line."""
    return json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
