"""What differs between two invoices, place by place, in the terms of the model.

Used to tell what a format could not hold: the invoice before it was written against the one that
is read back. Numbers are compared by value, so ``10`` and ``10.00`` are the same.
"""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ubl.model import Invoice, field_numbers

__all__ = ["Difference", "differences"]


@dataclass(frozen=True, slots=True)
class Difference:
    """One value that is not the same on both sides.

    ``path`` names the fields from the invoice down, ``lines[3].item.name``, counted from zero;
    ``term`` is the number of the nearest field that has one. ``after`` is None where the value is
    gone, ``before`` None where it was added; both are shortened texts for people.
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
    for index in range(max(len(before), len(after))):
        yield from _compare(
            before[index] if index < len(before) else None,
            after[index] if index < len(after) else None,
            path=f"{path}[{index}]",
            group=group,
            term=term,
        )


def _is_group(value: Any) -> bool:
    return dataclasses.is_dataclass(value)


def _text(value: Any, longest: int = 200) -> str | None:
    if value is None:
        return None
    text = str(value)
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
