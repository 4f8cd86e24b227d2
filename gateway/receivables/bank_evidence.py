"""What the books know that may explain some payments, found by what the bank tells of them.

However many items and customers an account has, only those are loaded that the payments point at:
by an end-to-end identification, a reference or number they name, the payer's account or name, or
the amount. In two steps, because the customers concerned are locked in between.
"""

import asyncio
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, TypeVar
from uuid import UUID

from sqlalchemy import func, or_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from gateway.exchange.states import NetworkState, TransportState
from gateway.exchange.tables import Document
from gateway.receivables.bank_rows import items_of, settlement_of
from gateway.receivables.ports import EndToEndIds
from gateway.receivables.tables import (
    BankPayment,
    BankPaymentState,
    Customer,
    CustomerAccount,
    ItemRow,
)
from reminders.bank import Direction
from reminders.entries import ItemKind
from reminders.matching import TOLERANCE_MINOR
from reminders.matching_proposals import NAME_LIKENESS
from reminders.matching_values import KnownCustomer, MatchableItem, Settlement
from reminders.names import name_words, names_alike
from reminders.payments import Payment
from reminders.references import candidates, normal_form, ogm_valid, rf_valid

__all__ = ["Books", "Pointers", "load_books", "point"]

_LONGEST: Final = 64
_MAX_KEYS: Final = 500
"""Numbers looked up of one payment; 140 letters of free text hold far fewer."""
_CHUNK: Final = 500
_AMOUNTS_AT_ONCE: Final = 50
_MAX_BY_AMOUNT: Final = 2_000
_MAX_BY_NAME: Final = 20
_MAX_OPEN: Final = 200
"""Open items looked at of a customer the payer may be, the oldest first."""
_SHORTEST_WORD: Final = 3
_LONG_NUMBER: Final = 10
_LOST: Final = (TransportState.FAILED, TransportState.CANCELLED)


@dataclass(slots=True)
class Pointers:
    """What some payments point at: rows by id, not locked yet.

    ``issued`` are the open items behind end-to-end identifications of ours, ``payers`` customers
    the payers may be, ``customers`` everybody concerned.
    """

    issued: Mapping[str, tuple[UUID, ...]] = field(default_factory=dict)
    items: set[UUID] = field(default_factory=set)
    payers: set[UUID] = field(default_factory=set)
    customers: set[UUID] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Books:
    """What the matcher works with, as of the locks."""

    items: tuple[MatchableItem, ...]
    customers: tuple[KnownCustomer, ...]
    settlements: tuple[Settlement, ...]
    issued: Mapping[str, tuple[UUID, ...]]


async def point(
    session: AsyncSession,
    tenant_id: UUID,
    payments: Sequence[Payment],
    *,
    issued_ids: EndToEndIds,
) -> Pointers:
    """Find the items and customers that the payments may be about."""
    coming = [one for one in payments if one.direction is Direction.CREDIT and not one.undoes]
    taken = [one for one in payments if one.direction is Direction.DEBIT and one.undoes]
    found = Pointers()
    ids = sorted({one.end_to_end_id for one in coming if one.end_to_end_id})
    found.issued = await issued_ids(session, tenant_id, ids) if ids else {}
    found.items |= {item for items in found.issued.values() for item in items}
    keys = await asyncio.to_thread(_keys_of, coming)
    named = await _add_named(session, tenant_id, found, frozenset().union(*keys.values()))
    await _add_payers(session, tenant_id, found, coming)
    unexplained = [
        one
        for one in coming
        if one.party_name and keys[one].isdisjoint(named) and one.end_to_end_id not in found.issued
    ]
    await _add_by_amount(session, tenant_id, found, unexplained)
    await _add_by_name(session, tenant_id, found, unexplained)
    for row in await _paid_under(session, tenant_id, taken, states=[BankPaymentState.MATCHED]):
        found.items |= items_of([row.result])
    await _add_owners(session, tenant_id, found)
    return found


async def load_books(
    session: AsyncSession, tenant_id: UUID, payments: Sequence[Payment], found: Pointers
) -> Books:
    """Load what was pointed at, after its customers were locked."""
    rows: dict[UUID, ItemRow] = {}
    for chunk in _chunks(sorted(found.items)):
        query = select(ItemRow).where(ItemRow.tenant_id == tenant_id, col(ItemRow.id).in_(chunk))
        rows |= {row.id: row for row in await session.exec(_fresh(query))}
    currencies = sorted({one.currency for one in payments})
    for customer in sorted(found.payers):
        still_open = (
            select(ItemRow)
            .where(
                ItemRow.tenant_id == tenant_id,
                ItemRow.customer_id == customer,
                col(ItemRow.closed_on).is_(None),
                col(ItemRow.currency).in_(currencies),
            )
            .order_by(col(ItemRow.due_date), col(ItemRow.id))
            .limit(_MAX_OPEN)
        )
        rows |= {row.id: row for row in await session.exec(_fresh(still_open))}
    for lost in await _superseded(session, tenant_id, rows.values()):
        if not any(lost in items for items in found.issued.values()):
            del rows[lost]
    ids_of: dict[UUID, list[str]] = {}
    for end_to_end_id, items in found.issued.items():
        for item in items:
            ids_of.setdefault(item, []).append(end_to_end_id)
    return Books(
        items=tuple(_matchable(row, ids_of.get(row.id, ())) for row in rows.values()),
        customers=await _known_customers(session, tenant_id, found.customers),
        settlements=await _settlements(session, tenant_id, payments),
        issued=found.issued,
    )


