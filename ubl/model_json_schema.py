"""The JSON Schema (2020-12) of an invoice as JSON, made from the semantic model.

Titles are business terms, descriptions the meanings the model gives them. ``x-en16931`` holds the
number of a term (BT-n, BG-n, or that of an extension), ``x-extended-ctc-fr`` its name there, and
``x-code-lists`` the lists its codes are from, as the meaning names them.
"""

import dataclasses
import enum
import re
from datetime import date
from decimal import Decimal
from typing import Any, Final

from ubl.amounts import Amount
from ubl.model import Invoice, field_numbers, field_types, term_of, value_type

__all__ = ["SCHEMA_ID", "invoice_schema"]

SCHEMA_ID: Final = "urn:peppol-gateway:schema:invoice:1"
_CODE_LISTS: Final = re.compile(
    r"UNTDID \d{4}|ISO 4217|ISO 3166-1|EAS|VATEX|ICD|UN/ECE Recommendation \d\d"
)
_NUMBER: Final[dict[str, Any]] = {
    "type": ["string", "number"],
    "pattern": r"^\s*[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)\s*$",
}
_PLAIN: Final[dict[type, dict[str, Any]]] = {
    Amount: {"$ref": "#/$defs/Amount"},
    Decimal: {"$ref": "#/$defs/Number"},
    date: {"type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"},
    bool: {"type": "boolean"},
    str: {"type": "string"},
}
_AMOUNT: Final[dict[str, Any]] = {
    "type": "object",
    "description": "A sum of money. Without currency it is in the invoice's own (BT-5), or in "
    "BT-6 for BT-111.",
    "properties": {
        "value": {"$ref": "#/$defs/Number"},
        "currency": {"type": "string", "pattern": "^[A-Z]{3}$", "description": "ISO 4217."},
    },
    "required": ["value"],
    "additionalProperties": False,
}


def invoice_schema() -> dict[str, Any]:
    """Return the schema that ``invoice_from_json`` reads by; rules of business are not in it."""
    definitions: dict[str, Any] = {
        "Amount": _AMOUNT,
        "Number": {
            **_NUMBER,
            "description": "A decimal number, best written in quotes: no digit is lost then.",
        },
    }
    schema = _group(Invoice, "", definitions)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        "title": "Invoice",
        **schema,
        "$defs": dict(sorted(definitions.items())),
    }


def _group(model: type, group: str, definitions: dict[str, Any]) -> dict[str, Any]:
    required = [
        field.name
        for field in dataclasses.fields(model)
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    ]
    properties = {
        name: _field(name, hint, group, definitions) for name, hint in field_types(model).items()
    }
    schema: dict[str, Any] = {
        "type": "object",
        "description": (model.__doc__ or "").split("\n\n")[0].strip(),
        "properties": properties,
        "additionalProperties": False,
    }
    if required:
        schema["required"] = required
    return schema


def _field(name: str, hint: Any, group: str, definitions: dict[str, Any]) -> dict[str, Any]:
    number, meaning, also = term_of(hint, group)
    inner, repeats = value_type(hint)
    value = _value(inner, number or group, definitions)
    schema: dict[str, Any] = {"type": "array", "items": value} if repeats else value
    marks: dict[str, Any] = {"title": number and f"{number} {name}", "description": meaning}
    code_lists = list(dict.fromkeys(_CODE_LISTS.findall(meaning)))
    marks |= {"x-en16931": number, "x-extended-ctc-fr": also, "x-code-lists": code_lists}
    return schema | {key: mark for key, mark in marks.items() if mark}


def _value(inner: type, group: str, definitions: dict[str, Any]) -> dict[str, Any]:
    if inner in _PLAIN:
        return dict(_PLAIN[inner])
    if issubclass(inner, enum.Enum):
        return {"enum": [choice.value for choice in inner]}
    return {"$ref": f"#/$defs/{_define(inner, group, definitions)}"}


def _define(model: type, group: str, definitions: dict[str, Any]) -> str:
    """Put a class into the definitions; its name carries the group where the numbers depend on it.

    A class is put there before its fields are, so that lines can hold lines.
    """
    depends = field_numbers(model, group) != field_numbers(model)
    name = f"{model.__name__}-{group}" if depends else model.__name__
    if name not in definitions:
        definitions[name] = {}
        definitions[name] = _group(model, group, definitions)
    return name
