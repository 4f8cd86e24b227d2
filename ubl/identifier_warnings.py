"""The identifiers of an invoice that cannot be right, place by place, and what to do about each.

Warnings for those who write an invoice; rule sets judge it. Texts are data of this package
(``labels/identifiers/*.toml``).
"""

import dataclasses
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final

from ubl.identifiers import (
    BIC,
    IBAN,
    LEITWEG,
    OGM,
    RF,
    SEPA_CREDITOR,
    VAT,
    Problem,
    check_identifier,
)
from ubl.localized import Localized
from ubl.model import Identifier, Invoice, field_numbers, field_types, value_type

__all__ = ["IdentifierWarning", "explain_problem", "identifier_warnings"]

# Fields that hold a number of one kind, and what a text must look like to be taken for one.
_KINDS: Final[Mapping[str, tuple[tuple[str, re.Pattern[str]], ...]]] = {
    "vat_identifier": ((VAT, re.compile(r".*")),),
    "account": ((IBAN, re.compile(r"[A-Za-z]{2}[0-9]{2}.{8,}")),),
    "debited_account": ((IBAN, re.compile(r"[A-Za-z]{2}[0-9]{2}.{8,}")),),
    "service_provider": ((BIC, re.compile(r"[A-Za-z0-9]{8}(?:[A-Za-z0-9]{3})?")),),
    "creditor_identifier": ((SEPA_CREDITOR, re.compile(r".*")),),
    "buyer_reference": ((LEITWEG, re.compile(r"[0-9]{2,12}-(?:[0-9A-Za-z]{1,30}-)?[0-9]{2}")),),
    "remittance_information": (
        (RF, re.compile(r"RF[0-9]{2}[0-9A-Za-z ]{1,24}")),
        (OGM, re.compile(r"[+*]{3}[0-9/ ]+[+*]{3}")),
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentifierWarning:
    """An identifier that cannot be right, and where it stands.

    ``path`` names the field from the invoice down, ``seller.vat_identifier``; ``term`` is the
    number of the nearest field that has one.
    """

    path: str
    term: str | None
    problem: Problem


def identifier_warnings(invoice: Invoice) -> tuple[IdentifierWarning, ...]:
    """List the identifiers that cannot be right, in the order of the model."""
    return tuple(_warnings(invoice, path="", field="", group="", term=None))


def explain_problem(problem: Problem, localized: Localized) -> str:
    """Say what is wrong with an identifier and what to do, in the reader's language."""
    texts = _texts(localized.language)
    kind = texts["kinds"].get(problem.scheme) or localized.code("scheme", problem.scheme)
    if problem.scheme == kind:
        kind = texts["kinds"]["other"].format(scheme=problem.scheme)
    return texts["faults"][problem.fault].format(kind=kind, value=problem.value)


def _warnings(
    value: Any, *, path: str, field: str, group: str, term: str | None
) -> Iterator[IdentifierWarning]:
    if isinstance(value, tuple):
        for index, part in enumerate(value):
            yield from _warnings(part, path=f"{path}[{index}]", field=field, group=group, term=term)
    elif isinstance(value, Identifier | str):
        problem = _problem(value, field)
        if problem is not None:
            yield IdentifierWarning(path=path, term=term, problem=problem)
    elif value is not None:
        model: type = type(value)
        for name, number in _places(model, group):
            inner = getattr(value, name)
            if inner:
                yield from _warnings(
                    inner,
                    path=f"{path}.{name}" if path else name,
                    field=name,
                    group=number or group,
                    term=number or term,
                )


@cache
def _places(model: type, group: str) -> tuple[tuple[str, str | None], ...]:
    """Return the fields of a class that may hold identifiers, with their numbers in a group.

    An invoice has thousands of other fields; looking at those only is what keeps this fast.
    """
    numbers = field_numbers(model, group)
    return tuple((name, numbers[name]) for name in field_types(model) if _holds(model, name, ()))


def _holds(model: type, name: str, above: tuple[type, ...]) -> bool:
    if name in _KINDS:
        return True
    inner: type = value_type(field_types(model)[name])[0]
    if inner is Identifier or inner is model:
        return True
    if inner in above or not dataclasses.is_dataclass(inner):
        return False
    below = (*above, model)
    return any(_holds(inner, one, below) for one in field_types(inner))


def _problem(value: Identifier | str, field: str) -> Problem | None:
    text = value.value if isinstance(value, Identifier) else value
    if isinstance(value, Identifier) and value.scheme is not None:
        problem = check_identifier(value.scheme, text)
        if problem is not None:
            return problem
    for kind, form in _KINDS.get(field, ()):
        if form.fullmatch(text):
            return check_identifier(kind, text)
    return None


@cache
def _texts(language: str) -> Mapping[str, Mapping[str, str]]:
    place = resources.files("ubl").joinpath("labels", "identifiers", f"{language}.toml")
    return tomllib.loads(place.read_text("utf-8"))
