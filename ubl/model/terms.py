"""How the model carries the numbers of EN 16931: business terms (BT) and groups (BG) on fields.

Each field of the model is ``Annotated`` with one of the three marks below, which hold its number
and its meaning. Findings, JSON Schema and screens read them from there.
"""

import dataclasses
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

__all__ = [
    "BusinessTerm",
    "SyntaxOnly",
    "Term",
    "TermByGroup",
    "business_terms",
    "field_numbers",
]


@dataclass(frozen=True, slots=True)
class Term:
    """The field holds one business term or group, for instance ``BT-1`` or ``BG-4``."""

    number: str
    meaning: str


@dataclass(frozen=True, slots=True)
class TermByGroup:
    """The number of the field depends on the group its class stands in.

    ``numbers`` maps the group, for instance BG-5 (seller address), to the term, BT-37 (city).
    """

    numbers: Mapping[str, str]
    meaning: str


@dataclass(frozen=True, slots=True)
class SyntaxOnly:
    """UBL carries the field; EN 16931 gives it no number of its own."""

    meaning: str


@dataclass(frozen=True, slots=True)
class BusinessTerm:
    """One numbered place of the model.

    ``path`` names the fields from the invoice down, joined by dots; ``number`` is BT-n or BG-n.
    """

    path: str
    number: str
    meaning: str
    repeats: bool


def _value_type(annotation: Any) -> tuple[Any, bool]:
    """Strip ``| None`` and ``tuple[..., ...]`` from an annotation; say whether it repeats."""
    if isinstance(annotation, types.UnionType):
        annotation = next(part for part in annotation.__args__ if part is not types.NoneType)
    if typing.get_origin(annotation) is tuple:
        return typing.get_args(annotation)[0], True
    return annotation, False


def _number_in(marks: tuple[Any, ...], group: str) -> tuple[str | None, str]:
    """Return the number a field has within a group, None where it has none, and its meaning."""
    for mark in marks:
        if isinstance(mark, Term):
            return mark.number, mark.meaning
        if isinstance(mark, TermByGroup):
            return mark.numbers.get(group), mark.meaning
    return None, ""


@cache
def field_numbers(model: type, group: str = "") -> Mapping[str, str | None]:
    """Map each field of a model class to its number within a group, None where it has none."""
    hints = typing.get_type_hints(model, include_extras=True)
    return types.MappingProxyType(
        {
            field.name: _number_in(getattr(hints[field.name], "__metadata__", ()), group)[0]
            for field in dataclasses.fields(model)
        }
    )


def business_terms(model: type, *, group: str = "", prefix: str = "") -> Iterator[BusinessTerm]:
    """List every business term and group the model holds, depth first in field order.

    ``group`` tells which group an inner class stands in; leave it out for the invoice itself.
    """
    hints = typing.get_type_hints(model, include_extras=True)
    for field in dataclasses.fields(model):
        hint = hints[field.name]
        number, meaning = _number_in(getattr(hint, "__metadata__", ()), group)
        value_type, repeats = _value_type(getattr(hint, "__origin__", hint))
        path = prefix + field.name
        if number is not None:
            yield BusinessTerm(path, number, meaning, repeats)
        if isinstance(value_type, type) and dataclasses.is_dataclass(value_type):
            inner = number if number is not None and number.startswith("BG-") else group
            yield from business_terms(value_type, group=inner, prefix=path + ".")
