"""The account of a conversion as JSON: what was not understood, not held, or cannot be right. Pure.

One shape for the API, the console, the command line and a document's timeline.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from gateway.conversion.loss import MANDATORY
from gateway.conversion.writing import Converted
from ubl.amounts import Amount, decimal_text, parse_decimal
from ubl.differences import Difference
from ubl.identifier_warnings import IdentifierWarning, explain_problem
from ubl.localized import Localized
from ubl.model import Invoice, field_types, value_type
from ubl.totals import Discrepancy
from ubl.totals.words import explain

__all__ = ["account_of", "kept_account", "laid_out", "loss"]

_STEP: Final = re.compile(r"(?P<name>\w+)(?:\[(?P<index>\d+)\])?")
_LISTS: Final = ("unread", "lost", "added", "discrepancies", "identifiers")
_INDICATORS: Final = MappingProxyType({"True": "Rendition.yes", "False": "Rendition.no"})
_PARTS_OF_A_VALUE: Final = frozenset({"value", "currency", "unit", "scheme"})


def account_of(converted: Converted, *, lang: str, most: int | None = None) -> dict[str, Any]:
    """The account as JSON values, its sentences in ``lang``.

    ``most`` bounds each list, the counts are of everything.
    """
    localized = Localized(lang)
    return {
        "format": converted.format.id,
        "unread": list(converted.unread[:most]),
        "lost": [loss(one, localized) for one in converted.lost[:most]],
        "added": [loss(one, localized) for one in converted.added[:most]],
        "discrepancies": [_discrepancy(one, localized) for one in converted.discrepancies[:most]],
        "identifiers": [_slip(one, localized) for one in converted.slips[:most]],
        "counts": {
            "unread": len(converted.unread),
            "lost": len(converted.lost),
            "added": len(converted.added),
            "discrepancies": len(converted.discrepancies),
            "identifiers": len(converted.slips),
        },
    }


def loss(one: Difference, localized: Localized) -> dict[str, Any]:
    """One value the format could not hold or had to add.

    ``essential``: lost, though no invoice may do without it.
    """
    return {
        "path": one.path,
        "label": _place(one.path, localized),
        "term": one.term,
        "before": one.before,
        "after": one.after,
        "essential": one.term in MANDATORY and not one.is_addition,
    }


def kept_account(facts: Mapping[str, Any], *, lang: str) -> dict[str, Any] | None:
    """The account a timeline kept, its places in ``lang``; None where there is nothing to tell.

    ``facts`` hold each list of ``account_of`` and, under ``<list>_count``, how long it was. A sum
    that differs has the label of its place instead of an explanation.
    """
    localized = Localized(lang)
    account: dict[str, Any] = {name: list(facts.get(name, ())) for name in _LISTS}
    if not any(account.values()):
        return None
    for name in ("lost", "added", "discrepancies"):
        account[name] = [{**one, "label": _place(one["path"], localized)} for one in account[name]]
    counts = {name: facts.get(f"{name}_count", len(account[name])) for name in _LISTS}
    for one in account["discrepancies"]:
        for side in ("stated", "computed"):
            amount = Amount(parse_decimal(one[side]["amount"]), one[side]["currency"])
            one[side] = localized.amount(amount)
        one["explanation"] = ""
    return {**account, "counts": counts}


def laid_out(account: Mapping[str, Any], *, lang: str) -> dict[str, Any]:
    """The account for a page: what belongs together, as an amount and its currency, in one row.

    Indicators are answered in words.
    """
    localized = Localized(lang)
    words = {name: localized.label(label) for name, label in _INDICATORS.items()}
    rows = {f"{name}_rows": _rows(account[name], words) for name in ("lost", "added")}
    return {**account, **rows}


def _rows(values: Sequence[Mapping[str, Any]], words: Mapping[str, str]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for value in values:
        said = {side: words.get(value[side], value[side]) for side in ("before", "after")}
        one = {**value, **said}
        last = rows[-1] if rows else None
        if last is not None and (last["label"], last["term"]) == (one["label"], one["term"]):
            for side in ("before", "after"):
                last[side] = " ".join(text for text in (last[side], one[side]) if text)
        else:
            rows.append(one)
    return rows


def _discrepancy(one: Discrepancy, localized: Localized) -> dict[str, Any]:
    currency = one.stated.currency
    return {
        "path": one.path,
        "term": one.term,
        "stated": {"amount": decimal_text(one.stated.value), "currency": currency},
        "computed": {"amount": decimal_text(one.computed.value), "currency": currency},
        "tolerated": one.tolerated,
        "explanation": explain(one, localized),
    }


def _slip(one: IdentifierWarning, localized: Localized) -> dict[str, Any]:
    return {
        "path": one.path,
        "term": one.term,
        "value": one.problem.value,
        "code": one.problem.fault,
        "explanation": explain_problem(one.problem, localized),
    }


def _label(model: Any, name: str, localized: Localized) -> str:
    """The label of a field; empty for parts that are shown as one value, such as an address."""
    if name in _PARTS_OF_A_VALUE:
        return ""
    try:
        return localized.label(f"{model.__name__}.{name}")
    except KeyError:
        return ""


def _place(path: str, localized: Localized) -> str:
    return " › ".join(_labels(path, localized))


def _labels(path: str, localized: Localized) -> Iterator[str]:
    """The place of a value in words: the label of each field, numbered where it repeats."""
    model: Any = Invoice
    for step in path.split("."):
        found = _STEP.fullmatch(step)
        if found is None:
            return
        name, index = found["name"], found["index"]
        label = _label(model, name, localized)
        if label:
            yield f"{label} {int(index) + 1}" if index else label
        kind = field_types(model).get(name) if hasattr(model, "__dataclass_fields__") else None
        if kind is None:
            return
        model = value_type(kind)[0]
