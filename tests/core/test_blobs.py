"""One contract for every place bytes are kept in."""

import errno
import hashlib
import io
import os
from pathlib import Path

import pytest

from gateway.core.blob_format import BlobRef, header
from gateway.core.blobs import BlobStore, LocalBlobStore
from gateway.core.blobs_object import ObjectBlobStore
from gateway.core.errors import GatewayError


@pytest.fixture(params=["local", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    if request.param == "local":
        return LocalBlobStore(tmp_path / "blobs")
    pytest.importorskip("obstore", reason="the extra object-storage is not installed")
    return ObjectBlobStore("memory:///")


@pytest.mark.parametrize("content", [b"", b"<Invoice/>", os.urandom(7_000_001)])
async def test_bytes_come_back(store: BlobStore, content: bytes) -> None:
    ref = await store.put(content)
    assert (ref.sha256, ref.size) == (hashlib.sha256(content).hexdigest(), len(content))
    assert await store.get(ref) == content
    with await store.open(ref) as file:
        assert file.read(4) == content[:4]


async def test_a_file_is_stored_from_where_it_stands(store: BlobStore) -> None:
    file = io.BytesIO(b"skip" + b"keep" * 1_000_000)
    file.seek(4)
    ref = await store.put(file)
    assert ref.size == 4_000_000
    assert await store.get(ref) == b"keep" * 1_000_000


async def test_equal_bytes_are_two_blobs(store: BlobStore) -> None:
    first, second = await store.put(b"same"), await store.put(b"same")
    assert first.id != second.id
    await store.delete(first.id)
    assert await store.get(second) == b"same"


async def test_missing_bytes_are_named(store: BlobStore) -> None:
    ref = await store.put(b"gone")
    await store.delete(ref.id)
    await store.delete(ref.id)
    with pytest.raises(GatewayError, match="BLOB-MISSING"):
        await store.get(ref)


async def test_other_bytes_than_were_stored_are_refused(store: BlobStore) -> None:
    ref = await store.put(b"as stored")
    with pytest.raises(GatewayError, match="BLOB-DAMAGED"):
        await store.get(BlobRef(ref.id, "0" * 64, ref.size))


async def test_check_leaves_nothing_behind(store: BlobStore, tmp_path: Path) -> None:
    await store.check()
    assert not [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()]


class _Broken(io.BytesIO):
    def read(self, _size: int | None = -1) -> bytes:
        raise OSError(errno.EIO, "broken source")


async def test_a_source_that_breaks_stores_nothing(store: BlobStore, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="broken source"):
        await store.put(_Broken())
    assert not [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (b"<Invoice/>", "known header"),
        (b"PGWB\x02\x00<Invoice/>", "known header"),
        (header("key-7") + b"\x00\x01", "encrypted with key 'key-7'"),
        (header() + b"<Other/>", "changed in storage"),
        (b"", "known header"),
    ],
)
async def test_damage_on_disk_is_found(tmp_path: Path, damage: bytes, reason: str) -> None:
    store = LocalBlobStore(tmp_path)
    ref = await store.put(b"<Invoice/>")
    (path,) = [path for path in tmp_path.rglob("*") if path.is_file()]
    path.write_bytes(damage)
    with pytest.raises(GatewayError, match=reason):
        await store.get(ref)


async def test_a_full_disk_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "full")

    store = LocalBlobStore(tmp_path)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(GatewayError, match="STORAGE-FULL"):
        await store.put(b"too much")
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


async def test_files_are_for_their_owner_only(tmp_path: Path) -> None:
    store = LocalBlobStore(tmp_path / "blobs")
    await store.put(b"private")
    (path,) = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("url", ["file:///tmp/blobs", "nonsense", "gopher://bucket"])
def test_a_place_that_is_no_object_storage_is_refused(url: str) -> None:
    pytest.importorskip("obstore", reason="the extra object-storage is not installed")
    with pytest.raises(GatewayError, match="BLOB-PLACE"):
        ObjectBlobStore(url)


async def test_an_opened_blob_starts_at_its_content_wherever_one_seeks(store: BlobStore) -> None:
    ref = await store.put(b"<Invoice/>")
    with await store.open(ref) as file:
        assert file.read(4) == b"<Inv"
        file.seek(0)
        assert file.read() == b"<Invoice/>"
        assert file.seek(0, 2) == len(b"<Invoice/>")
        assert file.tell() == ref.size


async def test_every_folder_on_the_way_to_a_blob_is_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_disk: dict[Path, set[str]] = {}

    def noted(folder: Path) -> None:
        on_disk[folder] = {entry.name for entry in folder.iterdir()}

    monkeypatch.setattr("gateway.core.blobs.sync_folder", noted)
    await LocalBlobStore(tmp_path / "blobs").put(b"<Invoice/>")
    (path,) = [path for path in tmp_path.rglob("*") if path.is_file()]
    for entry in (path, path.parent, path.parent.parent):
        assert entry.name in on_disk[entry.parent]
