"""The private keys of a seat, read from a folder.

A seat has one certificate, or two while it is being renewed: the newest valid one signs, every
one decrypts, so that a publication in an SMP may change at any moment of the overlap. Reads
files only when told to; never logs or returns key bytes. The folder holds pairs named alike:
``NAME.cert.pem`` and ``NAME.key.pem`` (PKCS#8 or traditional PEM, without passphrase, readable
by the owner only).
"""

import logging
import stat
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from gateway.as4.agreement import common_name
from gateway.as4.identifiers import IdentifierInvalid, check_seat_id
from gateway.as4.keys import PrivateKey, SoftwareKey
from gateway.core.errors import ErrorKind, GatewayError, Retry
from gateway.network.pki import fingerprint

__all__ = [
    "KEYS_INVALID",
    "KEYS_MISSING",
    "KEYS_NOT_VALID_NOW",
    "KEYS_PERMISSIONS",
    "FileKeys",
    "KeyPair",
    "KeyRing",
    "load_key_ring",
]

LOGGER: Final = logging.getLogger(__name__)
CERTIFICATE_SUFFIX: Final = ".cert.pem"
KEY_SUFFIX: Final = ".key.pem"

KEYS_MISSING: Final = ErrorKind("KEYS-MISSING", "A seat has no keys", 500)
KEYS_INVALID: Final = ErrorKind("KEYS-INVALID", "A seat's keys cannot be used", 500)
KEYS_PERMISSIONS: Final = ErrorKind("KEYS-PERMISSIONS", "A private key is readable by others", 500)
KEYS_NOT_VALID_NOW: Final = ErrorKind(
    "KEYS-NOT-VALID-NOW", "No certificate is valid now", 500, Retry.BACKOFF
)


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate and the handle of its private key."""

    certificate: x509.Certificate
    key: PrivateKey


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The key pairs of one seat, newest certificate first."""

    pairs: tuple[KeyPair, ...]

    def signing(self, at: datetime) -> KeyPair:
        """The pair that signs at this moment: the newest whose certificate is valid.

        Raises GatewayError KEYS-NOT-VALID-NOW when every certificate is expired or too young.
        """
        for pair in self.pairs:
            certificate = pair.certificate
            if certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc:
                return pair
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

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._rings: dict[str, tuple[_Stamp, KeyRing]] = {}

    def seats(self) -> tuple[str, ...]:
        """The seat ids that have a folder here, sorted; folders of other names are not seats."""
        if not self._folder.is_dir():
            return ()
        folders = (one.name for one in self._folder.iterdir() if one.is_dir())
        return tuple(sorted(filter(_is_seat_id, folders)))

    def ring(self, seat_id: str) -> KeyRing:
        """The keys of one seat, whose certificates must name it.

        Raises GatewayError KEYS-MISSING, KEYS-PERMISSIONS or KEYS-INVALID.
        """
        folder = self._folder / check_seat_id(seat_id)
        stamp = _stamp(folder)
        known = self._rings.get(seat_id)
        if known is not None and known[0] == stamp:
            return known[1]
        try:
            ring = _load_own(folder, seat_id)
        except GatewayError as error:
            if known is None:
                raise
            # Somebody is copying a renewed pair just now, or made a mistake: what worked until
            # this moment goes on working.
            LOGGER.warning("seat %s keeps the keys read before: %s", seat_id, error)
            return known[1]
        self._rings[seat_id] = (stamp, ring)
        return ring


def _is_seat_id(name: str) -> bool:
    try:
        check_seat_id(name)
    except IdentifierInvalid:
        return False
    return True


def _load_own(folder: Path, seat_id: str) -> KeyRing:
    ring = load_key_ring(folder)
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
    states = ((one.name, one.stat()) for one in sorted(folder.glob("*.pem")))
    return tuple((name, state.st_mtime_ns, state.st_size) for name, state in states)


def load_key_ring(folder: Path) -> KeyRing:
    """Read every pair of the folder and make sure that key and certificate belong together.

    Raises GatewayError KEYS-MISSING, KEYS-PERMISSIONS or KEYS-INVALID naming the file.
    """
    certificates = sorted(folder.glob(f"*{CERTIFICATE_SUFFIX}")) if folder.is_dir() else []
    if not certificates:
        raise GatewayError(
            KEYS_MISSING,
            f"The folder {folder} holds no *{CERTIFICATE_SUFFIX}. Put the seat's certificate and "
            f"key there as NAME{CERTIFICATE_SUFFIX} and NAME{KEY_SUFFIX}.",
        )
    pairs = [_load_pair(path) for path in certificates]
    pairs.sort(key=lambda one: one.certificate.not_valid_before_utc, reverse=True)
    if len({fingerprint(one.certificate) for one in pairs}) != len(pairs):
        raise GatewayError(
            KEYS_INVALID,
            f"The folder {folder} holds the same certificate twice. Keep one copy.",
        )
    return KeyRing(pairs=tuple(pairs))


def _load_pair(certificate_file: Path) -> KeyPair:
    key_file = certificate_file.with_name(
        certificate_file.name.removesuffix(CERTIFICATE_SUFFIX) + KEY_SUFFIX
    )
    try:
        if stat.S_IMODE(key_file.stat().st_mode) & 0o077:
            raise GatewayError(
                KEYS_PERMISSIONS,
                f"The private key {key_file} can be read by other users. Make it readable by "
                "its owner only (mode 0600) and consider whether it has leaked.",
            )
        certificate_bytes, key_bytes = certificate_file.read_bytes(), key_file.read_bytes()
    except OSError as error:
        raise GatewayError(
            KEYS_MISSING,
            f"The file {error.filename} cannot be read: {error.strerror}. Every certificate "
            "needs its key beside it.",
        ) from None
    try:
        certificate = x509.load_pem_x509_certificate(certificate_bytes)
        key = load_pem_private_key(key_bytes, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # The reason may quote file contents; the sentence must not.
        raise GatewayError(
            KEYS_INVALID,
            f"{certificate_file} or its key is not readable PEM without passphrase.",
        ) from None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise GatewayError(KEYS_INVALID, f"{key_file} is not an RSA key; Peppol uses RSA only.")
    if key.public_key() != certificate.public_key():
        raise GatewayError(
            KEYS_INVALID,
            f"{key_file} is not the key of {certificate_file}. Put the matching pair there.",
        )
    return KeyPair(certificate=certificate, key=SoftwareKey(key))
