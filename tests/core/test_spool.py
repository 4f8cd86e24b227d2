"""A spool is a file, wherever its bytes lie; above the limit another process can read it."""

import io
import resource
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core import spool as module
from gateway.core.spool import LARGE_BYTES, Spool


def test_small_content_is_bytes_and_large_content_a_file_that_goes_with_the_spool():
    with Spool() as spool:
        spool.write(b"a" * LARGE_BYTES)
        assert spool.content == b"a" * LARGE_BYTES
        spool.write(b"b")
        path = spool.content
        assert isinstance(path, Path)
        assert path.read_bytes() == b"a" * LARGE_BYTES + b"b"
        assert path.stat().st_mode & 0o777 == 0o600
        spool.seek(LARGE_BYTES - 1)
        assert spool.read() == b"ab"
    assert not path.exists()
    spool.close()
    with pytest.raises(ValueError, match="closed"):
        spool.read()


def test_a_full_disk_leaves_no_file_behind(tmp_path, monkeypatch):
    """The last bytes stay in a buffer, which fails again when the spool is closed."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    spool = Spool()
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGE_BYTES + 1000, before[1]))
    try:
        spool.write(b"a" * (LARGE_BYTES + 1))
        spool.write(b"b" * 5000)
        with pytest.raises(OSError, match="large"):
            spool.flush()
        assert list(tmp_path.iterdir())
        spool.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not list(tmp_path.iterdir())


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.binary(max_size=12)),
        st.tuples(st.just("read"), st.integers(-1, 20)),
        st.tuples(st.just("seek"), st.integers(0, 30)),
    ),
    max_size=30,
)


@settings(max_examples=80)
@given(STEPS)
def test_it_behaves_like_a_file_in_memory(steps):
    with pytest.MonkeyPatch.context() as patch, Spool() as spool:
        patch.setattr(module, "LARGE_BYTES", 16)
        model = io.BytesIO()
        for what, value in steps:
            assert getattr(spool, what)(value) == getattr(model, what)(value)
            assert spool.tell() == model.tell()
        content = spool.content
        found = content if isinstance(content, bytes) else content.read_bytes()
        assert found == model.getvalue()
