"""What goes into matching payments with open items, and what comes out.

Values only; amounts are whole minor units of the currency beside them.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from reminders.payments import Payment

__all__ = [
    "Allocation",
    "KnownCustomer",
    "MatchableItem",
    "Matched",
    "Proposal",
    "Proposed",
    "Reason",
    "Reopened",
    "Result",
    "Settlement",
    "Unallocated",
]


class Reason(StrEnum):
    """Why a payment was matched, proposed or left; each is a sentence a person can check."""

    END_TO_END_ID = "end-to-end-id"
    STRUCTURED_REFERENCE = "structured-reference"
    INVOICE_NUMBERS = "invoice-numbers"
    INVOICE_NUMBERS_LESS_CREDIT_NOTES = "invoice-numbers-less-credit-notes"
    INVOICE_NUMBERS_AND_PAYER = "invoice-numbers-and-payer"
    INVOICE_NUMBERS_OTHER_AMOUNT = "invoice-numbers-other-amount"
    PAYER_IBAN_AND_AMOUNT = "payer-iban-and-amount"
    PAYER_NAME_AND_AMOUNT = "payer-name-and-amount"
    SUM_OF_OPEN_ITEMS = "sum-of-open-items"
    ORIGINAL_END_TO_END_ID = "original-end-to-end-id"
    NOTHING_IDENTIFIES_IT = "nothing-identifies-it"
    ANOTHER_CURRENCY = "another-currency"
    NO_AMOUNT = "no-amount"
    MONEY_SENT = "money-sent"
    MONEY_SENT_CAME_BACK = "money-sent-came-back"
    RETURN_OF_UNKNOWN_PAYMENT = "return-of-unknown-payment"


@dataclass(frozen=True, slots=True)
class MatchableItem:
    """An open item with everything a payer may call it by.

    ``open_minor`` is what is still open, never negative; 0 for one that was paid but may be
    paid twice. ``credit`` is true for a credit note, whose open amount lowers what the customer
    owes. ``references`` are the structured references issued for it, ``end_to_end_ids`` those of
    its payment links, instalments and direct debits.
    """

    id: str
    customer: str
    number: str
    open_minor: int
    currency: str
    due: date
    credit: bool = False
    references: tuple[str, ...] = ()
    end_to_end_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KnownCustomer:
    """A customer with the accounts it is known to pay from (IBAN without spaces)."""

    id: str
    name: str
    ibans: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Allocation:
    """A share of a payment for an item: positive pays an invoice, negative uses a credit note.

    It lowers what is open on the item by its absolute value.
    """

    item: str
    minor: int


@dataclass(frozen=True, slots=True)
class Settlement:
    """An earlier payment as it was allocated, so that its return can be undone.

    Its allocations and ``unapplied_minor`` add up to what the bank credited. ``customer`` and
    ``party_iban`` tell apart payments of several payers under one end-to-end identification.
    """

    payment: str
    end_to_end_id: str
    currency: str
    allocations: tuple[Allocation, ...]
    unapplied_minor: int = 0
    customer: str = ""
    party_iban: str | None = None

    @property
    def minor(self) -> int:
        """What the bank credited."""
        return sum(one.minor for one in self.allocations) + self.unapplied_minor


@dataclass(frozen=True, slots=True)
class Matched:
    """A payment whose items are certain. Allocations and unapplied credit add up to it."""

    payment: Payment
    reason: Reason
    customer: str
    allocations: tuple[Allocation, ...]
    unapplied_minor: int = 0


@dataclass(frozen=True, slots=True)
class Proposal:
    """One way to allocate a payment that a person may accept."""

    reason: Reason
    customer: str
    allocations: tuple[Allocation, ...]
    unapplied_minor: int = 0


@dataclass(frozen=True, slots=True)
class Proposed:
    """A payment that waits for a person, with at least one proposal, the likeliest first."""

    payment: Payment
    proposals: tuple[Proposal, ...]


@dataclass(frozen=True, slots=True)
class Unallocated:
    """A payment nothing could be said about; ``customer`` where at least the payer is known."""

    payment: Payment
    reason: Reason
    customer: str | None = None


@dataclass(frozen=True, slots=True)
class Reopened:
    """Money the bank took back: allocations of the ``settlement`` that no longer hold.

    ``reopened`` are shares as they were allocated, ``unapplied_minor`` credit that is gone, and
    ``charges_minor`` what was taken beyond the payment, usually a fee. They add up to the return.
    """

    payment: Payment
    reason: Reason
    settlement: str
    reopened: tuple[Allocation, ...]
    unapplied_minor: int = 0
    charges_minor: int = 0


Result = Matched | Proposed | Unallocated | Reopened
