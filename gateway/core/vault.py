"""Secrets of accounts, sealed before they are stored: a copy of the database opens none of them.

AES-256-GCM under a key of the installation that is kept outside the database (`vault_keys`).
Bound to the row a secret belongs to, so that a sealed text moved to another row opens nothing.
Knows no table and reads no file.
"""

import base64
import binascii
import hashlib
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Dialect, Text, types

from gateway.core.errors import ErrorKind, GatewayError, Retry

__all__ = [
    "KEY_BYTES",
    "SECRET_DAMAGED",
    "SECRET_KEY_MISSING",
    "SealedText",
    "Vault",
    "key_id",
    "key_id_of",
    "place_of",
    "unsealed",
]

SECRET_KEY_MISSING: Final = ErrorKind(
    "SECRET-KEY-MISSING", "The key that opens a stored secret is not here", 503, Retry.BACKOFF
)
SECRET_DAMAGED: Final = ErrorKind("SECRET-DAMAGED", "A stored secret is damaged", 500)

KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_SEALED: Final = "sealed:1:"
_CLEAR: Final = "clear:"


class SealedText(types.TypeDecorator[str]):
    """A column of a sealed secret, or of the empty text where there is none.

    Refuses whatever is not sealed: nobody stores a secret in clear by mistake.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Store sealed texts only."""
        if value and not (isinstance(value, str) and value.startswith((_SEALED, _CLEAR))):
            raise ValueError("a secret is sealed before it is stored")
        return None if value is None else str(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        """The text as it is stored."""
        return None if value is None else str(value)


def key_id(key: bytes) -> str:
    """What a key is called: eight digits of a digest, which say nothing about the key."""
    return hashlib.sha256(b"peppol-gateway vault key\0" + key).hexdigest()[:8]


def key_id_of(sealed: str) -> str | None:
    """The name of the key a sealed text needs; None for one that a migration left unsealed."""
    return sealed.removeprefix(_SEALED).partition(":")[0] if sealed.startswith(_SEALED) else None


def place_of(table: str, key: object) -> str:
    """The row a secret belongs to, by its table and primary key."""
    return f"{table}/{key}"


def unsealed(text: str) -> bytes | None:
    """The secret of a text that a migration left for the next start to seal; else None."""
    return base64.b64decode(text.removeprefix(_CLEAR)) if text.startswith(_CLEAR) else None


class Vault:
    """Seals under the first of its keys (of KEY_BYTES each) and opens what any of them sealed.

    Without a key it seals and opens nothing; everything that needs no secret works. ``reload``
    gives the keys another start would find. It is asked before anything is sealed, so that nothing
    is under a key that only this process still has, and when something needs a key made since.
    """

    def __init__(
        self, keys: Sequence[bytes], reload: Callable[[], Sequence[bytes]] | None = None
    ) -> None:
        self._reload = reload
        self._keys: dict[str, AESGCM] = {}
        self._take(keys)

    @property
    def current(self) -> str | None:
        """The name of the key that seals, None without any."""
        return next(iter(self._lasting), None)

    @property
    def key_ids(self) -> tuple[str, ...]:
        """The names of all keys, the one that seals first."""
        return tuple(self._keys)

    def lasting(self) -> tuple[str, ...]:
        """The names of the keys another start would find; raises what ``reload`` does."""
        if self._reload is not None:
            self._take(self._reload())
        return self._lasting

    def seal(self, secret: bytes, place: str) -> str:
        """The text to store in the row ``place``.

        Raises GatewayError SECRET-KEY-MISSING, and what ``reload`` does.
        """
        name = next(iter(self.lasting()), None)
        if name is None:
            raise GatewayError(
                SECRET_KEY_MISSING,
                "This machine has no key to seal secrets with. Give it the installation's "
                "(secrets.key_file or secrets.keys) and start it again.",
            )
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = self._keys[name].encrypt(nonce, secret, _bound(name, place))
        return f"{_SEALED}{name}:{base64.b64encode(nonce + sealed).decode()}"

    def opens(self, sealed: str) -> bool:
        """Whether the key of a sealed text is here."""
        name = key_id_of(sealed)
        return name is not None and self._key(name) is not None

    def open(self, sealed: str, place: str) -> bytes:
        """The secret stored in the row ``place``.

        Raises GatewayError SECRET-KEY-MISSING, and SECRET-DAMAGED for what is no sealed text,
        was changed, or belongs to another row.
        """
        name = key_id_of(sealed)
        if name is None:
            raise _damaged(place)
        key = self._key(name)
        if key is None:
            raise GatewayError(
                SECRET_KEY_MISSING,
                f"The key {name} that opens a stored secret is not on this machine. Restore "
                "secrets.key_file from its backup, or give this machine the key in secrets.keys.",
                key_name=name,
            )
        try:
            box = base64.b64decode(sealed.rpartition(":")[2], validate=True)
            return key.decrypt(box[:_NONCE_BYTES], box[_NONCE_BYTES:], _bound(name, place))
        except (binascii.Error, ValueError, InvalidTag):
            raise _damaged(place) from None

    def open_all(self, table: str, sealed: Mapping[int, str]) -> dict[int, bytes]:
        """Those secrets of a table's rows whose key is here, by primary key.

        Raises GatewayError as ``open`` does, SECRET-KEY-MISSING only where no row's key is here.
        """
        here = {key: text for key, text in sealed.items() if self.opens(text)}
        return {
            key: self.open(text, place_of(table, key)) for key, text in (here or sealed).items()
        }

    def _key(self, name: str) -> AESGCM | None:
        if name not in self._keys:
            self.lasting()
        return self._keys.get(name)

    def _take(self, keys: Sequence[bytes]) -> None:
        """Seal under the first of these; one that went since still opens what it sealed."""
        found = {key_id(one): AESGCM(one) for one in keys}
        self._lasting = tuple(found)
        self._keys = found | {name: key for name, key in self._keys.items() if name not in found}


def _bound(name: str, place: str) -> bytes:
    return f"{_SEALED}{name}:{place}".encode()


def _damaged(place: str) -> GatewayError:
    return GatewayError(
        SECRET_DAMAGED,
        f"The stored secret of {place} was changed, or is another row's. Restore the row from "
        "backup, or set the secret anew.",
        place=place,
    )
