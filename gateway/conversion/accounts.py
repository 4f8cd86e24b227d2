"""The account of a conversion as JSON: what was not understood, not held, or does not add up. Pure.

One shape for the API, the command line and a document's timeline.
"""

from typing import Any

from gateway.conversion.loss import MANDATORY
from gateway.conversion.writing import Converted
from ubl.amounts import decimal_text
from ubl.differences import Difference
from ubl.totals import Discrepancy

__all__ = ["account_of", "loss"]


def account_of(converted: Converted, *, most: int | None = None) -> dict[str, Any]:
    """The account as JSON values; ``most`` bounds each list, the counts are of everything."""
    return {
        "format": converted.format.id,
        "unread": list(converted.unread[:most]),
        "lost": [loss(one) for one in converted.lost[:most]],
        "discrepancies": [_discrepancy(one) for one in converted.discrepancies[:most]],
        "counts": {
            "unread": len(converted.unread),
            "lost": len(converted.lost),
            "discrepancies": len(converted.discrepancies),
        },
    }


def loss(one: Difference) -> dict[str, Any]:
    """One value the format could not hold; ``essential`` if no invoice may do without it."""
    return {
        "path": one.path,
        "term": one.term,
        "before": one.before,
        "after": one.after,
        "essential": one.term in MANDATORY,
    }


def _discrepancy(one: Discrepancy) -> dict[str, Any]:
    currency = one.stated.currency
    return {
        "path": one.path,
        "term": one.term,
        "stated": {"amount": decimal_text(one.stated.value), "currency": currency},
        "computed": {"amount": decimal_text(one.computed.value), "currency": currency},
        "tolerated": one.tolerated,
    }
