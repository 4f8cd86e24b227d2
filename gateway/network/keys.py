"""The private keys of a seat, found by what lies in its folder.

A seat has one certificate, or two while it is being renewed: one signs and is published, every
one decrypts, so that a publication in an SMP may change at any moment of the overlap. Reads
files only when told to; never logs or returns key bytes. The folder holds pairs named alike:
``NAME.cert.pem`` with ``NAME.key.pem`` (PKCS#8 or traditional PEM, without passphrase, readable
by the owner only), or with ``NAME.key.label``, which holds the key's label on the token.
"""

import logging
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from gateway.as4.agreement import common_name
from gateway.as4.identifiers import IdentifierInvalid, check_seat_id
from gateway.as4.keys import PrivateKey, SoftwareKey
from gateway.core.errors import ErrorKind, GatewayError, Retry
from gateway.network.pki import UNREADABLE, fingerprint

__all__ = [
    "KEYS_INVALID",
    "KEYS_MISSING",
    "KEYS_NOT_VALID_NOW",
    "KEYS_PERMISSIONS",
    "KEYS_TOKEN_SETTINGS",
    "FileKeys",
    "KeyPair",
    "KeyRing",
    "KeyToken",
    "load_key_ring",
]

LOGGER: Final = logging.getLogger(__name__)
CERTIFICATE_SUFFIX: Final = ".cert.pem"
KEY_SUFFIX: Final = ".key.pem"
LABEL_SUFFIX: Final = ".key.label"
_PROBE: Final = b"Does this key belong to its certificate?"

KEYS_MISSING: Final = ErrorKind("KEYS-MISSING", "A seat has no keys", 500)
KEYS_INVALID: Final = ErrorKind("KEYS-INVALID", "A seat's keys cannot be used", 500)
KEYS_PERMISSIONS: Final = ErrorKind("KEYS-PERMISSIONS", "A private key is readable by others", 500)
KEYS_NOT_VALID_NOW: Final = ErrorKind(
    "KEYS-NOT-VALID-NOW", "No certificate is valid now", 500, Retry.BACKOFF
)
KEYS_TOKEN_SETTINGS: Final = ErrorKind(
    "KEYS-TOKEN-SETTINGS", "The token with the private keys is not configured", 500
)


class KeyToken(Protocol):
    """A token (HSM) that gives handles of the keys it holds."""

    def key(self, label: str, public_key: rsa.RSAPublicKey) -> PrivateKey:
        """The private key with this label. Raises GatewayError KEYS-TOKEN."""
        ...


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate and the handle of its private key; ``name`` is that of its files."""

    certificate: x509.Certificate
    key: PrivateKey
    name: str = ""
    on_token: bool = False


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The key pairs of one seat, newest certificate first.

    ``starts`` says by fingerprint from when a certificate signs, where somebody decided that;
    ``held`` are the fingerprints of those that wait until it is known whether somebody did.
    """

    pairs: tuple[KeyPair, ...]
    starts: Mapping[str, datetime] = field(default_factory=dict)
    held: frozenset[str] = frozenset()

    def starts_at(self, pair: KeyPair) -> datetime:
        """From when a pair signs and is published: as decided, else from its validity on."""
        decided = self.starts.get(fingerprint(pair.certificate)) if self.starts else None
        return decided or pair.certificate.not_valid_before_utc

    def has_started(self, pair: KeyPair, at: datetime) -> bool:
        """Whether a pair may sign at this moment, as far as is decided."""
        held = bool(self.held) and fingerprint(pair.certificate) in self.held
        return not held and self.starts_at(pair) <= at

    def signing(self, at: datetime) -> KeyPair:
        """The pair that signs at this moment: the valid one that started last.

        Where none has started yet, a valid one signs rather than nobody. Raises GatewayError
        KEYS-NOT-VALID-NOW when every certificate is expired or too young.
        """
        valid = [
            one
            for one in self.pairs
            if one.certificate.not_valid_before_utc <= at <= one.certificate.not_valid_after_utc
        ]
        started = [one for one in valid if self.has_started(one, at)]
        if started:
            return max(started, key=self.starts_at)
        if valid:
            return min(valid, key=self.starts_at)
        raise GatewayError(
            KEYS_NOT_VALID_NOW,
            "None of the seat's certificates is valid at this moment. Install a renewed "
            "certificate with its key.",
            seat=common_name(self.pairs[0].certificate) or "",
        )

    def pair_of(self, certificate: x509.Certificate) -> KeyPair | None:
        """The pair with exactly this certificate: a receipt is signed by the one addressed."""
        return next((one for one in self.pairs if one.certificate == certificate), None)

    def decryption_keys(self) -> tuple[tuple[x509.Certificate, PrivateKey], ...]:
        """Every pair, as the reader of incoming messages takes them."""
        return tuple((one.certificate, one.key) for one in self.pairs)


