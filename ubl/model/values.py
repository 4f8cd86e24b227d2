"""Small values every part of an invoice uses: identifiers, quantities and periods."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from operator import attrgetter
from typing import Annotated, Any, TypeVar

from ubl.model.terms import TermByGroup, field_types, value_type

__all__ = ["Identifier", "Period", "Quantity", "given"]

T = TypeVar("T")


def given(group: T) -> T | None:
    """Return a group of optional fields, or None where it says nothing at all.

    Readers build groups from what they find; a group of which nothing was found is no group.
    """
    model: type = type(group)
    said, nothing = _nothing_said(model)
    return None if said(group) == nothing else group


@cache
def _nothing_said(model: type) -> tuple[Callable[[object], Any], Any]:
    """How to get the values of all fields of a class, and what they are in an empty group."""
    said = attrgetter(*field_types(model))
    nothing = [() if value_type(hint)[1] else None for hint in field_types(model).values()]
    return said, tuple(nothing) if len(nothing) > 1 else nothing[0]


@dataclass(frozen=True, slots=True)
class Identifier:
    """What something is called in a scheme: the value and, where given, the scheme's code.

    For electronic addresses the scheme comes from the EAS list, for parties and items from
    ISO/IEC 6523 (ICD), for invoiced objects from UNTDID 1153.
    """

    value: str
    scheme: str | None = None

    def __str__(self) -> str:
        """Return ``scheme:value``, or the value alone where no scheme is given."""
        return f"{self.scheme}:{self.value}" if self.scheme else self.value


@dataclass(frozen=True, slots=True)
class Quantity:
    """How much of something, counted in units."""

    value: Decimal
    unit: Annotated[
        str | None,
        TermByGroup(
            {
                "BT-129": "BT-130",
                "BT-149": "BT-150",
                "BT-X-12": "BT-X-12-0",
                "BT-X-20": "BT-X-20-1",
                "BT-X-46": "BT-X-46-0",
                "BT-X-47": "BT-X-47-0",
                "BT-X-277": "BT-X-278",
                "BT-X-283": "BT-X-284",
                "BT-X-561": "BT-X-561-0",
            },
            "Unit: a code of UN/ECE Recommendation 20, or of 21 with X before it.",
        ),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """First and last day of what is invoiced, both included (EN 16931 BG-14, BG-26)."""

    start: Annotated[
        date | None,
        TermByGroup({"BG-14": "BT-73", "BG-26": "BT-134"}, "First day of the period invoiced."),
    ] = None
    end: Annotated[
        date | None,
        TermByGroup({"BG-14": "BT-74", "BG-26": "BT-135"}, "Last day of the period invoiced."),
    ] = None
