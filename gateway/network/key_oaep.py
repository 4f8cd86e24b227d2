"""RSA-OAEP unpadding for tokens that offer the bare RSA operation only.

Pure. Source: RFC 8017 §7.1.2 and B.2.1. Whatever is wrong with the padding is found out after
every byte was looked at, and said in one way: a difference would let a stranger decrypt by
asking often (Manger's attack).
"""

from hmac import compare_digest
from typing import Final

from cryptography.hazmat.primitives import hashes

from gateway.as4.keys import OAEP_HASHES, KeyRefused

__all__ = ["oaep_unpad"]

_COUNTER_BYTES: Final = 4


def oaep_unpad(encoded: bytes, *, digest: str, mgf_digest: str) -> bytes:
    """Take the message out of an OAEP encoding of the modulus' length, without a label.

    ``digest`` and ``mgf_digest`` are names in OAEP_HASHES. Raises KeyRefused KEY-OAEP-HASH or
    KEY-UNWRAP.
    """
    outer, mask = _algorithm(digest), _algorithm(mgf_digest)
    size = outer.digest_size
    if len(encoded) < 2 * size + 2:
        raise _unopened()
    masked_seed, masked_block = encoded[1 : 1 + size], encoded[1 + size :]
    seed = _xor(masked_seed, _mask(masked_block, size, mask))
    block = _xor(masked_block, _mask(seed, len(masked_block), mask))
    start, wrong = _separator(block[size:])
    label = compare_digest(block[:size], _hash(outer, b""))
    if wrong | encoded[0] | (not label):
        raise _unopened()
    return block[size + start + 1 :]


def _separator(padded: bytes) -> tuple[int, int]:
    """Where the first 1 stands after zeros, and whether anything else stood before it."""
    looking, start, wrong = 1, 0, 0
    for position, byte in enumerate(padded):
        is_one = int(byte == 1)
        is_zero = int(byte == 0)
        start += position * (looking & is_one)
        wrong |= looking & (1 - is_one) & (1 - is_zero)
        looking &= 1 - is_one
    return start, wrong | looking


def _mask(seed: bytes, length: int, algorithm: hashes.HashAlgorithm) -> bytes:
    rounds = -(-length // algorithm.digest_size)
    made = b"".join(
        _hash(algorithm, seed + number.to_bytes(_COUNTER_BYTES, "big")) for number in range(rounds)
    )
    return made[:length]


def _xor(left: bytes, right: bytes) -> bytes:
    together = int.from_bytes(left, "big") ^ int.from_bytes(right, "big")
    return together.to_bytes(len(left), "big")


def _hash(algorithm: hashes.HashAlgorithm, data: bytes) -> bytes:
    made = hashes.Hash(algorithm)
    made.update(data)
    return made.finalize()


def _algorithm(name: str) -> hashes.HashAlgorithm:
    try:
        return OAEP_HASHES[name]()
    except KeyError:
        raise KeyRefused(
            "KEY-OAEP-HASH",
            f"RSA-OAEP with the digest '{name}' is not supported; use one of "
            f"{', '.join(sorted(OAEP_HASHES))}.",
        ) from None


def _unopened() -> KeyRefused:
    return KeyRefused("KEY-UNWRAP", "The wrapped key cannot be opened with this private key.")
