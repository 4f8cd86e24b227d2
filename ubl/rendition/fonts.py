"""Fonts for scripts beyond Latin, Greek and Cyrillic: those of the extra ``scripts``, if installed.

Fonts come from packages only, never from the machine, so that one installation sets a document
the same everywhere. They are read when a text first needs them: knowing them takes a second.
"""

from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from fontTools.ttLib import TTCollection, TTFont

__all__ = ["NO_FONTS", "ScriptFonts", "script_fonts"]

_PACKAGES: Final = ("manimgx_fonts", "manimgx_fonts_cjk")
_FAMILY: Final = (16, 1)
"""Where a font says which family it is of: the typographic name, else the old one."""
# The same Han character is drawn differently; kana and hangul tell which drawing is meant.
_KANA: Final = (0x3041, 0x30FF)
_HANGUL: Final = (0xAC00, 0xD7A3)


@dataclass(frozen=True, slots=True)
class ScriptFonts:
    """Fonts by folder, the families in them, and the characters these have a form for."""

    folders: tuple[Path, ...] = ()
    families: tuple[str, ...] = ()
    characters: frozenset[int] = frozenset()

    def in_order(self, text: str) -> tuple[str, ...]:
        """Return the families, those first that draw Han characters as the text means them."""
        region = "JP" if _has(text, _KANA) else "KR" if _has(text, _HANGUL) else "SC"
        return tuple(sorted(self.families, key=lambda name: (not name.endswith(region), name)))


NO_FONTS: Final = ScriptFonts()


@cache
def script_fonts() -> ScriptFonts:
    """Return the fonts that are installed; none where the extra is not."""
    names = [name for name in _PACKAGES if find_spec(name) is not None]
    folders = tuple(Path(str(resources.files(name))) for name in names)
    families: set[str] = set()
    characters: set[int] = set()
    for folder in folders:
        for path in sorted(folder.glob("*.tt[fc]")):
            found, has = _read(path)
            families |= found
            characters |= has
    return ScriptFonts(folders, tuple(sorted(families)), frozenset(characters))


def _read(path: Path) -> tuple[set[str], set[int]]:
    """Read the families of a file and the characters that every font in it has."""
    if path.suffix == ".ttc":
        with TTCollection(path, lazy=True) as collection:
            families = {_family(font) for font in collection.fonts}
            return families, set(collection.fonts[0].getBestCmap())
    with TTFont(path, lazy=True) as font:
        return {_family(font)}, set(font.getBestCmap())


def _family(font: Any) -> str:
    return str(next(filter(None, map(font["name"].getDebugName, _FAMILY))))


def _has(text: str, bounds: tuple[int, int]) -> bool:
    first, last = bounds
    return any(first <= ord(character) <= last for character in text)
