"""The console's words and formats in the languages people read it in.

Each package brings catalogues ``locale/<language>.toml`` for its own pages; together they make
one catalogue per language. Dates, numbers and money are written by Babel (Unicode CLDR). Knows
no page; a key that is nowhere is a programming error and raises KeyError.
"""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any, Final
from zoneinfo import ZoneInfo

from babel import Locale, negotiate_locale
from babel.dates import format_date, format_datetime, format_timedelta
from babel.numbers import format_currency, format_decimal

from ubl.amounts import NO_CURRENCY, from_minor, minor_digits

__all__ = ["DEFAULT_LANGUAGE", "LANGUAGES", "Catalogues", "Words", "preferred_language"]

LANGUAGES: Final[Mapping[str, str]] = MappingProxyType(
    {"en": "English", "fr": "Français", "nl": "Nederlands", "de": "Deutsch"}
)
"""The languages the console speaks, by their own names."""
DEFAULT_LANGUAGE: Final = "en"

_MANY: Final = "other"
_KILO: Final = 1000
_UNITS: Final = ("byte", "kilobyte", "megabyte", "gigabyte")


class Words:
    """One language: its sentences, and how it writes days, moments, numbers and money.

    Moments are shown in ``zone``; ``now`` is what "3 minutes ago" counts from.
    """

    def __init__(
        self, language: str, sentences: Mapping[str, str], *, zone: ZoneInfo, now: datetime
    ) -> None:
        self.language = language
        self._sentences = sentences
        self._locale = Locale.parse(language)
        self._zone = zone
        self._now = now

    def __call__(self, key: str, **facts: Any) -> str:
        """The sentence of a key with its placeholders filled; raises KeyError if there is none."""
        return self._sentences[key].format_map(facts)

    def count(self, key: str, number: int, **facts: Any) -> str:
        """The sentence for that many, in the form the language's grammar asks for."""
        form = self._locale.plural_form(number)
        chosen = f"{key}.{form}" if f"{key}.{form}" in self._sentences else f"{key}.{_MANY}"
        return self(chosen, number=self.number(number), **facts)

    def knows(self, key: str) -> bool:
        """Whether there is a sentence, for codes that come from outside."""
        return key in self._sentences

    def named(self, group: str, code: str) -> str:
        """The name of a code, or the code itself where it has none here."""
        return self._sentences.get(f"{group}.{code}", code)

    def day(self, value: date | None) -> str:
        """A calendar date, for instance ``31 janv. 2026``."""
        return "" if value is None else format_date(value, "medium", self._locale)

    def moment(self, value: datetime) -> str:
        """The exact moment with its time zone."""
        return format_datetime(value, "long", self._zone, self._locale)

    def ago(self, value: datetime) -> str:
        """How long ago or ahead a moment is."""
        return format_timedelta(
            value - self._now, add_direction=True, locale=self._locale, threshold=1.2
        )

    def number(self, value: int | Decimal) -> str:
        """A number with the language's separators."""
        return format_decimal(value, locale=self._locale)

    def money(self, minor: int | None, currency: str | None) -> str:
        """An amount in minor units with its currency; empty where there is none."""
        if minor is None or currency is None:
            return ""
        value = from_minor(minor, currency).value
        if currency == NO_CURRENCY:
            return format_decimal(value, locale=self._locale)
        digits = minor_digits(currency)
        pattern = self._locale.currency_formats["standard"].pattern
        exact = pattern.replace("0.00", "0." + "0" * digits if digits else "0")
        return format_currency(value, currency, exact, locale=self._locale, currency_digits=False)

    def size(self, octets: int) -> str:
        """A file size in the largest unit that keeps it above one."""
        value, unit = Decimal(octets), 0
        while value >= _KILO and unit < len(_UNITS) - 1:
            value, unit = value / _KILO, unit + 1
        shown = value.quantize(Decimal("0.1")) if unit else value
        return self(f"size.{_UNITS[unit]}", number=self.number(shown))


class Catalogues:
    """Every language's sentences, read once at start."""

    def __init__(self, sentences: Mapping[str, Mapping[str, str]]) -> None:
        self._sentences = sentences

    @classmethod
    def of(cls, packages: Sequence[str]) -> "Catalogues":
        """Read the catalogues of these packages; raises ValueError for a key given twice."""
        return cls({language: _read(packages, language) for language in LANGUAGES})

    def keys(self, language: str) -> frozenset[str]:
        """Every key of a language."""
        return frozenset(self._sentences[language])

    def sentence(self, language: str, key: str) -> str:
        """A sentence with its placeholders as they are."""
        return self._sentences[language][key]

    def words(self, language: str, *, zone: ZoneInfo, now: datetime) -> Words:
        """The words of a language, English where it is not spoken here."""
        known = language if language in self._sentences else DEFAULT_LANGUAGE
        return Words(known, self._sentences[known], zone=zone, now=now)


def preferred_language(accept_language: str) -> str:
    """The language of ours that a browser asks for first (RFC 9110 §12.5.4)."""
    wanted = sorted(_weighted(accept_language), key=lambda one: -one[1])
    found = negotiate_locale(
        [name.replace("-", "_") for name, weight in wanted if weight > 0], list(LANGUAGES)
    )
    return found or DEFAULT_LANGUAGE


def _weighted(header: str) -> Iterable[tuple[str, float]]:
    for part in header.split(",")[:20]:
        name, _, quality = part.partition(";")
        text = quality.strip().removeprefix("q=")
        try:
            yield name.strip(), float(text) if text else 1.0
        except ValueError:
            continue


def _read(packages: Sequence[str], language: str) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for package in packages:
        for key, sentence in _shipped(package, language):
            if key in found:
                raise ValueError(f"{package} gives '{key}' a second time in '{language}'")
            found[key] = sentence
    return MappingProxyType(found)


@cache
def _shipped(package: str, language: str) -> tuple[tuple[str, str], ...]:
    file = resources.files(package).joinpath("locale", f"{language}.toml")
    return tuple(_flat(tomllib.loads(file.read_text("utf-8"))))


def _flat(table: Mapping[str, Any], above: str = "") -> Iterable[tuple[str, str]]:
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", str(value)
