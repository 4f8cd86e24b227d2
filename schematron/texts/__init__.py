"""What findings say to people, in their language.

One folder per language beside this module, in it one TOML file per subject: a table per rule id
or code with ``message`` and, where something can be advised, ``hint``. Placeholders in braces are
filled by the caller, or by what is known of the rule (``facts``).
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Final

from schematron.texts import facts
from schematron.texts.titles import title_in

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


def wording(
    code: str,
    *,
    lang: str,
    family: str | None = None,
    sentence: str | None = None,
    **values: object,
) -> Wording | None:
    """Word a code in a language, or None if there is no wording for it.

    ``family`` is that of the rule set: the same id may mean another thing in another set. A rule
    without a text of its own takes one it shares with others, filled with what is known of it
    (``schematron.texts.facts``): ``UBL-CR-561`` that of ``UBL-CR``. ``sentence`` is the
    publisher's own; it is read where the id says nothing.
    """
    entries = catalogue(lang)
    values = _in_language(values, lang)
    text = _by_rule(entries, code, family, values)
    if text is None and sentence is not None:
        read = facts.from_sentence(sentence)
        text = _fill(entries, read[0], read[1], values) if read else None
    return text


def _in_language(values: dict[str, object], lang: str) -> dict[str, object]:
    """Name in this language what the words of a finding name in English."""
    title = values.get("title")
    return {**values, "title": title_in(title, lang=lang)} if isinstance(title, str) else values


def _by_rule(
    entries: Mapping[str, Mapping[str, str]],
    code: str,
    family: str | None,
    given: Mapping[str, object],
) -> Wording | None:
    key = next((key for key in facts.candidates(code, family) if key in entries), None)
    return _fill(entries, key, facts.of_rule(code, family), given) if key else None


def _fill(
    entries: Mapping[str, Mapping[str, str]],
    key: str,
    known: Mapping[str, str],
    given: Mapping[str, object],
) -> Wording | None:
    """Fill the placeholders of an entry; None where one of them has no value."""
    entry = entries[key]
    values: dict[str, object] = {
        name: entries[value[1:]]["message"]
        if value.startswith("@") and name != "element"
        else value
        for name, value in known.items()
    }
    if "term" in known:
        values["what"] = _named(known["term"].split(), entries)
    values.update(given)
    hint = entry.get("hint")
    try:
        return Wording(
            message=entry["message"].format_map(values),
            hint=hint.format_map(values) if hint else None,
        )
    except KeyError:
        return None


def _named(terms: Iterable[str], entries: Mapping[str, Mapping[str, str]]) -> str:
    return " / ".join(
        f"{entries[term]['message']} ({term})" if term in entries else term for term in terms
    )


def require(code: str, *, lang: str, **values: object) -> Wording:
    """Word one of our own codes; raises KeyError if a language lacks it (a defect)."""
    text = _by_rule(catalogue(lang), code, None, _in_language(values, lang))
    if text is None:
        raise KeyError(f"There is no text for {code} in '{lang}'.")
    return text


def official(text: str, *, lang: str) -> Wording:
    """Present a publisher's own English sentence, marked as such."""
    return require("OFFICIAL", lang=lang, text=text)