async def _superseded(
    session: AsyncSession, tenant_id: UUID, rows: Iterable[ItemRow]
) -> list[UUID]:
    """The items whose document did not arrive, where one of the same number did or is on its way.

    Who pays an invoice that was sent again pays what arrived, however old the lost one is.
    """
    alike: dict[tuple[UUID, ItemKind, str | None], list[UUID]] = {}
    for row in rows:
        alike.setdefault((row.customer_id, row.kind, row.number_key), []).append(row.id)
    again = [ids for ids in alike.values() if len(ids) > 1]
    lost: set[UUID] = set()
    for chunk in _chunks([one for ids in again for one in ids]):
        lost.update(
            await session.exec(
                select(ItemRow.id)
                .join(Document, col(Document.id) == col(ItemRow.document_id))
                .where(
                    ItemRow.tenant_id == tenant_id,
                    col(ItemRow.id).in_(chunk),
                    col(Document.transport).in_(_LOST)
                    | (col(Document.network) == NetworkState.REJECTED),
                )
            )
        )
    return [one for ids in again if not lost.issuperset(ids) for one in ids if one in lost]


def _matchable(row: ItemRow, end_to_end_ids: Iterable[str]) -> MatchableItem:
    issued = row.reference is not None and _is_issued(row.reference)
    return MatchableItem(
        id=str(row.id),
        customer=str(row.customer_id),
        number=row.number,
        open_minor=abs(row.open_minor),
        currency=row.currency,
        due=row.due_date or row.opened_on,
        credit=row.kind.is_credit,
        references=(row.reference,) if row.reference and issued else (),
        end_to_end_ids=tuple(end_to_end_ids),
    )


def _is_issued(reference: str) -> bool:
    """Whether a reference (BT-83) names one document for sure: check digits, or many digits.

    Anything else a seller asks to quote, such as a customer number, proves nothing by itself.
    """
    normal = normal_form(reference)
    many_digits = normal.isdigit() and len(normal) >= _LONG_NUMBER
    return many_digits or rf_valid(reference) or ogm_valid(reference)


def _keys_of(payments: Iterable[Payment]) -> dict[Payment, frozenset[str]]:
    """What each payment may name, in the normal form of numbers and references."""
    return {
        one: frozenset(normal_form(text) for text in (*one.references, *one.documents))
        | frozenset(islice(candidates(one.lines, longest=_LONGEST), _MAX_KEYS))
        for one in payments
    }


async def _add_named(
    session: AsyncSession, tenant_id: UUID, found: Pointers, keys: Collection[str]
) -> frozenset[str]:
    """Add the items that bear these numbers or references; returns the keys that were found."""
    known: set[str] = set()
    for key, wanted in (
        (col(ItemRow.number_key), sorted(one for one in keys if one)),
        # Others prove nothing, and every invoice of an account may bear the same.
        (col(ItemRow.reference_key), sorted(one for one in keys if _is_issued(one))),
    ):
        for chunk in _chunks(wanted):
            rows = await session.exec(
                select(ItemRow.id, key).where(ItemRow.tenant_id == tenant_id, key.in_(chunk))
            )
            for item, name in rows:
                found.items.add(item)
                known.add(str(name))
    return frozenset(known)


async def _add_payers(
    session: AsyncSession, tenant_id: UUID, found: Pointers, payments: Iterable[Payment]
) -> None:
    """Add the customers known to pay from the payers' accounts."""
    for chunk in _chunks(sorted({one.party_iban for one in payments if one.party_iban})):
        owners = await session.exec(
            select(CustomerAccount.customer_id).where(
                CustomerAccount.tenant_id == tenant_id, col(CustomerAccount.iban).in_(chunk)
            )
        )
        found.payers.update(owners)


async def _add_by_amount(
    session: AsyncSession, tenant_id: UUID, found: Pointers, payments: Sequence[Payment]
) -> None:
    """Add items with about that amount open whose customer's name is like the payer's."""
    for start in range(0, len(payments), _AMOUNTS_AT_ONCE):
        some = payments[start : start + _AMOUNTS_AT_ONCE]
        near = [
            (col(ItemRow.currency) == one.currency)
            & col(ItemRow.open_minor).between(
                one.minor - TOLERANCE_MINOR, one.minor + TOLERANCE_MINOR
            )
            for one in some
        ]
        rows = await session.exec(
            select(ItemRow.id, ItemRow.open_minor, Customer.id, Customer.name)
            .join(Customer, col(Customer.id) == col(ItemRow.customer_id))
            .where(ItemRow.tenant_id == tenant_id, col(ItemRow.closed_on).is_(None), or_(*near))
            .order_by(col(ItemRow.due_date), col(ItemRow.id))
            .limit(_MAX_BY_AMOUNT)
        )
        for item, customer in await asyncio.to_thread(_alike, some, rows.all()):
            found.items.add(item)
            found.payers.add(customer)


