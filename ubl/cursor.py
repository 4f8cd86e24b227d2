"""Reading a UBL tree while keeping account of what was read.

A cursor stands on one element. Whatever value it hands out is marked as covered in an account; what
is left uncovered at the end is listed by path, so that nothing a document says is lost in silence.
Where nobody asks for the account, as when this product reads what it wrote itself, none is kept.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Final

from lxml import etree

from ubl.amounts import Amount, AmountUnreadable, parse_decimal
from ubl.model import Identifier, Quantity
from ubl.namespaces import clark, short

__all__ = ["Account", "Cursor", "first_children", "string_value", "uncovered_paths"]

_STRING_VALUE: Final = etree.XPath("string()", smart_strings=False)
_WHITE_SPACE: Final = " \t\r\n"
_XSI: Final = "{http://www.w3.org/2001/XMLSchema-instance}"
_ZONED_DAY = re.compile(r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})(?P<zone>Z|[+-][0-9]{2}:[0-9]{2})?")

Account = set[etree._Element | tuple[etree._Element, str]]
"""What was read so far: elements for their text, and with a name for an attribute."""


def string_value(element: etree._Element) -> str:
    """Return the text of an element as XPath sees it: comments and instructions do not cut it."""
    if len(element) == 0:
        return element.text or ""
    return str(_STRING_VALUE(element))


def first_children(element: etree._Element) -> dict[object, etree._Element]:
    """Find the first child of each expanded name; comments have names that nobody asks for."""
    children: dict[object, etree._Element] = {}
    for child in element:
        children.setdefault(child.tag, child)
    return children


class Cursor:
    """A place in a document, with readers that mark what they hand out as covered.

    All readers take names in the short form ``cbc:ID``, look at the first element of that name,
    and return None where there is none or its content cannot be read; a second element of the
    name then stays uncovered.
    """

    __slots__ = ("_children", "_covered", "currency", "element")

    def __init__(
        self,
        element: etree._Element,
        *,
        currency: str,
        covered: Account | None = None,
    ) -> None:
        """Stand on ``element``; ``currency`` stands in for amounts that name none.

        What is handed out is marked in ``covered``, unless that is None.
        """
        self.element = element
        self.currency = currency
        self._covered = covered
        self._children: dict[object, etree._Element] | None = None

    def _at(self, element: etree._Element) -> "Cursor":
        return Cursor(element, currency=self.currency, covered=self._covered)

    @property
    def children(self) -> Mapping[object, etree._Element]:
        """The first child of each expanded name, looked for once."""
        if self._children is None:
            self._children = first_children(self.element)
        return self._children

    def _find(self, path: tuple[str, ...]) -> etree._Element | None:
        """Walk down the first child of each name; this place itself where there is none."""
        if not path:
            return self.element
        children = self._children
        if children is None:
            children = self._children = first_children(self.element)
        found = children.get(clark(path[0]))
        if len(path) == 1:
            return found
        for name in path[1:]:
            if found is None:
                return None
            found = next(found.iterchildren(clark(name)), None)
        return found

    def has(self, name: str) -> bool:
        """Whether there is a child of that name."""
        return self._find((name,)) is not None

    def all(self, name: str) -> "Iterator[Cursor]":
        """Stand on each child of that name in turn."""
        expanded = clark(name)
        if expanded not in self.children:
            return iter(())
        return map(self._at, self.element.iterchildren(expanded))

    def first(self, *path: str) -> "Cursor | None":
        """Walk down the first child of each name; None where one is missing."""
        element = self._find(path)
        return None if element is None else self._at(element)

    def cover(self) -> None:
        """Mark the element's own text as covered."""
        self._cover(self.element)

    def _cover(self, element: etree._Element) -> None:
        if self._covered is not None:
            self._covered.add(element)

    def own_text(self) -> str | None:
        """Return the element's own text without surrounding white space, None where blank."""
        return self.text_of(self.element)

    def attribute(self, name: str) -> str | None:
        """Return an attribute without surrounding white space, None where absent or blank."""
        return self._attribute_of(self.element, name)

    def _attribute_of(self, element: etree._Element, name: str) -> str | None:
        value = element.get(name)
        if value is None:
            return None
        if self._covered is not None:
            self._covered.add((element, name))
        return value.strip(_WHITE_SPACE) or None

    def peek(self, name: str) -> str | None:
        """Return a child's text without covering it, to decide how to read what surrounds it."""
        child = self._find((name,))
        return None if child is None else string_value(child).strip(_WHITE_SPACE) or None

    def text(self, *path: str) -> str | None:
        """Read the text at the end of the path."""
        element = self._find(path)
        return None if element is None else self.text_of(element)

    def text_of(self, element: etree._Element) -> str | None:
        """Read the text of an element below this place."""
        self._cover(element)
        return string_value(element).strip(_WHITE_SPACE) or None

    def texts(self, name: str) -> tuple[str, ...]:
        """Read the text of every child of that name, leaving out blank ones."""
        return tuple(text for place in self.all(name) if (text := place.own_text()))

    def expect(self, *path: str, value: str) -> None:
        """Cover a fixed value the model implies, such as the tax scheme VAT; leave any other."""
        element = self._find(path)
        if element is not None:
            self.expect_of(element, value)

    def expect_of(self, element: etree._Element, value: str) -> None:
        """Cover an element below this place if it has the value the model implies."""
        if string_value(element).strip(_WHITE_SPACE) == value:
            self._cover(element)

    def identifier(self, *path: str) -> Identifier | None:
        """Read an identifier with its ``schemeID``."""
        element = self._find(path)
        return None if element is None else self.identifier_of(element)

    def identifier_of(self, element: etree._Element) -> Identifier | None:
        """Read an element below this place as an identifier."""
        value = self.text_of(element)
        return None if value is None else Identifier(value, self._attribute_of(element, "schemeID"))

    def day(self, *path: str) -> date | None:
        """Read a date. One with a time zone is read too, and stays uncovered for its zone."""
        element = self._find(path)
        return None if element is None else self.day_of(element)

    def day_of(self, element: etree._Element) -> date | None:
        """Read an element below this place as a date."""
        found = _ZONED_DAY.fullmatch(string_value(element).strip(_WHITE_SPACE))
        if found is None:
            return None
        try:
            day = date.fromisoformat(found["day"])
        except ValueError:
            return None
        if found["zone"] is None:
            self._cover(element)
        return day

    def number(self, *path: str) -> Decimal | None:
        """Read a decimal number."""
        element = self._find(path)
        return None if element is None else self.number_of(element)

    def number_of(self, element: etree._Element) -> Decimal | None:
        """Read an element below this place as a decimal number."""
        try:
            value = parse_decimal(string_value(element))
        except AmountUnreadable:
            return None
        self._cover(element)
        return value

    def amount(self, *path: str) -> Amount | None:
        """Read an amount with its ``currencyID``, or the document's currency where it has none."""
        element = self._find(path)
        return None if element is None else self.amount_of(element)

    def amount_of(self, element: etree._Element) -> Amount | None:
        """Read an element below this place as an amount."""
        value = self.number_of(element)
        if value is None:
            return None
        return Amount(value, self._attribute_of(element, "currencyID") or self.currency)

    def quantity(self, *path: str) -> Quantity | None:
        """Read a quantity with its ``unitCode``."""
        element = self._find(path)
        return None if element is None else self.quantity_of(element)

    def quantity_of(self, element: etree._Element) -> Quantity | None:
        """Read an element below this place as a quantity."""
        value = self.number_of(element)
        return None if value is None else Quantity(value, self._attribute_of(element, "unitCode"))

    def uncovered(self) -> tuple[str, ...]:
        """List the paths below this element that carry something nobody read.

        Raises ValueError where no account was kept.
        """
        if self._covered is None:
            raise ValueError("No account was kept of what was read.")
        return tuple(uncovered_paths(self.element, self._covered))


