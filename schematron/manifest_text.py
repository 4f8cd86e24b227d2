"""Writes the manifest of imported rule sets: the inverse of ``manifest_file.parse``.

Knows the file's shape only. What cannot be imported (schemas, sources of other kinds than
``file``) is not written.
"""

import json
from collections.abc import Iterator
from datetime import date

from schematron.manifest import Manifest, Notice, Overrides, Ruleset, Scenario, Source

__all__ = ["write"]


def write(manifest: Manifest) -> str:
    """Give the rule sets and scenarios of a manifest as TOML."""
    lines: list[str] = []
    for ruleset in manifest.rulesets:
        lines += ["[[ruleset]]", *_ruleset(ruleset), ""]
        for source in ruleset.sources:
            lines += ["[[ruleset.source]]", *_source(source), ""]
    for scenario in manifest.scenarios:
        lines += ["[[scenario]]", *_scenario(scenario), ""]
        for notice in scenario.notices:
            lines += ["[[scenario.notice]]", *_notice(notice), ""]
    return "\n".join(lines)


def _ruleset(item: Ruleset) -> Iterator[str]:
    yield from _texts(id=item.id, title=item.title, family=item.family)
    yield _list("syntax", item.syntax)
    yield from _texts(publisher=item.publisher, version=item.version, successor=item.successor)
    yield from _days(valid_from=item.valid_from, valid_until=item.valid_until)
    yield from _weights(item.severity)


def _source(source: Source) -> Iterator[str]:
    yield from _texts(kind="file", path=source.path, sha256=source.sha256)
    if source.companions:
        tables = ", ".join(
            f"{{ name = {_text(item.name)}, path = {_text(item.path)}, "
            f"sha256 = {_text(item.sha256)} }}"
            for item in source.companions
        )
        yield f"companion = [{tables}]"


def _scenario(item: Scenario) -> Iterator[str]:
    yield from _texts(title=item.title)
    yield _list("syntax", item.syntax)
    if item.exact is not None:
        yield f"exact = {_text(item.exact)}"
    if item.prefix is not None:
        yield f"prefix = {_text(item.prefix)}"
    yield from _texts(when=item.when)
    yield _list("rules", item.families)
    yield from _weights(item.severity)
    yield f"complete = {str(item.complete).lower()}"


def _notice(item: Notice) -> Iterator[str]:
    yield from _texts(code=item.code, when=item.when)
    yield from _days(valid_from=item.valid_from, valid_until=item.valid_until)


def _texts(**values: str | None) -> Iterator[str]:
    return (f"{name} = {_text(value)}" for name, value in values.items() if value)


def _days(**values: date | None) -> Iterator[str]:
    return (f"{name} = {value.isoformat()}" for name, value in values.items() if value)


def _weights(overrides: Overrides) -> Iterator[str]:
    if overrides:
        pairs = ", ".join(f"{_text(rule)} = {_text(weight.value)}" for rule, weight in overrides)
        yield f"severity = {{ {pairs} }}"


def _list(name: str, values: tuple[str, ...]) -> str:
    return f"{name} = [{', '.join(_text(value) for value in values)}]"


def _text(value: str) -> str:
    """A TOML basic string; JSON's escapes are a subset of TOML's, save for DEL."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")
