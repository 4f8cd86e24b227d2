"""What differs between two invoices, place by place, in the terms of the model.

Used to tell what a format could not hold: the invoice before it was written against the one that
is read back. Numbers are compared by value, so ``10`` and ``10.00`` are the same. A group of which
nothing is known counts as a group that is not there.

Order counts: the model keeps the order of the document, people quote lines and documents by it,
and every format can hold it; but for the identifiers of somebody, which CII parts by whether they
have a scheme. Before two sequences are compared they are laid side by side, so
that one lost note is one difference and not a change of all the notes behind it.
"""

import dataclasses
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import takewhile, zip_longest
from typing import Any, Final

from ubl.model import Identifier, Invoice, field_numbers

__all__ = ["Difference", "differences"]

# Laying sequences side by side at best takes the product of their lengths at worst; beyond this
# they are gone through once.
_ALIGNED_AT_MOST: Final = 1_000_000
_SHOWN: Final = 200

# The place of two entries, and the entries: None where one side has none there.
_Pair = tuple[int, Any, Any]


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

    @property
    def is_addition(self) -> bool:
        """Whether the side before says nothing at all here."""
        return self.before is None


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
    else:
        parted = _parted(before, after)
        yield Difference(path, term, _text(before, parted), _text(after, parted))


def _compare_all(
    before: tuple[Any, ...], after: tuple[Any, ...], *, path: str, group: str, term: str | None
) -> Iterator[Difference]:
    if _is_same_set(before, after):
        return
    for index, left, right in _side_by_side(before, after):
        yield from _compare(left, right, path=f"{path}[{index}]", group=group, term=term)


def _is_same_set(before: tuple[Any, ...], after: tuple[Any, ...]) -> bool:
    """Tell identifiers in another order, which say the same, from anything else."""
    are_identifiers = all(isinstance(entry, Identifier) for entry in (*before, *after))
    return are_identifiers and Counter(before) == Counter(after)


def _side_by_side(before: tuple[Any, ...], after: tuple[Any, ...]) -> Iterator[_Pair]:
    """Pair the entries of two sequences, leaving out those that are the same at both ends."""
    start, shorter = 0, min(len(before), len(after))
    while start < shorter and before[start] == after[start]:
        start += 1
    end = 0
    while end < shorter - start and before[-1 - end] == after[-1 - end]:
        end += 1
    left, right = before[start : len(before) - end], after[start : len(after) - end]
    if len(left) == len(right):
        pairs: Iterator[_Pair] = zip(range(len(left)), left, right, strict=True)
    elif len(left) * len(right) > _ALIGNED_AT_MOST:
        pairs = _merged(left, right)
    else:
        pairs = _aligned(left, right)
    yield from ((start + index, one, other) for index, one, other in pairs)


def _name(entry: Any) -> Any:
    """Return what an entry is known by when others come or go: a line by its identifier."""
    return getattr(entry, "identifier", None) or entry


def _aligned(left: tuple[Any, ...], right: tuple[Any, ...]) -> Iterator[_Pair]:
    """Pair entries so that as many as possible stand beside their like."""
    on_left, on_right = list(map(_name, left)), list(map(_name, right))
    blocks = SequenceMatcher(None, on_left, on_right, autojunk=False).get_opcodes()
    for kind, left_from, left_to, right_from, right_to in blocks:
        first = right_from if kind == "insert" else left_from
        pairs = zip_longest(left[left_from:left_to], right[right_from:right_to])
        yield from ((first + n, one, other) for n, (one, other) in enumerate(pairs))


def _merged(left: tuple[Any, ...], right: tuple[Any, ...]) -> Iterator[_Pair]:
    """Pair entries in one pass: one whose name the other side does not have stands alone."""
    on_left, on_right = frozenset(map(_name, left)), frozenset(map(_name, right))
    here = there = 0
    while here < len(left) and there < len(right):
        one, other = left[here], right[there]
        is_gone, is_new = _name(one) not in on_right, _name(other) not in on_left
        if is_gone and not is_new:
            yield here, one, None
            here += 1
        elif is_new and not is_gone:
            yield there, None, other
            there += 1
        else:
            yield here, one, other
            here, there = here + 1, there + 1
    yield from ((index, left[index], None) for index in range(here, len(left)))
    yield from ((index, None, right[index]) for index in range(there, len(right)))


def _is_group(value: Any) -> bool:
    return dataclasses.is_dataclass(value)


def _parted(before: Any, after: Any) -> int:
    """Return where two texts part, if they are alike for longer than is shown; else 0."""
    if before is None or after is None:
        return 0
    pairs = zip(str(before), str(after), strict=False)
    alike = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    return alike if alike > _SHOWN // 2 else 0


def _text(value: Any, parted: int) -> str | None:
    """Shorten a value for people; what shows the difference stays in."""
    if value is None:
        return None
    text = str(value)
    if len(text) <= _SHOWN:
        return text
    if parted:
        text = f"…{text[parted - _SHOWN // 4 :]}"
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
