"""Which rows of the VAT breakdown a form asks a reason for, and where they stand in a draft. Pure.

The breakdown is worked out anew at every change; of a draft it only holds the reasons.
"""

from collections.abc import Mapping
from typing import Any, Final

from ubl.model import Invoice, VatBreakdown

__all__ = ["reason_rows"]

_WITHOUT: Final = frozenset({"S", "L", "M", "Z"})
"""Categories that have no reason (BR-S-10, BR-Z-10, BR-IG-10, BR-IP-10)."""


def reason_rows(held: Mapping[str, Any], invoice: Invoice) -> dict[int, int]:
    """The places of rows with a reason: by the one in the invoice, the one in the draft.

    A row belongs to its category and rate. One that the draft does not have comes behind its last.
    """
    rows = list(held.get("vat_breakdown") or ())
    keys = [(row.get("category"), _same(row.get("rate"))) for row in rows]
    found: dict[int, int] = {}
    for place, entry in enumerate(invoice.vat_breakdown):
        if entry.category is None or (entry.category in _WITHOUT and not _has_reason(entry)):
            continue
        key = (entry.category, _same(entry.rate))
        if key not in keys:
            keys.append(key)
        found[place] = keys.index(key)
    return found


def _has_reason(entry: VatBreakdown) -> bool:
    """Whether there is one all the same: it has to be seen to be taken away."""
    return bool(entry.exemption_reason or entry.exemption_reason_code)


def _same(rate: object) -> str:
    """A rate by its value: 20 and 20.00 are one."""
    text = str(rate if rate is not None else 0)
    return text.rstrip("0").rstrip(".") if "." in text else text