def uncovered_paths(root: etree._Element, covered: Account) -> Iterator[str]:
    """Walk the leaves of a tree and yield the path of each text or attribute not covered.

    Paths are absolute XPath in document order, with a position where a name repeats, for
    instance ``/Invoice/cac:InvoiceLine[2]/cbc:Note/@languageID``. Namespace declarations and
    xsi attributes carry no business content and are left out.
    """
    paths = _Paths(root)
    broken = _with_broken_text(root)
    for element in root.iter("*"):
        if element not in covered and (_is_text(element.text) or element in broken):
            yield paths.of(element)
        for name in element.keys():  # noqa: SIM118 - lxml elements iterate over children
            attribute = str(name)
            if (element, attribute) not in covered and not attribute.startswith(_XSI):
                yield f"{paths.of(element)}/@{short(attribute)}"


def _with_broken_text(root: etree._Element) -> frozenset[etree._Element | None]:
    """Find the elements with text behind one of their children, which hardly any document has."""
    return frozenset(node.getparent() for node in root.iter() if _is_text(node.tail))


def _is_text(text: str | None) -> bool:
    return text is not None and text.strip(_WHITE_SPACE) != ""


class _Paths:
    """The paths of some elements of a tree; siblings are counted once for each parent."""

    def __init__(self, root: etree._Element) -> None:
        self._of = {root: "/" + short(str(root.tag))}

    def of(self, element: etree._Element) -> str:
        """The path of an element at or below the root."""
        found = self._of.get(element)
        if found is not None:
            return found
        parent = element.getparent()
        if parent is None:
            raise ValueError("The element is not below the root.")
        above = self.of(parent)
        children = list(parent.iterchildren(etree.Element))
        totals = Counter(child.tag for child in children)
        seen: Counter[object] = Counter()
        for child in children:
            seen[child.tag] += 1
            position = f"[{seen[child.tag]}]" if totals[child.tag] > 1 else ""
            self._of[child] = f"{above}/{short(str(child.tag))}{position}"
        return self._of[element]
