"""Entries in the database: appended once, in order, checked, and told to those who follow."""

import asyncio
from datetime import UTC, date, datetime

import pytest
from sqlmodel import select

from gateway.access.tables import Tenant
from gateway.core.errors import GatewayError
from gateway.receivables.holds import holds_of, lift_hold, lift_holds_of, place_hold
from gateway.receivables.ledger import Ledger, item_of, items_of_customer
from gateway.receivables.tables import Customer, EntryRow, ItemRow
from reminders.account import HoldReason
from reminders.entries import Entry, EntryKind, ItemKind, Source
from reminders.ledger import state_of

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
ISSUED, DUE = date(2026, 11, 2), date(2026, 12, 2)


class Follower:
    def __init__(self):
        self.told = []

    async def settled(self, session, item, *, on):
        self.told.append((item.number, on))


def entry(kind, amount, reference, *, on=ISSUED, at=NOON, **more):
    return Entry(
        kind=kind,
        currency="EUR",
        amount=amount,
        business_date=on,
        recorded_at=at,
        source=Source("test", reference),
        **more,
    )


@pytest.fixture
async def books(database):
    """A ledger with one customer and one open item of 100.00 EUR."""
    follower = Follower()
    ledger = Ledger(followers=[follower])
    async with database.write() as session:
        tenant = Tenant(slug="a", name="A", created_at=NOON)
        session.add(tenant)
        await session.flush()
        customer = Customer(
            tenant_id=tenant.id,
            participant="iso6523-actorid-upis::0208:1",
            name="C",
            created_at=NOON,
        )
        session.add(customer)
        await session.flush()
        row = ItemRow(
            tenant_id=tenant.id,
            customer_id=customer.id,
            kind=ItemKind.INVOICE,
            number="F-1",
            currency="EUR",
            original_minor=0,
            opened_on=ISSUED,
            open_minor=0,
            created_at=NOON,
        )
        opening = entry(EntryKind.INVOICED, 10_000, "F-1", due_date=DUE)
        await ledger.open_item(session, row, opening)
    return ledger, follower, row


async def stored(database, row):
    async with database.read() as session:
        entries = list(await session.exec(select(EntryRow).order_by(EntryRow.position)))
        return await session.get_one(ItemRow, row.id), entries


async def test_the_figures_follow_the_entries(database, books):
    ledger, follower, row = books
    async with database.write() as session:
        await ledger.book(session, row.id, entry(EntryKind.PAYMENT_ALLOCATED, 4_000, "p1"))
        await ledger.book(session, row.id, entry(EntryKind.DISPUTE_OPENED, 1_000, "d", dispute="d"))
    kept, entries = await stored(database, row)
    assert (kept.original_minor, kept.open_minor, kept.disputed_minor) == (10_000, 6_000, 1_000)
    assert (kept.due_date, kept.closed_on) == (DUE, None)
    assert [one.position for one in entries] == [1, 2, 3]
    assert follower.told == []


async def test_what_is_booked_already_is_not_booked_again(database, books):
    ledger, _, row = books
    payment = entry(EntryKind.PAYMENT_ALLOCATED, 4_000, "p1")
    for _ in range(3):
        async with database.write() as session:
            state = await ledger.book(session, row.id, payment)
    assert state.open == 6_000
    assert len((await stored(database, row))[1]) == 2


async def test_more_than_is_open_is_refused_and_leaves_nothing(database, books):
    ledger, _, row = books
    with pytest.raises(GatewayError) as refused:
        async with database.write() as session:
            await ledger.book(session, row.id, entry(EntryKind.PAYMENT_ALLOCATED, 10_001, "p1"))
    assert (refused.value.code, refused.value.facts["fault"]) == (
        "LEDGER-REFUSED",
        "LEDGER-OVERDRAWN",
    )
    assert len((await stored(database, row))[1]) == 1