class FileKeys:
    """Key rings from a folder with one sub-folder per seat, named by its seat id.

    A ring is read again when its folder changes, so a renewed certificate needs no restart. If
    the changed folder cannot be used, the ring read before stays in use and a warning is logged.
    """

    def __init__(self, folder: Path, token: KeyToken | None = None) -> None:
        self._folder = folder
        self._token = token
        self._rings: dict[str, tuple[_Stamp, KeyRing]] = {}
        self._starts: Mapping[str, datetime] = {}
        self._fresh: set[str] | None = None

    def start(self, starts: Mapping[str, datetime]) -> None:
        """Take over from when certificates sign, by fingerprint, in place of what was known.

        Once this was called, a certificate that appears in a folder signs only after the next
        call: what was decided about it is then known.
        """
        self._starts = dict(starts)
        self._fresh = set()

    def seats(self) -> tuple[str, ...]:
        """The seat ids with a certificate here, sorted; folders of other names are not seats.

        A folder with a key only waits for the certificate its authority was asked for.
        """
        if not self._folder.is_dir():
            return ()
        found = (one for one in self._folder.iterdir() if any(one.glob(f"*{CERTIFICATE_SUFFIX}")))
        return tuple(sorted(filter(_is_seat_id, (one.name for one in found))))

    def ring(self, seat_id: str) -> KeyRing:
        """The keys of one seat, whose certificates must name it.

        Raises GatewayError KEYS-MISSING, KEYS-PERMISSIONS, KEYS-INVALID, KEYS-TOKEN-SETTINGS or
        KEYS-TOKEN.
        """
        ring = self._read(seat_id)
        if not self._starts and not self._fresh:
            return ring
        return replace(ring, starts=self._starts, held=frozenset(self._fresh or ()))

    def _read(self, seat_id: str) -> KeyRing:
        folder = self._folder / check_seat_id(seat_id)
        known = self._rings.get(seat_id)
        try:
            stamp = _stamp(folder)
            if known is not None and known[0] == stamp:
                return known[1]
            ring = _load_own(folder, seat_id, self._token)
        except GatewayError as error:
            if known is None:
                raise
            # Somebody is copying a renewed pair just now, or made a mistake: what worked until
            # this moment goes on working.
            LOGGER.warning("seat %s keeps the keys read before: %s", seat_id, error)
            return known[1]
        if known is not None and self._fresh is not None:
            self._fresh |= _fingerprints(ring) - _fingerprints(known[1])
        self._rings[seat_id] = (stamp, ring)
        return ring


def _fingerprints(ring: KeyRing) -> set[str]:
    return {fingerprint(one.certificate) for one in ring.pairs}


def _is_seat_id(name: str) -> bool:
    try:
        check_seat_id(name)
    except IdentifierInvalid:
        return False
    return True


def _load_own(folder: Path, seat_id: str, token: KeyToken | None) -> KeyRing:
    ring = load_key_ring(folder, token)
    if {common_name(one.certificate) for one in ring.pairs} != {seat_id}:
        raise GatewayError(
            KEYS_INVALID,
            f"The folder of seat {seat_id} holds a certificate of another seat.",
            seat=seat_id,
        )
    return ring


_Stamp = tuple[tuple[str, int, int], ...]


def _stamp(folder: Path) -> _Stamp:
    if not folder.is_dir():
        return ()
    files = sorted((*folder.glob("*.pem"), *folder.glob(f"*{LABEL_SUFFIX}")))
    try:
        states = [(one.name, one.stat()) for one in files]
    except OSError as error:
        # It went between the listing and the look, or is a link to nowhere.
        raise _unreadable(error) from None
    return tuple((name, state.st_mtime_ns, state.st_size) for name, state in states)


