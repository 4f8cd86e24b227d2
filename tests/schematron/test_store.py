"""The folder of rule files: whole or not there, verified on reading, clear when it fails."""

import errno
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from schematron.errors import ArtefactRefused, StoreFailed
from schematron.store import RuleStore


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_what_is_put_can_be_read_by_its_hash(tmp_path):
    store = RuleStore(tmp_path / "rules")
    assert not store.has(hashlib.sha256(b"rules").hexdigest())
    sha256 = store.put(b"rules")
    assert sha256 == hashlib.sha256(b"rules").hexdigest()
    assert store.has(sha256)
    assert store.read(sha256, name="x.xslt") == b"rules"


def test_a_tampered_file_is_refused_naming_both_hashes_and_replaced_by_putting_it_again(tmp_path):
    store = RuleStore(tmp_path)
    sha256 = store.put(b"rules")
    (tmp_path / "files" / sha256).write_bytes(b"other")
    with pytest.raises(ArtefactRefused) as refusal:
        store.read(sha256, name="x.xslt")
    assert sha256 in str(refusal.value)
    assert hashlib.sha256(b"other").hexdigest() in str(refusal.value)
    assert store.put(b"rules") == sha256
    assert store.read(sha256, name="x.xslt") == b"rules"


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ArtefactRefused, match=r"x\.xslt cannot be read"):
        RuleStore(tmp_path).read("0" * 64, name="x.xslt")


def test_sets_are_listed_replaced_and_dropped(tmp_path):
    store = RuleStore(tmp_path)
    assert store.sets() == {}
    store.put_set("b-1", "one")
    store.put_set("a-1", "two")
    store.put_set("b-1", "three")
    assert store.sets() == {"a-1": "two", "b-1": "three"}
    store.drop_set("a-1")
    store.drop_set("a-1")
    assert store.sets() == {"b-1": "three"}


@pytest.mark.parametrize("name", ["../x", "", "A", "x/y", ".x"])
def test_a_name_that_is_no_id_does_not_leave_the_folder(tmp_path, name):
    with pytest.raises(StoreFailed, match="no rule-set id"):
        RuleStore(tmp_path).put_set(name, "x")
    assert files(tmp_path) == []


@pytest.mark.parametrize("step", ["write", "fsync", "replace"])
@pytest.mark.parametrize(
    ("code", "words"),
    [(errno.ENOSPC, "full: nothing was stored"), (errno.EIO, "cannot be written")],
)
def test_a_disk_that_fails_leaves_nothing_half_written(tmp_path, monkeypatch, step, code, words):
    store = RuleStore(tmp_path)
    kept = store.put(b"before")

    def fail(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    if step == "write":
        monkeypatch.setattr(os, "fdopen", fail)
    elif step == "fsync":
        monkeypatch.setattr(os, "fsync", fail)
    else:
        monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(StoreFailed, match=words):
        store.put(b"rules")
    with pytest.raises(StoreFailed, match=words):
        store.put_set("a-1", "x")
    monkeypatch.undo()
    assert files(tmp_path) == [tmp_path / "files" / kept]
    assert store.sets() == {}


def test_a_file_that_does_not_fit_is_not_there_afterwards(tmp_path):
    """The operating system itself refuses the bytes beyond a limit, in a process of its own."""
    code = (
        "import resource, signal, sys; from pathlib import Path;"
        "from schematron.errors import StoreFailed; from schematron.store import RuleStore;"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000));"
        "store = RuleStore(Path(sys.argv[1])); store.put(b'small')\n"
        "try: store.put(b'x' * 5000)\n"
        "except StoreFailed as error: sys.exit(0 if 'full' in str(error) else 3)\n"
        "sys.exit(4)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert done.returncode == 0
    assert [path.read_bytes() for path in files(tmp_path)] == [b"small"]


def test_a_set_of_monstrous_size_or_of_no_text_is_refused(tmp_path):
    store = RuleStore(tmp_path)
    (tmp_path / "sets").mkdir()
    big = tmp_path / "sets" / "big.toml"
    big.write_bytes(b"#" * 1_000_001)
    with pytest.raises(StoreFailed, match="larger than"):
        store.sets()
    big.write_bytes(b"\xff\xfe")
    with pytest.raises(StoreFailed, match="cannot be read"):
        store.sets()
