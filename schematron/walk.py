"""Spares a published rule stylesheet the visits to a document that can have no effect.

Stylesheets in the manner of the ISO Schematron skeleton walk the whole document twice for each
pattern: once without saying anything, once through its rules, attributes included. Here the
first walk is dropped, and the second goes straight to the elements that a rule can match, in the
same order. A pattern is left as it is wherever that is not certain to say the same.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from lxml import etree

__all__ = ["names_matched", "shorten_walks"]

_XSL: Final = "{http://www.w3.org/1999/XSL/Transform}"
_TEMPLATE: Final = f"{_XSL}template"
_APPLY: Final = f"{_XSL}apply-templates"

# What would let a template be reached, or a node be visited, in a way not looked at here.
_BEYOND: Final = tuple(
    f"{_XSL}{name}"
    for name in ("import", "include", "mode", "apply-imports", "next-match", "use-package")
)
_BEYOND_ATTRIBUTES: Final = frozenset(
    {"default-mode", "xpath-default-namespace", "expand-text", "use-when"}
)
_NAME_TEST: Final = re.compile(r"\*|(?:[^\W\d][\w.\-]*:)?[^\W\d][\w.\-]*|[^\W\d][\w.\-]*:\*")
_PIECES: Final = re.compile(r"'[^']*'|\"[^\"]*\"|.", re.DOTALL)
_FOCUS: Final = re.compile(r"\b(?:position|last)\s*\(")
_ONWARD: Final = frozenset({"*", "@*", "node()", "text()", "comment()", "processing-instruction()"})
_ANYTHING: Final = frozenset({"@*", "node()"})
_EXPRESSIONS: Final = frozenset({"select", "test"})
_RULE: Final = frozenset({"match", "mode", "priority"})


def names_matched(context: str) -> tuple[str, ...]:
    """Name the elements that a rule context or match pattern can match, as name tests.

    Empty if that cannot be told, or if it can also match something else than elements. The
    result may be too wide, never too narrow: it says nothing of predicates and ancestors.
    """
    if "(:" in context:
        return ()
    names: dict[str, None] = {}
    for alternative in _split(context, "|"):
        step = _without_predicates(_split(alternative, "/")[-1]).strip()
        if step.startswith("(") and step.endswith(")") and len(_split(step, ")")) == 2:
            inner = names_matched(step[1:-1])
        else:
            inner = (step,) if _NAME_TEST.fullmatch(step) else ()
        if not inner:
            return ()
        names.update(dict.fromkeys(inner))
    return tuple(names)


def _split(expression: str, separator: str) -> list[str]:
    """Split at a separator that stands outside brackets and literals."""
    parts, depth = [""], 0
    for piece in _PIECES.findall(expression):
        depth += (piece in "[(") - (piece in "])")
        if piece == separator and depth == 0:
            parts.append("")
        else:
            parts[-1] += piece
    return parts


def _without_predicates(step: str) -> str:
    """What stands outside square brackets."""
    kept, depth = "", 0
    for piece in _PIECES.findall(step):
        depth += piece == "["
        if depth == 0:
            kept += piece
        depth -= piece == "]"
    return kept


def shorten_walks(root: etree._Element) -> None:
    """Change a stylesheet in place so that it visits only what its rules can match."""
    templates = root.findall(_TEMPLATE)
    if not _is_plain(root, templates):
        return
    by_mode: dict[str, list[etree._Element]] = {}
    for template in templates:
        if template.get("match") is not None:
            by_mode.setdefault(template.get("mode", ""), []).append(template)
    calls: dict[str, list[etree._Element]] = {}
    for call in root.iter(_APPLY):
        calls.setdefault(call.get("mode", ""), []).append(call)
    if _says_nothing(by_mode.get("", ())):
        for call in calls.get("", ()):
            if not call.attrib and not len(call):
                _drop(call)
    for mode, rules in by_mode.items():
        if mode:
            _go_straight(rules, calls.get(mode, []))


def _is_plain(root: etree._Element, templates: Sequence[etree._Element]) -> bool:
    """Tell whether each template belongs to one mode, and each mode is called by its name."""
    if next(root.iter(*_BEYOND), None) is not None:
        return False
    for element in root.iter(etree.Element):
        for name in element.attrib:
            local = str(name).removeprefix(_XSL)
            # With an underscore in front, an attribute of XSLT 3.0 is worked out at compile time.
            if local in _BEYOND_ATTRIBUTES or local.startswith("_"):
                return False
    modes = [element.get("mode", "") for element in (*templates, *root.iter(_APPLY))]
    return not any(mode.startswith("#") or len(mode.split()) > 1 for mode in modes)


def _says_nothing(templates: Sequence[etree._Element]) -> bool:
    """Tell whether templates leave all below the document to itself, and its text out."""
    silent = [item for item in templates if item.get("match") == "text()" and _is_empty(item)]
    others = [item for item in templates if item not in silent]
    return bool(silent) and all(item.get("match") == "/" for item in others)


def _go_straight(templates: list[etree._Element], calls: list[etree._Element]) -> None:
    """Let a mode start at the elements its rules can match and go no further from there."""
    onward = {template: _onward(template) for template in templates}
    steps = [step for step in onward.values() if step is not None]
    starts = [call for call in calls if call not in steps]
    if len(starts) != 1 or starts[0].get("select") != "/" or len(starts[0]):
        return
    names: dict[str, None] = {}
    idle = False
    for template, step in onward.items():
        if step is None:
            if template.get("match") != "text()" or not _is_empty(template):
                return
        elif not _RULE.issuperset(template.attrib):
            return
        elif _is_empty(template, but=step):
            idle = idle or _alternatives(template.get("match", "")) == _ANYTHING
        else:
            matched = names_matched(template.get("match", ""))
            if not matched or _depends_on_siblings(template):
                return
            if not _same_prefixes(matched, template.nsmap, starts[0].nsmap):
                return
            names.update(dict.fromkeys(matched))
    if not idle or not names:
        return
    starts[0].set("select", "//*" if "*" in names else f"//({' | '.join(names)})")
    for step in steps:
        _drop(step)


def _onward(template: etree._Element) -> etree._Element | None:
    """The call that ends a template by visiting, in its own mode, all elements below."""
    last = template[-1] if len(template) else None
    if last is None or last.tag != _APPLY or last.get("mode") != template.get("mode"):
        return None
    wanted = _alternatives(last.get("select", "node()"))
    onward = wanted <= _ONWARD and bool(wanted & {"*", "node()"})
    return last if onward and not len(last) and not (last.tail or "").strip() else None


def _alternatives(pattern: str) -> frozenset[str]:
    return frozenset(part.strip() for part in pattern.split("|"))


def _is_empty(template: etree._Element, *, but: etree._Element | None = None) -> bool:
    """Tell whether a template writes nothing and calls nothing, one call excepted."""
    if (template.text or "").strip():
        return False
    return all(child is but or not isinstance(child.tag, str) for child in template) and not any(
        (child.tail or "").strip() for child in template
    )


def _depends_on_siblings(template: etree._Element) -> bool:
    """Tell whether a template may ask which of the visited nodes it stands at."""
    return any(
        _FOCUS.search(_without_predicates(str(value)) if name in _EXPRESSIONS else str(value))
        for element in template.iter(etree.Element)
        for name, value in element.attrib.items()
        if name != "match"
    )


def _same_prefixes(
    names: Sequence[str], there: Mapping[str | None, str], here: Mapping[str | None, str]
) -> bool:
    """Tell whether name tests mean the same elements in two places of a stylesheet."""
    prefixes = {name.partition(":")[0] for name in names if ":" in name}
    return all(there.get(prefix) == here.get(prefix) is not None for prefix in prefixes)


def _drop(call: etree._Element) -> None:
    parent = call.getparent()
    if parent is not None and not (call.tail or "").strip():
        parent.remove(call)
