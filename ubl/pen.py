"""Writing an XML document in the order of its schema, with no empty elements.

The counterpart of the cursor: names are in the short form ``cbc:ID``, which is also how they stand
in the document; values are those of the model. An element comes into being when something is
written into it, so an address of which nothing is known leaves no trace. What is written is text,
made into a tree by the parser of the product: what that tree says, the document says. Knows no
document.
"""

import re
import sys
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Final

from lxml import etree

from ubl.amounts import Amount, decimal_text
from ubl.model import Identifier, Quantity
from ubl.safexml import Limits, parse

__all__ = ["DocumentUnwritable", "Pen"]

# Whatever the model held fits; who reads the document sets limits of his own.
_OWN: Final = Limits(max_bytes=sys.maxsize, max_markup=sys.maxsize, max_attributes=sys.maxsize)
_UNCARRIED: Final = "\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff"
_NOT_XML: Final = re.compile(f"[{_UNCARRIED}]")
# Written as references: markup, and white space a parser would change.
_SPECIAL: Final = re.compile(f'[&<>"\t\n\r{_UNCARRIED}]')
_IN_TEXT: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})
_IN_ATTRIBUTE: Final = _IN_TEXT | str.maketrans({'"': "&quot;", "\t": "&#9;", "\n": "&#10;"})


class DocumentUnwritable(ValueError):
    """A value of the model cannot stand in an XML document.

    ``code`` is stable: TEXT-NOT-XML.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Pen:
    """A place in a document that is being written; each call adds what comes next there.

    All writers take nothing for None and for blank text. They raise DocumentUnwritable for text
    with characters XML cannot carry, and AmountUnreadable for numbers that are not finite.
    """

    __slots__ = ("_above", "_name", "_pieces")

    def __init__(self, name: str, *, above: "Pen | None" = None) -> None:
        self._name = name
        self._above = above
        self._pieces: list[str | Pen] | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing was written here so far."""
        return self._pieces is None

    def at(self, *path: str) -> "Pen":
        """Go to a new child (and its new child, and so on), which appears once written to."""
        place = self
        for name in path:
            place = Pen(name, above=place)
        return place

    def begun(self, name: str) -> "Pen":
        """Go to a new child that is there even where nothing is written into it."""
        place = Pen(name, above=self)
        place._add("")
        return place

    def text(self, name: str, value: str | None, /, **attributes: str | None) -> None:
        """Write a child with text; attributes that are None or blank are left out."""
        if value is None or not value.strip():
            return
        if _SPECIAL.search(value):
            value = _escaped(value, _IN_TEXT, name)
        self._leaf(name, value, attributes)

    def texts(self, name: str, values: Iterable[str]) -> None:
        """Write a child for each text."""
        for value in values:
            self.text(name, value)

    def identifier(self, name: str, value: Identifier | None) -> None:
        """Write an identifier with its ``schemeID``."""
        if value is not None:
            self.text(name, value.value, schemeID=value.scheme)

    def day(self, name: str, value: date | None) -> None:
        """Write a calendar day as ``2026-11-02``, without a time zone."""
        if value is not None:
            self._leaf(name, value.isoformat(), {})

    def number(self, name: str, value: Decimal | None) -> None:
        """Write a decimal number with the decimals it has."""
        if value is not None:
            self._leaf(name, decimal_text(value), {})

    def amount(self, name: str, value: Amount | None) -> None:
        """Write an amount with its ``currencyID``."""
        if value is not None:
            self._leaf(name, decimal_text(value.value), {"currencyID": value.currency})

    def quantity(self, name: str, value: Quantity | None) -> None:
        """Write a quantity with its ``unitCode``."""
        if value is not None:
            self._leaf(name, decimal_text(value.value), {"unitCode": value.unit})

    def tree(self, namespaces: Mapping[str, str]) -> etree._Element:
        """Make what was written here and below into a tree, this place being its root.

        ``namespaces`` maps each prefix in use, also the empty one, to its namespace. Raises
        XmlRefused for elements nested deeper than this product reads.
        """
        pieces: list[str] = []
        self._gather(pieces)
        declared = "".join(
            f' xmlns{prefix and ":" + prefix}="{namespace}"'
            for prefix, namespace in namespaces.items()
        )
        pieces[0] = f"<{self._name}{declared}>"
        return parse("".join(pieces).encode(), _OWN)

    def _leaf(self, name: str, text: str, attributes: Mapping[str, str | None]) -> None:
        if not attributes:
            self._add(f"<{name}>{text}</{name}>")
            return
        stated = ""
        for attribute, value in attributes.items():
            if value is not None and value.strip():
                shown = _escaped(value, _IN_ATTRIBUTE, name) if _SPECIAL.search(value) else value
                stated += f' {attribute}="{shown}"'
        self._add(f"<{name}{stated}>{text}</{name}>")

    def _add(self, piece: "str | Pen") -> None:
        """Add what comes next here; the first piece also brings this place into being."""
        if self._pieces is None:
            self._pieces = [piece]
            if self._above is not None:
                self._above._add(self)
        else:
            self._pieces.append(piece)

    def _gather(self, pieces: list[str]) -> None:
        """Lay out everything written here and below in the order of the document."""
        pieces.append(f"<{self._name}>")
        for piece in self._pieces or ():
            if isinstance(piece, Pen):
                piece._gather(pieces)
            else:
                pieces.append(piece)
        pieces.append(f"</{self._name}>")


def _escaped(value: str, references: dict[int, str], name: str) -> str:
    if _NOT_XML.search(value):
        raise DocumentUnwritable(
            "TEXT-NOT-XML",
            f"The text for '{name}' holds a character that XML cannot carry, such as a "
            "control character. Remove it.",
        )
    return value.translate(references)
