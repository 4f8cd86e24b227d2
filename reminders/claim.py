"""What a reminder asks for: one creditor, one debtor, one currency, and how to pay.

The facts behind every form a reminder takes (UBL, letter, e-mail). Amounts are documents'
Decimals; who holds minor units converts them with ``ubl.amounts.from_minor``.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from ubl.amounts import Amount
from ubl.model import Buyer, Period, Seller
from ubl.reminder import LinePurpose, RelatedDocument, ReminderType
from ubl.reminder_rules import PAYMENT_LINK, is_payment_link

__all__ = ["Claim", "ClaimLine", "ClaimRefused", "PayTo"]

CREDITS: Final = frozenset({LinePurpose.CREDIT, LinePurpose.PAYMENT})
# White space of letters and amounts; what turns writing around or draws nothing is refused.
_BLANKS: Final = dict.fromkeys(map(ord, "\t\n\r\u00a0\u2009\u202f"), " ")


class ClaimRefused(ValueError):
    """The facts make no reminder.

    ``code`` is stable: CLAIM-EMPTY, CLAIM-CURRENCY, CLAIM-SIGN, CLAIM-TOTAL, CLAIM-LINK,
    CLAIM-NAME or CLAIM-TEXT.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimLine:
    """One sum of a claim: an open invoice, interest on it, or something set against it.

    ``number`` is the invoice or credit note spoken of. ``open`` is what is asked for now, below
    zero for credit notes and payments; ``original`` is the document's full amount. ``rate`` (per
    cent a year) and ``period`` (days, both included) belong to interest.
    """

    purpose: LinePurpose
    number: str
    open: Amount
    original: Amount | None = None
    issue_date: date | None = None
    due_date: date | None = None
    uuid: str | None = None
    rate: Decimal | None = None
    period: Period | None = None

    def days_late(self, on: date) -> int:
        """Count the days after the due date, 0 where it is still to come or none is known."""
        return 0 if self.due_date is None else max(0, (on - self.due_date).days)


@dataclass(frozen=True, slots=True, kw_only=True)
class PayTo:
    """The account to pay to and what to quote.

    ``reference`` is a creditor reference (RF...), a Belgian structured message or plain words.
    """

    iban: str
    holder: str
    bic: str | None = None
    reference: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Everything a reminder says. Raises ClaimRefused for facts that contradict each other.

    ``issued_on`` and ``deadline`` are business dates. ``sequence`` counts the reminders for these
    items, 0 for an advice before the due date. ``payment_link`` is an https address, or an http
    address of this machine.
    """

    identifier: str
    issued_on: date
    level: ReminderType
    sequence: int
    creditor: Seller
    debtor: Buyer
    lines: tuple[ClaimLine, ...]
    pay_to: PayTo | None = None
    deadline: date | None = None
    payment_link: str | None = None
    customer_number: str | None = None
    earlier: tuple[RelatedDocument, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what no reminder can say."""
        for refusal in self._refusals():
            raise refusal

    def _refusals(self) -> Iterator[ClaimRefused]:
        if not self.lines:
            yield ClaimRefused("CLAIM-EMPTY", "Nothing is asked for. Name at least one invoice.")
        if len({amount.currency for amount in self._amounts()}) > 1:
            message = "The lines have several currencies. Make one reminder for each."
            yield ClaimRefused("CLAIM-CURRENCY", message)
        for line in self.lines:
            if (line.open.value < 0) != (line.purpose in CREDITS) or line.open.value == 0:
                message = f"The amount of '{line.number}' has the wrong sign or is zero."
                yield ClaimRefused("CLAIM-SIGN", message)
        if self.lines and self.total.value <= 0:
            message = "After credits nothing is left to pay. Send a statement instead."
            yield ClaimRefused("CLAIM-TOTAL", message)
        if self.payment_link is not None and not is_payment_link(self.payment_link):
            yield ClaimRefused("CLAIM-LINK", f"The payment link must be {PAYMENT_LINK}.")
        if not (self.creditor.name or "").strip() or not (self.debtor.name or "").strip():
            yield ClaimRefused("CLAIM-NAME", "Give the names of creditor and debtor.")
        for text in _texts(self):
            if not text.translate(_BLANKS).isprintable():
                message = f"{text[:60]!a} has a control or invisible character. Remove it."
                yield ClaimRefused("CLAIM-TEXT", message)

    def _amounts(self) -> Iterator[Amount]:
        for line in self.lines:
            yield line.open
            if line.original is not None:
                yield line.original

    @property
    def currency(self) -> str:
        """The one currency of the claim (ISO 4217)."""
        return self.lines[0].open.currency

    @property
    def total(self) -> Amount:
        """What is to be paid: the sum of all lines, credits taken off."""
        total = sum((line.open.value for line in self.lines), Decimal(0))
        return Amount(total, self.currency)

    def days_late(self) -> int:
        """Count the days the oldest invoice is late on the day of issue."""
        return max(line.days_late(self.issued_on) for line in self.lines)


def _texts(value: object) -> Iterator[str]:
    """Yield every text of a value, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for one in value:
            yield from _texts(one)
    elif is_dataclass(value):
        for field in fields(value):
            yield from _texts(getattr(value, field.name))
