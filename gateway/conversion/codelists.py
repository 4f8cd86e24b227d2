"""The code lists of this instance: ``codelists.toml`` and the publications it names.

Reads files and nothing else; what lists are and how publications are written is in
``ubl.codelists``.
"""

import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from gateway.core.errors import ErrorKind, GatewayError
from schematron.manifest import Ruleset
from ubl.codelists import (
    Code,
    CodeList,
    CodeLists,
    PublicationUnreadable,
    Release,
    Standing,
    read_publication,
)

__all__ = ["CODE_LISTS_FILE", "CodeListStore", "newest_rules", "read_code_lists"]

CODE_LISTS_FILE: Final = ErrorKind("CODE-LISTS-FILE", "The code lists cannot be read", 500)

_FILE: Final = "codelists.toml"
_ROOT: Final = Path(__file__).resolve().parents[2]
_PLACES: Final = (_ROOT / "config", _ROOT / "gateway" / "defaults")
_MONTHS: Final = 12


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Source(_Part):
    id: str
    title: str
    package: str = Field(min_length=1)
    file: str
    rules: str = ""


class _Change(_Part):
    code: str = Field(min_length=1)
    valid_from: date | None = None
    valid_until: date | None = None
    names: dict[str, str] = {}
    source: str = ""

    @model_validator(mode="after")
    def _begins_first(self) -> Self:
        if self.valid_from and self.valid_until and self.valid_until < self.valid_from:
            raise ValueError("valid_until is before valid_from")
        return self


class _List(_Part):
    id: str = Field(pattern=r"^[A-Z0-9][A-Z0-9-]{0,59}$")
    titles: dict[str, str]
    terms: tuple[str, ...]
    source: str
    number: str = ""
    must_have: tuple[str, ...] = Field(min_length=1)
    names: str = ""
    change: tuple[_Change, ...] = ()

    @model_validator(mode="after")
    def _speaks_english(self) -> Self:
        if not self.titles.get("en"):
            raise ValueError(f"titles of {self.id} lack 'en', which every list has")
        return self


class _File(_Part):
    aged_after_months: int = Field(ge=1, le=120)
    source: tuple[_Source, ...]
    list: tuple[_List, ...]

    @model_validator(mode="after")
    def _refers_to_itself(self) -> Self:
        sources = [one.id for one in self.source]
        for ids in (sources, [one.id for one in self.list]):
            for name, count in Counter(ids).items():
                if count > 1:
                    raise ValueError(f"id '{name}' is given twice")
        for one in self.list:
            if one.source not in sources:
                raise ValueError(f"{one.id} has the source '{one.source}', which is not there")
        return self


@dataclass(frozen=True, slots=True)
class CodeListStore:
    """The lists, and how many months a release may apply before its lists count as aged."""

    lists: CodeLists
    aged_after_months: int

    def standing(self, release: Release, today: date, *, newest: Mapping[str, date]) -> Standing:
        """Say whether a release is up to date; ``newest`` is by family of rule sets."""
        return release.standing(
            today,
            oldest=_months_before(today, self.aged_after_months),
            newest_rules=newest.get(release.rules),
        )


def newest_rules(rulesets: Iterable[Ruleset], today: date) -> dict[str, date]:
    """Return, by family, the day from which the newest rules in force apply."""
    newest: dict[str, date] = {}
    for one in rulesets:
        if one.valid_from is not None and one.in_force(today):
            newest[one.family] = max(one.valid_from, newest.get(one.family, one.valid_from))
    return newest


def read_code_lists(config_dir: Path | None) -> CodeListStore:
    """Read every list. Raises GatewayError CODE-LISTS-FILE, naming what is wrong."""
    folder = next(
        (place for place in (config_dir, *_PLACES) if place and (place / _FILE).exists()),
        _PLACES[0],
    )
    path = folder / _FILE
    try:
        return _read(path.read_text("utf-8"))
    except ValidationError as error:
        raise _refused(path, "; ".join(map(_reason, error.errors()))) from None
    except (OSError, ValueError) as error:
        raise _refused(path, f"{error}") from None


@lru_cache(maxsize=4)
def _read(text: str) -> CodeListStore:
    """Read the lists a file describes, once: what it names is installed and stays as it is."""
    described = _File.model_validate(tomllib.loads(text))
    return CodeListStore(CodeLists(_lists(described)), described.aged_after_months)


def _reason(error: ErrorDetails) -> str:
    place = ".".join(map(str, error["loc"]))
    reason = error["msg"].removeprefix("Value error, ")
    return f"{place}: {reason}" if place else reason


def _refused(path: Path, reason: str) -> GatewayError:
    return GatewayError(CODE_LISTS_FILE, f"Correct {path}: {reason}")


def _lists(described: _File) -> Iterable[CodeList]:
    publications = {
        one.id: read_publication(_content(one), title=one.title, rules=one.rules)
        for one in described.source
    }
    for one in described.list:
        publication = publications[one.source]
        yield CodeList(
            id=one.id,
            titles=one.titles,
            terms=one.terms,
            release=publication.release,
            codes=_changed(publication.codes(one.number, one.must_have), one.change),
            named_by=one.names,
        )


def _content(source: _Source) -> bytes:
    try:
        # Only found, never imported: the code of such a package takes longer than its lists.
        package = find_spec(source.package)
        if package is None or not package.submodule_search_locations:
            raise ImportError(f"{source.package} is not installed or holds no files")
        return Path(package.submodule_search_locations[0], source.file).read_bytes()
    except (OSError, ImportError, ValueError) as error:
        raise PublicationUnreadable(f"{source.title} cannot be read: {error}") from None


def _changed(codes: Iterable[str], changes: Iterable[_Change]) -> dict[str, Code]:
    """Return the published codes with what is known about single ones."""
    found = {code: Code(code=code) for code in codes}
    for change in changes:
        found[change.code] = Code(
            code=change.code,
            valid_from=change.valid_from,
            valid_until=change.valid_until,
            names=change.names,
            source=change.source,
        )
    return found


def _months_before(day: date, months: int) -> date:
    """Return the first day of the month so many months earlier."""
    count = day.year * _MONTHS + day.month - 1 - months
    return date(count // _MONTHS, count % _MONTHS + 1, 1)
