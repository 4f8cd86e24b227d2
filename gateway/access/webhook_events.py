"""What webhooks tell about: the types of events as data, and the bytes of a message. Pure.

A package says which types it publishes; the composition root brings them together. An event holds
identifiers, codes and figures, never a document: the receiver asks the API for those.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

__all__ = ["MAX_BODY", "TEST_EVENT", "EventType", "EventTypes", "message_body"]

MAX_BODY: Final = 20_000
"""Bytes of a message at most, as the Standard Webhooks specification advises."""
_LONG: Final = 500


@dataclass(frozen=True, slots=True)
class EventType:
    """A type of event: its name (``subject.happened``) and what it says, in one sentence."""

    name: str
    meaning: str


TEST_EVENT: Final = EventType("webhook.test", "Somebody asked for a message to try the endpoint.")


class EventTypes:
    """All types of one product; iterates in the order of their names."""

    def __init__(self, types: Iterable[EventType]) -> None:
        """Raises ValueError for a name given twice."""
        self._types: dict[str, EventType] = {}
        for one in (TEST_EVENT, *types):
            if one.name in self._types:
                raise ValueError(f"the event type '{one.name}' is given twice")
            self._types[one.name] = one

    def __contains__(self, name: object) -> bool:
        return name in self._types

    def __iter__(self) -> Iterator[EventType]:
        return iter(sorted(self._types.values(), key=lambda one: one.name))


def message_body(event_type: str, data: Mapping[str, Any], *, at: datetime) -> bytes:
    """The JSON a receiver gets: ``type``, ``timestamp`` (UTC) and ``data``.

    Where that is more than ``MAX_BODY`` bytes, only short plain values of ``data`` stay and
    ``shortened`` is true: the state change must be told, whatever its publisher put into it.
    """
    body = _written(event_type, data, at)
    if len(body) <= MAX_BODY:
        return body
    kept: dict[str, Any] = {"shortened": True}
    for name, value in data.items():
        plain = value is None or isinstance(value, bool | int | float | str)
        if not plain or len(json.dumps(value)) > _LONG:
            continue
        if len(_written(event_type, {**kept, name: value}, at)) > MAX_BODY:
            break
        kept[name] = value
    return _written(event_type, kept, at)


def _written(event_type: str, data: Mapping[str, Any], at: datetime) -> bytes:
    message = {"type": event_type, "timestamp": at.isoformat(), "data": data}
    return json.dumps(message, separators=(",", ":")).encode()
