"""Writing an XML tree in the order of its schema, with no empty elements.

The counterpart of the cursor: names are in the short form ``cbc:ID``, values are those of the
model. An element comes into being when something is written into it, so an address of which
nothing is known leaves no trace. Knows no document.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal

from lxml import etree

from ubl.amounts import Amount, decimal_text
from ubl.model import Identifier, Quantity
from ubl.namespaces import clark

__all__ = ["DocumentUnwritable", "Pen"]


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

    __slots__ = ("_above", "_element", "_tag")

    def __init__(
        self, tag: str, *, above: "Pen | None" = None, element: etree._Element | None = None
    ) -> None:
        self._tag = tag
        self._above = above
        self._element = element

    @classmethod
    def document(cls, tag: str, namespaces: Mapping[str | None, str]) -> "Pen":
        """Begin a document; ``tag`` is the root's expanded name ``{namespace}name``."""
        # The stubs do not know that the default namespace has the prefix None.
        root = etree.Element(tag, nsmap=namespaces)  # type: ignore[arg-type]
        return cls(tag, element=root)

    @property
    def element(self) -> etree._Element:
        """The element written here, made now if nothing was written yet."""
        if self._element is None:
            if self._above is None:
                raise RuntimeError("A pen is made by document() or at().")
            self._element = etree.SubElement(self._above.element, self._tag)
        return self._element

    @property
    def is_empty(self) -> bool:
        """Whether nothing was written here so far."""
        return self._element is None

    def at(self, *path: str) -> "Pen":
        """Go to a new child (and its new child, and so on), which appears once written to."""
        place = self
        for name in path:
            place = Pen(clark(name), above=place)
        return place

    def text(self, name: str, value: str | None, /, **attributes: str | None) -> None:
        """Write a child with text; attributes that are None or blank are left out."""
        if value is None or not value.strip():
            return
        element = etree.SubElement(self.element, clark(name))
        try:
            element.text = value
            for attribute, content in attributes.items():
                if content is not None and content.strip():
                    element.set(attribute, content)
        except ValueError:
            raise DocumentUnwritable(
                "TEXT-NOT-XML",
                f"The text for '{name}' holds a character that XML cannot carry, such as a "
                "control character. Remove it.",
            ) from None

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
            self.text(name, value.isoformat())

    def number(self, name: str, value: Decimal | None) -> None:
        """Write a decimal number with the decimals it has."""
        if value is not None:
            self.text(name, decimal_text(value))

    def amount(self, name: str, value: Amount | None) -> None:
        """Write an amount with its ``currencyID``."""
        if value is not None:
            self.text(name, decimal_text(value.value), currencyID=value.currency)

    def quantity(self, name: str, value: Quantity | None) -> None:
        """Write a quantity with its ``unitCode``."""
        if value is not None:
            self.text(name, decimal_text(value.value), unitCode=value.unit)
