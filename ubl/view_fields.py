"""Groups of the model as labelled texts, whichever groups they are.

Every field a group has is written once, inner groups in their place and under their own name, so
that terms which are new to the model are shown without being known here.
"""

import dataclasses
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any, Final

from ubl.amounts import Amount
from ubl.localized import Localized
from ubl.model import (
    AdvanceVat,
    AllowanceCharge,
    DocumentReference,
    ItemInstance,
    Note,
    Party,
    PrecedingInvoice,
    SupportingDocument,
    field_numbers,
)
from ubl.value_text import ValueText
from ubl.view_parts import ViewField, ViewParty, ViewSection

__all__ = ["FieldWriter", "group_fields", "group_party"]

_GROUP: Final = "BG-"
_SPEAK_FOR_THEMSELVES: Final = frozenset(
    {
        "Buyer.contact",
        "Delivery.contact",
        "Party.contact",
        "Payee.contact",
        "PaymentInstructions.card",
        "PaymentInstructions.credit_transfers",
        "PaymentInstructions.direct_debit",
        "Seller.contact",
        "Invoice.references",
        "InvoiceLine.references",
        "InvoiceLine.delivery",
        "InvoiceLine.totals",
    }
)
"""Inner groups whose fields are understood without the name of the group."""
_IN_ONE: Final[dict[type, frozenset[str]]] = {
    AdvanceVat: frozenset({"amount", "rate", "category"}),
    DocumentReference: frozenset({"number", "issue_date", "type_code"}),
    ItemInstance: frozenset(),
    Party: frozenset({"name", "address"}),
    PrecedingInvoice: frozenset({"number", "issue_date", "type_code"}),
    SupportingDocument: frozenset({"reference", "description", "location", "attachment"}),
}
"""Inner groups that read best as one text, with what needs no label in it."""
_AMOUNT_AND_WHY: Final = ("amount", "base_amount", "percentage", "reason", "reason_code")


def group_fields(value: Any, group: str, *, words: Localized) -> tuple[ViewField, ...]:
    """Write every field that a group of the model has, for instance of a Seller (BG-4)."""
    return tuple(FieldWriter(ValueText(words)).fields(value, group))


def group_party(key: str, value: Any, group: str, *, words: Localized) -> ViewParty:
    """Write somebody who takes part: name, address and every other field they have."""
    return FieldWriter(ValueText(words)).party(key, group, value)


class FieldWriter:
    """Writes groups of the model for readers of one language."""

    def __init__(self, values: ValueText) -> None:
        """Write single values by ``values``."""
        self.values = values
        self.words = values.words

    def fields(self, value: Any, group: str, leave_out: Iterable[str] = ()) -> Iterator[ViewField]:
        """Yield every field of a group that is given, but for those named."""
        model: type = type(value)
        for name, number in field_numbers(model, group).items():
            if name not in leave_out:
                yield from self.field(model.__name__, name, number, getattr(value, name), group)

    def field(
        self, model: str, name: str, number: str | None, value: Any, group: str = ""
    ) -> Iterator[ViewField]:
        """Yield a field: one text, one for each value where it repeats, or its inner group."""
        key = f"{model}.{name}"
        for one in value if isinstance(value, tuple) else (value,):
            if one is None or one == "":
                continue
            inner = number if number is not None and number.startswith(_GROUP) else group
            if isinstance(one, AllowanceCharge):
                yield self.adjustment(key, number, one, inner)
            elif isinstance(one, Note):
                yield self.note(key, number, one)
            elif (text := self.values.text(key, one)) is None:
                if type(one) in _IN_ONE:
                    yield self.in_one(key, number, one, inner)
                else:
                    yield from self.inner(key, one, inner)
            elif text:
                yield ViewField(key, number, self.words.label(key), text)

    def inner(self, key: str, value: Any, group: str) -> Iterator[ViewField]:
        """Yield the fields of a group within a group, each saying whose it is."""
        for field in self.fields(value, group):
            if key in _SPEAK_FOR_THEMSELVES:
                yield field
            else:
                label = f"{self.words.label(key)}: {field.label}"
                yield dataclasses.replace(field, label=label)

    def in_one(self, key: str, number: str | None, value: Any, group: str) -> ViewField:
        """Write a group within a group as one text, so that several of them stay apart."""
        bare = _IN_ONE[type(value)]
        texts = (
            field.text if field.key.partition(".")[2] in bare else f"{field.label}: {field.text}"
            for field in self.fields(value, group)
        )
        text = ", ".join(text.replace("\n", ", ") for text in texts)
        return ViewField(key, number, self.words.label(key), text)

    def section(self, key: str, group: str | None, value: Any) -> ViewSection:
        """Set a group under its name."""
        fields = () if value is None else tuple(self.fields(value, group or ""))
        return ViewSection(key, group, self.words.label(key), fields)

    def party(self, key: str, group: str | None, value: Any) -> ViewParty:
        """Set somebody who takes part; their name and address stand apart."""
        address = getattr(value, "address", None)
        return ViewParty(
            key=key,
            term=group,
            title=self.words.label(key),
            name=value.name or "",
            address="" if address is None else self.values.address(address),
            fields=tuple(self.fields(value, group or "", ("name", "address"))),
        )

    def note(self, key: str, number: str | None, note: Note) -> ViewField:
        """Set a note under its subject."""
        label = self.words.label("Rendition.note")
        if note.subject_code:
            label = self.values.string("Note.subject_code", note.subject_code)
        text = note.text or ""
        if note.content_code:
            code = f"{self.words.label('Note.content_code')}: {note.content_code}"
            text = f"{text} ({code})".strip()
        return ViewField(key, number, label, text)

    def adjustment(
        self, key: str, number: str | None, part: AllowanceCharge, group: str
    ) -> ViewField:
        """Write an allowance or charge as one text: why, how it comes about, how much."""
        amount = "" if part.amount is None else self.words.amount(part.amount)
        rest = (
            f"{field.label}: {field.text}" for field in self.fields(part, group, _AMOUNT_AND_WHY)
        )
        texts = (
            self.reason(part, is_charge=key.endswith("charges")),
            self.part(part.percentage, part.base_amount),
            amount,
            *rest,
        )
        text = ", ".join(one for one in texts if one)
        return ViewField(key, number, self.words.label(key), text)

    def reason(self, part: AllowanceCharge, *, is_charge: bool) -> str:
        """Write why there is an allowance or charge, in the seller's words and by its code."""
        if part.reason_code is None:
            return part.reason or ""
        code_list = "charge_reason" if is_charge else "allowance_reason"
        name = self.values.named(code_list, part.reason_code)
        return name if part.reason is None else f"{part.reason} – {name}"

    def part(self, percentage: Decimal | None, base_amount: Amount | None) -> str:
        """Write what an amount comes from: a percentage, a base, or the one of the other."""
        rate = "" if percentage is None else self.words.percentage(percentage)
        if base_amount is None:
            return rate
        base = self.words.amount(base_amount)
        if not rate:
            return f"{self.words.label('AllowanceCharge.base_amount')}: {base}"
        return self.words.label("Rendition.part_of").format(percentage=rate, base=base)
