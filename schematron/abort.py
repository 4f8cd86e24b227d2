"""Why a stylesheet stopped before its end, read from what the engine says and the document has.

Rules that meet a value they were not written for stop with an error of the engine. What it names
is told only where the document has it: rules cut values up, and a piece helps nobody.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from lxml import etree

from schematron.location import Place

__all__ = ["Cause", "cause_of"]

_SEVERAL: Final = re.compile(r"sequence of more than one item \{ ?\((.*?)\) ?\} is not allowed")
_QUOTED: Final = re.compile(r'"([^"]*)"')
_NO_NUMBER: Final = re.compile(
    r'Cannot convert string "([^"]*)" to (?:xs:)?(?:decimal|double|float|integer)\b'
)
_NAMED: Final = 5


@dataclass(frozen=True, slots=True)
class Cause:
    """What stopped the rules: ``repeated``, ``number`` (it is none) or ``empty``.

    ``values`` are those of the document, ``place`` the element that holds the one value; None
    where several do, for nobody knows then which it was.
    """

    kind: Literal["repeated", "number", "empty"]
    values: tuple[str, ...]
    place: Place | None = None

    @property
    def named(self) -> str:
        """The values for a sentence, each once, with how often it is there where that is more."""
        counted = Counter(self.values).items()
        return ", ".join(f"«{one}» ({n}×)" if n > 1 else f"«{one}»" for one, n in counted)


def cause_of(complaint: str, root: etree._Element) -> Cause | None:
    """Read the engine's complaint about a document; None where it says nothing of its values."""
    if several := _SEVERAL.search(complaint):
        values = tuple(_QUOTED.findall(several[1]))[:_NAMED]
        known = bool(values) and all(_holders(root, one) for one in values)
        return Cause("repeated", values) if known else None
    if unfit := _NO_NUMBER.search(complaint):
        holders = _holders(root, unfit[1])
        if not holders:
            return None
        place = holders[0] if len(holders) == 1 else None
        return Cause("number" if unfit[1].strip() else "empty", (unfit[1],), place)
    return None


def _holders(root: etree._Element, value: str) -> Sequence[Place]:
    return [place for place, found in _values(root) if found.strip() == value.strip()]


def _values(root: etree._Element) -> Iterator[tuple[Place, str]]:
    for element in root.iter(etree.Element):
        if len(element) == 0:
            yield Place(element), element.text or ""
        for name, text in element.attrib.items():
            yield Place(element, etree.QName(name).localname), str(text)
