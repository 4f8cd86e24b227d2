"""Matching payments with open items: what is certain, what a person should look at, what is left.

Steps run from the surest evidence to the weakest, each for all payments before the next begins,
so that a guess never takes what a reference claims. Every result carries the reason it rests on;
there are no scores. A reference settles who paid for what, never how much: the amount is always
compared. Only certain matches use up items; proposals do not. Pure.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from reminders.bank import Direction
from reminders.matching_book import Book, payment_order
from reminders.matching_proposals import propose
from reminders.matching_returns import Settlements
from reminders.matching_values import (
    KnownCustomer,
    MatchableItem,
    Matched,
    Reason,
    Result,
    Settlement,
    Unallocated,
)
from reminders.payments import Payment, PaymentId
from reminders.references import normal_form

__all__ = ["TOLERANCE_MINOR", "match", "payment_name"]

TOLERANCE_MINOR: Final = 5


def payment_name(identity: PaymentId) -> str:
    """Write a payment's identity as one text, the ``payment`` of a `Settlement`."""
    parts = (identity.account, identity.statement, identity.entry, str(identity.index))
    return "/".join(part.replace("%", "%25").replace("/", "%2F") for part in parts)


def match(
    payments: Iterable[Payment],
    *,
    items: Iterable[MatchableItem],
    customers: Iterable[KnownCustomer] = (),
    settlements: Iterable[Settlement] = (),
    tolerance_minor: int = TOLERANCE_MINOR,
) -> tuple[Result, ...]:
    """Say of every payment what it pays; one result each, in the order the money came.

    ``items`` are those open, and those paid lately so that a double payment is known as one.
    ``settlements`` are earlier payments that may still be returned. A payment given twice counts
    once; payments of earlier runs are kept out by `reminders.payments.sift`. ``tolerance_minor``
    is how far an amount may be off for a suggestion by name, in minor units.
    """
    book = Book.of(items, customers)
    waiting = sorted({one.id: one for one in payments}.values(), key=payment_order)
    results: dict[PaymentId, Result] = {}
    for step in (_not_to_match, _by_end_to_end_id, _by_reference, _by_numbers):
        for payment in waiting:
            if payment.id not in results and (result := step(book, payment)):
                results[payment.id] = result
    earlier = Settlements((*settlements, *_settled(results.values())))
    for payment in waiting:
        if payment.id not in results:
            if payment.direction is Direction.DEBIT:
                results[payment.id] = earlier.undo(payment)
            else:
                named, _ = _numbered(book, payment)
                results[payment.id] = propose(book, payment, named, tolerance_minor)
    return tuple(results[payment.id] for payment in waiting)


def _settled(results: Iterable[Result]) -> Iterator[Settlement]:
    """List what this run matched and the bank may take back within the same file."""
    for result in results:
        if isinstance(result, Matched) and result.payment.end_to_end_id:
            yield Settlement(
                payment=payment_name(result.payment.id),
                end_to_end_id=result.payment.end_to_end_id,
                currency=result.payment.currency,
                allocations=result.allocations,
                unapplied_minor=result.unapplied_minor,
                customer=result.customer,
                party_iban=result.payment.party_iban,
            )


def _not_to_match(_book: Book, payment: Payment) -> Result | None:
    """Set aside what pays no item: no amount, money sent, and money sent that came back."""
    if payment.minor == 0:
        return Unallocated(payment, Reason.NO_AMOUNT)
    if payment.direction is Direction.DEBIT and not payment.undoes:
        return Unallocated(payment, Reason.MONEY_SENT)
    if payment.direction is Direction.CREDIT and payment.undoes:
        return Unallocated(payment, Reason.MONEY_SENT_CAME_BACK)
    return None


def _certain(
    book: Book, payment: Payment, items: Sequence[MatchableItem], reason: Reason
) -> Matched:
    split = book.split(items, payment.minor)
    book.take(split)
    return Matched(payment, reason, items[0].customer, split.allocations, split.unapplied_minor)


def _one_customer(items: Sequence[MatchableItem]) -> bool:
    return len({one.customer for one in items}) == 1


def _same_currency(payment: Payment, items: Iterable[MatchableItem]) -> list[MatchableItem]:
    return [one for one in items if one.currency == payment.currency]


def _by_end_to_end_id(book: Book, payment: Payment) -> Result | None:
    """Match by the identification we gave the payment ourselves: a link, instalment, debit."""
    if payment.undoes or payment.end_to_end_id is None:
        return None
    items = _same_currency(payment, book.by_end_to_end_id.get(payment.end_to_end_id, ()))
    if not items or not _one_customer(items):
        return None
    return _certain(book, payment, items, Reason.END_TO_END_ID)


def _by_reference(book: Book, payment: Payment) -> Result | None:
    """Match by a structured reference we issued, then see how far the money reaches."""
    if payment.undoes:
        return None
    names = [normal_form(one) for one in payment.references]
    names += [one.number for one in book.references.find(payment.lines) if one.firm]
    found = (item for name in dict.fromkeys(names) for item in book.by_reference.get(name, ()))
    items = _same_currency(payment, found)
    if not items or not _one_customer(items):
        return None
    if book.net(items) != payment.minor:
        # The payer may have paid more than the reference stands for, and said so in words.
        more, firm = _numbered(book, payment)
        wider = [*items, *(one for one in more if one not in items)]
        if _one_customer(wider) and (firm or book.net(wider) == payment.minor):
            items = wider
    return _certain(book, payment, items, Reason.STRUCTURED_REFERENCE)


def _by_numbers(book: Book, payment: Payment) -> Result | None:
    """Match by numbers the payer wrote where they explain the amount to the cent."""
    items, firm = _numbered(book, payment)
    items = [one for one in items if book.open[one.id]]
    if payment.undoes or not items or not _one_customer(items):
        return None
    invoices = [one for one in items if not one.credit]
    if book.net(items) == payment.minor:
        reason = Reason.INVOICE_NUMBERS
        if len(invoices) < len(items):
            reason = Reason.INVOICE_NUMBERS_LESS_CREDIT_NOTES
        return _certain(book, payment, items, reason)
    if book.net(invoices) == payment.minor:
        return _certain(book, payment, invoices, Reason.INVOICE_NUMBERS)
    if firm and len(items) == len(invoices) == 1 and book.payer(payment) == items[0].customer:
        return _certain(book, payment, items, Reason.INVOICE_NUMBERS_AND_PAYER)
    return None


def _numbered(book: Book, payment: Payment) -> tuple[list[MatchableItem], bool]:
    """Return the items whose numbers the payer named, and whether none of them is in doubt."""
    named = {normal_form(one): True for one in payment.documents}
    for found in book.numbers.find(payment.lines):
        named[found.number] = named.get(found.number, False) or found.firm
    items = [
        (item, firm)
        for number, firm in named.items()
        for item in _same_currency(payment, book.by_number.get(number, ()))
    ]
    return [item for item, _ in items], all(firm for _, firm in items)
