"""What a place in an invoice means: business terms (BT) and groups (BG) of EN 16931-1.

Works on the short XPath of a finding (``schematron.location.Tree.short_path``) in UBL Invoice, UBL
Credit Note and CII, by the table beside this module. Places in other documents mean nothing here.
"""

import re
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any, Final

from schematron.texts import catalogue, facts

__all__ = [
    "group_name",
    "group_of",
    "group_of_rule",
    "group_of_term",
    "groups",
    "parent_of",
    "paths_of",
    "term_name",
    "terms",
    "terms_of",
]

_DOCUMENT: Final = "document"
_SYNTAX_OF_ROOT: Final[Mapping[str, str]] = {
    "ubl:Invoice": "ubl",
    "cn:CreditNote": "ubl",
    "rsm:CrossIndustryInvoice": "cii",
}
_CREDIT_NOTE_ROOT: Final = "cn:CreditNote"
_POSITION: Final = re.compile(r"\[\d+\]")
# A CII date is wrapped once more; what is said of the wrapper is said of the date.
_DATE: Final = re.compile(r"/[uq]dt:Date(?:Time)?String$")


@dataclass(frozen=True, slots=True)
class _Table:
    """The table, turned round: what each path means. Keys are syntax and path below the root.

    ``groups`` of a path holds every group it may be about, ``document`` where it is about none.
    """

    terms: Mapping[tuple[str, str], tuple[str, ...]]
    groups: Mapping[tuple[str, str], tuple[str, ...]]
    paths: Mapping[str, Mapping[str, tuple[str, ...]]]
    home: Mapping[str, str]
    parent: Mapping[str, str | None]
    credit_note: Mapping[str, str]
    rules: Mapping[str, str]


@lru_cache(maxsize=1)
def _table() -> _Table:
    data = tomllib.loads(
        resources.files(__package__).joinpath("terms.toml").read_text(encoding="utf-8")
    )
    places, credit_note, rules = (data.pop(name) for name in ("places", "credit_note", "rules"))
    terms_at: dict[tuple[str, str], list[str]] = defaultdict(list)
    groups_at: dict[tuple[str, str], list[str]] = defaultdict(list)
    paths: dict[str, dict[str, tuple[str, ...]]] = {}
    home: dict[str, str] = {}
    for group, entry in data.items():
        for syntax in ("ubl", "cii"):
            for path in entry.get(syntax, ()):
                groups_at[syntax, path.format_map(places)].append(group)
        for term, found in entry["terms"].items():
            home[term] = group
            paths[term] = {
                syntax: tuple(_term_paths(entry, found, syntax, places)) for syntax in found
            }
            for syntax, its in paths[term].items():
                for path in its:
                    for alias in {path, _DATE.sub("", path)}:
                        terms_at[syntax, alias].append(term)
                        groups_at[syntax, alias].append(group)
    return _Table(
        terms={key: tuple(dict.fromkeys(found)) for key, found in terms_at.items()},
        groups={key: tuple(dict.fromkeys(found)) for key, found in groups_at.items()},
        paths=paths,
        home=home,
        parent={group: entry.get("parent") for group, entry in data.items() if group != _DOCUMENT},
        credit_note=credit_note,
        rules=rules,
    )


def _term_paths(
    group: Mapping[str, Any], term: Mapping[str, Any], syntax: str, places: Mapping[str, str]
) -> Iterator[str]:
    base = (group.get(syntax) or [""])[0]
    for path in term[syntax]:
        if path == ".":
            full = base
        elif path.startswith("/") or not base:
            full = path.removeprefix("/")
        else:
            full = f"{base}/{path}"
        yield full.format_map(places)


def terms() -> tuple[str, ...]:
    """List every business term of the model, with its parts (``BT-29-1``), group by group."""
    return tuple(_table().home)


def groups() -> tuple[str, ...]:
    """List every business group, BG-1 to BG-32."""
    return tuple(_table().parent)


def paths_of(term: str, *, syntax: str) -> tuple[str, ...]:
    """Give where a term is written, below the root; ``syntax`` is ``ubl`` (Invoice) or ``cii``.

    Raises KeyError for a term that is not in the model.
    """
    return _table().paths[term][syntax]


def terms_of(location: str) -> tuple[str, ...]:
    """Name the business terms that are written at a place, from its short XPath.

    More than one where only the neighbours tell them apart: ``cac:AllowanceCharge/cbc:Amount`` is
    BT-92 of an allowance and BT-99 of a charge. An attribute without a term of its own stands for
    its element. Empty for a place that holds no term itself, such as a whole address.
    """
    syntax, path = _place(location)
    known = _table().terms
    found = known.get((syntax, path))
    if found is None and "/@" in path:
        found = known.get((syntax, path.rpartition("/")[0]))
    return found or ()


def group_of(location: str, *, rule: str = "", terms: Iterable[str] = ()) -> str | None:
    """Name the business group a finding is about, or None if it is about the document as a whole.

    The nearest group around the place decides, or around the element below it that the rule is
    known to be about. Where that may be two (an allowance or a charge), the ``terms`` the finding
    speaks of choose, and if they do not, the group around both. A place outside every group is
    judged by the rule, then by the first of the terms.
    """
    spoken = tuple(terms)
    syntax, path = _place(location)
    table = _table()
    element = facts.of_rule(rule).get("element", "") if syntax else ""
    path = f"{path}/{element}".strip("/")
    while path:
        candidates = table.groups.get((syntax, path), ())
        if len(candidates) > 1:
            candidates = tuple({_group(term) for term in spoken} & set(candidates))
        if len(candidates) == 1:
            return None if candidates[0] == _DOCUMENT else candidates[0]
        path = path.rpartition("/")[0]
    known = group_of_rule(rule)
    if known is not None:
        return known
    homes = (_group(term) for term in spoken)
    return next((home for home in homes if home not in ("", _DOCUMENT)), None)


def group_of_rule(rule: str) -> str | None:
    """Name the group a rule is about whatever its place, where the table says so."""
    rules = _table().rules
    return rules.get(rule) or rules.get(rule.rpartition("-")[0])


def group_of_term(term: str) -> str | None:
    """Name the group of a term, or a group itself; None for one of the document or unknown."""
    home = _group(term)
    return None if home in ("", _DOCUMENT) else home


def _group(term: str) -> str:
    if term in _table().parent:
        return term
    home = _table().home
    return home.get(term) or home.get(term.rpartition("-")[0], "")


def parent_of(group: str) -> str | None:
    """Name the group around a group (BG-4 around BG-5); raises KeyError for an unknown one."""
    return _table().parent[group]


def term_name(term: str, *, lang: str) -> str:
    """Name a term or group for people (BT-9 "Payment due date"); an unknown one is its own name."""
    names = catalogue(lang)
    entry = names.get(term) or names.get("-".join(term.split("-")[:2]))
    return entry["message"] if entry else term


def group_name(group: str | None, *, lang: str) -> str:
    """Name a group for people; None is the document as a whole."""
    return term_name(group or "BG-DOCUMENT", lang=lang)


def _place(location: str) -> tuple[str, str]:
    """Split a location into syntax and path below the root, in the words of the table."""
    root, _, path = _POSITION.sub("", location).removeprefix("/").partition("/")
    if root == _CREDIT_NOTE_ROOT:
        other = _table().credit_note
        path = "/".join(other.get(step, step) for step in path.split("/"))
    return _SYNTAX_OF_ROOT.get(root, ""), path
