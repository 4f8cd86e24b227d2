"""Files that last: whole or not there at all, also when the power goes at any moment.

Knows nothing of what is in them, nor of the folders the instance keeps.
"""

import os
import secrets
from pathlib import Path

__all__ = ["put_new", "scratch_beside", "sync_folder"]


def scratch_beside(path: Path, data: bytes, *, mode: int) -> Path:
    """Write a file next to ``path``, on disk before this returns; the caller names or removes it.

    ``mode`` are its permissions from the first byte on, less the umask. Raises OSError, and then
    leaves nothing behind.
    """
    scratch = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:  # whatever broke it off, half a file must not stay
        scratch.unlink(missing_ok=True)
        raise
    return scratch


def put_new(path: Path, data: bytes, *, mode: int) -> None:
    """Put a new file in place whole; ``mode`` as for `scratch_beside`.

    Raises FileExistsError where somebody was faster, whose file stays, and OSError.
    """
    scratch = scratch_beside(path, data, mode=mode)
    try:
        # Unlike a rename this never replaces a file that came in between.
        os.link(scratch, path)
    finally:
        scratch.unlink()


def sync_folder(folder: Path) -> None:
    """Make the names in a folder last: a file on disk is lost while only its name is not."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
