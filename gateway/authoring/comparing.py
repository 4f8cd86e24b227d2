"""What is different between two versions of one draft, field by field. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from gateway.authoring.form import flattened

__all__ = ["Change", "changes"]

_FILES: Final = ".attachment.encoded"
_LONGEST: Final = 500


@dataclass(frozen=True, slots=True)
class Change:
    """One field that two versions fill in otherwise; empty is without. Long texts are cut."""

    path: str
    saved: str
    mine: str


def changes(saved: Mapping[str, Any], mine: Mapping[str, Any]) -> tuple[Change, ...]:
    """Every field that differs, in the order of the kept version; files go by their names."""
    theirs, ours = flattened(saved), flattened(mine)
    paths = dict.fromkeys((*theirs, *ours))
    return tuple(
        Change(path, theirs.get(path, "")[:_LONGEST], ours.get(path, "")[:_LONGEST])
        for path in paths
        if theirs.get(path, "") != ours.get(path, "") and not path.endswith(_FILES)
    )
