"""Takes single files out of a wheel, jar or zip that nobody has vouched for.

Reads only what it is asked for, into memory, within fixed bounds. Nothing is unpacked to disk,
imported or run.
"""

import io
import posixpath
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, Final

from gateway.core.errors import GatewayError
from gateway.validation.rule_errors import ARCHIVE_REFUSED

__all__ = ["MAX_ARCHIVE", "MAX_ENTRY", "is_zip", "names_in", "take", "take_from_file"]

MAX_ARCHIVE: Final = 200 << 20
MAX_ENTRY: Final = 20 << 20
MAX_DIRECTORY: Final = 4 << 20
_MAX_RATIO: Final = 300
_RATIO_FROM: Final = 1 << 20
_END: Final = b"PK\x05\x06"
_END_SIZE: Final = 22
_LOOK_BACK: Final = _END_SIZE + 0xFFFF
_BROKEN: Final = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OSError,
)


def is_zip(data: bytes) -> bool:
    """Tell whether bytes begin as a zip archive does."""
    return data[:4] in (b"PK\x03\x04", _END)


def take_from_file(path: Path, names: Iterable[str]) -> dict[str, bytes]:
    """Read the named entries of an archive on disk; raises GatewayError RULES-ARCHIVE."""
    try:
        with path.open("rb") as file:
            return _take(file, path.stat().st_size, names, what=path.name)
    except OSError as error:
        raise _refused(path.name, f"cannot be read: {error.strerror}") from error


def take(data: bytes, names: Iterable[str], *, what: str) -> dict[str, bytes]:
    """Read the named entries of an archive in memory; ``what`` names it in messages.

    Raises GatewayError RULES-ARCHIVE for what is broken, hostile or lacks an entry.
    """
    return _take(io.BytesIO(data), len(data), names, what=what)


def names_in(data: bytes, *, what: str) -> list[str]:
    """List the files in an archive, refusing names that lead out of it (RULES-ARCHIVE)."""
    file = io.BytesIO(data)
    _check_size(file, len(data), what)
    try:
        with zipfile.ZipFile(file) as archive:
            found = [item for item in archive.infolist() if not item.is_dir()]
    except _BROKEN as error:
        raise _refused(what, "is broken") from error
    for item in found:
        _check_name(item.filename, what)
        _check_entry(item, what)
    return [item.filename for item in found]


def _take(file: BinaryIO, size: int, names: Iterable[str], *, what: str) -> dict[str, bytes]:
    _check_size(file, size, what)
    try:
        with zipfile.ZipFile(file) as archive:
            return {name: _entry(archive, name, what) for name in names}
    except _BROKEN as error:
        raise _refused(what, "is broken") from error


def _check_size(file: BinaryIO, size: int, what: str) -> None:
    """Refuse by what the end of the file says, before the list of entries is read."""
    if size > MAX_ARCHIVE:
        raise _refused(what, f"is larger than {MAX_ARCHIVE >> 20} MB")
    file.seek(max(0, size - _LOOK_BACK))
    tail = file.read(_LOOK_BACK)
    at = tail.rfind(_END)
    if at < 0 or len(tail) - at < _END_SIZE:
        raise _refused(what, "is no zip archive")
    directory = int(struct.unpack_from("<L", tail, at + 12)[0])
    if directory > MAX_DIRECTORY:
        raise _refused(what, "has too many entries")


def _entry(archive: zipfile.ZipFile, name: str, what: str) -> bytes:
    found = [item for item in archive.infolist() if item.filename == name]
    if len(found) != 1:
        raise _refused(what, f"has {len(found) or 'no'} entries named '{name}'")
    item = found[0]
    _check_entry(item, what)
    with archive.open(item) as file:
        data = file.read(MAX_ENTRY + 1)
    if len(data) > MAX_ENTRY:
        raise _refused(what, f"has an entry '{name}' larger than {MAX_ENTRY >> 20} MB")
    return data


def _check_entry(item: zipfile.ZipInfo, what: str) -> None:
    name = item.filename
    if item.flag_bits & 0x1:
        raise _refused(what, f"has an encrypted entry '{name[:100]}'")
    if stat.S_ISLNK(item.external_attr >> 16):
        raise _refused(what, f"has an entry '{name[:100]}' that is a link")
    if item.file_size > MAX_ENTRY:
        raise _refused(what, f"has an entry '{name[:100]}' larger than {MAX_ENTRY >> 20} MB")
    if item.file_size > _RATIO_FROM and item.file_size > _MAX_RATIO * max(item.compress_size, 1):
        raise _refused(what, f"has an entry '{name[:100]}' that swells like a bomb")


def _check_name(name: str, what: str) -> None:
    inside = posixpath.normpath(name)
    if "\\" in name or "\x00" in name or inside.startswith(("/", "..")) or ":" in inside:
        raise _refused(what, f"has an entry '{name[:100]}' whose name leads out of it")


def _refused(what: str, reason: str) -> GatewayError:
    return GatewayError(
        ARCHIVE_REFUSED, f"The archive {what} {reason}. Nothing was taken from it; get it again."
    )
