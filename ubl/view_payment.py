"""How an invoice is to be paid: by which ways, until when, what paying early or late changes."""

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Final

from ubl.model import Invoice, PaymentCondition, PaymentInstructions, PaymentTerms, field_numbers
from ubl.view_fields import FieldWriter
from ubl.view_parts import ViewField, ViewSection

__all__ = ["TERMS", "PaymentWriter"]

TERMS: Final = ("due_date", "contractual_due_date", "payment_terms")
"""Fields of the invoice that say until when and how it is to be paid."""
_CONDITIONS: Final = (("discounts", "BG-X-44", "discount"), ("penalties", "BG-X-43", "penalty"))


class PaymentWriter:
    """Sets what concerns payment for readers of one language."""

    def __init__(self, writer: FieldWriter) -> None:
        """Write fields by ``writer``."""
        self.writer = writer
        self.words = writer.words

    def sections(self, invoice: Invoice) -> Iterator[ViewSection]:
        """Set the ways to pay, then each set of terms with its discounts and penalties."""
        for way in invoice.payment:
            section = self.writer.section("Invoice.payment", "BG-16", way)
            if section.fields:
                yield dataclasses.replace(section, title=self._way(way))
        yield from self._terms(invoice)

    def _way(self, way: PaymentInstructions) -> str:
        name = self.words.code("payment_means", way.means_code or "")
        is_named = bool(name) and name != way.means_code
        return name if is_named else self.words.label("Invoice.payment")

    def _terms(self, invoice: Invoice) -> Iterator[ViewSection]:
        """Set the terms; the first set of details adds to those of the invoice itself."""
        sets = invoice.payment_terms_details or (PaymentTerms(),)
        titles = self._titles("Invoice.payment_terms", len(sets))
        conditions = {
            name: self._titles(f"PaymentTerms.{name}", sum(len(getattr(one, name)) for one in sets))
            for name, _, _ in _CONDITIONS
        }
        for number, details in enumerate(sets):
            fields = (
                *(self._own(invoice) if number == 0 else ()),
                *self.writer.fields(details, "", [name for name, _, _ in _CONDITIONS]),
            )
            # The day alone stands among the facts already.
            if len(sets) > 1 or any(field.key != "Invoice.due_date" for field in fields):
                title = next(titles)
                if fields:
                    yield ViewSection("Invoice.payment_terms", "BT-20", title, fields)
            for name, group, kind in _CONDITIONS:
                for condition in getattr(details, name):
                    yield self._condition(name, group, kind, next(conditions[name]), condition)

    def _own(self, invoice: Invoice) -> Iterable[ViewField]:
        numbers = field_numbers(Invoice)
        for name in TERMS:
            yield from self.writer.field("Invoice", name, numbers[name], getattr(invoice, name))

    def _titles(self, key: str, count: int) -> Iterator[str]:
        """Titles told apart by a number where there are several."""
        title = self.words.label(key)
        return iter([title] if count == 1 else [f"{title} {n}" for n in range(1, count + 1)])

    def _condition(
        self, name: str, group: str, kind: str, title: str, condition: PaymentCondition
    ) -> ViewSection:
        key = f"PaymentTerms.{name}"
        label = self.words.label("Rendition.condition")
        field = ViewField(key, group, label, self._sentence(kind, condition))
        return ViewSection(key, group, title, (field,) if field.text else ())

    def _sentence(self, kind: str, condition: PaymentCondition) -> str:
        """Write what is taken off or added, and when."""
        what = self._what(condition)
        period = "" if condition.period is None else self.words.quantity(condition.period)
        day = "" if condition.from_date is None else self.words.day(condition.from_date)
        if not period and not day:
            return what
        form = "both" if period and day else "period" if period else "day"
        text = self.words.label(f"Rendition.{kind}_{form}")
        return text.format(what=what, period=period, date=day).strip()

    def _what(self, condition: PaymentCondition) -> str:
        rate = self.writer.part(condition.percentage, condition.base_amount)
        if condition.amount is None:
            return rate
        amount = self.words.amount(condition.amount)
        return f"{amount} ({rate})" if rate else amount
