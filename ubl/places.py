"""Where the fields of a group of the model stand below an element, as data.

How a field is read follows from its type in the model. The children of an element are gone
through once, so a field that is not there costs nothing: invoices have thousands of lines, and
most lines leave most fields out.
"""

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final, Generic, TypeVar

from lxml import etree

from ubl.amounts import Amount
from ubl.cursor import Cursor, first_children
from ubl.model import Identifier, Quantity, field_types, value_type
from ubl.namespaces import clark

__all__ = ["Places"]

T = TypeVar("T")
_Reader = Callable[[Cursor, etree._Element], Any]
# What to do with the first child of each name: read a field, cover a value, or look below it.
_Steps = dict[object, "tuple[str, _Reader] | str | _Steps"]

_READERS: Final[Mapping[type, _Reader]] = MappingProxyType(
    {
        str: Cursor.text_of,
        date: Cursor.day_of,
        Decimal: Cursor.number_of,
        Amount: Cursor.amount_of,
        Quantity: Cursor.quantity_of,
        Identifier: Cursor.identifier_of,
    }
)


class Places(Generic[T]):
    """The places of single values of a class, such as a line's VAT, in one syntax."""

    __slots__ = ("_model", "_steps")

    def __init__(
        self,
        model: type[T],
        fields: Mapping[str, str],
        *,
        groups: Mapping[str, tuple[str, Callable[[Cursor, str], Any]]] | None = None,
        implied: Mapping[str, str] | None = None,
    ) -> None:
        """Take the field for each path, ``cac:Country/cbc:IdentificationCode``, from the group on.

        ``groups`` are the fields that take more than one value, by the name of the child they
        are in, or the path, each with what reads it: a function of this place and of the name or
        path, asked only where there is such a child. ``implied`` are the values the model takes
        for granted, by path: there they are covered, any other stays uncovered.
        """
        self._model = model
        self._steps: _Steps = {}
        types = field_types(model)  # type: ignore[arg-type]  # a class can be hashed
        for path, field in fields.items():
            self._put(path, (field, _READERS[value_type(types[field])[0]]))
        for name, (field, read) in (groups or {}).items():
            self._put(name, (field, _reader_of(read, name)))
        for path, value in (implied or {}).items():
            self._put(path, value)

    def _put(self, path: str, step: tuple[str, _Reader] | str) -> None:
        *above, last = map(clark, path.split("/"))
        steps = self._steps
        for name in above:
            below = steps.setdefault(name, {})
            if not isinstance(below, dict):
                raise ValueError(f"'{path}' is below a value.")
            steps = below
        steps[last] = step

    def read(self, place: Cursor, **more: Any) -> T:
        """Read the group that stands here, with the values of ``more`` for its other fields."""
        _read(place, place.children, self._steps, more)
        return self._model(**more)

    def given(self, place: Cursor | None, **more: Any) -> T | None:
        """Read the group that stands here, None where nothing at all is said of it."""
        if place is not None:
            _read(place, place.children, self._steps, more)
        is_said = any(value is not None and value != () for value in more.values())
        return self._model(**more) if is_said else None

    def all(self, place: Cursor, name: str) -> tuple[T, ...]:
        """Read the group in every child of that name."""
        return tuple(map(self.read, place.all(name)))

    def all_given(self, place: Cursor, name: str) -> tuple[T, ...]:
        """Read the group in every child of that name of which something is said."""
        return tuple(found for found in map(self.given, place.all(name)) if found is not None)

    def values(self, place: Cursor | None) -> dict[str, Any]:
        """Read the fields that stand here of a group that is spread over several elements."""
        found: dict[str, Any] = {}
        if place is not None:
            _read(place, place.children, self._steps, found)
        return found


def _reader_of(read: Callable[[Cursor, str], Any], name: str) -> _Reader:
    return lambda place, _: read(place, name)


def _read(
    place: Cursor,
    children: Mapping[object, etree._Element],
    steps: _Steps,
    found: dict[str, Any],
) -> None:
    for name, child in children.items():
        step = steps.get(name)
        if step is None:
            continue
        if isinstance(step, tuple):
            field, read = step
            found[field] = read(place, child)
        elif isinstance(step, dict):
            _read(place, first_children(child), step, found)
        else:
            place.expect_of(child, step)
