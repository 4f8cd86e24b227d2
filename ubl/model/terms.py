"""How the model carries the numbers of EN 16931: business terms (BT) and groups (BG) on fields.

Each field of the model is ``Annotated`` with one of the three marks below, which hold its number
and its meaning. Findings, JSON Schema and screens read them from there. Numbers of extensions are
``BT-X-n`` (Factur-X and ZUGFeRD EXTENDED), ``BT-DEX-n`` (XRechnung) and ``EXT-FR-FE-n``
(EXTENDED-CTC-FR), the last as the second name of a term that has a number already.
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
    "field_types",
    "term_of",
    "value_type",
]


@dataclass(frozen=True, slots=True)
class Term:
    """The field holds one business term or group, for instance ``BT-1`` or ``BG-4``.

    ``also`` is what EXTENDED-CTC-FR calls the same term, for instance ``EXT-FR-FE-163``.
    """

    number: str
    meaning: str
    also: str | None = None


@dataclass(frozen=True, slots=True)
class TermByGroup:
    """The number of the field depends on the group (or term) its class stands in.

    ``numbers`` maps the group, for instance BG-5 (seller address), to the term, BT-37 (city);
    ``also`` maps it to the name in EXTENDED-CTC-FR.
    """

    numbers: Mapping[str, str]
    meaning: str
    also: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class SyntaxOnly:
    """The syntaxes carry the field; it has no number of its own, or none that is certain."""

    meaning: str


@dataclass(frozen=True, slots=True)
class BusinessTerm:
    """One numbered place of the model.

    ``path`` names the fields from the invoice down, joined by dots; ``number`` is BT-n or BG-n;
    ``also`` its name in EXTENDED-CTC-FR.
    """

    path: str
    number: str
    meaning: str
    repeats: bool
    also: str | None = None


def value_type(annotation: Any) -> tuple[Any, bool]:
    """Strip marks, ``| None`` and ``tuple[..., ...]`` off an annotation; say whether it repeats."""
    if hasattr(annotation, "__metadata__"):
        annotation = annotation.__origin__
    if isinstance(annotation, types.UnionType):
        annotation = next(part for part in annotation.__args__ if part is not types.NoneType)
    if typing.get_origin(annotation) is tuple:
        return typing.get_args(annotation)[0], True
    return annotation, False


def term_of(annotation: Any, group: str = "") -> tuple[str | None, str, str | None]:
    """Return number, meaning and second name of a field within a group.

    ``annotation`` is the field's type hint with its marks; the number is None where the field has
    none in this group.
    """
    for mark in getattr(annotation, "__metadata__", ()):
        if isinstance(mark, Term):
            return mark.number, mark.meaning, mark.also
        if isinstance(mark, TermByGroup):
            return mark.numbers.get(group), mark.meaning, (mark.also or {}).get(group)
        if isinstance(mark, SyntaxOnly):
            return None, mark.meaning, None
    return None, "", None


@cache
def field_types(model: type) -> Mapping[str, Any]:
    """Map each field of a model class to its type hint with the marks of this module."""
    hints = typing.get_type_hints(model, include_extras=True)
    return types.MappingProxyType(
        {field.name: hints[field.name] for field in dataclasses.fields(model)}
    )


@cache
def field_numbers(model: type, group: str = "") -> Mapping[str, str | None]:
    """Map each field of a model class to its number within a group, None where it has none."""
    return types.MappingProxyType(
        {name: term_of(hint, group)[0] for name, hint in field_types(model).items()}
    )


def business_terms(
    model: type, *, group: str = "", prefix: str = "", above: tuple[type, ...] = ()
) -> Iterator[BusinessTerm]:
    """List every business term and group the model holds, depth first in field order.

    ``group`` tells which group an inner class stands in; leave it out for the invoice itself.
    A class that holds itself (lines with lines under them) is listed once: ``above`` are the
    classes on the way down.
    """
    for name, hint in field_types(model).items():
        number, meaning, also = term_of(hint, group)
        inner, repeats = value_type(hint)
        path = prefix + name
        if number is not None:
            yield BusinessTerm(path, number, meaning, repeats, also)
        is_group = isinstance(inner, type) and dataclasses.is_dataclass(inner)
        if is_group and inner is not model and inner not in above:
            yield from business_terms(
                inner, group=number or group, prefix=path + ".", above=(*above, model)
            )
