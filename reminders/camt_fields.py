"""Reading single fields of an ISO 20022 account message strictly, with their place in the file.

Knows elements and texts, nothing of statements. Names are compared without their namespace,
because each version of a message has its own.
"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, tzinfo
from typing import Final

from lxml import etree

from reminders.bank import Direction
from ubl.amounts import Amount, AmountUnreadable, parse_decimal
from ubl.cursor import string_value

__all__ = ["BankMessageRefused", "Field", "local_name"]

MAX_TEXT: Final = 4000
_WHITE_SPACE: Final = " \t\r\n"
_CURRENCY = re.compile(r"[A-Z]{3}")
_DAY = re.compile(r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})(?:Z|[+-][0-9]{2}:[0-9]{2})?")
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?"
    r"(?:Z|[+-][0-9]{2}:[0-9]{2})?"
)
_NUMBER = re.compile(r"[0-9]{1,18}")
_TRUTH: Final = {"true": True, "1": True, "false": False, "0": False}


class BankMessageRefused(ValueError):
    """A bank message that cannot be taken in; nothing of it counts.

    ``code`` is stable: BANK-XML (not readable XML), BANK-NOT-CAMT (another kind of document),
    BANK-VERSION (a version not known here), BANK-EMPTY (no statement in it), BANK-MISSING (a
    mandatory field is absent), BANK-AMOUNT, BANK-CURRENCY, BANK-DATE, BANK-NUMBER, BANK-CODE (the
    field's content is not allowed), BANK-TEXT (a text beyond measure). ``place`` is the path of
    the field, ``line`` counts from 1 and is 0 where unknown.
    """

    def __init__(self, code: str, message: str, *, place: str = "", line: int = 0) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.place = place
        self.line = line


def local_name(tag: str) -> str:
    """Return the name of a tag without its namespace."""
    return tag.rpartition("}")[2]


class Field:
    """An element with its path; its readers return None for what is absent and refuse nonsense."""

    __slots__ = ("element", "place")

    def __init__(self, element: etree._Element, place: str) -> None:
        """Stand on ``element``, called ``place`` in what is said to people."""
        self.element = element
        self.place = place

    def refusal(self, code: str, message: str) -> BankMessageRefused:
        """Build the refusal of this field."""
        line = self.element.sourceline
        return BankMessageRefused(
            code, message, place=self.place, line=line if isinstance(line, int) else 0
        )

    def all(self, name: str) -> "Iterator[Field]":
        """Stand on each child of that name; the place counts them from 1."""
        for number, child in enumerate(self.element.iterchildren(f"{{*}}{name}"), start=1):
            yield Field(child, f"{self.place}/{name}[{number}]")

    def first(self, *path: str) -> "Field | None":
        """Walk down the first child of each name; None where one is missing."""
        element = self.element
        for name in path:
            found = next(element.iterchildren(f"{{*}}{name}"), None)
            if found is None:
                return None
            element = found
        return Field(element, "/".join((self.place, *path)))

    def need(self, *path: str) -> "Field":
        """Walk down like ``first``, refusing a message that lacks the field."""
        found = self.first(*path)
        if found is None:
            raise self.refusal(
                "BANK-MISSING",
                f"The bank message lacks {'/'.join(path)} in {self.place}. Ask the bank for a "
                "complete file.",
            )
        return found

    def own_text(self) -> str | None:
        """Return the element's text without surrounding white space, None where blank."""
        text = string_value(self.element).strip(_WHITE_SPACE)
        if len(text) > MAX_TEXT:
            raise self.refusal(
                "BANK-TEXT",
                f"{self.place} has {len(text)} characters; at most {MAX_TEXT} are accepted. "
                "Check how the file was produced.",
            )
        return text or None

    def text(self, *path: str) -> str | None:
        """Read the text at the end of the path."""
        found = self.first(*path)
        return None if found is None else found.own_text()

    def any_text(self, *paths: tuple[str, ...]) -> str | None:
        """Read the text of the first path that has one: versions moved fields about."""
        return next((text for path in paths if (text := self.text(*path))), None)

    def texts(self, name: str) -> tuple[str, ...]:
        """Read the text of every child of that name, leaving out blank ones."""
        return tuple(text for child in self.all(name) if (text := child.own_text()))

    def need_text(self, *path: str) -> str:
        """Read a text that must be there."""
        found = self.need(*path)
        text = found.own_text()
        if text is None:
            raise found.refusal(
                "BANK-MISSING", f"{found.place} is empty. Ask the bank for a complete file."
            )
        return text

    def amount(self, *path: str) -> Amount | None:
        """Read an amount with its currency attribute."""
        found = self.first(*path)
        return None if found is None else found.own_amount()

    def own_amount(self) -> Amount:
        """Read this element as an amount: not negative, with its ISO 4217 currency."""
        text = self.own_text() or ""
        try:
            value = parse_decimal(text)
        except AmountUnreadable as error:
            raise self.refusal(
                "BANK-AMOUNT", f"{self.place} is not an amount: {error.message}"
            ) from None
        if value.is_signed():
            raise self.refusal(
                "BANK-AMOUNT",
                f"{self.place} is negative. The direction belongs into CdtDbtInd; ask the bank "
                "for a correct file.",
            )
        currency = self.element.get("Ccy") or ""
        if not _CURRENCY.fullmatch(currency):
            raise self.refusal(
                "BANK-CURRENCY",
                f"{self.place} has no currency of three capital letters in its attribute Ccy. "
                "Ask the bank for a correct file.",
            )
        return Amount(value, currency)

    def direction(self) -> Direction | None:
        """Read CdtDbtInd."""
        text = self.text("CdtDbtInd")
        if text is None:
            return None
        try:
            return Direction(text)
        except ValueError:
            raise self.refusal(
                "BANK-CODE",
                f"{self.place}/CdtDbtInd is '{text[:20]}'; it must be CRDT or DBIT. Ask the bank "
                "for a correct file.",
            ) from None

    def need_direction(self) -> Direction:
        """Read a CdtDbtInd that must be there."""
        self.need("CdtDbtInd")
        found = self.direction()
        if found is None:
            raise self.refusal(
                "BANK-MISSING", f"{self.place}/CdtDbtInd is empty. Ask the bank for a correct file."
            )
        return found

    def truth(self, *path: str) -> bool:
        """Read an xs:boolean; false where absent."""
        found = self.first(*path)
        if found is None:
            return False
        text = found.own_text()
        if text not in _TRUTH:
            raise found.refusal(
                "BANK-CODE",
                f"{found.place} must be true or false. Ask the bank for a correct file.",
            )
        return _TRUTH[text]

    def number(self, *path: str) -> int | None:
        """Read a whole number at the end of the path."""
        found = self.first(*path)
        return None if found is None else found.own_number()

    def own_number(self) -> int | None:
        """Read this element as a whole number of at most 18 digits, None where blank."""
        text = self.own_text()
        if text is None:
            return None
        if not _NUMBER.fullmatch(text):
            raise self.refusal(
                "BANK-NUMBER",
                f"{self.place} is not a whole number of at most 18 digits. Ask the bank for a "
                "correct file.",
            )
        return int(text)

    def own_moment(self, bank_zone: tzinfo) -> datetime | None:
        """Read this element as a moment, returned as UTC; without offset it is of the bank's zone.

        None where blank.
        """
        text = self.own_text()
        if text is None:
            return None
        try:
            if not _MOMENT.fullmatch(text):
                raise ValueError
            moment = datetime.fromisoformat(text)
            return (moment if moment.tzinfo else moment.replace(tzinfo=bank_zone)).astimezone(UTC)
        except (ValueError, OverflowError):
            raise self.refusal(
                "BANK-DATE",
                f"{self.place} is '{text[:40]}', which is no date and time. Ask the bank for a "
                "correct file.",
            ) from None

    def day(self, *path: str) -> date | None:
        """Read a day given as Dt or DtTm: the day the bank wrote, whatever the offset."""
        found = self.first(*path)
        if found is None:
            return None
        text = found.any_text(("Dt",), ("DtTm",))
        if text is None:
            return None
        day = text.partition("T")[0] if _MOMENT.fullmatch(text) else text
        try:
            matched = _DAY.fullmatch(day)
            if matched is None:
                raise ValueError
            return date.fromisoformat(matched["day"])
        except ValueError:
            raise found.refusal(
                "BANK-DATE",
                f"{found.place} is '{text[:40]}', which is no date. Ask the bank for a correct "
                "file.",
            ) from None