def _alike(
    payments: Sequence[Payment], rows: Iterable[tuple[UUID, int, UUID, str]]
) -> list[tuple[UUID, UUID]]:
    return [
        (item, customer)
        for item, open_minor, customer, name in rows
        if any(
            abs(open_minor - one.minor) <= TOLERANCE_MINOR
            and names_alike(one.party_name or "", name, at_least=NAME_LIKENESS)
            for one in payments
        )
    ]


async def _add_by_name(
    session: AsyncSession, tenant_id: UUID, found: Pointers, payments: Iterable[Payment]
) -> None:
    """Add customers whose name has the payer's longest word in it and is like the whole."""
    for name in sorted({one.party_name for one in payments if one.party_name}):
        word = max(name_words(name), key=lambda one: (len(one), one), default="")
        if len(word) < _SHORTEST_WORD:
            continue
        rows = await session.exec(
            select(Customer.id, Customer.name)
            .where(
                Customer.tenant_id == tenant_id,
                func.lower(Customer.name).contains(word, autoescape=True),
            )
            .order_by(col(Customer.id))
            .limit(_MAX_BY_NAME)
        )
        found.payers.update(
            customer for customer, other in rows if names_alike(name, other, at_least=NAME_LIKENESS)
        )


async def _add_owners(session: AsyncSession, tenant_id: UUID, found: Pointers) -> None:
    """Add the customers of the items found; everybody concerned is then known."""
    found.customers |= found.payers
    for chunk in _chunks(sorted(found.items)):
        owners = await session.exec(
            select(ItemRow.customer_id).where(
                ItemRow.tenant_id == tenant_id, col(ItemRow.id).in_(chunk)
            )
        )
        found.customers.update(owners)


async def _known_customers(
    session: AsyncSession, tenant_id: UUID, ids: Collection[UUID]
) -> tuple[KnownCustomer, ...]:
    names: dict[UUID, str] = {}
    ibans: dict[UUID, set[str]] = {}
    for chunk in _chunks(sorted(ids)):
        rows = await session.exec(
            select(Customer.id, Customer.name).where(
                Customer.tenant_id == tenant_id, col(Customer.id).in_(chunk)
            )
        )
        names.update(rows.all())
        accounts = await session.exec(
            select(CustomerAccount.customer_id, CustomerAccount.iban).where(
                CustomerAccount.tenant_id == tenant_id,
                col(CustomerAccount.customer_id).in_(chunk),
            )
        )
        for customer, iban in accounts:
            ibans.setdefault(customer, set()).add(iban)
    return tuple(
        KnownCustomer(str(one), name, frozenset(ibans.get(one, ()))) for one, name in names.items()
    )


async def _settlements(
    session: AsyncSession, tenant_id: UUID, payments: Iterable[Payment]
) -> tuple[Settlement, ...]:
    """Earlier payments under the same identifications that were not taken back yet."""
    taken = [one for one in payments if one.direction is Direction.DEBIT and one.undoes]
    states = [BankPaymentState.MATCHED, BankPaymentState.REOPENED]
    rows = await _paid_under(session, tenant_id, taken, states=states)
    undone = {row.result["settlement"] for row in rows if row.state is BankPaymentState.REOPENED}
    return tuple(
        settlement_of(row)
        for row in rows
        if row.state is BankPaymentState.MATCHED
        and row.direction is Direction.CREDIT
        and row.name not in undone
    )


async def _paid_under(
    session: AsyncSession,
    tenant_id: UUID,
    payments: Iterable[Payment],
    *,
    states: Collection[BankPaymentState],
) -> list[BankPayment]:
    """Payments booked under the end-to-end identifications of these."""
    rows: list[BankPayment] = []
    for chunk in _chunks(sorted({one.end_to_end_id for one in payments if one.end_to_end_id})):
        query = (
            select(BankPayment)
            .where(
                BankPayment.tenant_id == tenant_id,
                col(BankPayment.end_to_end_id).in_(chunk),
                col(BankPayment.state).in_(states),
            )
            .order_by(col(BankPayment.id))
        )
        rows += await session.exec(query)
    return rows


def _fresh(query: SelectOfScalar[ItemRow]) -> SelectOfScalar[ItemRow]:
    """Read rows anew, for they may have been read before their customers were locked."""
    return query.execution_options(populate_existing=True)


_One = TypeVar("_One")


def _chunks(values: Sequence[_One]) -> Iterator[Sequence[_One]]:
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]
