"""What each profile can hold of the semantic model, as data, and taking off what it cannot.

MINIMUM to EXTENDED are the profiles of Factur-X 1.09 (their XML schemas), EXTENDED-CTC-FR is the
French one (XP Z12-012: what its rules permit beyond those of EN 16931), the XRechnung extension
that of KoSIT. Knows no XML.
"""

import dataclasses
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import cache
from operator import attrgetter, is_
from types import MappingProxyType
from typing import Any, Final

from ubl.amounts import Amount
from ubl.formats import Profile, Syntax
from ubl.model import (
    AllowanceCharge,
    Attachment,
    Delivery,
    DocumentReference,
    Identifier,
    Invoice,
    InvoiceLine,
    ItemClassification,
    LineReferences,
    Note,
    Party,
    Payee,
    PaymentCard,
    PaymentTerms,
    Price,
    Quantity,
    SupportingDocument,
    field_numbers,
    field_types,
    given,
    value_type,
)

__all__ = ["held_by"]

_UNDIVIDED: Final = (Amount, Attachment, Identifier, Quantity)
# Subtypes of lines (BT-X-8) whose amounts are no part of the sums.
_NOT_COUNTED: Final = frozenset({"GROUP", "INFORMATION"})
_STANDARD: Final = re.compile(r"B[TG]-[0-9]+")
_XRECHNUNG: Final = re.compile(r"B[TG](-DEX)?-[0-9]+")
_EXTENDED: Final = re.compile(r"B[TG](-X)?-[0-9]+(-[0-9]+)?")
_NO_NUMBER: Final = re.compile(r"(?!)")


def _terms(numbers: str, *, prefix: str = "BT") -> frozenset[str]:
    return frozenset(f"{prefix}-{number}" for number in numbers.split())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Holding:
    """What one profile holds.

    A field that has a number is held if the number fits ``numbers`` and is not in ``without``, or
    if it is in ``also``; so are all fields below one of ``whole``. A field without a number is
    held if its class lists it in ``unnumbered``. Terms in ``once`` may repeat in the model but not
    in that syntax.
    """

    numbers: re.Pattern[str]
    without: frozenset[str] = frozenset()
    also: frozenset[str] = frozenset()
    whole: frozenset[str] = frozenset()
    unnumbered: Mapping[type, frozenset[str]]
    once: Mapping[Syntax, frozenset[str]] = field(default_factory=dict)

    def verdict(self, model: type, name: str, number: str | None) -> "_Verdict":
        if number is None:
            is_held = name in self.unnumbered.get(model, ())
            return _Verdict.IN_PARTS if is_held else _Verdict.OFF
        if number in self.whole:
            return _Verdict.WHOLE
        fits = self.numbers.fullmatch(number) is not None and number not in self.without
        return _Verdict.IN_PARTS if fits or number in self.also else _Verdict.OFF


class _Verdict(Enum):
    OFF = auto()
    IN_PARTS = auto()
    WHOLE = auto()


