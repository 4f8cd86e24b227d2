"""Peppol addresses that follow from what identifies a buyer on an invoice. Pure but for one file.

Which number makes which address is data (``peppol-addresses.toml``). What is derived is a question
to the network, never an answer: nothing is sent there before somebody has looked it up.
"""

import re
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gateway.as4.identifiers import IdentifierInvalid, ParticipantId
from gateway.core.errors import ErrorKind, GatewayError
from ubl.identifiers import LEITWEG, VAT, check_identifier, normalised
from ubl.invoice import read_invoice
from ubl.model import Identifier, Invoice
from ubl.reading import DocumentUnreadable
from ubl.safexml import XmlRefused, parse

__all__ = ["ADDRESSES_FILE", "MOST_ADDRESSES", "AddressRule", "addresses_of", "read_address_rules"]

ADDRESSES_FILE: Final = ErrorKind(
    "PEPPOL-ADDRESSES-FILE", "The rules for addresses cannot be read", 500
)

MOST_ADDRESSES: Final = 6
"""How many addresses of one buyer are looked up at most."""

_FILE: Final = "peppol-addresses.toml"
_ROOT: Final = Path(__file__).resolve().parents[2]
_PLACES: Final = (_ROOT / "config", _ROOT / "gateway" / "defaults")


class AddressRule(BaseModel):
    """Where a number stands on the invoice, what it looks like, and the addresses made of it.

    ``addresses`` hold the groups of ``pattern`` as ``{1}``, ``{2}``, and all of it as ``{0}``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    source: Literal["vat", "registration", "identifier", "reference"] = Field(alias="from")
    scheme: str = ""
    pattern: str
    addresses: tuple[str, ...] = Field(min_length=1)

    @cached_property
    def form(self) -> re.Pattern[str]:
        """The pattern, ready to be used."""
        return re.compile(self.pattern)

    def made_of(self, number: str) -> Iterator[str]:
        """The addresses a number makes; none where it is another kind of number."""
        found = self.form.fullmatch(number)
        if found is None:
            return
        for one in self.addresses:
            yield one.format(found[0], *found.groups()).lower()


class _Rules(BaseModel):
    model_config = ConfigDict(extra="forbid")

    rule: tuple[AddressRule, ...]


def read_address_rules(folder: Path | None) -> tuple[AddressRule, ...]:
    """Read ``peppol-addresses.toml`` of a folder, else the one shipped.

    Raises GatewayError PEPPOL-ADDRESSES-FILE, naming the mistake.
    """
    path = next(
        (
            place / _FILE
            for place in (*([folder] if folder else []), *_PLACES)
            if (place / _FILE).is_file()
        ),
        _PLACES[0] / _FILE,
    )
    try:
        rules = _Rules.model_validate(tomllib.loads(path.read_text("utf-8"))).rule
        for one in rules:
            groups = [""] * (one.form.groups + 1)
            for address in one.addresses:
                ParticipantId.of(address.format(*groups) + "0")
    except (
        *(OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, ValidationError, re.error),
        *(IndexError, KeyError, IdentifierInvalid),
    ) as error:
        raise GatewayError(ADDRESSES_FILE, f"Correct {path}: {error}") from None
    return rules


def addresses_of(content: bytes, rules: Sequence[AddressRule]) -> tuple[ParticipantId, ...]:
    """The addresses a document's buyer may have, most likely first; none of an unreadable one.

    Numbers that cannot be right are left out, and what makes no address of Peppol.
    """
    try:
        invoice = read_invoice(parse(content)).invoice
    except (XmlRefused, DocumentUnreadable):
        return ()
    made = [
        address
        for rule in rules
        for number in _numbers(invoice, rule)
        for address in _participants(rule, number)
    ]
    return tuple(dict.fromkeys(made))[:MOST_ADDRESSES]


def _participants(rule: AddressRule, number: str) -> Iterator[ParticipantId]:
    for one in rule.made_of(number):
        # A pattern of the operator's own may let anything through.
        with suppress(IdentifierInvalid):
            yield ParticipantId.of(one)


def _numbers(invoice: Invoice, rule: AddressRule) -> Iterator[str]:
    """The numbers a rule is about, in their plain form."""
    buyer = invoice.buyer
    if rule.source == "reference":
        yield from _right(LEITWEG, invoice.buyer_reference)
        return
    if buyer is None:
        return
    if rule.source == "vat":
        yield from _right(VAT, buyer.vat_identifier)
        return
    stated: Sequence[Identifier | None] = (
        [buyer.registration] if rule.source == "registration" else buyer.identifiers
    )
    for one in stated:
        if one is not None and one.scheme == rule.scheme:
            yield from _right(rule.scheme, one.value)


def _right(scheme: str, number: str | None) -> Iterator[str]:
    if number and check_identifier(scheme, number) is None:
        yield normalised(scheme, number)
