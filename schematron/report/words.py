"""The words of a report in the reader's language, also for what was found in another one.

Pure: the object of one finding and the catalogues in, sentences out.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib.metadata import version
from typing import Any, Final

from babel.dates import format_date
from babel.numbers import format_currency, format_decimal

from schematron import rules
from schematron.texts import LANGUAGES, Wording, require, wording

__all__ = [
    "Sentence",
    "amount",
    "day",
    "figures_said",
    "label",
    "moment",
    "number",
    "printable",
    "producer",
    "reword",
    "unfinished",
]

_ABSENT: Final = "RULES-NOT-AT-HAND"
_AMOUNT: Final = "#,##0.00"
_LOCALES: Final = {lang: lang for lang in LANGUAGES} | {"en": "en_GB"}


@dataclass(frozen=True, slots=True)
class Sentence:
    """What one finding says: our message and hint, the publisher's own sentence.

    Where no text of ours exists ``message`` is the publisher's sentence, ``official_only`` is
    True and ``official`` None, so that nothing is said twice.
    """

    message: str
    hint: str | None
    official: str | None
    official_only: bool


def label(name: str, /, *, lang: str, **values: object) -> str:
    """Give a word or sentence of the report itself; raises KeyError if a language lacks it."""
    return require(f"REPORT-{name}", lang=lang, **values).message


def day(value: date | str | None, *, lang: str) -> str:
    """Write a day for people; an ISO date may come as text, and none is the empty string."""
    if not value:
        return ""
    at = date.fromisoformat(value) if isinstance(value, str) else value
    return format_date(at, "long", locale=_LOCALES[lang])


def moment(value: datetime, *, lang: str) -> str:
    """Write a timezone-aware moment for people, in UTC."""
    at = value.astimezone(UTC)
    return f"{day(at.date(), lang=lang)}, {at:%H:%M} UTC"


def number(value: int, *, lang: str) -> str:
    """Write a count for people, in groups of digits."""
    return format_decimal(value, locale=_LOCALES[lang])


def figures_said(finding: Mapping[str, Any], *, lang: str) -> str:
    """Say in a language which amounts stand behind a finding; empty where none were computed."""
    figures = finding.get("figures") or {}
    return str(figures.get("explanations", {}).get(lang, ""))


def amount(text: str, currency: str, *, lang: str) -> str:
    """Write an amount for people without its currency, decimals beyond those of it are kept."""
    return format_currency(
        Decimal(text), currency, _AMOUNT, locale=_LOCALES[lang], decimal_quantization=False
    )


def unfinished(run: Mapping[str, Any], findings: Iterable[Mapping[str, Any]], *, lang: str) -> str:
    """Say why a rule set did not come to its end, or was not applied at all."""
    absent = any(one["rule"] == _ABSENT and one.get("ruleset") == run["id"] for one in findings)
    why = "NOT-AT-HAND" if absent else run["verdict"].upper()
    return label(f"UNCHECKED-{why}", lang=lang, title=run.get("title") or run["id"])


def printable(text: str) -> str:
    """Keep characters of a document that steer a terminal out of it."""
    return "".join(char if char.isprintable() else " " for char in text)


def producer() -> str:
    """Give the version of the software that makes the report."""
    return version("peppol-gateway")


def reword(finding: Mapping[str, Any], *, lang: str) -> Sentence:
    """Word a finding again in a language, from the values it carries.

    Falls back to the publisher's sentence, then to the message as it was stored.
    """
    found = _ours(finding, lang=lang)
    official = finding.get("official") or None
    if found is not None:
        return Sentence(found.message, found.hint, official, official_only=False)
    if official is not None:
        return Sentence(official, None, None, official_only=True)
    return Sentence(finding["message"], finding.get("hint"), None, official_only=False)


def _ours(finding: Mapping[str, Any], *, lang: str) -> Wording | None:
    rule, values = finding["rule"], finding.get("words") or {}
    ruleset = finding.get("ruleset") or ""
    own = rules.messages(ruleset).get(rule, {}).get(lang)
    if own is not None:
        return Wording(own["message"], own.get("hint"))
    # Some have a second text, where it is known what a schema expected or what stopped the rules.
    variant = "expected" if values.get("expected") else values.get("cause")
    code = f"{rule}.{variant}" if variant else rule
    family = ruleset.rpartition("-")[0] or None
    sentence = finding.get("official")
    return wording(code, lang=lang, family=family, sentence=sentence, **values)
