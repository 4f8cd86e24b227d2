"""Payment-link tokens: opaque, signed, expiring; the part of a link's URL nobody can make up.

Pure: keys, time and identifiers are handed in. A token holds a random link id, the link's version,
its expiry and the number of the key, and nothing about people or money: amount, currency and
account are read from the database when the link is used.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final

__all__ = ["LinkClaims", "LinkKeys", "LinkRefused", "open_token", "sign_token"]

ID_BYTES: Final = 16
KEY_BYTES: Final = 32
TOKEN_LENGTH: Final = 80
_FORMAT: Final = 1
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TAG_BYTES: Final = 32
_HIGHEST_KEY: Final = 0xFFFF
_HIGHEST_VERSION: Final = 0xFFFFFFFF
_PURPOSE: Final = b"peppol-gateway payment link\x00"


class LinkRefused(ValueError):
    """The token opens nothing.

    ``code``: LINK-MALFORMED, LINK-FORGED or LINK-EXPIRED. It is for the audit log; the payer's
    answer is the same for all, so that nobody learns which links exist.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class LinkKeys:
    """The signing keys by number: one signs, the others still open what they signed.

    A key leaves the ring when the last token it signed has expired. Raises ValueError for a key
    of fewer than 32 bytes, a number outside 0 to 65535, or a signing key that is not in the ring.
    """

    signing: int
    keys: Mapping[int, bytes] = field(repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "keys", MappingProxyType(dict(self.keys)))
        if self.signing not in self.keys:
            raise ValueError(f"LINK-KEYS: key {self.signing} is to sign but is not in the ring.")
        for number, key in self.keys.items():
            if not 0 <= number <= _HIGHEST_KEY or len(key) < KEY_BYTES:
                raise ValueError(
                    f"LINK-KEYS: key {number} needs a number up to {_HIGHEST_KEY} and at least "
                    f"{KEY_BYTES} random bytes."
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkClaims:
    """What a token says: which link, which version of it, and until when (UTC, whole seconds).

    ``link_id`` is 16 random bytes. A version below the link's newest means the link was replaced:
    lead the payer to the newest.
    """

    link_id: bytes
    version: int
    expires_at: datetime


def sign_token(claims: LinkClaims, keys: LinkKeys) -> str:
    """Return the token of a link: 80 characters that need no escaping in a URL.

    Raises ValueError for an id that is not 16 bytes, a version outside 1 to 2**32 - 1, or an expiry
    without time zone or before 1970. A fraction of a second is cut off.
    """
    if len(claims.link_id) != ID_BYTES:
        raise ValueError(f"A link id is {ID_BYTES} random bytes.")
    if not 1 <= claims.version <= _HIGHEST_VERSION:
        raise ValueError("The version of a link is a number from 1 on.")
    if claims.expires_at.tzinfo is None or claims.expires_at < _EPOCH:
        raise ValueError("The expiry of a link needs a time zone and lies after 1970.")
    payload = b"".join(
        (
            _FORMAT.to_bytes(1, "big"),
            keys.signing.to_bytes(2, "big"),
            claims.link_id,
            claims.version.to_bytes(4, "big"),
            ((claims.expires_at - _EPOCH) // timedelta(seconds=1)).to_bytes(5, "big"),
        )
    )
    return base64.urlsafe_b64encode(payload + _tag(payload, keys.keys[keys.signing])).decode()


def open_token(token: str, keys: LinkKeys, *, now: datetime) -> LinkClaims:
    """Return what a token says, if one of the keys signed it and it has not expired.

    The signature is compared in constant time and looked at before anything it covers is believed.
    ``now`` is machine time, aware. Raises LinkRefused.
    """
    raw = _raw(token)
    payload, tag = raw[:-_TAG_BYTES], raw[-_TAG_BYTES:]
    key = keys.keys.get(int.from_bytes(payload[1:3], "big"))
    # An unknown key number costs as much time as a known one.
    genuine = hmac.compare_digest(tag, _tag(payload, key or bytes(KEY_BYTES)))
    if not genuine or key is None or payload[0] != _FORMAT:
        raise LinkRefused("LINK-FORGED")
    expires_at = _EPOCH + timedelta(seconds=int.from_bytes(payload[23:28], "big"))
    if now >= expires_at:
        raise LinkRefused("LINK-EXPIRED")
    return LinkClaims(
        link_id=payload[3:19],
        version=int.from_bytes(payload[19:23], "big"),
        expires_at=expires_at,
    )


def _raw(token: str) -> bytes:
    """Decode a token; it has one spelling only."""
    if len(token) != TOKEN_LENGTH or not token.isascii():
        raise LinkRefused("LINK-MALFORMED")
    try:
        raw = base64.b64decode(token, altchars=b"-_", validate=True)
    except ValueError:
        raise LinkRefused("LINK-MALFORMED") from None
    if base64.urlsafe_b64encode(raw).decode() != token:
        raise LinkRefused("LINK-MALFORMED")
    return raw


def _tag(payload: bytes, key: bytes) -> bytes:
    return hmac.new(key, _PURPOSE + payload, hashlib.sha256).digest()
