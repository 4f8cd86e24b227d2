"""A document's timeline as people read it: four histories, each entry with its meaning. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from gateway.exchange.tables import Event, EventGroup

__all__ = ["LOOKS", "Entry", "History", "Look", "histories"]


@dataclass(frozen=True, slots=True)
class Look:
    """Status colour and icon of an entry."""

    colour: str
    icon: str


LOOKS: Final[Mapping[str, Look]] = MappingProxyType(
    {
        "document.accepted": Look("green", "check"),
        "document.refused": Look("red", "cross"),
        "receiver.found": Look("blue", "search"),
        "attempt.failed": Look("amber", "alert"),
        "receipt.verified": Look("green", "check"),
        "receipt.missing": Look("amber", "question"),
        "delivery.failed": Look("red", "cross"),
        "document.received": Look("green", "inbox"),
        "document.repeated": Look("grey", "inbox"),
        "document.unrouted": Look("red", "inbox"),
        "document.rejected": Look("red", "cross"),
        "mls.received": Look("green", "check"),
        "mls.repeated": Look("grey", "info"),
        "mls.foreign": Look("amber", "alert"),
        "response.advanced": Look("blue", "arrow"),
        "response.repeated": Look("grey", "info"),
        "response.out-of-order": Look("amber", "alert"),
        "response.sent": Look("blue", "outbox"),
    }
)
"""Every kind of entry there is, and how it looks."""

_OTHER: Final = Look("grey", "info")
_REJECTIONS: Final = frozenset({("mls.received", "RE")})
_ANSWER_LOOKS: Final[Mapping[str, Look]] = MappingProxyType(
    {
        "AB": Look("blue", "check"),
        "IP": Look("blue", "clock"),
        "UQ": Look("violet", "question"),
        "CA": Look("amber", "check"),
        "RE": Look("violet", "cross"),
        "AP": Look("green", "check"),
        "PD": Look("green", "coin"),
    }
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened, and how it looks."""

    event: Event
    look: Look


@dataclass(frozen=True, slots=True)
class History:
    """All entries of one group in order of happening."""

    group: EventGroup
    entries: tuple[Entry, ...]


def histories(events: Sequence[Event]) -> tuple[History, ...]:
    """The histories that have entries, in the order transport, network, business, payment."""
    found = (
        History(group, tuple(Entry(one, _look(one)) for one in events if one.group is group))
        for group in EventGroup
    )
    return tuple(one for one in found if one.entries)


def _look(event: Event) -> Look:
    if (event.kind, event.facts.get("code")) in _REJECTIONS:
        return LOOKS["delivery.failed"]
    if event.kind in ("response.advanced", "response.sent"):
        return _ANSWER_LOOKS.get(str(event.facts.get("status")), LOOKS[event.kind])
    return LOOKS.get(event.kind, _OTHER)
