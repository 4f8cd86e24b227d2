"""JSON text of strangers into values, with limits; and what is told when it is refused.

Decimal literals become ``Decimal``, so that no number loses a digit. Knows nothing of invoices.
"""

import json
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NoReturn

__all__ = ["MAX_PROBLEMS", "JsonProblem", "JsonRefused", "parse_json", "shown"]

MAX_PROBLEMS: Final = 100
MAX_BYTES: Final = 100 * 1024 * 1024
MAX_DEPTH: Final = 40
_LONGEST_NUMBER: Final = 60
_LONGEST_SHOWN: Final = 60


@dataclass(frozen=True, slots=True)
class JsonProblem:
    """One thing wrong with a JSON document.

    ``pointer`` is its place (RFC 6901; empty for the whole document), ``term`` the nearest
    business term (BT-n, BG-n) or None, ``advice`` says what to do.
    """

    code: str
    pointer: str
    term: str | None
    advice: str


class JsonRefused(ValueError):
    """The JSON is not what it should be; ``problems`` says why, at most 100 of them.

    ``code`` is that of the first problem and stable.
    """

    def __init__(self, problems: tuple[JsonProblem, ...]) -> None:
        self.problems = problems
        self.code = problems[0].code
        self.message = problems[0].advice
        super().__init__("; ".join(f"{one.pointer or '/'}: {one.advice}" for one in problems[:3]))


def parse_json(content: bytes, *, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH) -> Any:
    """Parse UTF-8 JSON. Numbers with decimals become Decimal, a name given twice is refused.

    Raises JsonRefused with one problem: JSON-TOO-LARGE, JSON-NOT-UTF8, JSON-MALFORMED,
    JSON-TOO-DEEP or JSON-NAME-TWICE.
    """
    if len(content) > max_bytes:
        _refuse(
            "JSON-TOO-LARGE",
            f"The JSON has {len(content)} bytes; at most {max_bytes} are taken. Send less.",
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        _refuse("JSON-NOT-UTF8", "The JSON is not UTF-8. Encode it as UTF-8.")
    try:
        value = json.loads(
            text, parse_float=_decimal, parse_constant=_no_constant, object_pairs_hook=_object
        )
    except RecursionError:
        _refuse("JSON-TOO-DEEP", "The JSON is nested too deeply. No invoice needs that.")
    except JsonRefused:
        raise
    except ValueError as wrong:
        place = f" near line {wrong.lineno}" if isinstance(wrong, json.JSONDecodeError) else ""
        _refuse("JSON-MALFORMED", f"This is not JSON{place}. Correct it and send it again.")
    if _deeper_than(value, max_depth):
        _refuse("JSON-TOO-DEEP", "The JSON is nested too deeply. No invoice needs that.")
    return value


def shown(text: str, *, longest: int = _LONGEST_SHOWN) -> str:
    """Shorten a text of a stranger for a message; what UTF-8 cannot carry is escaped."""
    return text[:longest].encode("utf-8", "backslashreplace").decode()


def _refuse(code: str, message: str) -> NoReturn:
    raise JsonRefused((JsonProblem(code, "", None, message),))


def _decimal(literal: str) -> Decimal:
    if len(literal) > _LONGEST_NUMBER:
        raise ValueError(literal[:_LONGEST_NUMBER])
    try:
        value = Decimal(literal)
    except InvalidOperation as wrong:
        raise ValueError(literal) from wrong
    if abs(value.adjusted()) > _LONGEST_NUMBER:
        raise ValueError(literal)
    return value


def _no_constant(literal: str) -> NoReturn:
    raise ValueError(literal)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        times = Counter(name for name, _value in pairs)
        twice = shown(next(name for name, count in times.items() if count > 1))
        _refuse("JSON-NAME-TWICE", f"'{twice}' is given twice in one object. Keep one.")
    return found


def _deeper_than(value: object, depth: int) -> bool:
    level: list[object] = [value]
    for _ in range(depth):
        inner: list[object] = []
        for one in level:
            if isinstance(one, dict):
                inner.extend(one.values())
            elif isinstance(one, list):
                inner.extend(one)
        if not inner:
            return False
        level = inner
    return True
