"""Reading configuration data with the whole list of what is wrong, not only the first mistake.

Pure: works on text and on what ``tomllib`` makes of it. Knows value types, no domain words.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import TypeVar

__all__ = ["ConfigurationRefused", "Fault", "Table", "parse_toml"]

_Word = TypeVar("_Word", bound=StrEnum)
_Type = TypeVar("_Type")


@dataclass(frozen=True, slots=True)
class Fault:
    """One mistake: stable code, the place in the file (``policy[0].level[2].days``), a sentence."""

    code: str
    where: str
    message: str


class ConfigurationRefused(ValueError):
    """The data cannot be used; ``faults`` names every mistake and what to do about it."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("; ".join(f"{one.code} at {one.where}: {one.message}" for one in faults))
        self.faults = faults


class Table:
    """One table of a configuration, read key by key; mistakes go to the shared list of faults.

    A value that is missing or of another type becomes a fault and a harmless stand-in, so that
    the rest is read too. ``finish`` reports keys nobody asked for.
    """

    def __init__(self, content: object, *, where: str, faults: list[Fault]) -> None:
        self.where = where
        self.faults = faults
        self._asked: set[str] = set()
        self._readable = isinstance(content, Mapping)
        self._content: Mapping[str, object] = content if isinstance(content, Mapping) else {}
        if not self._readable:
            self.fault("CONFIG-NOT-A-TABLE", "", "This must be a table of keys and values.")

    def fault(self, code: str, key: str, message: str) -> None:
        """Note a mistake at a key of this table."""
        where = ".".join(part for part in (self.where, key) if part)
        self.faults.append(Fault(code, where, message))

    def has(self, key: str) -> bool:
        """Tell whether the key is there."""
        return key in self._content

    def text(self, key: str, default: str | None = None) -> str:
        """Read a text that is not empty."""
        value = self._value(key, default)
        if isinstance(value, str) and (value.strip() or value == default):
            return value
        return self._wrong(key, value, "a text that is not empty", "")

    def number(
        self, key: str, default: int | None = None, *, low: int = -3660, high: int = 3660
    ) -> int:
        """Read a whole number between two bounds, both inclusive."""
        value = self._value(key, default)
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value
        return self._wrong(key, value, f"a whole number from {low} to {high}", low)

    def flag(self, key: str) -> bool:
        """Read true or false."""
        value = self._value(key, None)
        if isinstance(value, bool):
            return value
        return self._wrong(key, value, "true or false", False)

    def day(self, key: str) -> date:
        """Read a date without a time."""
        value = self._value(key, None)
        if isinstance(value, date) and not isinstance(value, datetime):
            return value
        return self._wrong(key, value, "a date, written 2026-01-31 without quotes", date.min)

    def word(self, key: str, words: type[_Word], default: _Word | None = None) -> _Word:
        """Read one word of a list."""
        value = self._value(key, default)
        if isinstance(value, str) and value in set(words):
            return words(value)
        return self._wrong(key, value, f"one of {', '.join(words)}", next(iter(words)))

    def words(self, key: str, words: type[_Word]) -> tuple[_Word, ...]:
        """Read a list of words in their order."""
        value = self._value(key, None)
        allowed = set(words)
        if isinstance(value, list) and all(one in allowed for one in value):
            return tuple(words(one) for one in value)
        return self._wrong(key, value, f"a list of words out of {', '.join(words)}", ())

    def integers(self, key: str, *, low: int, high: int) -> tuple[int, ...]:
        """Read a list of whole numbers between two bounds, both inclusive."""
        value = self._value(key, None)
        if isinstance(value, list) and all(
            type(one) is int and low <= one <= high for one in value
        ):
            return tuple(value)
        return self._wrong(key, value, f"a list of whole numbers from {low} to {high}", ())

    def texts(self, key: str) -> tuple[tuple[str, str], ...]:
        """Read a table whose values are all texts; an absent one is empty."""
        value = self._value(key, {})
        if isinstance(value, Mapping) and all(isinstance(one, str) for one in value.values()):
            return tuple((str(name), str(one)) for name, one in value.items())
        return self._wrong(key, value, 'a table of texts, such as { EUR = "5.00" }', ())

    def table(self, key: str) -> "Table":
        """Read a table inside this one."""
        place = f"{self.where}.{key}" if self.where else key
        return Table(self._value(key, None), where=place, faults=self.faults)

    def tables(self, key: str) -> tuple["Table", ...]:
        """Read an array of tables; an absent one is empty."""
        value = self._value(key, [])
        if not isinstance(value, list):
            return self._wrong(key, value, "an array of tables", ())
        return tuple(
            Table(
                one, where=".".join(filter(None, (self.where, f"{key}[{at}]"))), faults=self.faults
            )
            for at, one in enumerate(value)
        )

    def finish(self) -> None:
        """Report keys that mean nothing: a misspelt one would otherwise silently do nothing."""
        for key in sorted(set(self._content) - self._asked):
            self.fault("CONFIG-KEY-UNKNOWN", key, "This key is not known. Correct or remove it.")

    def _value(self, key: str, default: object) -> object:
        self._asked.add(key)
        return self._content.get(key, default)

    def _wrong(self, key: str, value: object, wanted: str, stand_in: _Type) -> _Type:
        if not self._readable:
            return stand_in
        if value is None:
            self.fault("CONFIG-KEY-MISSING", key, f"Give {wanted}.")
        else:
            self.fault("CONFIG-VALUE", key, f"This must be {wanted}.")
        return stand_in


def parse_toml(text: str) -> Table:
    """Read a TOML text as its top table. Raises ConfigurationRefused if it is no TOML."""
    try:
        return Table(tomllib.loads(text), where="", faults=[])
    except tomllib.TOMLDecodeError as error:
        fault = Fault("CONFIG-NOT-TOML", "", f"The text is not TOML: {error}.")
        raise ConfigurationRefused((fault,)) from None
