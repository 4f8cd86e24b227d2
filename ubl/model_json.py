"""Invoices as JSON: the semantic model, field by field, under the names the model uses.

Exact both ways: what is written here and read again is the same invoice. Nothing is listed by
hand; the fields, their types and their numbers are those of ``ubl.model``. Calculates nothing and
judges no business rule.

Money is ``{"value": "12.50", "currency": "EUR"}``; a currency left out is the invoice's own, or
BT-6 for BT-111. Decimals are strings, dates ISO 8601, files base64.
"""

import base64
import binascii
import dataclasses
import difflib
import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

from ubl.amounts import NO_CURRENCY, Amount, AmountUnreadable, decimal_text, parse_decimal
from ubl.json_text import MAX_PROBLEMS, JsonProblem, JsonRefused, shown
from ubl.model import Attachment, Invoice, field_types, term_of, value_type

__all__ = ["JsonProblem", "JsonRefused", "invoice_from_json", "invoice_to_json"]

_ACCOUNTING: Final = "vat_in_accounting_currency"
_CURRENCY: Final = re.compile("[A-Z]{3}")
_DAY: Final = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
# What XML 1.0 cannot carry, so no document could be written from it.
_UNWRITABLE: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_PLAIN_TYPES: Final = (str, bool, date, Decimal)
_WHITE_SPACE: Final = str.maketrans("", "", " \t\r\n")


def invoice_to_json(invoice: Invoice) -> dict[str, Any]:
    """Write an invoice as a JSON object; what it does not say is left out."""
    return _object(invoice)


def invoice_from_json(value: object) -> Invoice:
    """Read an invoice from a parsed JSON value; blank texts count as left out.

    Numbers are taken where they are exact: integers and ``Decimal``, which
    ``ubl.json_text.parse_json`` makes of decimal literals. Raises JsonRefused with every problem
    found, each with its place.
    """
    reader = _Reader(value)
    invoice: Invoice | None = reader.group(Invoice, value, _Place("", "", None))
    if reader.problems or invoice is None:
        raise JsonRefused(tuple(reader.problems))
    return invoice


def _object(group: Any) -> dict[str, Any]:
    model: type = type(group)
    found: dict[str, Any] = {}
    for name in field_types(model) if model is not Amount else ("value", "currency"):
        value = getattr(group, name)
        if value is None or value == ():
            continue
        if model is Amount and value == NO_CURRENCY:
            continue
        found[name] = [_value(one) for one in value] if isinstance(value, tuple) else _value(value)
    return found


