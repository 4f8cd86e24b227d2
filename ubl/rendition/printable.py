"""Which characters the typesetter's own fonts can print, and what stands for the others.

PDF/A forbids a text without form, and no font of the machine is used, so a character that neither
these nor the fonts of the extra ``scripts`` have is printed as a box. The electronic invoice
inside keeps it.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Container, Mapping
from typing import Any, Final

__all__ = ["MISSING", "breakable", "is_printable", "printable"]

MISSING: Final = "\u25af"
# Latin, Greek, Cyrillic, punctuation, currency signs, arrows, signs: first and last of each range.
_RANGES: Final = (
    *((0x20, 0x7E), (0xA0, 0xAC), (0xAE, 0x377), (0x384, 0x38A), (0x38C, 0x38C), (0x38E, 0x3A1)),
    *((0x3A3, 0x4FF), (0x1E00, 0x1EFF), (0x1F00, 0x1F15), (0x1F20, 0x1F45), (0x1F50, 0x1F57)),
    *((0x1F5F, 0x1F7D), (0x1F80, 0x1FB4), (0x1FB6, 0x1FC4), (0x1FC6, 0x1FD3), (0x1FDD, 0x1FEF)),
    *((0x2010, 0x2027), (0x202F, 0x2040), (0x2074, 0x208E), (0x20A0, 0x20BF), (0x2100, 0x211E)),
    *((0x2126, 0x2151), (0x2153, 0x2184), (0x2190, 0x23FF), (0x2500, 0x25FF)),
)
_LONG: Final = re.compile(r"\S{22,}")
# Letters that join or stack (Arabic, Indic scripts) must not be parted; others break by themselves.
_UNBROKEN: Final = re.compile(r"(?:(?!\s)[!-\u058f\u1e00-\u1fff\u2010-\u2bff]){26,}")
_FORMLESS: Final = re.compile(
    "[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufe00-\ufe0f\ufeff]"
)
_MARKS: Final = re.compile(r"[/.:#_,=@+-]")
_STARTS: Final = tuple(first for first, _ in _RANGES)


def is_printable(character: str) -> bool:
    """Tell whether a character has a form in the fonts here."""
    code = ord(character)
    index = bisect_right(_STARTS, code) - 1
    return index >= 0 and code <= _RANGES[index][1]


def printable(value: Any, also: Container[int] = frozenset()) -> tuple[Any, bool]:
    """Give a value of JSON with every text in it printable, and whether a character was not.

    ``also`` are characters that further fonts have. Line feeds stay; other white space becomes a
    space. Characters without form and without meaning of their own, such as direction marks and
    soft hyphens, go without a trace.
    """
    cleaned = _Cleaned(also)
    return _mapped(value, cleaned.text), cleaned.missing


def breakable(value: Any) -> Any:
    """Give a value of JSON whose long words may break: behind their marks, else anywhere."""
    return _mapped(value, _broken)


def _broken(text: str) -> str:
    if len(text) < 22 or not _LONG.search(text):
        return text
    marked = _LONG.sub(lambda word: _MARKS.sub(lambda mark: mark[0] + "\u200b", word[0]), text)
    return _UNBROKEN.sub(lambda word: "\u200b".join(word[0]), marked)


def _mapped(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {key: _mapped(item, change) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_mapped(item, change) for item in value]
    return value


class _Cleaned:
    def __init__(self, also: Container[int]) -> None:
        self.also = also
        self.missing = False

    def text(self, text: str) -> str:
        if text.isascii() and text.isprintable():
            return text
        return "".join(map(self.character, _FORMLESS.sub("", text)))

    def character(self, character: str) -> str:
        if character == "\n":
            return character
        if character.isspace():
            return character if character in "\u00a0\u202f" else " "
        if is_printable(character) or ord(character) in self.also:
            return character
        self.missing = True
        return MISSING
