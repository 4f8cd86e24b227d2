"""What differs between two invoices, place by place, in the terms of the model.

Used to tell what a format could not hold: the invoice before it was written against the one that
is read back. Numbers are compared by value, so ``10`` and ``10.00`` are the same. A group of which
nothing is known counts as a group that is not there.

Order counts: the model keeps the order of the document, people quote lines and documents by it,
and every format can hold it. Before two sequences are compared they are laid side by side, so
that one lost note is one difference and not a change of all the notes behind it.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Any, Final

from ubl.model import Invoice, field_numbers

__all__ = ["Difference", "differences"]

# Laying sequences side by side takes the product of their lengths at worst; beyond this the
# places are compared one by one.
_ALIGNED_AT_MOST: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Difference:
    """One value that is not the same on both sides.

    ``path`` names the fields from the invoice down, ``lines[3].item.name``, counted from zero on
    the side before, and on the side after for what was added; ``term`` is the number of the
    nearest field that has one. ``after`` is None where the value is gone, ``before`` None where
    it was added; both are shortened texts for people.
    """

    path: str
    term: str | None
    before: str | None
    after: str | None


def differences(before: Invoice, after: Invoice) -> tuple[Difference, ...]:
    """List every leaf value that differs, in the order of the model."""
    return tuple(_compare(before, after, path="", group="", term=None))


def _compare(
    before: Any, after: Any, *, path: str, group: str, term: str | None
) -> Iterator[Difference]:
    if before is after or before == after:
        return
    if isinstance(before, tuple) or isinstance(after, tuple):
        yield from _compare_all(before or (), after or (), path=path, group=group, term=term)
    elif _is_group(before) or _is_group(after):
        model: type = type(before if before is not None else after)
        for name, number in field_numbers(model, group).items():
            yield from _compare(
                getattr(before, name, None),
                getattr(after, name, None),
                path=f"{path}.{name}" if path else name,
                group=number if number is not None and number.startswith("BG-") else group,
                term=number or term,
            )
    elif _text(before) != _text(after):
        yield Difference(path, term, _text(before), _text(after))


def _compare_all(
    before: tuple[Any, ...], after: tuple[Any, ...], *, path: str, group: str, term: str | None
) -> Iterator[Difference]:
    for index, left, right in _side_by_side(before, after):
        yield from _compare(left, right, path=f"{path}[{index}]", group=group, term=term)


def _side_by_side(
    before: tuple[Any, ...], after: tuple[Any, ...]
) -> Iterator[tuple[int, Any, Any]]:
    """Pair the entries of two sequences, leaving out runs that are the same on both sides."""
    start = 0
    while start < min(len(before), len(after)) and before[start] == after[start]:
        start += 1
    left, right = before[start:], after[start:]
    if len(left) == len(right) or len(left) * len(right) > _ALIGNED_AT_MOST:
        blocks: Sequence[tuple[str, int, int, int, int]] = [
            ("replace", 0, len(left), 0, len(right))
        ]
    else:
        blocks = SequenceMatcher(None, left, right, autojunk=False).get_opcodes()
    for kind, left_from, left_to, right_from, right_to in blocks:
        if kind != "equal":
            pairs = zip_longest(left[left_from:left_to], right[right_from:right_to])
            first = start + (right_from if kind == "insert" else left_from)
            yield from ((first + n, one, other) for n, (one, other) in enumerate(pairs))


def _is_group(value: Any) -> bool:
    return dataclasses.is_dataclass(value)


def _text(value: Any, longest: int = 200) -> str | None:
    if value is None:
        return None
    text = str(value)
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
