"""Which documents a batch checks: files, folders and standard input, found one at a time.

Nothing is read here but folders, and of those one at a time, so that a million files cost no
memory before their turn comes.
"""

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final, Self

__all__ = ["STDIN", "BatchInput", "Originals", "discover", "may_be_many"]

STDIN: Final = "-"
_SUFFIXES: Final = (".xml", ".pdf")


@dataclass(frozen=True, slots=True)
class BatchInput:
    """One document to check.

    ``path`` is what to read, ``name`` what to call it in the report, ``target`` where its own
    report goes below the output folder: its path below the folder that was named, else its file
    name.
    """

    path: str
    name: str
    target: PurePosixPath


@dataclass(frozen=True, slots=True)
class Originals:
    """Where the documents of a batch lie, so that no report is written over one of them."""

    files: frozenset[str]
    folders: tuple[str, ...]

    @classmethod
    def of(cls, paths: Iterable[str]) -> Self:
        """The documents found under these paths."""
        real = [os.path.realpath(path) for path in paths if path != STDIN]
        folders = tuple(path for path in real if os.path.isdir(path))
        return cls(frozenset(real).difference(folders), folders)

    def hold(self, path: Path) -> bool:
        """Tell whether a file is one of the documents, or would be taken for one."""
        real = os.path.realpath(path)
        if real in self.files:
            return True
        return real.lower().endswith(_SUFFIXES) and any(
            os.path.commonpath((real, folder)) == folder for folder in self.folders
        )


def discover(paths: Iterable[str]) -> Iterator[BatchInput]:
    """Find the documents: files as named, in folders every ``.xml`` and ``.pdf`` below, sorted.

    ``-`` is standard input. Hidden entries of folders are left out and links to folders are not
    followed, so that no folder is entered twice. A path that does not exist, a link that leads
    nowhere and a folder that cannot be listed are given as they are: reading them tells what is
    wrong.
    """
    for path in paths:
        if path != STDIN and os.path.isdir(path):
            yield from _below(path, PurePosixPath())
        else:
            target = PurePosixPath("stdin" if path == STDIN else os.path.basename(path))
            yield BatchInput(path, _printable(path), target)


def may_be_many(paths: Iterable[str]) -> bool:
    """Tell whether more than one document may be meant."""
    named = tuple(paths)
    return len(named) > 1 or any(path != STDIN and Path(path).is_dir() for path in named)


def _below(folder: str, target: PurePosixPath) -> Iterator[BatchInput]:
    try:
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
    except OSError:
        yield BatchInput(folder, _printable(folder), target)
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        below = target / entry.name
        if entry.is_dir(follow_symlinks=False):
            yield from _below(entry.path, below)
        elif entry.name.lower().endswith(_SUFFIXES) and _is_document(entry):
            yield BatchInput(entry.path, _printable(entry.path), below)


def _is_document(entry: os.DirEntry[str]) -> bool:
    """Tell a file from folders, pipes and devices; what cannot be looked at is read to be told."""
    try:
        return stat.S_ISREG(entry.stat().st_mode)
    except OSError:
        return True


def _printable(path: str) -> str:
    """Name a path so that it can be written: bytes that are no UTF-8 become a mark."""
    return os.fsencode(path).decode("utf-8", errors="replace")
