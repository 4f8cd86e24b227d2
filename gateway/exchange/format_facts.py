"""What a timeline keeps of the format a document was put into: which, why, the account. Pure."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from gateway.conversion.choosing import Reason
from gateway.conversion.reading import ReadDocument
from ubl.formats import Format

__all__ = ["LISTED", "format_facts"]

LISTED: Final = 100
"""How many values of each list are kept."""

_LISTS: Final = ("unread", "lost", "added", "discrepancies")


def format_facts(
    read: ReadDocument,
    sent: Format | None,
    reason: Reason,
    account: Mapping[str, Any] = MappingProxyType({}),
) -> dict[str, Any]:
    """The facts as JSON values; the counts are of everything, the lists are cut."""
    counts = account.get("counts", {})
    return {
        "format": sent.id if sent else None,
        "title": sent.title if sent else read.invoice.specification or read.source.upper(),
        "reason": reason.value,
        "source": read.format.title if read.format else read.source.upper(),
        **{f"{name}_count": counts.get(name, 0) for name in _LISTS},
        **{name: account.get(name, []) for name in _LISTS},
    }
