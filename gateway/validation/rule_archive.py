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
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, Final

from gateway.core.errors import GatewayError
from gateway.validation.rule_errors import ARCHIVE_REFUSED

__all__ = ["MAX_ARCHIVE", "MAX_ENTRY", "is_zip", "take", "take_all", "take_from_file"]

MAX_ARCHIVE: Final = 200 << 20
MAX_ENTRY: Final = 20 << 20
MAX_DIRECTORY: Final = 4 << 20
_MAX_RATIO: Final = 300
_RATIO_FROM: Final = 1 << 20
_END: Final = b"PK\x05\x06"
_END_SIZE: Final = 22
_END_64: Final = b"PK\x06\x07"
_END_64_SIZE: Final = 20
_LOOK_BACK: Final = _END_SIZE + 0xFFFF
# Everything zipfile raises for archives that are broken, encrypted or packed in an unknown way.
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


def take_all(data: bytes, *, what: str, most_files: int, most_bytes: int) -> dict[str, bytes]:
    """Read every file of an archive in memory, by name, if all together stay within bounds.

    Raises GatewayError RULES-ARCHIVE as ``take``, and for a name that leads out of the archive;
    nothing is unpacked before all that the archive says of its files has been judged.
    """
    file = io.BytesIO(data)
    _check_size(file, len(data), what)
    try:
        with zipfile.ZipFile(file) as archive:
            found = [item for item in archive.infolist() if not item.is_dir()]
            if len(found) > most_files:
                raise _refused(what, f"has more than {most_files} files")
            for item in found:
                _check_name(item.filename, what)
                _check_entry(item, what)
            if sum(item.file_size for item in found) > most_bytes:
                raise _refused(what, f"holds more than {most_bytes >> 20} MB")
            return _contents(archive, [item.filename for item in found], what)
    except _BROKEN as error:
        raise _refused(what, "is broken") from error


def _take(file: BinaryIO, size: int, names: Iterable[str], *, what: str) -> dict[str, bytes]:
    _check_size(file, size, what)
    try:
        with zipfile.ZipFile(file) as archive:
            return _contents(archive, names, what)
    except _BROKEN as error:
        raise _refused(what, "is broken") from error


def _contents(archive: zipfile.ZipFile, names: Iterable[str], what: str) -> dict[str, bytes]:
    times = Counter(item.filename for item in archive.infolist())
    return {name: _entry(archive, name, times[name], what) for name in names}


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
    # A second end, for archives beyond 4 GB, would be believed instead of the first.
    before = max(0, at - _END_64_SIZE)
    if directory > MAX_DIRECTORY or tail[before:at].startswith(_END_64):
        raise _refused(what, "has too many entries")


def _entry(archive: zipfile.ZipFile, name: str, times: int, what: str) -> bytes:
    if times != 1:
        raise _refused(what, f"has {times or 'no'} entries named '{name[:100]}'")
    item = archive.getinfo(name)
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