async def test_payments_at_once_never_pay_more_than_is_open(database, books):
    ledger, follower, row = books

    async def pay(number):
        async with database.write() as session:
            payment = entry(EntryKind.PAYMENT_ALLOCATED, 3_000, f"p{number}")
            return await ledger.book(session, row.id, payment)

    results = await asyncio.gather(*(pay(one) for one in range(8)), return_exceptions=True)
    assert sum(not isinstance(one, GatewayError) for one in results) == 3
    kept, entries = await stored(database, row)
    assert (kept.open_minor, len(entries)) == (1_000, 4)
    assert follower.told == []


async def test_followers_hear_of_each_closing_by_money(database, books):
    ledger, follower, row = books
    async with database.write() as session:
        await ledger.book(session, row.id, entry(EntryKind.PAYMENT_ALLOCATED, 10_000, "p1"))
        await ledger.book(session, row.id, entry(EntryKind.PAYMENT_RETURNED, 10_000, "r1"))
    assert (await stored(database, row))[0].closed_on is None
    later = date(2026, 11, 9)
    async with database.write() as session:
        paid = entry(EntryKind.PAYMENT_ALLOCATED, 10_000, "p2", on=later)
        await ledger.book(session, row.id, paid)
    assert follower.told == [("F-1", ISSUED), ("F-1", later)]
    assert (await stored(database, row))[0].closed_on == later


async def test_a_clock_that_went_back_does_not_stop_the_books(database, books):
    ledger, _, row = books
    early = datetime(2026, 11, 2, 11, tzinfo=UTC)
    async with database.write() as session:
        payment = entry(EntryKind.PAYMENT_ALLOCATED, 1, "p", at=early)
        await ledger.book(session, row.id, payment)
    assert [one.recorded_at for one in (await stored(database, row))[1]] == [NOON, NOON]


async def test_what_was_known_when_is_kept(database, books):
    ledger, _, row = books
    evening = datetime(2026, 11, 20, 20, tzinfo=UTC)
    async with database.write() as session:
        late = entry(EntryKind.PAYMENT_ALLOCATED, 10_000, "p1", on=date(2026, 11, 10), at=evening)
        await ledger.book(session, row.id, late)
    async with database.read() as session:
        item = await item_of(session, await session.get_one(ItemRow, row.id))
    day = date(2026, 11, 15)
    assert state_of(item, day).open == 0
    assert state_of(item, day, known_at=NOON).open == 10_000


async def test_holds_are_placed_lifted_and_kept(database, books):
    _, _, row = books
    async with database.write() as session:
        hold = await place_hold(
            session,
            tenant_id=row.tenant_id,
            customer_id=row.customer_id,
            reason=HoldReason.PAUSED,
            since=ISSUED,
            actor="an",
            at=NOON,
        )
        await place_hold(
            session,
            tenant_id=row.tenant_id,
            customer_id=row.customer_id,
            item_id=row.id,
            reason=HoldReason.PAYMENT_UNDER_WAY,
            since=ISSUED,
            last_day=DUE,
            reference="initiation",
            actor="payer",
            at=NOON,
        )
    async with database.read() as session:
        before = await holds_of(session, row.tenant_id, row.customer_id)
    assert [one.active(DUE) for one in before] == [True, True]
    assert [one.item for one in before] == ["", str(row.id)]
    async with database.write() as session:
        await lift_hold(session, await session.merge(hold), on=DUE, at=NOON)
        await lift_holds_of(session, row.tenant_id, "initiation", on=ISSUED, at=NOON)
    async with database.read() as session:
        after = await holds_of(session, row.tenant_id, row.customer_id)
    assert [one.active(DUE) for one in after] == [False, False]
    assert [one.active(ISSUED) for one in after] == [True, False]


async def test_all_items_of_a_customer_come_with_their_entries(database, books):
    _, _, row = books
    async with database.read() as session:
        found = await items_of_customer(session, row.tenant_id, row.customer_id)
    ((kept, item),) = found.values()
    assert (kept.id, item.id, item.customer) == (row.id, str(row.id), str(row.customer_id))
    assert len(item.entries) == 1
