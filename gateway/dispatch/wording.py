"""What e-mails with documents say: our words in each language, and an account's in their place.

Both are templates of the same kind as those of reminders (``reminders.wording``): text, names from
a fixed list, conditions, and nothing else. Our words are data of this package. Does no I/O.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources
from itertools import product
from typing import Any, Final

from gateway.core.errors import ErrorKind, GatewayError
from reminders.wording import TextRefused, check_text, render_text

__all__ = [
    "LONGEST_SUBJECT",
    "NAMES",
    "TEXT_REFUSED",
    "TextKind",
    "Told",
    "Wording",
    "check_wording",
    "labels",
    "our_wording",
    "tell",
]

TEXT_REFUSED: Final = ErrorKind("DISPATCH-TEXT", "The text of the e-mail cannot be used", 422)

NAMES: Final = (
    "number",
    "seller",
    "buyer",
    "total",
    "issued",
    "due",
    "until",
    "attached",
    "data_in_pdf",
    "data_in_xml",
)
"""What a text may name. Days and amounts come written in the reader's language, and are empty
where the document states none. ``attached``, ``data_in_pdf`` and ``data_in_xml`` are for
conditions: 1 or 0."""

_FLAGS: Final = ("attached", "data_in_pdf", "data_in_xml")
_AT_TIMES: Final = ("issued", "due", *_FLAGS)
"""What some documents do not state."""

LONGEST_SUBJECT: Final = 200
_BREAKS: Final = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]+")
_BLANK_LINES: Final = re.compile(r"\n[ \t]*(?:\n[ \t]*)+")


class TextKind(StrEnum):
    """Which e-mail a text is for; AGAIN: the buyer's mail server took an earlier one."""

    INVOICE = "invoice"
    CREDIT_NOTE = "credit-note"
    INVOICE_AGAIN = "invoice-again"
    CREDIT_NOTE_AGAIN = "credit-note-again"

    @classmethod
    def of(cls, kind: str, *, again: bool) -> "TextKind":
        """The text for a kind of document."""
        return cls(f"{kind}-again" if again else kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """The templates of one e-mail; the link stands between ``body`` and ``closing``.

    Blank lines part paragraphs.
    """

    subject: str
    body: str
    closing: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A wording with its names filled in: a subject of one line, paragraphs of lines."""

    subject: str
    body: tuple[tuple[str, ...], ...]
    closing: tuple[tuple[str, ...], ...]


@cache
def labels(language: str) -> Mapping[str, str]:
    """What stands around the texts and is always ours: the link, its term, who sends this."""
    found: Mapping[str, str] = _catalogue(language)["labels"]
    return found


@cache
def our_wording(kind: TextKind, language: str) -> Wording:
    """What we say where an account says nothing of its own."""
    found = _catalogue(language)[kind.value]
    return Wording(**{name: text.strip() for name, text in found.items()})


def check_wording(wording: Wording) -> None:
    """Check what an account wrote; raises GatewayError DISPATCH-TEXT, saying what to do."""
    for field in ("subject", "body", "closing"):
        try:
            check_text(getattr(wording, field), NAMES)
        except TextRefused as refused:
            raise _refused(field, refused) from None
    # Whatever is left out by a condition, something has to be said.
    for values in _documents():
        tell(wording, values)


def tell(wording: Wording, values: Mapping[str, str | int]) -> Told:
    """Fill the names in; raises GatewayError DISPATCH-TEXT."""
    filled = {}
    for field in ("subject", "body", "closing"):
        try:
            filled[field] = render_text(getattr(wording, field), values)
        except TextRefused as refused:
            raise _refused(field, refused) from None
    told = Told(
        subject=" ".join(_BREAKS.sub(" ", filled["subject"]).split())[:LONGEST_SUBJECT],
        body=_paragraphs(filled["body"]),
        closing=_paragraphs(filled["closing"]),
    )
    if not told.subject or not told.body:
        field = "body" if told.subject else "subject"
        raise GatewayError(
            TEXT_REFUSED,
            f"The {field} is empty, at least for some documents. Write something that no "
            "condition leaves out.",
            field=field,
        )
    return told


def _documents() -> Iterator[Mapping[str, str | int]]:
    """Every kind of document there is for a condition: each name once with and once without."""
    for there in product((True, False), repeat=len(_AT_TIMES)):
        some = dict(zip(_AT_TIMES, there, strict=True))
        yield {
            name: int(some[name]) if name in _FLAGS else name if some.get(name, True) else ""
            for name in NAMES
        }


def _refused(field: str, refused: TextRefused) -> GatewayError:
    place = f"{field}, line {refused.line}" if refused.line else field
    return GatewayError(
        TEXT_REFUSED,
        f"{place.capitalize()}: {refused.message}",
        field=field,
        fault=refused.code,
    )


def _paragraphs(text: str) -> tuple[tuple[str, ...], ...]:
    clean = text.replace("\r\n", "\n").strip()
    parts = (one.strip() for one in _BLANK_LINES.split(clean))
    return tuple(tuple(line.strip() for line in part.split("\n")) for part in parts if part)


@cache
def _catalogue(language: str) -> Mapping[str, Any]:
    file = resources.files("gateway.dispatch").joinpath("texts", f"{language}.toml")
    return tomllib.loads(file.read_text("utf-8"))