_KEPT_BY_CII: Final[Mapping[type, frozenset[str]]] = MappingProxyType(
    {
        Invoice: frozenset({"kind"}),
        ItemClassification: frozenset({"code", "scheme", "version"}),
        PaymentCard: frozenset({"network"}),
        Price: frozenset({"gross_base_quantity"}),
    }
)
_KEPT_BY_STANDARD: Final[Mapping[type, frozenset[str]]] = MappingProxyType(
    {**_KEPT_BY_CII, Invoice: frozenset({"kind", "project_name"})}
)
_KEPT_BY_CTC: Final[Mapping[type, frozenset[str]]] = MappingProxyType(
    {
        **_KEPT_BY_STANDARD,
        DocumentReference: frozenset({"number", "type_code"}),
        Invoice: frozenset({"kind", "project_name", "references", "parties"}),
        InvoiceLine: frozenset({"further_notes", "references", "delivery", "totals"}),
        LineReferences: frozenset({"other_objects"}),
        Note: frozenset({"subject_code", "text"}),
        Payee: frozenset({"other_identifiers"}),
        SupportingDocument: frozenset({"type_code"}),
    }
)
# Everything but a second tax number of others than the seller (BR-FXEXT-03).
_KEPT_BY_EXTENDED: Final[Mapping[type, frozenset[str]]] = MappingProxyType(
    {
        **_KEPT_BY_CTC,
        AllowanceCharge: frozenset(field_numbers(AllowanceCharge)),
        Delivery: frozenset({"other_identifiers"}),
        DocumentReference: frozenset(field_numbers(DocumentReference)),
        Invoice: _KEPT_BY_CTC[Invoice] | {"payment_terms_details"},
        Note: frozenset(field_numbers(Note)),
        Party: frozenset({"identifiers", "legal_information"}),
        PaymentTerms: frozenset({"text", "due_date"}),
        Price: frozenset({"gross_base_quantity", "further_discounts", "charges"}),
        SupportingDocument: frozenset({"type_code", "reference_type", "line"}),
    }
)
# BASIC has no place for these terms of EN 16931, by its schema or its rules.
_NOT_IN_BASIC: Final = _terms(
    "7 11 14 15 17 18 33 45 82 85 86 114 128 132 133 137 138 142 143 154 155 156 158 159"
) | _terms("6 9 18 24 32", prefix="BG")
_MINIMUM: Final = _terms("1 2 3 5 10 13 23 24 27 30 31 32 40 44 47 109 110 112 115") | _terms(
    "4 5 7 22", prefix="BG"
)
# What the rules of EXTENDED-CTC-FR allow that those of EN 16931 forbid, by the numbers of EXTENDED:
# types and dates of references, details of lines, and of the payee.
_CTC_TERMS: Final = _terms(
    "8 10 11 12 21 22 36 85 89 90 92 93 96 97 145 147 148 200 243 256 257 304 313 329 330 405"
    " 468 537 538 555 561 589 590",
    prefix="BT-X",
) | _terms("81 82 83", prefix="BG-X")
_CTC_GROUPS: Final = _terms("7 13 33 36 39 40 41 48 49 62 73 90", prefix="BG-X")
# UBL-SR-16 and UBL-SR-26 of CEN's rules; those for CII let BT-46 repeat.
_ONCE: Final[Mapping[Syntax, frozenset[str]]] = MappingProxyType(
    {Syntax.UBL: frozenset({"BT-46", "BT-83"})}
)
# XRechnung is bound to CII D16B, whose schema has room for one earlier invoice.
_ONCE_IN_XRECHNUNG: Final[Mapping[Syntax, frozenset[str]]] = MappingProxyType(
    {**_ONCE, Syntax.CII: frozenset({"BG-3"})}
)

_HOLDINGS: Final[Mapping[Profile, _Holding]] = MappingProxyType(
    {
        Profile.MINIMUM: _Holding(numbers=_NO_NUMBER, also=_MINIMUM, unnumbered=_KEPT_BY_CII),
        Profile.BASIC_WL: _Holding(
            numbers=_STANDARD, without=_NOT_IN_BASIC | {"BG-25"}, unnumbered=_KEPT_BY_CII
        ),
        Profile.BASIC: _Holding(numbers=_STANDARD, without=_NOT_IN_BASIC, unnumbered=_KEPT_BY_CII),
        Profile.EN16931: _Holding(numbers=_STANDARD, unnumbered=_KEPT_BY_STANDARD, once=_ONCE),
        Profile.XRECHNUNG: _Holding(
            numbers=_STANDARD, unnumbered=_KEPT_BY_STANDARD, once=_ONCE_IN_XRECHNUNG
        ),
        Profile.XRECHNUNG_EXTENSION: _Holding(
            numbers=_XRECHNUNG, unnumbered=_KEPT_BY_STANDARD, once=_ONCE_IN_XRECHNUNG
        ),
        Profile.EXTENDED_CTC_FR: _Holding(
            numbers=_STANDARD, also=_CTC_TERMS, whole=_CTC_GROUPS, unnumbered=_KEPT_BY_CTC
        ),
        Profile.EXTENDED: _Holding(numbers=_EXTENDED, unnumbered=_KEPT_BY_EXTENDED),
    }
)


