"""The rule sets this project wrote itself: where they lie and what they cover.

Reads the files beside it and nothing else. Each set is a folder with ``rules.sch`` (ISO
Schematron), ``messages.toml`` (what the rules say, in every language) and ``codelists``. Compiled
stylesheets are never stored: compiling takes milliseconds.
"""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

from schematron.schema import read_schema

__all__ = ["LANGUAGES", "covered", "messages", "sources"]

LANGUAGES: Final = ("en", "fr", "nl", "de")
_FOLDER: Final = Path(__file__).resolve().parent
_SOURCES: Final[Mapping[str, Path]] = MappingProxyType(
    {"peppol-ubl-2026.5": _FOLDER / "peppol-ubl" / "rules.sch"}
)


def sources() -> Mapping[str, Path]:
    """The Schematron source of every authored rule set, by rule-set id."""
    return _SOURCES


@cache
def covered(ruleset: str) -> frozenset[str]:
    """Ids of the rules that a set can fire, read from its source; KeyError for an unknown set."""
    source = _SOURCES[ruleset]
    schema = read_schema(source.read_bytes(), base=source.parent)
    return frozenset(
        test.labels["id"]
        for pattern in schema.patterns
        for rule in pattern.rules
        for test in rule.tests
    )


@cache
def messages(ruleset: str) -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    """What the rules of a set say: rule id, then language, then ``message`` and ``hint``."""
    source = _SOURCES[ruleset].with_name("messages.toml")
    content: Mapping[str, Mapping[str, Mapping[str, str]]] = tomllib.loads(
        source.read_text(encoding="utf-8")
    )["messages"]
    return content
