"""UBL ApplicationResponse as a document: finding values in it and writing it out.

Shared by the message-level status and the invoice response; knows neither's rules.
"""

import re
from collections.abc import Iterable
from datetime import date, datetime, time
from typing import Final

from lxml import etree

from ubl.cursor import string_value
from ubl.model import Identifier
from ubl.namespaces import CAC, CBC, clark, document_namespace
from ubl.response.errors import Fault, ResponseRefused

__all__ = ["ROOT", "Faults", "Node", "Writer", "read_date", "read_time"]

ROOT: Final = f"{{{document_namespace('ApplicationResponse')}}}ApplicationResponse"
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(r"([0-9]{2}:[0-9]{2}:[0-9]{2})(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})?")


class Faults:
    """Collects what is wrong, so that a sender learns everything at once."""

    __slots__ = ("_found", "_tolerated")

    def __init__(self, tolerated: Iterable[str] = ()) -> None:
        """Leave out faults of the ``tolerated`` official rules."""
        self._tolerated = frozenset(tolerated)
        self._found: list[Fault] = []

    def add(self, code: str, path: str, message: str, rule: str | None = None) -> None:
        """Note a fault unless its rule is tolerated."""
        if rule is None or rule not in self._tolerated:
            self._found.append(Fault(code, path, message, rule))

    def refuse_if_any(self) -> None:
        """Raise ResponseRefused with all faults noted so far."""
        if self._found:
            raise ResponseRefused(tuple(self._found))


class Node:
    """An element that may be absent: asking an absent one for anything yields nothing."""

    __slots__ = ("element",)

    def __init__(self, element: etree._Element | None) -> None:
        """Stand on an element, or on the place where one is missing."""
        self.element = element

    def __bool__(self) -> bool:
        """Tell whether the element is there."""
        return self.element is not None

    def all(self, name: str) -> list["Node"]:
        """Return every child of that name."""
        if self.element is None:
            return []
        return [Node(child) for child in self.element.iterchildren(clark(name))]

    def first(self, *path: str) -> "Node":
        """Walk down the first child of each name."""
        element = self.element
        for name in path:
            element = None if element is None else element.find(clark(name))
        return Node(element)

    def text(self, *path: str) -> str | None:
        """Return the text at the end of the path without outer white space, None where blank."""
        element = self.first(*path).element
        return None if element is None else string_value(element).strip() or None

    def attribute(self, name: str) -> str | None:
        """Return an attribute, None where absent or blank."""
        value = None if self.element is None else self.element.get(name)
        return value.strip() or None if value is not None else None

    def identifier(self, *path: str) -> Identifier | None:
        """Return the identifier at the end of the path with its scheme."""
        value = self.text(*path)
        return None if value is None else Identifier(value, self.first(*path).attribute("schemeID"))


def read_date(text: str) -> date | None:
    """Read a date without time zone, None where it is anything else."""
    if not _DATE.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def read_time(text: str) -> time | None:
    """Read an xs:time, with zone where it has one; fractions are kept to the microsecond."""
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    clock, fraction, zone = match.groups()
    fraction = (fraction or ".0")[:7].ljust(7, "0")
    try:
        return time.fromisoformat(clock + fraction + (zone or ""))
    except ValueError:
        return None


class Writer:
    """Builds an ApplicationResponse element by element, in the order of the schema."""

    def __init__(self) -> None:
        """Start with an empty root."""
        namespaces = {None: document_namespace("ApplicationResponse"), "cac": CAC, "cbc": CBC}
        # The stubs know only named prefixes, while lxml takes None for the default namespace.
        self.root = etree.Element(ROOT, nsmap=namespaces)  # type: ignore[arg-type]

    def group(self, parent: etree._Element, name: str) -> etree._Element:
        """Append an empty element and return it."""
        return etree.SubElement(parent, clark(name))

    def put(
        self, parent: etree._Element, name: str, value: str | date | None, **attributes: str | None
    ) -> None:
        """Append an element with text and the attributes that are not None; nothing for None.

        Raises ResponseRefused (RESPONSE-TEXT) for characters XML 1.0 cannot carry.
        """
        if value is None:
            return
        element = self.group(parent, name)
        try:
            element.text = value.isoformat() if isinstance(value, date) else value
            for attribute, content in attributes.items():
                if content is not None:
                    element.set(attribute, content)
        except ValueError:
            raise ResponseRefused(
                (
                    Fault(
                        "RESPONSE-TEXT",
                        name,
                        "The text has a character that XML cannot carry. Remove it.",
                    ),
                )
            ) from None

    def identifier(self, parent: etree._Element, name: str, value: Identifier | None) -> None:
        """Append an identifier with its scheme; nothing for None."""
        if value is not None:
            self.put(parent, name, value.value, schemeID=value.scheme)

    def issued(self, when: date | datetime, clock: time | None) -> None:
        """Append issue date and, where given, issue time to the root."""
        self.put(self.root, "cbc:IssueDate", date(when.year, when.month, when.day))
        if clock is not None:
            self.put(self.root, "cbc:IssueTime", clock.isoformat().replace("+00:00", "Z"))

    def to_bytes(self) -> bytes:
        """Serialise as UTF-8 with an XML declaration."""
        return etree.tostring(self.root, xml_declaration=True, encoding="UTF-8")
