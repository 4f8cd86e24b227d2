"""gzip: same bytes in, same bytes out, and nothing that is not wholly gzip."""

import gzip
import io
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.as4.compression import compress, decompress
from gateway.as4.errors import EbmsCode, PeerAs4Error


def packed(data: bytes) -> bytes:
    out = io.BytesIO()
    compress(io.BytesIO(data), out)
    return out.getvalue()


def unpacked(data: bytes, *, max_bytes: int = 10**8, max_ratio: int = 200) -> bytes:
    out = io.BytesIO()
    decompress(io.BytesIO(data), out, max_bytes=max_bytes, max_ratio=max_ratio)
    return out.getvalue()


def refusal(data: bytes, **limits: int) -> str:
    with pytest.raises(PeerAs4Error) as caught:
        unpacked(data, **limits)
    assert caught.value.ebms is EbmsCode.DECOMPRESSION_FAILURE
    assert caught.value.ebms.code == "EBMS:0303"
    return caught.value.code


@settings(max_examples=50)
@given(st.binary(max_size=3000), st.integers(min_value=1, max_value=100))
def test_round_trip(data, times):
    assert unpacked(packed(data * times), max_ratio=2000) == data * times


def test_the_standard_library_reads_it_and_it_carries_no_time():
    first = packed(b"<Invoice/>" * 1000)
    assert gzip.decompress(first) == b"<Invoice/>" * 1000
    assert first == packed(b"<Invoice/>" * 1000)
    assert first[4:8] == b"\0\0\0\0"


def test_what_others_write_is_read():
    assert unpacked(gzip.compress(b"abc", mtime=1)) == b"abc"
    assert unpacked(gzip.compress(b"abc") + gzip.compress(b"def")) == b"abcdef"
    member = gzip.compress(b"x", mtime=1)
    assert unpacked(member * 16) == b"x" * 16
    assert refusal(member * 17) == "AS4-GZIP-TRAILING"


def test_every_truncation_is_refused():
    whole = packed(b"some invoice content")
    for end in range(len(whole)):
        assert refusal(whole[:end]) == "AS4-GZIP-TRUNCATED"


def test_broken_content_is_refused():
    whole = bytearray(packed(b"some invoice content" * 50))
    whole[-6] ^= 1
    assert refusal(bytes(whole)) == "AS4-GZIP-BROKEN"
    assert refusal(b"<Invoice/>") == "AS4-GZIP-BROKEN"
    assert refusal(zlib.compress(b"zlib is not gzip")) == "AS4-GZIP-BROKEN"


@pytest.mark.parametrize("rest", [b"\0", b"garbage", b"\r\n"])
def test_trailing_bytes_are_refused(rest):
    assert refusal(packed(b"content") + rest) == "AS4-GZIP-TRAILING"


def test_trailing_bytes_are_refused_at_a_chunk_edge():
    stored = io.BytesIO()
    packer = zlib.compressobj(level=0, wbits=31)
    stored.write(packer.compress(b"x" * 65000) + packer.flush())
    fill = 65536 - len(stored.getvalue()) % 65536
    # A member whose end falls on the edge of what is read at once.
    member = gzip.compress(b"", mtime=0)
    assert fill > len(member)
    assert refusal(stored.getvalue() + member + b"\0" * fill) == "AS4-GZIP-TRAILING"


def test_size_limit_is_exact():
    whole = packed(b"x" * 5000)
    assert len(unpacked(whole, max_bytes=5000)) == 5000
    assert refusal(whole, max_bytes=4999) == "AS4-GZIP-TOO-LARGE"


def test_bombs_are_stopped_long_before_their_end():
    out = io.BytesIO()
    bomb = packed(b"\0" * 50_000_000)
    with pytest.raises(PeerAs4Error) as caught:
        decompress(io.BytesIO(bomb), out, max_bytes=10**9, max_ratio=100)
    assert caught.value.code == "AS4-GZIP-BOMB"
    assert len(out.getvalue()) < 100 * 65536 + 65536 + 1024 * 1024


def test_small_regular_payloads_are_no_bombs():
    assert len(unpacked(packed(b"\0" * 1_000_000), max_ratio=10)) == 1_000_000
