"""Taking files out of archives that nobody vouched for: bounded, and refused with one code."""

import io
import random
import stat
import struct
import zipfile
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.errors import GatewayError
from gateway.validation import rule_archive
from gateway.validation.rule_archive import is_zip, take, take_all, take_from_file


def archive(*entries: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as out:
        for name, content in entries:
            out.writestr(name, content)
    return buffer.getvalue()


def refused(data: bytes, name: str = "a.xslt") -> str:
    with pytest.raises(GatewayError) as refusal:
        take(data, [name], what="rules.zip")
    assert refusal.value.code == "RULES-ARCHIVE"
    assert "rules.zip" in refusal.value.message
    return refusal.value.message


def everything(data: bytes) -> dict[str, bytes]:
    return take_all(data, what="rules.zip", most_files=500, most_bytes=40 << 20)


def test_the_named_files_and_no_others_are_taken(tmp_path):
    data = archive(("a.xslt", b"<a/>"), ("b/c.xml", b"<c/>"), ("d", b"d" * 100))
    assert is_zip(data)
    assert take(data, ["b/c.xml", "a.xslt"], what="x") == {"b/c.xml": b"<c/>", "a.xslt": b"<a/>"}
    path = tmp_path / "rules.zip"
    path.write_bytes(data)
    assert take_from_file(path, ["d"]) == {"d": b"d" * 100}
    assert list(everything(data)) == ["a.xslt", "b/c.xml", "d"]


def test_a_missing_or_repeated_entry_is_refused():
    assert "no entries named 'a.xslt'" in refused(archive(("b", b"")))
    with pytest.warns(UserWarning, match="Duplicate name"):
        twice = archive(("a.xslt", b"1"), ("a.xslt", b"2"))
    assert "2 entries named" in refused(twice)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(GatewayError, match="cannot be read"):
        take_from_file(tmp_path / "none.zip", ["a"])


@pytest.mark.parametrize("name", ["../a", "/a", "b/../../a", "a\\b", "C:/a", "c:a"])
def test_a_name_that_leads_out_is_refused(name):
    with pytest.raises(GatewayError, match="leads out of it"):
        everything(archive((name, b"x")))


def test_a_link_is_refused():
    link = zipfile.ZipInfo("a.xslt")
    link.create_system = 3
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    data = archive((link, b"/etc/passwd"))
    assert "is a link" in refused(data)
    with pytest.raises(GatewayError, match="is a link"):
        everything(data)


def test_a_bomb_is_refused_before_it_swells():
    assert "bomb" in refused(archive(("a.xslt", b"\0" * (10 << 20))))
    assert "larger than 20 MB" in refused(archive(("a.xslt", b"\0" * (21 << 20))))


def test_an_entry_that_lies_about_its_size_is_refused():
    data = bytearray(archive(("a.xslt", b"\0" * (30 << 20))))
    # Sizes stand in the local header and again in the list at the end.
    for at, offset in ((data.find(b"PK\x03\x04"), 22), (data.rfind(b"PK\x01\x02"), 24)):
        struct.pack_into("<L", data, at + offset, 1000)
    assert "is broken" in refused(bytes(data))


def test_an_encrypted_entry_is_refused():
    data = bytearray(archive(("a.xslt", b"x")))
    data[data.rfind(b"PK\x01\x02") + 8] |= 1
    assert "encrypted" in refused(bytes(data))


def test_an_unknown_compression_is_refused():
    data = bytearray(archive(("a.xslt", b"x" * 100)))
    for at, offset in ((data.find(b"PK\x03\x04"), 8), (data.rfind(b"PK\x01\x02"), 10)):
        struct.pack_into("<H", data, at + offset, 99)
    assert "is broken" in refused(bytes(data))


def test_a_list_of_entries_beyond_all_bounds_is_not_even_read():
    data = bytearray(archive(("a.xslt", b"x")))
    struct.pack_into("<L", data, data.rfind(b"PK\x05\x06") + 12, 5 << 20)
    assert "too many entries" in refused(bytes(data))


def test_a_second_end_that_says_more_is_not_believed():
    data = archive(("a.xslt", b"x"))
    at = data.rfind(b"PK\x05\x06")
    end = struct.pack("<4sQHHLLQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, 1, 1, at - 50, 50)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, at, 1)
    assert "too many entries" in refused(data[:at] + end + locator + data[at:])


def test_files_that_together_swell_are_refused_before_any_is_unpacked(monkeypatch):
    # Each stays below the bounds of one file: random bytes first, zeros behind.
    content = random.Random(1).randbytes(10_000) + bytes(1_500_000)
    data = archive(*((f"{number}.xslt", content) for number in range(40)))
    monkeypatch.setattr(zipfile.ZipFile, "open", lambda *_: pytest.fail("unpacked"))
    with pytest.raises(GatewayError, match="holds more than 40 MB"):
        everything(data)


def test_too_many_files_are_refused():
    with pytest.raises(GatewayError, match="more than 500 files"):
        everything(archive(*((f"{number}.sch", b"") for number in range(501))))


def test_too_large_an_archive_is_refused(monkeypatch):
    monkeypatch.setattr(rule_archive, "MAX_ARCHIVE", 10)
    assert "larger than" in refused(archive(("a.xslt", b"x")))


@pytest.mark.parametrize("data", [b"", b"PK", b"PK\x03\x04", b"%PDF-1.7", b"<schema/>"])
def test_what_is_no_archive_is_refused(data):
    assert "is no zip archive" in refused(data)


@given(cut=st.integers(0, 400), at=st.integers(0, 400), byte=st.integers(0, 255))
@settings(max_examples=120, deadline=None)
def test_a_damaged_archive_is_taken_whole_or_refused(cut, at, byte):
    content = b"<xsl/>" * 20
    data = bytearray(archive(("a.xslt", content), ("b.xml", b"<b/>")))
    if at < len(data):
        data[at] = byte
    data = data[: len(data) - cut] if cut < len(data) else data[:1]
    with suppress(GatewayError):
        assert take(bytes(data), ["a.xslt"], what="x") == {"a.xslt": content}
