"""What a caller wants to read: media type, language, now or later, by the headers it sends. Pure.

Source: RFC 9110 §12.5.1 and §12.5.4 (``Accept``, ``Accept-Language``), RFC 7240 (``Prefer``).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.core.errors import GatewayError
from gateway.validation.errors import NOT_ACCEPTABLE

__all__ = [
    "CSV",
    "FORMATS",
    "HTML",
    "JSON",
    "PDF",
    "SVRL",
    "TEXT",
    "Format",
    "choose_format",
    "choose_language",
    "wants_async",
]

_MOST: Final = 50
"""Entries of a header that are looked at."""


@dataclass(frozen=True, slots=True)
class Format:
    """A way to write a report: its name, the media type sent, other names for it, file suffix."""

    name: str
    media_type: str
    suffix: str
    also: tuple[str, ...] = ()


JSON: Final = Format("json", "application/json", ".json")
SVRL: Final = Format("svrl", "application/vnd.svrl+xml", ".svrl.xml", ("application/xml",))
HTML: Final = Format("html", "text/html", ".html")
PDF: Final = Format("pdf", "application/pdf", ".pdf")
TEXT: Final = Format("text", "text/plain", ".txt")
CSV: Final = Format("csv", "text/csv", ".csv")
FORMATS: Final = (JSON, SVRL, HTML, PDF, TEXT, CSV)
"""Every way to write a report; the first wins where a caller likes several as well."""


def choose_format(accept: str, offers: Sequence[Format] = FORMATS) -> tuple[Format, str]:
    """The format the caller likes best and the media type to name it by.

    Without a header it is the first offer. Raises GatewayError NOT-ACCEPTABLE.
    """
    ranges = list(_weighted(accept))
    if not ranges:
        return offers[0], offers[0].media_type
    found: tuple[float, int, Format, str] | None = None
    for rank, offer in enumerate(offers):
        for media_type in (offer.media_type, *offer.also):
            quality = _quality(media_type, ranges)
            if quality > 0 and (found is None or quality > found[0]):
                found = (quality, rank, offer, media_type)
    if found is None:
        known = ", ".join(one for offer in offers for one in (offer.media_type, *offer.also))
        raise GatewayError(NOT_ACCEPTABLE, f"Ask for one of {known} in the header Accept.")
    return found[2], found[3]


def _quality(media_type: str, ranges: Iterable[tuple[str, float]]) -> float:
    """The weight of the most specific range that takes the media type; 0 for none."""
    group = media_type.partition("/")[0]
    weights = dict(reversed(list(ranges)))
    for name in (media_type, f"{group}/*", "*/*"):
        if name in weights:
            return weights[name]
    return 0.0


def choose_language(accept_language: str, known: Sequence[str]) -> str | None:
    """The first of the caller's languages that is known, by weight; None for none."""
    wanted = sorted(_weighted(accept_language), key=lambda one: -one[1])
    for name, weight in wanted:
        primary = name.partition("-")[0]
        if weight > 0 and primary in known:
            return primary
    return None


def wants_async(prefer: str) -> bool:
    """Whether the caller prefers to be answered before the work is done."""
    wishes = (one.partition(";")[0].strip().lower() for one in prefer.split(",")[:_MOST])
    return "respond-async" in wishes


def _weighted(header: str) -> Iterator[tuple[str, float]]:
    """The names of a header with their weights, in the order given; what cannot be read is left."""
    for part in header.split(",")[:_MOST]:
        name, *parameters = (one.strip() for one in part.split(";"))
        if not name:
            continue
        weight = 1.0
        for one in parameters:
            key, _, value = one.partition("=")
            if key.strip().lower() == "q":
                weight = _number(value.strip())
        yield name.lower(), weight


def _number(text: str) -> float:
    """A weight between 0 and 1; 0 for what is none."""
    try:
        value = float(text)
    except ValueError:
        return 0.0
    return value if 0 <= value <= 1 else 0.0
