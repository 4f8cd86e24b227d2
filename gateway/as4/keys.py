"""The private key of an access point, as a handle that signs and unwraps.

Nothing else ever needs the key itself, so it may live in a file, a key store or an HSM.
"""

from typing import Final, Protocol

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

__all__ = ["MIN_RSA_BITS", "OAEP_HASHES", "KeyRefused", "PrivateKey", "SoftwareKey", "oaep_padding"]

MIN_RSA_BITS: Final = 2048

OAEP_HASHES: Final[dict[str, type[hashes.HashAlgorithm]]] = {
    # SHA-1 inside OAEP is no signature digest: collisions do not matter there, and senders of
    # older toolkits still use it for the mask.
    "sha1": hashes.SHA1,
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
}


class KeyRefused(ValueError):
    """A key cannot do what was asked of it.

    ``code`` is stable: KEY-TOO-SHORT, KEY-OAEP-HASH or KEY-UNWRAP. The text never holds key
    material.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class PrivateKey(Protocol):
    """What the AS4 and SMP layers need of a private RSA key, wherever it is kept."""

    def sign(self, data: bytes) -> bytes:
        """Sign ``data`` with RSASSA-PKCS1-v1_5 and SHA-256 (``xmldsig-more#rsa-sha256``)."""
        ...

    def unwrap(self, wrapped: bytes, *, digest: str, mgf_digest: str) -> bytes:
        """Decrypt a content key wrapped with RSA-OAEP.

        ``digest`` and ``mgf_digest`` are names in OAEP_HASHES. Raises KeyRefused when the
        wrapped key was not made for this key.
        """
        ...


def oaep_padding(*, digest: str, mgf_digest: str) -> padding.OAEP:
    """Build the OAEP padding of a digest and a mask digest, both names in OAEP_HASHES."""
    try:
        outer, mask = OAEP_HASHES[digest](), OAEP_HASHES[mgf_digest]()
    except KeyError as error:
        raise KeyRefused(
            "KEY-OAEP-HASH",
            f"RSA-OAEP with the digest {error} is not supported; use one of "
            f"{', '.join(sorted(OAEP_HASHES))}.",
        ) from None
    return padding.OAEP(mgf=padding.MGF1(algorithm=mask), algorithm=outer, label=None)


class SoftwareKey:
    """A private RSA key held in this process."""

    __slots__ = ("_key",)

    def __init__(self, key: rsa.RSAPrivateKey) -> None:
        if key.key_size < MIN_RSA_BITS:
            raise KeyRefused(
                "KEY-TOO-SHORT",
                f"The RSA key has {key.key_size} bits; Peppol needs at least {MIN_RSA_BITS}.",
            )
        self._key = key

    def sign(self, data: bytes) -> bytes:
        """Sign as PrivateKey.sign says."""
        return self._key.sign(data, padding.PKCS1v15(), hashes.SHA256())

    def unwrap(self, wrapped: bytes, *, digest: str, mgf_digest: str) -> bytes:
        """Unwrap as PrivateKey.unwrap says."""
        scheme = oaep_padding(digest=digest, mgf_digest=mgf_digest)
        try:
            return self._key.decrypt(wrapped, scheme)
        except ValueError:
            raise KeyRefused(
                "KEY-UNWRAP", "The wrapped key cannot be opened with this private key."
            ) from None
