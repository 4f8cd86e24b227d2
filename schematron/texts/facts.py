"""What a rule's text can say about this one rule: the fact that fills a text many rules share.

``facts.toml`` beside this module lists them by rule id; what an id itself tells (the term behind
the underscore of a French rule) and what a generated official sentence tells (the Factur-X rules
without an id of their own) is read here. Knows no language.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib import resources
from typing import Any, Final

__all__ = ["attribute_of", "candidates", "from_sentence", "of_rule"]

_NO_FACTS: Final[Mapping[str, str]] = {}
_TERM: Final = re.compile(r"BT-\d+|EXT-FR-FE-\d+|MD[TG]-\d+")
# The sentences that the Factur-X rules are generated from. The quotes of the publisher do not
# always come in pairs.
_SUBJECT: Final = r"Element (?:variant )?'(?P<element>.+)'"
_SENTENCES: Final = tuple(
    (text, re.compile(pattern))
    for text, pattern in (
        ("FX-EXACTLY-ONE", rf"{_SUBJECT} must occur exactly 1 times\."),
        ("FX-AT-LEAST-ONE", rf"{_SUBJECT} must occur at least 1 times\."),
        ("FX-AT-MOST-ONE", rf"{_SUBJECT} may occur at maximum 1 times\."),
        ("FX-VARIANT", r"Element variant '(?P<element>.+)' is marked as not used in .*"),
        ("FX-NOT-USED", rf"{_SUBJECT} is marked as not used in .*"),
        ("FX-ATTRIBUTE", r"Attribute '?(?P<element>@\w+)'? (?:is )?marked as not used in .*"),
        ("FX-ATTRIBUTE-MISSING", r"Attribute '(?P<element>.+)' is required in this context\."),
        ("FX-VALUE", r"Value of '(?P<element>.+)' is not allowed\."),
    )
)


@lru_cache(maxsize=1)
def _file() -> Mapping[str, Any]:
    text = resources.files(__package__).joinpath("facts.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@lru_cache(maxsize=1)
def _table() -> Mapping[str, Mapping[str, str]]:
    """Read the facts by rule id. An id may be preceded by its family (``peppol-ubl:…``)."""
    data = _file()
    table: dict[str, Mapping[str, str]] = {
        rule: {"element": element} for rule, element in data["elements"].items()
    }
    table.update(data["rules"])
    return table


@lru_cache(maxsize=4096)
def of_rule(code: str, family: str | None = None) -> Mapping[str, str]:
    """Give the facts of a rule: placeholder to value.

    A value that begins with ``@`` names an entry of the catalogue whose message stands in its
    place; ``term`` names business terms, separated by spaces; ``text`` is the key of the text that
    the rule shares with others.
    """
    table = _table()
    known = table.get(f"{family}:{code}") or table.get(code) or _NO_FACTS
    suffix = code.partition("_")[2]
    found = _TERM.findall(suffix) if suffix and "term" not in known else ()
    return {**known, "term": " ".join(found)} if found else known


def candidates(code: str, family: str | None = None) -> Iterator[str]:
    """List the keys under which a rule may have its text, the most particular first.

    ``BR-FR-12_BT-49`` of family ``br-fr-ubl``: the id with its family, the text it shares, the
    id, the id without its term (``BR-FR-12``), the family of numbered rules (``BR-FR``).
    """
    if family:
        yield f"{family}:{code}"
    shared = of_rule(code, family).get("text")
    if shared:
        yield shared
    yield code
    base = code.partition("_")[0]
    if base != code:
        yield base
    series, _, number = base.rpartition("-")
    if number.isdigit() and not series[-1:].isdigit():
        yield series


def attribute_of(code: str, sentence: str) -> str | None:
    """Name the attribute that a rule judges, where it judges one of the element it names.

    Known by the rule's id or read in the publisher's sentence.
    """
    known: str | None = _file()["attributes"].get(code)
    if known is not None:
        return known
    read = from_sentence(sentence)
    element = read[1]["element"] if read else ""
    return element[1:] if element.startswith("@") else None


def from_sentence(sentence: str) -> tuple[str, Mapping[str, str]] | None:
    """Read a generated official sentence: the key of our text for it, and its facts."""
    for text, pattern in _SENTENCES:
        match = pattern.fullmatch(sentence.strip())
        if match is not None:
            return text, {"element": match["element"]}
    return None
