"""A folder of rule files on this machine: content by SHA-256, and manifests of imported sets.

``files/<sha256>`` and ``sets/<id>.toml``. The folder is a cache that may be deleted: what was
fetched can be fetched again, what was imported is kept in the database. Every write is whole or
not there, whatever ends it, so that processes and hosts may share the folder.
"""

import errno
import hashlib
import os
import tempfile
from pathlib import Path
from typing import Final

from schematron.errors import ArtefactRefused, StoreFailed
from schematron.manifest_file import ID_PATTERN

__all__ = ["RuleStore"]

_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_MAX_SET: Final = 1_000_000


class RuleStore:
    """Rule files and manifests below one folder, which is made when first written to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._files = folder / "files"
        self._sets = folder / "sets"

    def has(self, sha256: str) -> bool:
        """Tell whether a file with this SHA-256 was put here; its content is not looked at."""
        return bool(sha256) and (self._files / sha256).is_file()

    def read(self, sha256: str, *, name: str) -> bytes:
        """Give the file with this SHA-256; ``name`` is what messages call it.

        Raises ArtefactRefused if it is missing, unreadable or no longer what it was.
        """
        path = self._files / sha256
        try:
            data = path.read_bytes()
        except OSError as error:
            raise ArtefactRefused(
                f"The rule file {name} cannot be read from {path}: {error.strerror}. Run "
                "'gateway rules sync'."
            ) from error
        actual = hashlib.sha256(data).hexdigest()
        if actual != sha256:
            raise ArtefactRefused(
                f"The rule file {name} in the rule store is not what was put there: expected "
                f"SHA-256 {sha256}, found {actual}. Find out who changed {path}, then run "
                "'gateway rules sync'."
            )
        return data

    def put(self, data: bytes) -> str:
        """Keep a file and give its SHA-256; a damaged copy of it is replaced.

        Raises StoreFailed, with nothing half written, when the folder takes no more.
        """
        sha256 = hashlib.sha256(data).hexdigest()
        path = self._files / sha256
        if not path.is_file() or path.read_bytes() != data:
            _write(path, data)
        return sha256

    def sets(self) -> dict[str, str]:
        """Give the manifests here, id to TOML text; raises StoreFailed if one is unreadable."""
        found: dict[str, str] = {}
        try:
            for path in sorted(self._sets.glob("*.toml")):
                if path.stat().st_size > _MAX_SET:
                    raise StoreFailed(f"The manifest {path} is larger than {_MAX_SET} bytes.")
                found[path.stem] = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise StoreFailed(f"The rule store {self.folder} cannot be read: {error}") from error
        return found

    def put_set(self, ruleset_id: str, manifest: str) -> None:
        """Keep the manifest of an imported set, in place of an earlier one with its id."""
        if not ID_PATTERN.fullmatch(ruleset_id):
            raise StoreFailed(f"'{ruleset_id}' is no rule-set id.")
        _write(self._sets / f"{ruleset_id}.toml", manifest.encode())

    def drop_set(self, ruleset_id: str) -> None:
        """Forget the manifest of an imported set; its files stay."""
        (self._sets / f"{ruleset_id}.toml").unlink(missing_ok=True)


def _write(path: Path, data: bytes) -> None:
    """Write a file so that it is there whole or not at all, also after a power cut."""
    temporary: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        if error.errno in _FULL:
            raise StoreFailed(
                f"The disk under {path.parent} is full: nothing was stored. Make room and repeat."
            ) from error
        raise StoreFailed(
            f"The rule store {path.parent} cannot be written: {error.strerror}."
        ) from error


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
