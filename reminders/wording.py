"""Texts of reminders: the catalogue of each language, and the texts operators put in their place.

An operator's text is a Jinja2 template cut down to names, conditions and plain text, run in
Jinja's sandbox: it cannot loop, call, compute, or reach anything but the values handed in.
"""

import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final

from jinja2 import StrictUndefined, TemplateError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

__all__ = ["TEXT_NAMES", "ReminderTexts", "TextRefused", "check_text", "render_text", "words"]

TEXT_NAMES: Final = frozenset(
    {
        "count",
        "creditor",
        "days_late",
        "deadline",
        "debtor",
        "issued",
        "number",
        "reference",
        "total",
    }
)
MAX_SOURCE: Final = 5_000
MAX_NODES: Final = 500
MAX_DEPTH: Final = 20
FILTERS: Final = frozenset({"upper", "lower", "capitalize", "title"})
_ALLOWED: Final = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.If),
    *(nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Filter),
)


class TextRefused(ValueError):
    """An operator's text cannot be used.

    ``code`` is stable: TEXT-TOO-LONG, TEXT-SYNTAX, TEXT-NOT-ALLOWED or TEXT-UNKNOWN-NAME.
    ``line`` counts from 1 and is 0 where unknown.
    """

    def __init__(self, code: str, message: str, *, line: int = 0) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.line = line


@dataclass(frozen=True, slots=True, kw_only=True)
class ReminderTexts:
    """What an operator says in place of the catalogue; None keeps the catalogue's text.

    Each is a template over TEXT_NAMES; blank lines part paragraphs. The heading is not among
    them: it says what the letter is in law, and stays the catalogue's.
    """

    subject: str | None = None
    opening: str | None = None
    closing: str | None = None


@cache
def words(language: str) -> Mapping[str, Any]:
    """Return the catalogue of a language: labels, and subject and texts of each level."""
    folder = resources.files("reminders").joinpath("templates", "words")
    return tomllib.loads(folder.joinpath(f"{language}.toml").read_text("utf-8"))


@cache
def _environment() -> ImmutableSandboxedEnvironment:
    # What comes out is plain text that letter and e-mail escape; twice would show as &amp;.
    return ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)


def check_text(source: str, names: Collection[str] = TEXT_NAMES) -> None:
    """Check a template an operator wrote over these names, without values. Raises TextRefused."""
    if len(source) > MAX_SOURCE:
        message = f"The text has more than {MAX_SOURCE} characters. Shorten it."
        raise TextRefused("TEXT-TOO-LONG", message)
    try:
        tree = _environment().parse(source)
    except TemplateError as error:
        line = getattr(error, "lineno", None) or 0
        message = f"The text cannot be read: {error.message}"
        raise TextRefused("TEXT-SYNTAX", message, line=line) from None
    except RecursionError:
        raise TextRefused("TEXT-TOO-LONG", "The text is nested too deep.") from None
    count = 0
    waiting: list[tuple[nodes.Node, int]] = [(tree, 0)]
    while waiting:
        node, depth = waiting.pop()
        count += 1
        if count > MAX_NODES or depth > MAX_DEPTH:
            message = "The text has too many conditions, or nests them too deep. Simplify it."
            raise TextRefused("TEXT-TOO-LONG", message)
        _check_node(node, names)
        waiting.extend((child, depth + 1) for child in node.iter_child_nodes())


def _check_node(node: nodes.Node, names: Collection[str]) -> None:
    if isinstance(node, nodes.Name) and node.name not in names:
        message = f"'{node.name}' is not known here. There are: {', '.join(sorted(names))}."
        raise TextRefused("TEXT-UNKNOWN-NAME", message, line=node.lineno)
    is_foreign = isinstance(node, nodes.Filter) and node.name not in FILTERS
    if not isinstance(node, _ALLOWED) or is_foreign:
        message = "Only names, conditions and plain text can be used."
        raise TextRefused("TEXT-NOT-ALLOWED", message, line=node.lineno)


def render_text(source: str, values: Mapping[str, str | int]) -> str:
    """Fill a template with ``values``, whose keys are the names it may use. Raises TextRefused."""
    check_text(source, values.keys())
    try:
        return _environment().from_string(source).render(values)
    except (TemplateError, TypeError) as error:
        message = f"The text cannot be filled: {error}. Compare only numbers with numbers."
        raise TextRefused("TEXT-SYNTAX", message) from None
