"""Private keys on a token (HSM), reached by PKCS#11: they sign and unwrap, and never leave it.

The library for it is an extra (``pip install 'peppol-gateway[pkcs11]'``). The PIN is never logged
and in no message.
"""

import importlib
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Any, Final, TypeVar

import structlog
from cryptography.hazmat.primitives.asymmetric import rsa

from gateway.as4.keys import KeyRefused, oaep_padding
from gateway.core.errors import ErrorKind, GatewayError, Retry
from gateway.core.settings import KeySettings
from gateway.network.key_oaep import oaep_unpad
from gateway.network.keys import KEYS_TOKEN_SETTINGS

__all__ = ["KEYS_TOKEN", "Token", "TokenKey", "token_of"]

log = structlog.get_logger(__name__)

KEYS_TOKEN: Final = ErrorKind(
    "KEYS-TOKEN", "The token with the private keys does not answer", 503, Retry.BACKOFF
)

_Result = TypeVar("_Result")
_MOST_PIN_BYTES: Final = 1024


def token_of(settings: KeySettings) -> "Token | None":
    """The token by its settings; None where none is configured.

    Raises GatewayError KEYS-TOKEN-SETTINGS. The token itself is asked only when a key is.
    """
    if settings.pkcs11_module is None:
        return None
    pin = settings.pkcs11_pin.get_secret_value()
    if settings.pkcs11_pin_file is not None:
        pin = _read_pin(settings.pkcs11_pin_file)
    if not settings.pkcs11_token or not pin:
        raise _settings("Set keys.pkcs11_token and keys.pkcs11_pin_file (or pkcs11_pin) with it.")
    return Token(settings.pkcs11_module, label=settings.pkcs11_token, pin=pin)


class Token:
    """One token: a session with it, opened when first needed and again after it was away.

    A token does one thing at a time here; calls from several threads wait for each other.
    """

    def __init__(self, module: Path, *, label: str, pin: str) -> None:
        """Raises GatewayError KEYS-TOKEN-SETTINGS without the library for PKCS#11."""
        try:
            self._api: Any = importlib.import_module("pkcs11")
        except ImportError:
            raise _settings(
                "Keys on a token need the extra: pip install 'peppol-gateway[pkcs11]'."
            ) from None
        self._module = module
        self._label = label
        self._pin = pin
        self._session: Any = None
        self._keys: dict[str, Any] = {}
        self._lock = Lock()

    def key(self, label: str, public_key: rsa.RSAPublicKey) -> "TokenKey":
        """The private key with this label, whose public half is known from its certificate.

        Raises GatewayError KEYS-TOKEN when the token or the key is not there.
        """
        self.use(label, lambda _key: None)
        return TokenKey(self, label, public_key)

    def use(self, label: str, work: Callable[[Any], _Result]) -> _Result:
        """Do something with a key of the token. Raises GatewayError KEYS-TOKEN.

        What the token has lost sight of (removed, restarted, session closed) is opened anew, once.
        """
        errors = self._api.exceptions
        with self._lock:
            for last in (False, True):
                try:
                    return work(self._find(label))
                except errors.PKCS11Error as error:
                    self._forget()
                    if last or isinstance(error, errors.PinIncorrect | errors.PinLocked):
                        raise self._failure(error, label) from None
        raise AssertionError("the second attempt returns or raises")

    @property
    def mechanism(self) -> Any:
        """The names of what a token can do."""
        return self._api.Mechanism

    def _find(self, label: str) -> Any:
        if self._session is None:
            self._session = self._open()
        if label not in self._keys:
            self._keys[label] = self._session.get_key(
                object_class=self._api.ObjectClass.PRIVATE_KEY, label=label
            )
        return self._keys[label]

    def _open(self) -> Any:
        token = self._api.lib(str(self._module)).get_token(token_label=self._label)
        try:
            return token.open(user_pin=self._pin)
        except self._api.exceptions.UserAlreadyLoggedIn:
            # A process signs in to a token once, for all of its sessions.
            return token.open()

    def _forget(self) -> None:
        session, self._session, self._keys = self._session, None, {}
        if session is not None:
            try:
                session.close()
            except self._api.exceptions.PKCS11Error:
                log.debug("keys.token_session_was_gone", token=self._label)

    def _failure(self, error: Exception, label: str) -> GatewayError:
        reason = type(error).__name__
        log.error("keys.token_failed", token=self._label, key=label, reason=reason)
        return GatewayError(
            KEYS_TOKEN,
            f"The key '{label}' on the token '{self._label}' cannot be used ({reason}). Check "
            "that the token is there, that its PIN is right and that it holds the key.",
            token=self._label,
            key=label,
        )


class TokenKey:
    """A private RSA key on a token, as ``gateway.as4.keys.PrivateKey`` describes it."""

    __slots__ = ("_label", "_public", "_token")

    def __init__(self, token: Token, label: str, public_key: rsa.RSAPublicKey) -> None:
        self._token = token
        self._label = label
        self._public = public_key

    def sign(self, data: bytes) -> bytes:
        """Sign as PrivateKey.sign says. Raises GatewayError KEYS-TOKEN."""
        mechanism = self._token.mechanism.SHA256_RSA_PKCS
        return self._token.use(self._label, lambda key: bytes(key.sign(data, mechanism=mechanism)))

    def unwrap(self, wrapped: bytes, *, digest: str, mgf_digest: str) -> bytes:
        """Unwrap as PrivateKey.unwrap says. Raises GatewayError KEYS-TOKEN.

        By the bare RSA operation (CKM_RSA_X_509), because many tokens do OAEP with SHA-1 only.
        """
        oaep_padding(digest=digest, mgf_digest=mgf_digest)
        size = (self._public.key_size + 7) // 8
        number = int.from_bytes(wrapped, "big")
        if len(wrapped) != size or number >= self._public.public_numbers().n:
            raise KeyRefused(
                "KEY-UNWRAP", "The wrapped key cannot be opened with this private key."
            )
        mechanism = self._token.mechanism.RSA_X_509
        encoded = self._token.use(
            self._label, lambda key: bytes(key.decrypt(wrapped, mechanism=mechanism))
        )
        return oaep_unpad(encoded.rjust(size, b"\0"), digest=digest, mgf_digest=mgf_digest)


def _read_pin(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_PIN_BYTES).decode().strip()
    except (OSError, UnicodeDecodeError):
        raise _settings(f"The file {path} (keys.pkcs11_pin_file) cannot be read.") from None


def _settings(sentence: str) -> GatewayError:
    return GatewayError(KEYS_TOKEN_SETTINGS, sentence)
