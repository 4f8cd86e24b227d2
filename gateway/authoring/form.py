"""The fields of a form and the invoice they stand for. Pure.

A field is named by its place in the invoice as JSON, steps joined by dots:
``lines.0.price.net.value``. What a form does not show stays as the draft has it.
"""

import dataclasses
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from typing import Any, Final

from gateway.authoring.numbers import plain
from gateway.core.errors import GatewayError
from gateway.core.http import BAD_REQUEST
from ubl.amounts import Amount
from ubl.model import Identifier, Invoice, Quantity, field_types, term_of, value_type

__all__ = [
    "MAX_ROWS",
    "Json",
    "Place",
    "flattened",
    "merged",
    "place_in",
    "place_of",
    "pointer_of",
    "readable",
    "without_row",
]

MAX_ROWS: Final = 500
"""Lines a draft can hold: all of them are worked out, judged and laid out at every change."""

_KEPT: Final = "lines"
_INDEX: Final = re.compile(r"\d{1,4}")

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Place:
    """A field of the model: its label's key (``Seller.name``), its number, and its type.

    ``repeats``: it is a list, whose rows are of that type.
    """

    key: str
    term: str | None
    kind: type
    repeats: bool = False


@cache
def place_of(path: str) -> Place:
    """Find the field at a path; raises GatewayError REQUEST-INVALID for one that is none."""
    model: type = Invoice
    place = Place("", None, Invoice)
    group, is_list = "", False
    for step in path.split("."):
        if is_list and _INDEX.fullmatch(step):
            is_list = False
            place = replace(place, repeats=False)
            continue
        if model is Amount and step in ("value", "currency") and path.endswith(f".{step}"):
            return Place(place.key, place.term, Decimal if step == "value" else str)
        known = field_types(model) if dataclasses.is_dataclass(model) else {}
        hint = known.get(step) if model is not Amount else None
        if hint is None:
            raise GatewayError(BAD_REQUEST, f"An invoice has no field '{path[:80]}'.")
        number = term_of(hint, group)[0]
        group = number or group
        inner, is_list = value_type(hint)
        # What an identifier, a quantity or an amount is labelled by is the field it fills.
        key = place.key if model in (Identifier, Quantity) else f"{model.__name__}.{step}"
        place = Place(key, number or place.term, inner, is_list)
        model = inner
    return place


def pointer_of(path: str) -> str:
    """The place of a field as a JSON pointer (RFC 6901): ``/lines/0/price/net/value``."""
    return "/" + path.replace(".", "/")


def merged(held: Json, posted: Iterable[tuple[str, str]], *, language: str) -> Json:
    """The draft with what a form in a language says; an empty field takes the value away.

    Raises GatewayError REQUEST-INVALID for names that no form of ours has.
    """
    tree: Json = {}
    for path, text in posted:
        place = place_of(path)
        if dataclasses.is_dataclass(place.kind):
            raise GatewayError(BAD_REQUEST, f"'{path[:80]}' is a group of fields, not one.")
        number = place.kind is Decimal
        value = plain(text, language=language) if number else text.strip()
        node = tree
        *way, last = path.split(".")
        for step in way:
            node = node.setdefault(step, {})
            if not isinstance(node, dict):
                raise GatewayError(BAD_REQUEST, f"'{path[:80]}' lies inside another field.")
        node[last] = value
    found = _merge(held, tree)
    return found if isinstance(found, dict) else {}


def _merge(held: Any, tree: Json) -> Any:
    if tree and all(_INDEX.fullmatch(step) for step in tree):
        rows = list(held) if isinstance(held, list) else []
        for step in sorted(tree, key=int):
            known = int(step) < len(rows)
            row = _branch(rows[int(step)] if known else None, tree[step])
            if known:
                rows[int(step)] = row
            else:
                rows.append(row)
        return rows
    found = dict(held) if isinstance(held, dict) else {}
    for step, value in tree.items():
        branch = _branch(found.get(step), value)
        if branch in ("", {}, None):
            found.pop(step, None)
        else:
            found[step] = branch
    return found


def _branch(held: Any, value: Any) -> Any:
    return _merge(held, value) if isinstance(value, dict) else value


def without_row(held: Json, path: str) -> Json:
    """The draft without one row of a list, for instance ``lines.2``; as it is without such a row.

    Raises GatewayError REQUEST-INVALID for a path that is no row.
    """
    way, _, last = path.rpartition(".")
    place_of(path)
    if not way or not _INDEX.fullmatch(last):
        raise GatewayError(BAD_REQUEST, f"'{path[:80]}' is no row of the form.")
    found: Json = _without(held, way.split("."), int(last))
    return found


def _without(held: Any, way: list[str], index: int) -> Any:
    step, *rest = way
    found = dict(held)
    if not rest:
        rows = list(found.get(step) or ())
        found[step] = [row for place, row in enumerate(rows) if place != index]
    elif isinstance(found.get(step), dict):
        found[step] = _without(found[step], rest, index)
    return found


def readable(held: Json) -> Json:
    """The draft as it is read: rows nobody filled in are left out, but for lines."""
    return {name: _pruned(name, value) for name, value in held.items()}


def _pruned(name: str, value: Any) -> Any:
    if isinstance(value, dict):
        kept = {inner: _pruned(inner, one) for inner, one in value.items()}
        return {inner: one for inner, one in kept.items() if one not in ({}, [], "")}
    if isinstance(value, list):
        rows = [_pruned("", one) for one in value]
        return rows if name == _KEPT else [row for row in rows if row not in ({}, "")]
    return value


def place_in(held: Json, path: str) -> str:
    """Where a field of the draft as it is read stands in the draft: empty rows count again."""
    node: Any = held
    name, steps = "", []
    for step in path.split("."):
        if isinstance(node, list) and _INDEX.fullmatch(step):
            rows = [
                place
                for place, row in enumerate(node)
                if name == _KEPT or _pruned("", row) not in ({}, "")
            ]
            place = rows[int(step)] if int(step) < len(rows) else int(step)
            node = node[place] if place < len(node) else None
            steps.append(str(place))
            continue
        node = node.get(step) if isinstance(node, dict) else None
        name = step
        steps.append(step)
    return ".".join(steps)


def flattened(held: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Every value of the draft by its path, as texts."""
    found: dict[str, str] = {}
    for name, value in held.items():
        path = f"{prefix}{name}"
        if isinstance(value, list):
            rows = {str(index): row for index, row in enumerate(value)}
            found |= flattened(rows, f"{path}.")
        elif isinstance(value, dict):
            found |= flattened(value, f"{path}.")
        else:
            found[path] = str(value)
    return found
