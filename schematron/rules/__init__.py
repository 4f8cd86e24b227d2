"""The rule sets this project wrote itself: where they lie and what they cover.

Reads the files beside it and nothing else. Each set is a folder with ``rules.sch`` (ISO
Schematron), catalogues of what the rules say in every language, code lists and tables of elements;
sets share files with each other. Compiled stylesheets are never stored: compiling takes
milliseconds.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

from schematron.schema import Schema, read_schema

__all__ = ["FOLDER", "covered", "messages", "sources"]

FOLDER: Final = Path(__file__).resolve().parent
_SOURCES: Final[Mapping[str, Path]] = MappingProxyType(
    {
        "peppol-ubl-2026.5": FOLDER / "peppol-ubl" / "rules.sch",
        "peppol-ubl-sb-2026.5": FOLDER / "peppol-ubl-sb" / "rules.sch",
        "t111-2026.5": FOLDER / "t111" / "rules.sch",
        "t71-2026.5": FOLDER / "t71" / "rules.sch",
        "mls-1.0.1": FOLDER / "mls" / "rules.sch",
    }
)


def sources() -> Mapping[str, Path]:
    """The Schematron source of every authored rule set, by rule-set id.

    To read or compile one, ``base`` is its folder and ``within`` is FOLDER.
    """
    return _SOURCES


@cache
def _schema(ruleset: str) -> Schema:
    source = _SOURCES[ruleset]
    return read_schema(source.read_bytes(), base=source.parent, within=FOLDER)


@cache
def covered(ruleset: str) -> frozenset[str]:
    """Ids of the rules that a set can fire, read from its source; KeyError for an unknown set."""
    return frozenset(
        test.labels["id"]
        for pattern in _schema(ruleset).patterns
        for rule in pattern.rules
        for test in rule.tests
    )


@cache
def messages(ruleset: str) -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    """What the rules of a set say: rule id, then language, then ``message`` and ``hint``.

    Another release of an authored set has the words of the authored one: an id keeps its meaning.
    Empty for a set of which no release is authored.
    """
    authored = next((item for item in _SOURCES if _family(item) == _family(ruleset)), None)
    if authored is None:
        return {}
    catalogue = _schema(authored).messages
    return {rule: catalogue[rule] for rule in sorted(covered(authored) & catalogue.keys())}


def _family(ruleset: str) -> str:
    return ruleset.rpartition("-")[0]
