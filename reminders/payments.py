"""Payments as the matcher sees them: one movement of money with everything that may identify it.

Made from statements and notifications; an intraday report (camt.052) makes none, for what it
shows comes again. Amounts are whole minor units. Pure.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from enum import Enum, auto
from typing import Final

from reminders.bank import BankMessage, Direction, Entry, MessageKind, Statement, Transaction
from reminders.camt_fields import BankMessageRefused
from ubl.amounts import Amount, AmountUnreadable, to_minor

__all__ = [
    "Occurrences",
    "Payment",
    "PaymentId",
    "Sifted",
    "payments_of",
    "payments_of_entry",
    "sift",
]

# ISO 20022 external bank transaction codes that undo an earlier movement: payment returned,
# reversed or recalled, direct debit unpaid, cheque unpaid or reversed.
_UNDOING: Final = frozenset({"RRTN", "PRDD", "RPCR", "UPDD", "UPCQ", "CQRV"})


@dataclass(frozen=True, slots=True, order=True)
class PaymentId:
    """What makes a payment the same one when the file comes again.

    ``entry`` is the entry's reference (with ``~2`` where a second entry of the statement bears it),
    or ``#`` with its page and position where it has none; ``index`` counts the transactions of the
    entry from 0.
    """

    account: str
    statement: str
    entry: str
    index: int


@dataclass(frozen=True, slots=True)
class Payment:
    """Money that came (credit) or went (debit), booked by the bank.

    ``entry_minor`` is the amount of the whole entry, of which this payment may be a part.
    ``servicer_reference`` is the bank's own reference of the entry, the same in the notification
    and in the statement. ``undoes`` says that it takes back an earlier movement, ``reason`` why.
    ``references`` and ``documents`` are structured, ``lines`` free text as the bank cut it.
    """

    id: PaymentId
    minor: int
    currency: str
    direction: Direction
    entry_minor: int
    booked: date | None = None
    valued: date | None = None
    servicer_reference: str | None = None
    end_to_end_id: str | None = None
    mandate_id: str | None = None
    references: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    party_name: str | None = None
    party_iban: str | None = None
    undoes: bool = False
    reason: str | None = None

    @property
    def twin_key(self) -> tuple[object, ...] | None:
        """What a notification and a statement agree in about one entry; None without reference.

        The amount is part of it, because some banks give all entries of a day one reference.
        """
        if self.servicer_reference is None:
            return None
        return (
            self.id.account,
            self.servicer_reference,
            self.entry_minor,
            self.currency,
            self.direction,
        )

    @property
    def content_key(self) -> tuple[object, ...]:
        """Everything the bank says of the payment, but where it says it."""
        return (
            self.id.account,
            (self.minor, self.currency, self.direction, self.valued, self.end_to_end_id),
            (self.references, self.documents, self.lines),
            (self.party_name, self.party_iban),
        )


def payments_of(message: BankMessage) -> tuple[Payment, ...]:
    """List the payments of a message: what is booked, transaction by transaction.

    The entry is what the account moved by. Its transactions become payments only where their
    amounts add up to it; otherwise the entry is one payment carrying all their references.
    Raises BankMessageRefused (BANK-AMOUNT) for an amount finer than its currency's minor unit.
    """
    if message.kind is MessageKind.REPORT:
        return ()
    occurrences = Occurrences()
    return tuple(
        payment
        for statement in message.statements
        for position, entry in enumerate(statement.entries, start=1)
        for payment in payments_of_entry(
            statement, entry, position, occurrence=occurrences.count(entry, position)
        )
    )


class Occurrences:
    """Counts how often a reference came in one statement, for banks that give many entries one."""

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}

    def count(self, entry: Entry, position: int) -> int:
        """How often the entry's reference has come with this entry; the first starts anew."""
        if position == 1:
            self._counts.clear()
        if entry.reference is None:
            return 1
        # The hash alone, because a statement may have any number of entries.
        key = hash(entry.reference)
        self._counts[key] = self._counts.get(key, 0) + 1
        return self._counts[key]