def _value(value: Any) -> Any:
    if isinstance(value, bool):
        return value
    if isinstance(value, Decimal):
        return decimal_text(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        return str(value)
    return _object(value)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a value stands: JSON pointer, group it is numbered by, nearest business term."""

    pointer: str
    group: str
    term: str | None

    def inside(self, name: str | int, number: str | None = None) -> "_Place":
        step = str(name).replace("~", "~0").replace("/", "~1")
        return _Place(f"{self.pointer}/{step}", number or self.group, number or self.term)


class _Reader:
    """One reading: collects problems instead of stopping at the first.

    ``refused`` counts all of them, also those beyond what is told.
    """

    def __init__(self, document: object) -> None:
        self.problems: list[JsonProblem] = []
        self.refused = 0
        fields: Mapping[str, Any] = document if isinstance(document, dict) else {}
        self.currency = self._currency_of(fields.get("currency")) or NO_CURRENCY
        self.accounting_currency = (
            self._currency_of(fields.get("vat_accounting_currency")) or self.currency
        )

    @staticmethod
    def _currency_of(value: object) -> str | None:
        return value if isinstance(value, str) and _CURRENCY.fullmatch(value) else None

    def refuse(self, code: str, place: _Place, message: str) -> None:
        self.refused += 1
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(JsonProblem(code, place.pointer, place.term, message))

    def group(self, model: type, value: object, place: _Place) -> Any:
        """Read an object into a class of the model; None where something is wrong with it."""
        if not isinstance(value, dict):
            self.refuse("JSON-NOT-OBJECT", place, f"Write an object here, not {_kind(value)}.")
            return None
        types = field_types(model)
        for name in value:
            if name not in types:
                self._refuse_name(str(name), tuple(types), place)
        before = self.refused
        values = {
            name: self._field(
                hint, value.get(name), place.inside(name, term_of(hint, place.group)[0])
            )
            for name, hint in types.items()
        }
        for field in dataclasses.fields(model):
            if values[field.name] is not None:
                continue
            if field.default is not dataclasses.MISSING:
                values[field.name] = field.default
            elif self.refused == before:
                self.refuse(
                    "JSON-REQUIRED",
                    place.inside(field.name),
                    f"'{field.name}' is missing. Add it, or leave the whole object out.",
                )
        return model(**values) if self.refused == before else None

    def _refuse_name(self, name: str, known: tuple[str, ...], place: _Place) -> None:
        if len(self.problems) >= MAX_PROBLEMS:
            # Looking for a name like it takes long, and nobody would be told of it.
            self.refused += 1
            return
        name = shown(name)
        near = difflib.get_close_matches(name, known, n=1)
        advice = f"Did you mean '{near[0]}'?" if near else f"Known are: {', '.join(known)}."
        self.refuse(
            "JSON-FIELD-UNKNOWN", place.inside(name), f"There is no field '{name}'. {advice}"
        )

    def _field(self, hint: Any, value: object, place: _Place) -> Any:
        inner, repeats = value_type(hint)
        if value is None:
            return None
        if not repeats:
            return self._one(inner, value, place)
        if not isinstance(value, list):
            self.refuse("JSON-NOT-LIST", place, f"Write a list here, not {_kind(value)}.")
            return None
        found = (self._one(inner, one, place.inside(index)) for index, one in enumerate(value))
        return tuple(one for one in found if one is not None)

    def _one(self, inner: type, value: object, place: _Place) -> Any:
        if inner is Amount:
            return self._amount(value, place)
        if inner is Attachment:
            return self._attachment(value, place)
        if issubclass(inner, enum.Enum):
            return self._choice(inner, value, place)
        if inner in _PLAIN_TYPES:
            readers = {str: self._text, bool: self._bool, date: self._day, Decimal: self._number}
            return readers[inner](value, place)
        return self.group(inner, value, place)

    def _text(self, value: object, place: _Place) -> str | None:
        if not isinstance(value, str):
            self.refuse("JSON-NOT-TEXT", place, f"Write a text in quotes, not {_kind(value)}.")
            return None
        unwritable = _UNWRITABLE.search(value)
        if unwritable is not None:
            self.refuse(
                "JSON-TEXT-UNWRITABLE",
                place,
                f"The text holds the character U+{ord(unwritable[0]):04X}, which no invoice can "
                "carry. Remove it.",
            )
            return None
        return value if value.strip() else None

    def _bool(self, value: object, place: _Place) -> bool | None:
        if isinstance(value, bool):
            return value
        self.refuse("JSON-NOT-BOOLEAN", place, f"Write true or false, not {_kind(value)}.")
        return None

    def _choice(self, choices: type[enum.Enum], value: object, place: _Place) -> Any:
        for choice in choices:
            if choice.value == value:
                return choice
        known = ", ".join(f"'{choice.value}'" for choice in choices)
        self.refuse("JSON-NOT-CHOICE", place, f"Write one of {known}.")
        return None

    def _day(self, value: object, place: _Place) -> date | None:
        if isinstance(value, str):
            if not value.strip():
                return None
            if _DAY.fullmatch(value):
                try:
                    return date.fromisoformat(value)
                except ValueError:
                    pass
        self.refuse("JSON-NOT-DATE", place, "Write the day as YYYY-MM-DD, for instance 2026-01-31.")
        return None

    def _number(self, value: object, place: _Place) -> Decimal | None:
        if isinstance(value, str) and not value.strip():
            return None
        if isinstance(value, float):
            self.refuse(
                "JSON-FLOAT",
                place,
                "A binary number cannot say this exactly. Write the decimal number in quotes.",
            )
        elif isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
            self.refuse("JSON-NOT-NUMBER", place, f"Write a number in quotes, not {_kind(value)}.")
        else:
            try:
                text = value if isinstance(value, str) else decimal_text(Decimal(value))
                return parse_decimal(text)
            except AmountUnreadable as unreadable:
                self.refuse("JSON-NOT-NUMBER", place, shown(unreadable.message, longest=300))
        return None

    def _amount(self, value: object, place: _Place) -> Amount | None:
        if not isinstance(value, dict):
            advice = 'Write {"value": "12.50"}, with "currency" where it is not the invoice\'s own.'
            self.refuse("JSON-NOT-AMOUNT", place, advice)
            return None
        for name in value:
            if name not in ("value", "currency"):
                self._refuse_name(str(name), ("value", "currency"), place)
        number = self._number(value.get("value"), place.inside("value"))
        if value.get("value") in (None, ""):
            self.refuse("JSON-REQUIRED", place.inside("value"), "The amount has no value. Add it.")
        currency = value.get("currency")
        if currency is None:
            own = place.pointer.endswith(f"/{_ACCOUNTING}")
            currency = self.accounting_currency if own else self.currency
        elif self._currency_of(currency) is None:
            advice = "Write the currency as its ISO 4217 code, for instance EUR."
            self.refuse("JSON-NOT-CURRENCY", place.inside("currency"), advice)
            return None
        return None if number is None else Amount(number, currency)

    def _attachment(self, value: object, place: _Place) -> Attachment | None:
        attachment: Attachment | None = self.group(Attachment, value, place)
        if attachment is None:
            return None
        try:
            base64.b64decode(attachment.encoded.translate(_WHITE_SPACE), validate=True)
        except (binascii.Error, ValueError):
            self.refuse(
                "JSON-NOT-BASE64",
                place.inside("encoded"),
                "The content of the file is not base64. Encode the file's bytes as base64.",
            )
            return None
        return attachment


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false"}
    return names.get(type(value), "null" if value is None else "a number")
