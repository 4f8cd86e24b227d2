"""OAEP unpadding against the library's own padding, and what it must refuse."""

import pytest
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.as4.keys import OAEP_HASHES, KeyRefused
from gateway.network.key_oaep import oaep_unpad

NAMES = sorted(OAEP_HASHES)
BYTES = 256


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=BYTES * 8)


@pytest.fixture(scope="module")
def good(key) -> bytes:
    return encoded(key, b"sixteen bytes 16", "sha256", "sha256")


def encoded(key: rsa.RSAPrivateKey, message: bytes, digest: str, mgf: str, label=None) -> bytes:
    """What the bare RSA operation gives for a message the library encrypted."""
    scheme = padding.OAEP(padding.MGF1(OAEP_HASHES[mgf]()), OAEP_HASHES[digest](), label)
    wrapped = key.public_key().encrypt(message, scheme)
    numbers = key.private_numbers()
    opened = pow(int.from_bytes(wrapped, "big"), numbers.d, numbers.public_numbers.n)
    return opened.to_bytes(BYTES, "big")


@pytest.mark.parametrize("digest", NAMES)
@pytest.mark.parametrize("mgf", NAMES)
def test_every_digest_with_every_mask(key, digest, mgf) -> None:
    for message in (b"", b"\x01", b"\0" * 16, bytes(range(16)), b"k" * 32):
        assert oaep_unpad(encoded(key, message, digest, mgf), digest=digest, mgf_digest=mgf) == (
            message
        )


def test_the_longest_message(key) -> None:
    message = b"\x01" * (BYTES - 2 * 32 - 2)
    found = oaep_unpad(
        encoded(key, message, "sha256", "sha256"), digest="sha256", mgf_digest="sha256"
    )
    assert found == message


@settings(max_examples=60, deadline=None)
@given(at=st.integers(0, BYTES - 1), flip=st.integers(1, 255))
def test_any_changed_byte_is_refused_in_one_way(good, at, flip) -> None:
    changed = bytearray(good)
    changed[at] ^= flip
    with pytest.raises(KeyRefused) as refused:
        oaep_unpad(bytes(changed), digest="sha256", mgf_digest="sha256")
    assert refused.value.code == "KEY-UNWRAP"


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=BYTES))
def test_rubbish_is_refused(data) -> None:
    with pytest.raises(KeyRefused):
        oaep_unpad(data, digest="sha256", mgf_digest="sha256")


def test_other_digest_mask_or_label_is_refused(key, good) -> None:
    for digest, mgf in (("sha256", "sha1"), ("sha1", "sha256"), ("sha512", "sha512")):
        with pytest.raises(KeyRefused):
            oaep_unpad(good, digest=digest, mgf_digest=mgf)
    labelled = encoded(key, b"message", "sha256", "sha256", label=b"label")
    with pytest.raises(KeyRefused):
        oaep_unpad(labelled, digest="sha256", mgf_digest="sha256")
    with pytest.raises(KeyRefused) as refused:
        oaep_unpad(good, digest="md5", mgf_digest="sha256")
    assert refused.value.code == "KEY-OAEP-HASH"


def test_a_padding_without_separator_is_refused() -> None:
    from gateway.network.key_oaep import _hash, _mask, _xor

    size = 32
    algorithm = OAEP_HASHES["sha256"]()
    for padded in (b"\0" * 190, b"\0\0\x02\x01key" + b"\0" * 183):
        block = _hash(algorithm, b"") + padded
        seed = b"s" * size
        masked = _xor(block, _mask(seed, len(block), algorithm))
        whole = b"\0" + _xor(seed, _mask(masked, size, algorithm)) + masked
        with pytest.raises(KeyRefused):
            oaep_unpad(whole, digest="sha256", mgf_digest="sha256")
