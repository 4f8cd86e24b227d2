"""A reminder as people read it: what is asked for, for which documents, and how to pay it.

Texts in one language and in reading order, nothing of HTML. A reminder of any profile can be
shown: codes this product has no name for stay as they are, and empty parts are left out.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from stdnum import iban as iban_number

from ubl.amounts import Amount
from ubl.localized import LANGUAGES, Localized
from ubl.model import Identifier, Period
from ubl.reminder import (
    ReferenceKind,
    Reminder,
    ReminderCharge,
    ReminderLine,
    ReminderPayment,
    ReminderTerms,
)
from ubl.reminder_rules import is_payment_link
from ubl.view import ViewColumn, ViewField, ViewSection, group_fields

__all__ = ["ReminderRow", "ReminderView", "reminder_view"]

_MINUS: Final = "\u2212"
_SUBJECT: Final = "ReminderLine.subject"
_COLUMNS: Final = (
    (_SUBJECT, False),
    ("ReminderLine.issue_date", False),
    ("ReminderLine.due_date", False),
    ("ReminderLine.amount", True),
)
_TOTALS: Final = ("lines", "charges", "allowances", "prepaid", "rounding", "payable")
_CREDIT_NOTES: Final = frozenset({ReferenceKind.CREDIT_NOTE, ReferenceKind.SELF_BILLED_CREDIT_NOTE})


@dataclass(frozen=True, slots=True)
class ReminderRow:
    """One line: a text for each column, details beneath, and the numbers it speaks of."""

    cells: tuple[str, ...]
    details: tuple[ViewField, ...]
    documents: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReminderView:
    """A reminder in one language.

    ``opening`` is what the creditor says before the sums and ``closing`` what comes after them,
    in the creditor's own language. ``links`` are addresses to pay at that are fit to be offered
    (https, or this machine); any other address is only told, as a field of ``payment``.
    """

    language: str
    title: str
    number: str
    header: ViewSection
    opening: tuple[str, ...]
    columns: tuple[ViewColumn, ...]
    lines_title: str
    lines: tuple[ReminderRow, ...]
    charges: ViewSection
    totals: ViewSection
    payment_title: str
    payment: tuple[ViewSection, ...]
    link_label: str
    links: tuple[str, ...]
    closing: tuple[str, ...]
    parties: tuple[ViewSection, ...]


def reminder_view(
    reminder: Reminder, *, locale: str, due_dates: Mapping[str, date] | None = None
) -> ReminderView:
    """Lay out a reminder for people who read ``locale``: en, fr, nl, de, fr_BE and so on.

    The document itself does not say when its invoices were due: ``due_dates`` gives it by number
    for those the reader has. Raises LanguageUnknown.
    """
    return _Layout(reminder, Localized(locale), due_dates or {}).view()


class _Layout:
    def __init__(self, reminder: Reminder, words: Localized, due_dates: Mapping[str, date]) -> None:
        self.reminder = reminder
        self.words = words
        self.due_dates = due_dates

    def view(self) -> ReminderView:
        reminder = self.reminder
        title = self.title()
        columns, rows = self.table()
        links = tuple(one.link for one in reminder.terms if one.link and is_payment_link(one.link))
        return ReminderView(
            language=self.words.language,
            title=title,
            number=reminder.identifier,
            header=ViewSection("Reminder", None, title, tuple(self.header())),
            opening=self.opening(),
            columns=columns,
            lines_title=self.words.label("Reminder.lines"),
            lines=rows,
            charges=self.section("Reminder.charges", map(self.charge, reminder.charges)),
            totals=self.section("Reminder.totals", self.totals()),
            payment_title=self.words.label("Reminder.payment"),
            payment=tuple(self.payment()),
            link_label=self.words.label("Reminder.link"),
            links=tuple(dict.fromkeys(links)),
            closing=tuple(note for terms in reminder.terms for note in terms.notes),
            parties=tuple(self.parties()),
        )

    def title(self) -> str:
        code = self.reminder.type_code
        plain = self.words.code("reminder_type", "reminder")
        if code is None or not self.reminder.is_own_profile:
            return plain
        name = self.words.code("reminder_type", code)
        return plain if name == code else name

    def opening(self) -> tuple[str, ...]:
        """Return the notes, but for a heading that only says the title in some language."""
        notes = self.reminder.notes
        code = self.reminder.type_code or ""
        titles = {Localized(one).code("reminder_type", code).casefold() for one in LANGUAGES}
        return notes[1:] if notes and notes[0].strip().casefold() in titles else notes

    def section(self, key: str, fields: Iterator[ViewField]) -> ViewSection:
        return ViewSection(key, None, self.words.label(key), tuple(fields))

    def field(self, key: str, text: str) -> ViewField:
        return ViewField(key, None, self.words.label(key), text)

    def header(self) -> Iterator[ViewField]:
        reminder = self.reminder
        yield self.field("Reminder.issue_date", self.words.day(reminder.issue_date))
        if reminder.sequence:
            yield self.field("Reminder.sequence", str(reminder.sequence))
        if reminder.period is not None and (text := self.period(reminder.period)):
            yield self.field("Reminder.period", text)
        if reminder.buyer_accounting_reference:
            text = reminder.buyer_accounting_reference
            yield self.field("Reminder.buyer_accounting_reference", text)
        for document in reminder.documents:
            issued = document.issue_date
            text = f", {self.words.day(issued)}" if issued else ""
            yield self.field("Reminder.documents", f"{document.identifier}{text}")

    def period(self, period: Period) -> str:
        days = (period.start, period.end)
        text = " – ".join("" if day is None else self.words.day(day) for day in days)
        return "" if text == " – " else text.strip(" ")

    def table(self) -> tuple[tuple[ViewColumn, ...], tuple[ReminderRow, ...]]:
        """Lay out the lines; a column nobody fills is left out."""
        lines = self.reminder.lines
        cells = [[self.cell(line, key) for key, _ in _COLUMNS] for line in lines]
        kept = [index for index in range(len(_COLUMNS)) if any(row[index] for row in cells)]
        columns = tuple(
            ViewColumn(key, self.words.label(key), is_number)
            for key, is_number in (_COLUMNS[index] for index in kept)
        )
        rows = tuple(
            ReminderRow(
                cells=tuple(row[index] for index in kept),
                details=tuple(self.details(line)),
                documents=tuple(one.identifier for one in line.references),
            )
            for line, row in zip(lines, cells, strict=True)
        )
        return columns, rows

    def cell(self, line: ReminderLine, key: str) -> str:
        if key == _SUBJECT:
            return self.subject(line)
        if key == "ReminderLine.amount":
            return self.amount(line)
        is_issue = key == "ReminderLine.issue_date"
        days = (
            one.issue_date if is_issue else self.due_dates.get(one.identifier)
            for one in line.references
        )
        return ", ".join(self.words.day(day) for day in days if day is not None)

    def subject(self, line: ReminderLine) -> str:
        """Name what a line asks for, with the numbers it speaks of."""
        numbers = ", ".join(one.identifier for one in line.references)
        if line.purpose is not None:
            name = self.words.code("line_purpose", line.purpose)
        elif line.references:
            is_credit = line.references[0].kind in _CREDIT_NOTES
            name = self.words.code("line_purpose", "CRED" if is_credit else "PRIN")
        else:
            name = line.identifier
        return f"{name} {numbers}".strip()

    def amount(self, line: ReminderLine) -> str:
        parts = []
        if line.debit is not None:
            parts.append(self.words.amount(line.debit))
        if line.credit is not None:
            taken_off = Amount(-line.credit.value, line.credit.currency)
            parts.append(self.words.amount(taken_off).replace("-", _MINUS))
        return ", ".join(parts)

    def details(self, line: ReminderLine) -> Iterator[ViewField]:
        if line.rate is not None:
            yield self.field("ReminderLine.rate", self.words.percentage(line.rate))
        if line.period is not None and (text := self.period(line.period)):
            yield self.field("ReminderLine.period", text)
        for note in line.notes:
            # Our own lines say in words what the row says already.
            if note != self.subject(line):
                yield self.field("ReminderLine.notes", note)

    def charge(self, charge: ReminderCharge) -> ViewField:
        kind = "ReminderCharge.charge" if charge.is_charge else "ReminderCharge.allowance"
        label = charge.reason or charge.reason_code or self.words.label(kind)
        return ViewField(kind, None, label, self.words.amount(charge.amount))

    def totals(self) -> Iterator[ViewField]:
        """Yield the sums; without charges and the like the sum of lines says nothing new."""
        given = [name for name in _TOTALS if getattr(self.reminder.totals, name) is not None]
        if given[:-1] == ["lines"]:
            given = given[-1:]
        for name in given:
            amount: Amount = getattr(self.reminder.totals, name)
            yield self.field(f"ReminderTotals.{name}", self.words.amount(amount))

    def payment(self) -> Iterator[ViewSection]:
        for means in self.reminder.payment:
            yield self.section("Reminder.payment", self.means(means))
        for terms in self.reminder.terms:
            section = self.section("Reminder.payment", self.terms(terms))
            if section.fields:
                yield section

    def means(self, means: ReminderPayment) -> Iterator[ViewField]:
        if means.due_date is not None:
            yield self.field("ReminderPayment.due_date", self.words.day(means.due_date))
        if means.account is not None:
            text = means.account.value
            if iban_number.is_valid(text, check_country=False):
                text = str(iban_number.format(text))
            yield self.field("ReminderPayment.account", text)
        if means.account_name:
            yield self.field("ReminderPayment.account_name", means.account_name)
        if means.service_provider is not None:
            text = _identifier(means.service_provider)
            yield self.field("ReminderPayment.service_provider", text)
        for reference in means.references:
            yield self.field("ReminderPayment.references", reference)
        text = self.words.code("payment_means", means.means_code)
        yield self.field("ReminderPayment.means_code", text)

    def terms(self, terms: ReminderTerms) -> Iterator[ViewField]:
        """Yield of the terms what the means of payment do not say already."""
        deadlines = {means.due_date for means in self.reminder.payment}
        if terms.amount is not None and terms.amount != self.reminder.totals.payable:
            yield self.field("ReminderTerms.amount", self.words.amount(terms.amount))
        if terms.due_date is not None and terms.due_date not in deadlines:
            yield self.field("ReminderTerms.due_date", self.words.day(terms.due_date))
        if terms.instalment_due_date is not None:
            text = self.words.day(terms.instalment_due_date)
            yield self.field("ReminderTerms.instalment_due_date", text)
        if terms.link and not is_payment_link(terms.link):
            yield self.field("ReminderTerms.link", terms.link)

    def parties(self) -> Iterator[ViewSection]:
        reminder = self.reminder
        for key, group, party in (
            ("Reminder.creditor", "BG-4", reminder.creditor),
            ("Reminder.debtor", "BG-7", reminder.debtor),
            ("Reminder.payee", "BG-10", reminder.payee),
        ):
            if party is not None:
                fields = group_fields(party, group, words=self.words)
                yield ViewSection(key, None, self.words.label(key), fields)


def _identifier(identifier: Identifier) -> str:
    return f"{identifier.value} ({identifier.scheme})" if identifier.scheme else identifier.value
