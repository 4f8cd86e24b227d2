"""Files that are there whole or not at all."""

import errno
import os
import stat
from pathlib import Path

import pytest

from gateway.core.durable import put_new, scratch_beside, sync_folder


def test_a_new_file_is_whole_and_has_its_permissions(tmp_path: Path) -> None:
    place = tmp_path / "seat.pem"
    put_new(place, b"key", mode=0o600)
    assert place.read_bytes() == b"key"
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [place]


def test_who_was_faster_keeps_the_place(tmp_path: Path) -> None:
    place = tmp_path / "seat.pem"
    place.write_bytes(b"theirs")
    with pytest.raises(FileExistsError):
        put_new(place, b"ours", mode=0o600)
    assert place.read_bytes() == b"theirs"
    assert list(tmp_path.iterdir()) == [place]


def test_half_a_file_does_not_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        scratch_beside(tmp_path / "key", b"key", mode=0o600)
    assert list(tmp_path.iterdir()) == []


def test_file_and_folder_reach_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    flush = os.fsync

    def noted(descriptor: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        flush(descriptor)

    monkeypatch.setattr("os.fsync", noted)
    scratch = scratch_beside(tmp_path / "key", b"key", mode=0o600)
    sync_folder(tmp_path)
    assert synced == [str(scratch), str(tmp_path)]