def held_by(invoice: Invoice, profile: Profile, *, syntax: Syntax) -> Invoice:
    """Return the invoice with only what a profile holds in a syntax; the rest is taken off.

    So that the sums stay right, charges for freight and the like (BG-X-42) become ordinary charges
    (BG-21) where a profile has no place for them of their own, and lines that only group others
    or inform (BT-X-8) go where a profile cannot tell them from those that count. What a profile
    allows fewer times keeps the first.
    """
    holding = _HOLDINGS[profile]
    if holding.verdict(Invoice, "logistics_charges", "BG-X-42") is _Verdict.OFF:
        invoice = _with_plain_charges(invoice)
    if holding.verdict(InvoiceLine, "subtype", "BT-X-8") is _Verdict.OFF:
        invoice = _with_counted_lines(invoice)
    once = holding.once.get(syntax, frozenset())
    held: Invoice = _held(invoice, "", profile, once)
    return held


def _with_plain_charges(invoice: Invoice) -> Invoice:
    if not invoice.logistics_charges:
        return invoice
    plain = (
        AllowanceCharge(
            amount=charge.amount,
            vat_category=charge.vat_category,
            vat_rate=charge.vat_rate,
            reason=charge.description,
        )
        for charge in invoice.logistics_charges
    )
    return dataclasses.replace(invoice, charges=(*invoice.charges, *plain), logistics_charges=())


def _with_counted_lines(invoice: Invoice) -> Invoice:
    counted = tuple(line for line in invoice.lines if line.subtype not in _NOT_COUNTED)
    if len(counted) == len(invoice.lines):
        return invoice
    return dataclasses.replace(invoice, lines=counted)


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is to be done to a group of a class, worked out once.

    ``off`` gets the values of the fields that are not held, ``nothing`` is what they are where
    there is none to take off. ``below`` are the fields to look into: name, and their own group.
    """

    emptied: Mapping[str, Any]
    off: Callable[[Any], Any]
    nothing: Any
    below: tuple[tuple[str, str], ...]


@cache
def _plan(profile: Profile, once: frozenset[str], model: type, group: str) -> _Plan:
    holding = _HOLDINGS[profile]
    emptied: dict[str, Any] = {}
    below: list[tuple[str, str]] = []
    for name, number in field_numbers(model, group).items():
        inner, repeats = value_type(field_types(model)[name])
        verdict = holding.verdict(model, name, number)
        if verdict is _Verdict.OFF:
            emptied[name] = () if repeats else None
        elif verdict is _Verdict.IN_PARTS and (_is_divided(inner) or number in once):
            below.append((name, number or group))
    off = tuple(emptied)
    return _Plan(
        emptied,
        attrgetter(*off) if off else lambda _: (),
        tuple(emptied.values()) if len(off) != 1 else emptied[off[0]],
        tuple(below),
    )


def _is_divided(model: Any) -> bool:
    return dataclasses.is_dataclass(model) and model not in _UNDIVIDED


def _held(value: Any, group: str, profile: Profile, once: frozenset[str]) -> Any:
    """Take off what is not held below a group of fields; None where nothing is left of it."""
    model: type = type(value)
    plan = _plan(profile, once, model, group)
    changes = {} if plan.off(value) == plan.nothing else dict(plan.emptied)
    for name, below in plan.below:
        current = getattr(value, name)
        if not current:
            continue
        kept = _held_below(current, below, profile, once)
        if kept is not current:
            changes[name] = kept
    return given(dataclasses.replace(value, **changes)) if changes else value


def _held_below(current: Any, group: str, profile: Profile, once: frozenset[str]) -> Any:
    if not isinstance(current, tuple):
        return _held(current, group, profile, once)
    entries = current[:1] if group in once else current
    if not _is_divided(type(entries[0])):
        return current if len(entries) == len(current) else entries
    held = [_held(entry, group, profile, once) for entry in entries]
    if len(held) == len(current) and all(map(is_, held, current)):
        return current
    return tuple(entry for entry in held if entry is not None)
