"""Code lists and what can be asked of them: is a code valid on a day, and what is it called.

Days are business dates, both ends included. Names come from Unicode CLDR for countries
and currencies, otherwise from the labels of this package.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from babel import Locale

from ubl.localized import Localized

__all__ = ["Code", "CodeList", "CodeListUnknown", "CodeLists", "NamedCode", "Release", "Standing"]


class CodeListUnknown(KeyError):
    """There is no code list of that id. ``code`` is stable: CODE-LIST-UNKNOWN."""

    code = "CODE-LIST-UNKNOWN"


class Standing(StrEnum):
    """Whether a list is up to date.

    ``coming``: its release is not in force yet. ``superseded``: rules of a later release are in
    force here. ``aged``: it is older than the operator lets lists become.
    """

    CURRENT = "current"
    COMING = "coming"
    SUPERSEDED = "superseded"
    AGED = "aged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """The publication codes were taken from.

    ``published`` is None where the publication does not say; ``valid_from`` is the day from
    which it applies. ``rules`` is the family of rule sets whose
    releases bring new codes.
    """

    title: str
    version: str
    published: date | None
    valid_from: date
    rules: str = ""

    def standing(self, today: date, *, oldest: date, newest_rules: date | None) -> Standing:
        """Say whether the release is up to date on a day.

        ``oldest`` is the earliest day it may apply from without being called aged;
        ``newest_rules`` the day from which the newest rules of its family apply, if known.
        """
        if self.valid_from > today:
            return Standing.COMING
        if newest_rules is not None and self.valid_from < newest_rules <= today:
            return Standing.SUPERSEDED
        return Standing.AGED if self.valid_from < oldest else Standing.CURRENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """One code of a list, and for which days, where that is known.

    ``names`` and ``source`` are set where the operator or this product added or dated the code.
    """

    code: str
    valid_from: date | None = None
    valid_until: date | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    source: str = ""

    def valid(self, on: date) -> bool:
        """Say whether the code may be used on a day."""
        return not (
            (self.valid_from is not None and on < self.valid_from)
            or (self.valid_until is not None and on > self.valid_until)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedCode:
    """One code with its name in a language, empty where it has none, and whether it is valid."""

    code: Code
    name: str
    valid: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeList:
    """A list of codes, such as the means of payment of UNTDID 4461.

    ``titles`` is by language; ``terms`` the business terms the list is for; ``named_by`` tells
    where names are found: ``country``, ``currency`` or a table of labels.
    """

    id: str
    titles: Mapping[str, str]
    terms: tuple[str, ...]
    release: Release
    codes: Mapping[str, Code]
    named_by: str = ""

    def title(self, lang: str) -> str:
        """Return the list's title in a language, in English where it has none in that one."""
        return self.titles.get(lang) or self.titles["en"]

    def valid(self, code: str, on: date) -> bool:
        """Say whether a code is in the list and may be used on a day."""
        found = self.codes.get(code)
        return found is not None and found.valid(on)

    def name(self, code: str, lang: str) -> str:
        """Return a code's name in a language; empty where there is none.

        Raises LanguageUnknown.
        """
        return self._name(code, Localized(lang))

    def named(self, lang: str) -> Mapping[str, str]:
        """Return the names of all codes that have one. Raises LanguageUnknown."""
        localized = Localized(lang)
        names = ((code, self._name(code, localized)) for code in self.codes)
        return {code: name for code, name in names if name}

    def find(self, text: str, *, lang: str, on: date) -> Iterator[NamedCode]:
        """Yield the codes whose code or name has a text in it, in the publisher's order.

        Raises LanguageUnknown.
        """
        names, wanted = self.named(lang), text.strip().casefold()
        for code in self.codes.values():
            name = names.get(code.code, "")
            if wanted in code.code.casefold() or wanted in name.casefold():
                yield NamedCode(code=code, name=name, valid=code.valid(on))

    def _name(self, code: str, localized: Localized) -> str:
        known = self.codes.get(code)
        if known is not None and known.names:
            return known.names.get(localized.language) or known.names.get("en", "")
        if self.named_by == "currency":
            return str(Locale(localized.language).currencies.get(code, ""))
        if self.named_by == "country":
            name = localized.country(code)
        else:
            # Units have a singular and a plural; a list shows the first.
            name = localized.code(self.named_by, code).partition("|")[0]
        return "" if name == code else name


class CodeLists:
    """Every code list there is, by its id, such as ``UNTDID-4461`` or ``EAS``."""

    def __init__(self, lists: Iterable[CodeList]) -> None:
        """Hold the lists in the order given."""
        self._lists = {one.id: one for one in lists}

    def of(self, list_id: str) -> CodeList:
        """Return one list. Raises CodeListUnknown."""
        try:
            return self._lists[list_id]
        except KeyError:
            raise CodeListUnknown(list_id) from None

    def __iter__(self) -> Iterator[CodeList]:
        return iter(self._lists.values())
