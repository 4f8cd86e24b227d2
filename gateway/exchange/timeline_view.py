"""A document's timeline as people read it: four histories, each entry with its meaning. Pure.

Packages above record entries too. Their sentences are in their own catalogues under
``timeline.<kind>`` and may name facts: ``{amount}`` for ``amount_minor`` (or a decimal string)
with ``currency``, days for facts whose name ends in ``date``, ``day`` or ``deadline`` or is
``on``, everything else as it was recorded. A second line may stand under
``timeline_detail.<kind>``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any, Final, Protocol

from gateway.exchange.tables import Event, EventGroup
from ubl.amounts import Amount, AmountUnreadable, parse_decimal, to_minor

__all__ = ["LOOKS", "Entry", "History", "Look", "Words", "detail", "histories", "title", "written"]


@dataclass(frozen=True, slots=True)
class Look:
    """Status colour and icon of an entry."""

    colour: str
    icon: str


LOOKS: Final[Mapping[str, Look]] = MappingProxyType(
    {
        "document.accepted": Look("green", "check"),
        "document.refused": Look("red", "cross"),
        "format.asked": Look("blue", "check"),
        "format.arrived": Look("blue", "check"),
        "format.registered": Look("blue", "check"),
        "format.instead": Look("blue", "arrow"),
        "format.unknown": Look("amber", "question"),
        "format.not-on-network": Look("blue", "info"),
        "format.nothing-fits": Look("amber", "alert"),
        "receiver.found": Look("blue", "search"),
        "attempt.failed": Look("amber", "alert"),
        "lookup.failed": Look("amber", "alert"),
        "document.cancelled": Look("grey", "pause"),
        "dispatch.begun": Look("blue", "arrow"),
        "dispatch.sent": Look("blue", "outbox"),
        "dispatch.offered": Look("amber", "clock"),
        "dispatch.unknown": Look("amber", "question"),
        "dispatch.fetched": Look("grey", "info"),
        "dispatch.opened": Look("green", "check"),
        "dispatch.bounced": Look("red", "cross"),
        "dispatch.delayed": Look("amber", "clock"),
        "dispatch.failed": Look("red", "cross"),
        "dispatch.withdrawn": Look("grey", "pause"),
        "document.resent": Look("blue", "outbox"),
        "handover.laid-out": Look("blue", "outbox"),
        "handover.acknowledged": Look("green", "check"),
        "handover.failed": Look("red", "cross"),
        "handover.replayed": Look("blue", "outbox"),
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
        "reminder.accepted": Look("green", "check"),
        "reminder.received": Look("amber", "clock"),
        "delivery.proven": Look("green", "check"),
        "document.flagged": Look("amber", "alert"),
        "answer.late": Look("amber", "clock"),
        "answer.fell-back": Look("blue", "arrow"),
        "answer.undeliverable": Look("red", "alert"),
        "answer.timer": Look("amber", "clock"),
        "answer.unmatched": Look("amber", "question"),
        "mlr.received": Look("blue", "info"),
        "mlr.sent": Look("blue", "outbox"),
        "outcome.delivered": Look("green", "check"),
        "outcome.forwarded": Look("blue", "arrow"),
        "outcome.rejected": Look("red", "cross"),
        "outcome.failed": Look("red", "cross"),
    }
)
"""Every kind of entry the exchange records, and how it looks."""

_MONEY_LOOKS: Final[Mapping[str, Look]] = MappingProxyType(
    {
        "credit.applied": Look("blue", "coin"),
        "dispute.opened": Look("violet", "question"),
        "dispute.resolved": Look("green", "check"),
        "item.closed": Look("green", "check"),
        "item.opened": Look("blue", "clock"),
        "item.reopened": Look("red", "alert"),
        "payment.failed": Look("amber", "alert"),
        "payment.received": Look("green", "coin"),
        "payment.returned": Look("red", "alert"),
        "payment.under-way": Look("blue", "clock"),
        "reminder.cancelled": Look("grey", "pause"),
        "reminder.sent": Look("blue", "outbox"),
    }
)
"""How entries look that the packages above record."""

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


_DAYS: Final = ("date", "day", "deadline")
_MINOR: Final = "_minor"


class Words(Protocol):
    """The language of the reader, as far as a timeline needs it."""

    def __call__(self, key: str, **facts: Any) -> str:
        """The sentence of a key; raises KeyError where a fact is missing."""
        ...

    def knows(self, key: str) -> bool:
        """Whether there is a sentence."""
        ...

    def day(self, value: date | None) -> str:
        """A calendar date."""
        ...

    def money(self, minor: int | None, currency: str | None) -> str:
        """An amount in minor units."""
        ...


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
    return LOOKS.get(event.kind) or _MONEY_LOOKS.get(event.kind, _OTHER)


def title(event: Event, words: Words) -> str:
    """What happened, in one sentence; the kind itself where no catalogue knows it."""
    return _sentence(event, words, ("timeline", "event")) or event.kind


def detail(event: Event, words: Words) -> str:
    """What there is to add in a second line; empty where there is nothing."""
    return _sentence(event, words, ("timeline_detail",))


def _sentence(event: Event, words: Words, groups: tuple[str, ...]) -> str:
    keys = (f"{group}.{event.kind}" for group in groups)
    key = next((one for one in keys if words.knows(one)), None)
    if key is None:
        return ""
    try:
        return words(key, **written(event, words))
    except KeyError:
        return ""  # recorded before the sentence asked for that fact


def written(event: Event, words: Words) -> Mapping[str, str]:
    """The facts of an entry as the reader's language writes them: money, days, plain texts."""
    facts = event.facts
    currency = str(facts.get("currency") or "")
    shown: dict[str, str] = {}
    for name, value in facts.items():
        if name.endswith(_MINOR) and isinstance(value, int) and currency:
            shown[name.removesuffix(_MINOR)] = words.money(value, currency)
        elif name == "amount" and currency and isinstance(value, str):
            shown[name] = _money(value, currency, words)
        elif (name.endswith(_DAYS) or name == "on") and isinstance(value, str):
            shown[name] = _day(value, words)
        elif value is not None:
            shown[name] = str(value)
    return shown


def _money(text: str, currency: str, words: Words) -> str:
    try:
        return words.money(to_minor(Amount(parse_decimal(text), currency)), currency)
    except AmountUnreadable:
        return f"{text} {currency}"


def _day(text: str, words: Words) -> str:
    try:
        return words.day(date.fromisoformat(text))
    except ValueError:
        return text
