"""The keys that seal secrets: a file of this installation, or what the environment hands in.

One key per line of the file, in base64; the first seals, the others open what they sealed before.
The file is made at the first start and read by its owner only.
"""

import base64
import binascii
import fcntl
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from gateway.core.durable import scratch_beside, sync_folder
from gateway.core.errors import ErrorKind, GatewayError, Retry
from gateway.core.settings import Settings
from gateway.core.vault import KEY_BYTES

__all__ = ["SECRET_KEY_FILE", "add_key", "create_keys", "keys_of", "made_by_a_start"]

SECRET_KEY_FILE: Final = ErrorKind(
    "SECRET-KEY-FILE", "The keys that seal secrets cannot be used", 500, Retry.BACKOFF
)
_OTHERS: Final = 0o077
_HEADER: Final = (
    "# Keys that seal the secrets in the database. The first one seals, all of them open.\n"
    "# Keep a copy apart from the backups of the database: without it these secrets are lost.\n"
)
_BY_A_START: Final = "# Made by the first start of a gateway on a database without secrets.\n"


def keys_of(settings: Settings) -> tuple[bytes, ...]:
    """The keys this process was given, the sealing one first; none before the first start.

    Raises GatewayError SECRET-KEY-FILE for a file others can read, or lines that are no keys.
    """
    if settings.secrets.keys:
        given = (one.get_secret_value() for one in settings.secrets.keys)
        return _read(given, "secrets.keys")
    path = settings.secret_key_file
    try:
        if path.stat().st_mode & _OTHERS:
            raise GatewayError(
                SECRET_KEY_FILE, f"Others can read {path}. Run 'chmod 600 {path}' and start again."
            )
        lines = path.read_text(encoding="ascii").splitlines()
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError) as error:
        raise GatewayError(
            SECRET_KEY_FILE, f"{path} cannot be read ({type(error).__name__})."
        ) from None
    found = _read((one for one in lines if one.strip() and not one.startswith("#")), str(path))
    if not found:
        raise GatewayError(SECRET_KEY_FILE, f"{path} holds no key; restore it from its backup.")
    return found


def made_by_a_start(settings: Settings) -> bool:
    """Whether the keys here are the one that a start made by itself, and no person asked for it."""
    path = settings.secret_key_file
    return (
        not settings.secrets.keys
        and path.exists()
        and _BY_A_START in path.read_text(encoding="ascii")
    )


def create_keys(settings: Settings, *, by_a_start: bool = True) -> tuple[bytes, ...]:
    """Make the first key unless another process just did; returns what holds.

    The file says whether it was made ``by_a_start``. Raises GatewayError SECRET-KEY-FILE.
    """
    path = settings.secret_key_file
    with _written_down(path):
        _make_folder(path)
        head = _HEADER + (_BY_A_START if by_a_start else "")
        scratch = _written(path, [secrets.token_bytes(KEY_BYTES)], head=head)
        try:
            _as_owned(scratch, path.parent)
            # Unlike a rename, this fails where somebody was faster.
            with suppress(FileExistsError):
                os.link(scratch, path)
        finally:
            scratch.unlink()
        _settle(path)
    return keys_of(settings)


def add_key(settings: Settings) -> tuple[bytes, ...]:
    """Make a key that seals from now on; those before it still open. Returns all.

    Raises GatewayError SECRET-KEY-FILE, also where the keys come from the environment.
    """
    if settings.secrets.keys:
        raise GatewayError(
            SECRET_KEY_FILE,
            "The keys are in secrets.keys: put a new one (openssl rand -base64 32) before the "
            "others on every machine, second first, then first, and start each again.",
        )
    path = settings.secret_key_file
    if not path.exists():
        return create_keys(settings, by_a_start=False)
    with _written_down(path), _alone(path):
        known = keys_of(settings)
        scratch = _written(path, [secrets.token_bytes(KEY_BYTES), *known])
        try:
            _as_owned(scratch, path)
            scratch.replace(path)
        finally:
            scratch.unlink(missing_ok=True)
        _settle(path)
    return keys_of(settings)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold the file of keys: of two that add a key at once, one would write the other's away."""
    while True:
        with path.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            # Whoever held it before has put another file in its place.
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                yield
                return


@contextmanager
def _written_down(path: Path) -> Iterator[None]:
    """Say which file it is about when keys cannot be written."""
    try:
        yield
    except OSError as error:
        raise GatewayError(
            SECRET_KEY_FILE,
            f"{path} cannot be written ({type(error).__name__}: {os.strerror(error.errno or 0)}). "
            "Give it a folder that this user may write to (secrets.key_file), or hand the keys in "
            "by secrets.keys.",
        ) from None


def _as_owned(scratch: Path, beside: Path) -> None:
    """What root writes for the gateway's user belongs to that user, who else could not read it."""
    if os.geteuid() == 0:
        owner = beside.stat()
        os.chown(scratch, owner.st_uid, owner.st_gid)


def _read(lines: Iterable[str], source: str) -> tuple[bytes, ...]:
    found = []
    for number, line in enumerate(lines, 1):
        try:
            key = base64.b64decode(line.strip(), validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if len(key) != KEY_BYTES:
            raise GatewayError(
                SECRET_KEY_FILE,
                f"Key {number} of {source} is not {KEY_BYTES} bytes in base64; make one with "
                "'openssl rand -base64 32', or restore it from its backup.",
            )
        found.append(key)
    return tuple(found)


def _written(path: Path, keys: Iterable[bytes], *, head: str = _HEADER) -> Path:
    """The keys in a file beside ``path`` that a power cut cannot take away."""
    text = head + "".join(f"{base64.b64encode(one).decode()}\n" for one in keys)
    return scratch_beside(path, text.encode("ascii"), mode=0o600)


def _make_folder(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)


def _settle(path: Path) -> None:
    """Make the file's name last through a power cut, and those of the folders it is in."""
    for folder in path.absolute().parents:
        # Folders above ours may be closed to us; then others made them.
        with suppress(PermissionError):
            sync_folder(folder)