def load_key_ring(folder: Path, token: KeyToken | None = None) -> KeyRing:
    """Read every pair of the folder and make sure that key and certificate belong together.

    Raises GatewayError KEYS-MISSING, KEYS-PERMISSIONS or KEYS-INVALID naming the file, and for a
    key on a token KEYS-TOKEN-SETTINGS or KEYS-TOKEN.
    """
    certificates = sorted(folder.glob(f"*{CERTIFICATE_SUFFIX}")) if folder.is_dir() else []
    if not certificates:
        raise GatewayError(
            KEYS_MISSING,
            f"The folder {folder} holds no *{CERTIFICATE_SUFFIX}. Put the seat's certificate and "
            f"key there as NAME{CERTIFICATE_SUFFIX} and NAME{KEY_SUFFIX}.",
        )
    pairs = [_load_pair(path, token) for path in certificates]
    pairs.sort(key=lambda one: one.certificate.not_valid_before_utc, reverse=True)
    if len({fingerprint(one.certificate) for one in pairs}) != len(pairs):
        raise GatewayError(
            KEYS_INVALID,
            f"The folder {folder} holds the same certificate twice. Keep one copy.",
        )
    return KeyRing(pairs=tuple(pairs))


def _load_pair(certificate_file: Path, token: KeyToken | None) -> KeyPair:
    name = certificate_file.name.removesuffix(CERTIFICATE_SUFFIX)
    label_file = certificate_file.with_name(name + LABEL_SUFFIX)
    if label_file.exists():
        certificate = _load_certificate(certificate_file)
        key = _key_on_token(label_file, certificate, token)
        return KeyPair(certificate=certificate, key=key, name=name, on_token=True)
    key_file = certificate_file.with_name(name + KEY_SUFFIX)
    software = _load_key(key_file)
    certificate = _load_certificate(certificate_file)
    if software.public_key() != certificate.public_key():
        raise GatewayError(
            KEYS_INVALID,
            f"{key_file} is not the key of {certificate_file}. Put the matching pair there.",
        )
    return KeyPair(certificate=certificate, key=SoftwareKey(software), name=name)


def _load_certificate(path: Path) -> x509.Certificate:
    try:
        certificate = x509.load_pem_x509_certificate(_read_file(path))
        # What the library reads late is read here, so that nothing fails later.
        _ = (certificate.subject, certificate.public_key())
    except UNREADABLE:
        raise GatewayError(KEYS_INVALID, f"{path} is not a readable PEM certificate.") from None
    return certificate


def _load_key(path: Path) -> rsa.RSAPrivateKey:
    _require_private(path)
    try:
        key = load_pem_private_key(_read_file(path), password=None)
    except UNREADABLE:
        # The reason may quote file contents; the sentence must not.
        raise GatewayError(
            KEYS_INVALID, f"{path} is not a readable PEM key without passphrase."
        ) from None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise GatewayError(KEYS_INVALID, f"{path} is not an RSA key; Peppol uses RSA only.")
    return key


def _key_on_token(
    label_file: Path, certificate: x509.Certificate, token: KeyToken | None
) -> PrivateKey:
    public = certificate.public_key()
    if not isinstance(public, rsa.RSAPublicKey):
        raise GatewayError(KEYS_INVALID, f"{label_file} is for a certificate without an RSA key.")
    if token is None:
        raise GatewayError(
            KEYS_TOKEN_SETTINGS,
            f"{label_file} names a key on a token, and no token is configured. Set "
            "keys.pkcs11_module, keys.pkcs11_token and keys.pkcs11_pin_file.",
        )
    try:
        label = _read_file(label_file).decode().strip()
    except UnicodeDecodeError:
        raise GatewayError(KEYS_INVALID, f"{label_file} is not a label in UTF-8.") from None
    key = token.key(label, public)
    try:
        public.verify(key.sign(_PROBE), _PROBE, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        raise GatewayError(
            KEYS_INVALID,
            f"The key '{label}' on the token does not belong to the certificate beside "
            f"{label_file}.",
        ) from None
    return key


def _require_private(path: Path) -> None:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError as error:
        raise _unreadable(error) from None
    if mode & 0o077:
        raise GatewayError(
            KEYS_PERMISSIONS,
            f"The private key {path} can be read by other users. Make it readable by its owner "
            "only (mode 0600) and consider whether it has leaked.",
        )


def _read_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(error) from None


def _unreadable(error: OSError) -> GatewayError:
    return GatewayError(
        KEYS_MISSING,
        f"The file {error.filename} cannot be read: {error.strerror}. Every certificate needs "
        "its key beside it.",
    )