def payments_of_entry(
    statement: Statement, entry: Entry, position: int, *, occurrence: int = 1
) -> Iterator[Payment]:
    """List the payments of one entry, which stands at that position of its statement, from 1.

    Of ``statement`` only the head matters. ``occurrence`` is that of the entry's reference within
    the statement. An entry that is not booked has none. Raises BankMessageRefused (BANK-AMOUNT).
    """
    if entry.booked:
        name = entry.reference or f"#{statement.page or 1}-{position}"
        yield from _of_entry(statement, entry, name if occurrence == 1 else f"{name}~{occurrence}")


def _of_entry(statement: Statement, entry: Entry, name: str) -> Iterator[Payment]:
    total = _minor(entry.amount)
    details = entry.transactions
    amounts = [_detail_minor(entry, detail) for detail in details]
    stated = [amount for amount in amounts if amount is not None]
    if len(details) > 1 and len(stated) == len(details) and sum(stated) == total:
        groups = [(details[place : place + 1], part) for place, part in enumerate(stated)]
    else:
        groups = [(details, total)]
    for index, (group, amount) in enumerate(groups):
        identity = PaymentId(
            statement.account.identifier or "", statement.identification, name, index
        )
        yield _payment(identity, entry, group, amount)


def _minor(amount: Amount) -> int:
    try:
        return to_minor(amount)
    except AmountUnreadable as error:
        raise BankMessageRefused(
            "BANK-AMOUNT", f"The bank message cannot be booked: {error.message}"
        ) from None


def _detail_minor(entry: Entry, detail: Transaction) -> int | None:
    """Return the transaction's share of the entry, negative where it runs against it."""
    for amount in (detail.booked_amount, detail.amount):
        if amount is not None and amount.currency == entry.amount.currency:
            against = detail.direction not in (None, entry.direction)
            # A share that runs against its entry cannot be a payment of the entry's direction.
            return None if against else _minor(amount)
    return None


def _payment(
    identity: PaymentId, entry: Entry, details: tuple[Transaction, ...], minor: int
) -> Payment:
    reasons = [detail.return_reason for detail in details if detail.return_reason]
    codes = {entry.code.subfamily, *(detail.code.subfamily for detail in details)}
    parties = [
        detail.debtor if entry.direction is Direction.CREDIT else detail.creditor
        for detail in details
    ]
    undoes = entry.reversal or bool(reasons) or not codes.isdisjoint(_UNDOING)
    only = details[0] if len(details) == 1 else Transaction()
    party = parties[0] if len(parties) == 1 else None
    return Payment(
        id=identity,
        minor=minor,
        currency=entry.amount.currency,
        direction=entry.direction,
        entry_minor=_minor(entry.amount),
        booked=entry.booking_date,
        valued=entry.value_date,
        servicer_reference=entry.servicer_reference or only.servicer_reference,
        end_to_end_id=only.end_to_end_id,
        mandate_id=only.mandate_id,
        references=tuple(r.value for d in details for r in d.remittance.references),
        documents=tuple(one.number for d in details for one in d.remittance.documents),
        lines=tuple(line for d in details for line in (*d.remittance.lines, *d.remittance.notes)),
        party_name=(party.name or party.ultimate_name) if party else None,
        party_iban=party.account.iban if party else None,
        undoes=undoes,
        reason=next((reason.code for reason in reasons if reason.code), None),
    )


@dataclass(frozen=True, slots=True)
class Sifted:
    """Payments told apart: never seen before, come again, and possibly come again.

    What is ``doubtful`` is for a person: the bank gave no reference to tell by.
    """

    new: tuple[Payment, ...] = ()
    repeated: tuple[Payment, ...] = ()
    doubtful: tuple[Payment, ...] = ()


