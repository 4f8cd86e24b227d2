"""What findings say to people, in their language.

One folder per language beside this module, in it one TOML file per subject: a table per rule id
or code with ``message`` and, where something can be advised, ``hint``. Placeholders in braces are
filled by the caller.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Final

__all__ = ["LANGUAGES", "Wording", "catalogue", "official", "require", "wording"]

LANGUAGES: Final = ("en", "fr", "nl", "de")


@dataclass(frozen=True, slots=True)
class Wording:
    """A message and what to do about it (None where there is nothing to advise)."""

    message: str
    hint: str | None


@lru_cache(maxsize=len(LANGUAGES))
def catalogue(lang: str) -> Mapping[str, Mapping[str, str]]:
    """Read all wordings of a language; raises KeyError for one that is not in LANGUAGES."""
    if lang not in LANGUAGES:
        raise KeyError(f"There are no texts in '{lang}'. Use one of {', '.join(LANGUAGES)}.")
    table: dict[str, dict[str, str]] = {}
    folder = resources.files(__package__).joinpath(lang)
    for file in sorted(folder.iterdir(), key=lambda item: item.name):
        if file.name.endswith(".toml"):
            table.update(tomllib.loads(file.read_text(encoding="utf-8")))
    return table


def wording(code: str, *, lang: str, **values: object) -> Wording | None:
    """Word a code in a language, or None if there is no wording for it.

    A numbered rule without its own entry takes that of its family: ``UBL-CR-561`` that of
    ``UBL-CR``.
    """
    entries = catalogue(lang)
    family, _, number = code.rpartition("-")
    entry = entries.get(code) or (entries.get(family) if number.isdigit() else None)
    if entry is None:
        return None
    hint = entry.get("hint")
    return Wording(
        message=entry["message"].format_map(values),
        hint=hint.format_map(values) if hint else None,
    )


def require(code: str, *, lang: str, **values: object) -> Wording:
    """Word one of our own codes; raises KeyError if a language lacks it (a defect)."""
    text = wording(code, lang=lang, **values)
    if text is None:
        raise KeyError(f"There is no text for {code} in '{lang}'.")
    return text


def official(text: str, *, lang: str) -> Wording:
    """Present a publisher's own English sentence, marked as such."""
    return require("OFFICIAL", lang=lang, text=text)
