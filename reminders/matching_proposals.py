"""What a person should look at: allocations that are likely, none of them certain.

Proposals take nothing from the book; two payments may propose the same item. Pure.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import combinations, islice
from typing import Final

from reminders.matching_book import Book
from reminders.matching_values import (
    MatchableItem,
    Proposal,
    Proposed,
    Reason,
    Result,
    Unallocated,
)
from reminders.names import name_likeness, names_alike
from reminders.payments import Payment
from reminders.references import normal_form

__all__ = ["MAX_SUM_ITEMS", "NAME_LIKENESS", "propose", "sums_to"]

NAME_LIKENESS: Final = 85
MAX_SUM_ITEMS: Final = 12
_MAX_PROPOSALS: Final = 5


def propose(
    book: Book,
    payment: Payment,
    named: Sequence[MatchableItem],
    tolerance_minor: int,
) -> Result:
    """Say what the payment may be for, the likeliest first, or why nothing can be said.

    ``named`` are the items whose numbers the payer wrote.
    """
    likely: dict[tuple[object, ...], Proposal] = {}
    alike = _alike(book, payment)
    steps = (
        _numbers_other_amount(book, payment, named),
        _payer_and_amount(book, payment),
        _name_and_amount(book, payment, alike, tolerance_minor),
        _sums(book, payment, alike),
    )
    for step in steps:
        for proposal in step:
            likely.setdefault(proposal.allocations, proposal)
    if likely:
        return Proposed(payment, tuple(islice(likely.values(), _MAX_PROPOSALS)))
    reason = Reason.NOTHING_IDENTIFIES_IT
    if _names_items_of_another_currency(book, payment):
        reason = Reason.ANOTHER_CURRENCY
    return Unallocated(payment, reason, book.payer(payment))


def _proposal(
    book: Book, payment: Payment, items: Sequence[MatchableItem], reason: Reason
) -> Proposal:
    split = book.split(items, payment.minor)
    return Proposal(reason, items[0].customer, split.allocations, split.unapplied_minor)


def _numbers_other_amount(
    book: Book, payment: Payment, named: Sequence[MatchableItem]
) -> Iterator[Proposal]:
    items = [one for one in named if book.open[one.id]]
    if len({one.customer for one in items}) == 1 and not all(one.credit for one in items):
        yield _proposal(book, payment, items, Reason.INVOICE_NUMBERS_OTHER_AMOUNT)


def _payer_and_amount(book: Book, payment: Payment) -> Iterator[Proposal]:
    payer = book.payer(payment)
    if payer is None:
        return
    for item in book.open_of(payer, payment.currency):
        if not item.credit and book.open[item.id] == payment.minor:
            yield _proposal(book, payment, [item], Reason.PAYER_IBAN_AND_AMOUNT)


def _alike(book: Book, payment: Payment) -> list[str]:
    """List the customers whose name is like the payer's, the most alike first."""
    if payment.party_name is None:
        return []
    scored = [
        (-name_likeness(payment.party_name, customer.name), customer.id)
        for customer in book.customers.values()
        if names_alike(payment.party_name, customer.name, at_least=NAME_LIKENESS)
    ]
    return [customer for _, customer in sorted(scored)]


def _name_and_amount(
    book: Book, payment: Payment, alike: Sequence[str], tolerance_minor: int
) -> Iterator[Proposal]:
    for customer in alike:
        near = [
            (abs(book.open[item.id] - payment.minor), item.due, item.id)
            for item in book.open_of(customer, payment.currency)
            if not item.credit and abs(book.open[item.id] - payment.minor) <= tolerance_minor
        ]
        for _, _, item_id in sorted(near):
            yield _proposal(book, payment, [book.items[item_id]], Reason.PAYER_NAME_AND_AMOUNT)


def _sums(book: Book, payment: Payment, alike: Sequence[str]) -> Iterator[Proposal]:
    payer = book.payer(payment)
    customers = [payer] if payer is not None else alike[:1]
    for customer in customers:
        items = book.open_of(customer, payment.currency)
        signed = [-book.open[one.id] if one.credit else book.open[one.id] for one in items]
        for chosen in sums_to(signed, payment.minor):
            parts = [items[place] for place in chosen]
            yield _proposal(book, payment, parts, Reason.SUM_OF_OPEN_ITEMS)


def sums_to(amounts: Sequence[int], target: int) -> Iterator[tuple[int, ...]]:
    """Yield the places of two or more amounts that add up to the target, fewest first.

    Looks at no more than the first twelve amounts, which is 4,096 choices; beyond that a match
    would be chance rather than evidence.
    """
    for places in _choices(min(len(amounts), MAX_SUM_ITEMS)):
        if sum(map(amounts.__getitem__, places)) == target:
            yield places


@cache
def _choices(count: int) -> tuple[tuple[int, ...], ...]:
    """List every choice of two or more of so many places, fewest first."""
    return tuple(
        chosen for size in range(2, count + 1) for chosen in combinations(range(count), size)
    )


def _names_items_of_another_currency(book: Book, payment: Payment) -> bool:
    names = {normal_form(one) for one in (*payment.references, *payment.documents)}
    names |= {one.number for one in book.references.find(payment.lines)}
    names |= {one.number for one in book.numbers.find(payment.lines)}
    named = [
        *book.by_end_to_end_id.get(payment.end_to_end_id or "", ()),
        *(item for name in names for item in book.by_reference.get(name, ())),
        *(item for name in names for item in book.by_number.get(name, ())),
    ]
    return any(item.currency != payment.currency for item in named)