def sift(payments: Iterable[Payment], known: Collection[Payment] = ()) -> Sifted:
    """Tell new payments from repeated ones.

    Repeated is what has the identity of a known payment (the file came again), or the bank's
    reference, amount and direction of an entry from another statement or notification (announced
    first, then on the statement). Doubtful is what has no such reference but says in all else
    the same as a payment from elsewhere; what has the reference of one elsewhere but another
    payer or end-to-end identification, or comes once more than there; and another movement under
    the identity of a known one, which gets an identity of its own. Taking in the same files
    twice changes nothing.
    """
    sieve = _Sieve(known)
    sifted: dict[_Sort, list[Payment]] = {sort: [] for sort in _Sort}
    for payment in payments:
        sort, named = sieve.sort(payment)
        sifted[sort].append(named)
    return Sifted(
        tuple(sifted[_Sort.NEW]), tuple(sifted[_Sort.REPEATED]), tuple(sifted[_Sort.DOUBTFUL])
    )


class _Sort(Enum):
    NEW = auto()
    REPEATED = auto()
    DOUBTFUL = auto()


class _Sieve:
    """What has come so far, by everything a repetition is told by."""

    def __init__(self, known: Iterable[Payment]) -> None:
        self._by_id: dict[PaymentId, Payment] = {}
        self._alike: dict[tuple[object, ...], list[Payment]] = {}
        self._explained: dict[tuple[object, ...], dict[tuple[str, str], str]] = {}
        for payment in known:
            self._keep(payment)

    def sort(self, payment: Payment) -> tuple[_Sort, Payment]:
        """Sort one payment; it comes back with the identity it is to have."""
        namesake = self._by_id.get(payment.id)
        if namesake is not None and _movement(namesake) != _movement(payment):
            payment = replace(payment, id=_other_identity(payment))
            if payment.id in self._by_id:
                return _Sort.REPEATED, payment
            sort = _Sort.DOUBTFUL
        elif namesake is not None:
            return _Sort.REPEATED, payment
        else:
            sort = self._sort_by_content(payment)
        if sort is not _Sort.REPEATED:
            self._keep(payment)
        return sort, payment

    def _sort_by_content(self, payment: Payment) -> _Sort:
        key = payment.twin_key or payment.content_key
        # Within one statement the bank means two payments, however alike they are.
        others = [
            one for one in self._alike.get(key, ()) if one.id.statement != payment.id.statement
        ]
        if not others:
            return _Sort.NEW
        if payment.twin_key is None:
            return _Sort.DOUBTFUL
        # Each entry elsewhere was one movement, so it explains one entry of this statement.
        explained = self._explained.setdefault((*key, payment.id.statement), {})
        entries = [(one.id.statement, one.id.entry) for one in others if _agree(one, payment)]
        free = [one for one in entries if explained.get(one, payment.id.entry) == payment.id.entry]
        if not free:
            return _Sort.DOUBTFUL
        explained[free[0]] = payment.id.entry
        return _Sort.REPEATED

    def _keep(self, payment: Payment) -> None:
        self._by_id[payment.id] = payment
        self._alike.setdefault(payment.twin_key or payment.content_key, []).append(payment)


def _movement(payment: Payment) -> tuple[object, ...]:
    """What two tellings of one movement of money cannot differ in."""
    return (payment.minor, payment.currency, payment.direction, payment.valued or payment.booked)


def _other_identity(payment: Payment) -> PaymentId:
    """An identity for a movement whose own is taken, the same each time it is told."""
    minor, currency, direction, day = _movement(payment)
    return replace(payment.id, entry=f"{payment.id.entry}~{day}~{direction}~{minor}~{currency}")


def _agree(one: Payment, other: Payment) -> bool:
    """Whether nothing that both say keeps them from being one payment."""
    pairs = (
        (one.end_to_end_id, other.end_to_end_id),
        (one.party_iban, other.party_iban),
    )
    return all(mine == theirs for mine, theirs in pairs if mine and theirs)
