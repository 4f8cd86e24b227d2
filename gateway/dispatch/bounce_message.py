"""Reading what a mail server sends back: delivery status notifications (RFC 3464). Pure.

Anybody can write to a mailbox, so nothing here believes anything: a bounce counts only with the
token of one of our dispatches, which only the e-mail's way has seen. Sizes are bounded, and what
cannot be read is said so.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.errors import MessageError
from email.message import Message
from email.policy import compat32
from enum import StrEnum
from typing import Final

from gateway.core.errors import ErrorKind, GatewayError

__all__ = ["BOUNCE_UNREADABLE", "MAX_BOUNCE_BYTES", "Bounce", "Verdict", "read_bounce"]

BOUNCE_UNREADABLE: Final = ErrorKind(
    "BOUNCE-UNREADABLE", "This is no message of a mail server", 422
)

MAX_BOUNCE_BYTES: Final = 4 * 1024 * 1024
"""What is kept: a notification quotes at most the message it is about. Beyond this it is cut."""

_LOOKED_AT: Final = 256 * 1024
"""The report stands before the message it quotes, and what counts of that in its first lines."""
_BOUNDARIES: Final = 40
"""Reading takes as long as lines times nested parts; a notification has hardly more than two."""
_TOKEN: Final = re.compile(r"(?<![0-9a-f])([0-9a-f]{30})(?=@)")
_STATUS: Final = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_PARTS: Final = 100
_LONGEST: Final = 500
_TOKENS: Final = 20
_PLACES: Final = (
    "To",
    "Delivered-To",
    "X-Original-To",
    "Envelope-To",
    "In-Reply-To",
    "References",
)


class Verdict(StrEnum):
    """What a message says about an e-mail of ours."""

    FAILED = "failed"
    DELAYED = "delayed"
    OTHER = "other"
    """Delivered, relayed, or no delivery status notification at all, such as an absence notice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounce:
    """What was read: whom it may concern, the verdict, and the server's own words.

    ``tokens`` are candidates in order of trust: the address it was sent to, then the message it
    quotes. ``status`` is the enhanced status code (RFC 3463) or empty.
    """

    verdict: Verdict
    tokens: tuple[str, ...]
    status: str
    text: str
    recipient: str


def read_bounce(content: bytes) -> Bounce:
    """Read one message; raises GatewayError BOUNCE-UNREADABLE for what is none at all."""
    try:
        start = content[:_LOOKED_AT]
        if start.lower().count(b"boundary") > _BOUNDARIES:
            raise _unreadable()
        message = message_from_bytes(start, policy=compat32)
        parts = list(_parts(message))
        if not message.keys():
            raise _unreadable()
        reports = [one for one in parts if one.get_content_type() == "message/delivery-status"]
        fields = [group for one in reports for group in _groups(one)]
        return Bounce(
            verdict=_verdict(fields),
            tokens=_tokens(message, parts),
            status=_first(fields, "status", _STATUS),
            text=_plain(_first(fields, "diagnostic-code")),
            recipient=_plain(_first(fields, "final-recipient").rpartition(";")[2]),
        )
    except (MessageError, ValueError, LookupError, RecursionError):
        raise _unreadable() from None


def _unreadable() -> GatewayError:
    return GatewayError(
        BOUNCE_UNREADABLE,
        "The bytes are no e-mail with headers (RFC 5322). Give the whole message as it came.",
    )


def _parts(message: Message) -> Iterator[Message]:
    """The parts in order, without recursion and no more than a notification has."""
    waiting, seen = [message], 0
    while waiting and seen < _PARTS:
        one = waiting.pop()
        seen += 1
        yield one
        payload = one.get_payload()
        if isinstance(payload, list):
            waiting.extend(each for each in reversed(payload) if isinstance(each, Message))


def _groups(report: Message) -> Iterator[dict[str, str]]:
    """The groups of fields of a report: one for the message, one for each recipient."""
    payload = report.get_payload()
    for group in payload if isinstance(payload, list) else ():
        if isinstance(group, Message):
            yield {name.lower(): str(value) for name, value in group.items()}


def _verdict(fields: list[dict[str, str]]) -> Verdict:
    actions = [_plain(one.get("action", "")).lower() for one in fields]
    if any(one.startswith("failed") for one in actions):
        return Verdict.FAILED
    if any(one.startswith("delayed") for one in actions):
        return Verdict.DELAYED
    return Verdict.OTHER


def _tokens(message: Message, parts: list[Message]) -> tuple[str, ...]:
    found: list[str] = []
    for name in _PLACES:
        for value in message.get_all(name, []):
            found += _TOKEN.findall(str(value).lower())
    for part in parts:
        if part is message:
            continue
        if part.get_content_type() == "text/rfc822-headers":
            quoted = part.get_payload(decode=True)
            text = quoted.decode("ascii", "replace") if isinstance(quoted, bytes) else ""
            found += _TOKEN.findall(_quoted_ids(text).lower())
        for value in part.get_all("Message-ID", []):
            found += _TOKEN.findall(str(value).lower())
    return tuple(dict.fromkeys(found))[:_TOKENS]


def _quoted_ids(headers: str) -> str:
    lines = re.findall(r"(?im)^message-id:[ \t]*(?:\r?\n[ \t]+)?([^\r\n]*)", headers)
    return " ".join(lines)


def _first(fields: list[dict[str, str]], name: str, pattern: re.Pattern[str] | None = None) -> str:
    for one in fields:
        value = one.get(name, "")
        if pattern is None and value:
            return value
        if pattern is not None and (match := pattern.search(value)):
            return match[1]
    return ""


def _plain(text: str) -> str:
    """One line without control characters, as far as a person reads."""
    shown = "".join(one if one.isprintable() else " " for one in text[: 4 * _LONGEST])
    return " ".join(shown.split())[:_LONGEST]
