"""Why a stated amount differs from its parts, in one or two sentences for people.

Texts are data of this package (``labels/totals/*.toml``). Formats follow the reader's language.
"""

import tomllib
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from importlib import resources

from ubl.amounts import Amount
from ubl.localized import Localized
from ubl.totals.checking import Discrepancy, Fact

__all__ = ["compare", "explain"]


def explain(discrepancy: Discrepancy, localized: Localized) -> str:
    """Say what was stated, how the other amount comes about, and whether rules let it pass."""
    verdict = "tolerated" if discrepancy.tolerated else "beyond"
    if not discrepancy.tolerance.limit:
        verdict = "exact"
    return _say(discrepancy, verdict, localized)


def compare(discrepancy: Discrepancy, localized: Localized) -> str:
    """Say what was stated, how the other amount comes about, and how far apart they are.

    For readers whom a rule already told what it thinks of it.
    """
    return _say(discrepancy, "difference", localized)


def _say(discrepancy: Discrepancy, verdict: str, localized: Localized) -> str:
    texts = _texts(localized.language)
    values = {
        name: _written(value, name, localized)
        for name, value in {
            **discrepancy.facts,
            "stated": discrepancy.stated,
            "computed": discrepancy.computed,
            "difference": Amount(discrepancy.difference, discrepancy.computed.currency),
            "limit": Amount(discrepancy.tolerance.limit, discrepancy.computed.currency),
            "rule": discrepancy.tolerance.rule,
        }.items()
    }
    pieces = (texts["explanations"][discrepancy.explanation], texts["verdicts"][verdict])
    return " ".join(piece.format_map(values) for piece in pieces)


def _written(value: Fact, name: str, localized: Localized) -> str:
    if isinstance(value, Amount):
        return localized.amount(value)
    if isinstance(value, Decimal):
        return localized.percentage(value) if name == "rate" else localized.number(value)
    return str(value)


@cache
def _texts(language: str) -> Mapping[str, Mapping[str, str]]:
    place = resources.files("ubl").joinpath("labels", "totals", f"{language}.toml")
    return tomllib.loads(place.read_text("utf-8"))
