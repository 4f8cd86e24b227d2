"""A bundle is written and verified piece by piece, however large its files are."""

import hashlib
import io
import json
import tracemalloc
from datetime import UTC, datetime
from zipfile import ZipFile

from gateway.exchange.evidence_bundle import BundleWriter
from gateway.exchange.evidence_files import BundleFiles

AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
MEGABYTE = 1024 * 1024


class Zeros(io.RawIOBase):
    """A file of so many zero bytes that takes no room."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self._left = size

    def read(self, size: int = -1, /) -> bytes:
        taken = self._left if size < 0 else min(size, self._left)
        self._left -= taken
        return bytes(taken)


def test_a_large_file_is_never_whole_in_memory(tmp_path) -> None:
    place = tmp_path / "bundle.zip"
    size = 64 * MEGABYTE
    tracemalloc.start()
    try:
        with place.open("wb") as out:
            bundle = BundleWriter(out, at=AT)
            bundle.add("large.bin", Zeros(size))  # type: ignore[arg-type] # a file as far as needed
            bundle.finish({})
        with place.open("rb") as packed, BundleFiles(packed) as files:
            digest = hashlib.sha256()
            with files.open("large.bin") as file:
                while chunk := file.read(MEGABYTE):
                    digest.update(chunk)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * MEGABYTE
    assert bundle.files["large.bin"] == {"sha256": digest.hexdigest(), "size": size}


def test_the_same_files_make_the_same_bundle() -> None:
    made = []
    for _ in range(2):
        out = io.BytesIO()
        bundle = BundleWriter(out, at=AT)
        bundle.add("a.txt", "a")
        bundle.add("b.bin", b"b")
        bundle.finish({"format": "x"})
        made.append(out.getvalue())
    assert made[0] == made[1]
    with ZipFile(io.BytesIO(made[0])) as packed:
        assert packed.namelist() == ["a.txt", "b.bin", "SHA256SUMS", "manifest.json"]
        manifest = json.loads(packed.read("manifest.json"))
        sums = packed.read("SHA256SUMS").decode().splitlines()
    assert set(manifest["files"]) == {"a.txt", "b.bin", "SHA256SUMS"}
    assert sums == [f"{manifest['files'][name]['sha256']}  {name}" for name in ("a.txt", "b.bin")]
