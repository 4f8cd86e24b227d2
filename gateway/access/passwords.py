"""Passwords of people: scrypt hashes that carry their own parameters.

The parameters follow OWASP's advice for scrypt; a stored hash names its own, so that they can
be raised without locking anybody out.
"""

import asyncio
import base64
import hashlib
import hmac
import os
from typing import Final

from gateway.core.errors import ErrorKind, GatewayError

__all__ = ["PASSWORD_WEAK", "hash_password", "verify_password"]

PASSWORD_WEAK: Final = ErrorKind("ACCESS-PASSWORD-WEAK", "The password is too short", 422)

MIN_LENGTH: Final = 12
_N, _R, _P = 2**14, 8, 5
_MAX_MEMORY: Final = 64 * 1024 * 1024


async def hash_password(password: str) -> str:
    """Hash a new password; raises GatewayError ACCESS-PASSWORD-WEAK below 12 characters."""
    if len(password) < MIN_LENGTH:
        raise GatewayError(PASSWORD_WEAK, f"Use at least {MIN_LENGTH} characters.")
    salt = os.urandom(16)
    digest = await asyncio.to_thread(_derive, password, salt, _N, _R, _P)
    return f"scrypt${_N}${_R}${_P}${_b64(salt)}${_b64(digest)}"


async def verify_password(password: str, stored: str | None) -> bool:
    """Whether the password belongs to the stored hash.

    Takes as long for an account that does not exist (``stored`` is ``None``), so that nobody
    learns from the time which accounts there are.
    """
    if stored is None:
        await asyncio.to_thread(_derive, password, b"\0" * 16, _N, _R, _P)
        return False
    _, n, r, p, salt, digest = stored.split("$")
    derived = await asyncio.to_thread(
        _derive, password, base64.b64decode(salt), int(n), int(r), int(p)
    )
    return hmac.compare_digest(derived, base64.b64decode(digest))


def _derive(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=n, r=r, p=p, maxmem=_MAX_MEMORY, dklen=32)


def _b64(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")
