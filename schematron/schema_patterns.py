"""Patterns, rules and tests with nothing abstract left, and the names of their variables.

Pure values. A variable of a pattern holds in that pattern only, but becomes one of a whole
stylesheet: ``own_names`` sees to it that no two are called the same.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

__all__ = ["Let", "Message", "Pattern", "Rule", "Test", "own_names"]

_VARIABLE_OR_LITERAL: Final = re.compile(r"'[^']*'|\"[^\"]*\"|\$\s*([^\W\d][\w.\-]*)(?![\w.\-:])")


@dataclass(frozen=True, slots=True)
class Let:
    """A named value that expressions refer to as ``$name``."""

    name: str
    value: str


Message = tuple[tuple[bool, str], ...]


@dataclass(frozen=True, slots=True)
class Test:
    """One assert or report.

    ``failing`` is the expression that is true when there is something to say. ``labels`` are the
    attributes id, flag, role and see that were given. ``message`` alternates literal text and
    expressions whose value stands in the text: pairs (is an expression, text or expression).
    ``diagnostics`` are further messages, by id.
    """

    is_report: bool
    failing: str
    labels: Mapping[str, str]
    message: Message
    diagnostics: Mapping[str, Message]


@dataclass(frozen=True, slots=True)
class Rule:
    """The tests that hold for every node that ``context`` matches."""

    context: str
    lets: tuple[Let, ...]
    tests: tuple[Test, ...]


@dataclass(frozen=True, slots=True)
class Pattern:
    """Rules of which at most one, the first that matches, applies to any node.

    No two patterns have a variable of the same name, and none has one of the schema's.
    """

    id: str | None
    lets: tuple[Let, ...]
    rules: tuple[Rule, ...]


def own_names(patterns: Iterable[Pattern], taken: set[str]) -> Iterator[Pattern]:
    """Give variables that several patterns have a name of their own in each.

    A variable of a pattern holds only there, but rule contexts may refer to it, so that it becomes
    a variable of the whole stylesheet. The first pattern keeps the name.
    """
    for number, pattern in enumerate(patterns, 1):
        names: dict[str, str] = {}
        for let in pattern.lets:
            if let.name in taken:
                names[let.name] = _free(f"{let.name}.{number}", taken)
            taken.add(names.get(let.name, let.name))
        yield _renamed(pattern, names) if names else pattern


def _free(wanted: str, taken: set[str]) -> str:
    while wanted in taken:
        wanted += "_"
    return wanted


def _renamed(pattern: Pattern, names: Mapping[str, str]) -> Pattern:
    return Pattern(
        pattern.id,
        tuple(
            Let(names.get(let.name, let.name), _with_names(let.value, names))
            for let in pattern.lets
        ),
        tuple(_renamed_rule(rule, names) for rule in pattern.rules),
    )


def _renamed_rule(rule: Rule, names: Mapping[str, str]) -> Rule:
    """A variable of the rule hides that of the pattern from the next one on."""
    visible = dict(names)
    lets: list[Let] = []
    for let in rule.lets:
        lets.append(Let(let.name, _with_names(let.value, visible)))
        visible.pop(let.name, None)

    def said(message: Message) -> Message:
        return tuple((code, _with_names(part, visible) if code else part) for code, part in message)

    tests = (
        Test(
            test.is_report,
            _with_names(test.failing, visible),
            test.labels,
            said(test.message),
            {name: said(text) for name, text in test.diagnostics.items()},
        )
        for test in rule.tests
    )
    return Rule(_with_names(rule.context, names), tuple(lets), tuple(tests))


def _with_names(expression: str, names: Mapping[str, str]) -> str:
    """Put other names for variables into an expression, not into its texts."""
    return _VARIABLE_OR_LITERAL.sub(
        lambda found: f"${names[found[1]]}" if found[1] in names else found[0], expression
    )
