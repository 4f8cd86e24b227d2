"""Money in the history of a document: received, returned, with the bank message as evidence."""

import asyncio
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlmodel import col, select

from gateway.exchange.states import BusinessState, NetworkState, PaymentState, TransportState
from gateway.exchange.tables import Direction, Document, DocumentKind, Event, StoredBlob
from gateway.receivables.ledger import lock_customer
from gateway.receivables.tables import ItemRow


@pytest.fixture
async def invoice(bank_house):
    """A delivered invoice of 100.00 with its open item."""
    house = bank_house
    customer = await house.customer()
    at = customer.created_at
    stored = StoredBlob(
        id=uuid4(),
        tenant_id=house.tenant.id,
        purpose="document",
        media_type="application/xml",
        sha256="0" * 64,
        size=1,
        created_at=at,
    )
    document = Document(
        tenant_id=house.tenant.id,
        direction=Direction.OUT,
        kind=DocumentKind.INVOICE,
        number="F-1001",
        sender="0208:1",
        receiver="0208:2",
        document_type="invoice",
        process="billing",
        sbdh_id="1",
        content_id=stored.id,
        transport=TransportState.DELIVERED,
        network=NetworkState.ACCEPTED,
        business=BusinessState.UNANSWERED,
        payment=PaymentState.NONE,
        created_at=at,
        updated_at=at,
    )
    async with house.database.write() as session:
        session.add(stored)
        await session.flush()
        session.add(document)
    await house.item(customer, "F-1001", 10_000, document_id=document.id)
    return document


async def history(house, document):
    async with house.database.read() as session:
        found = await session.exec(
            select(Event).where(Event.document_id == document.id).order_by(col(Event.id))
        )
        kept = await session.get_one(Document, document.id)
        return kept.payment, [one for one in found if not one.kind.startswith("item.opened")]


async def test_received_and_taken_back(bank_house, invoice, camt):
    house = bank_house
    entry = camt.entry(10_000, e2e="X1", name="Boulangerie Martin", lines=["F-1001"])
    first = (await house.take(camt.message("054", "N1", [entry]))).message
    payment, events = await history(house, invoice)
    assert payment is PaymentState.PAID
    assert [one.kind for one in events] == ["payment.received", "item.closed"]
    assert events[0].evidence_id == first.content_id
    assert events[0].facts == {
        "amount_minor": 10_000,
        "currency": "EUR",
        "day": "2026-03-02",
        "payer": "Boulangerie Martin",
        "reason": "invoice-numbers",
    }
    back = camt.entry(10_000, sign="DBIT", e2e="X1", returned="AC04", day="2026-03-05")
    second = (await house.take(camt.message("053", "S1", [back]))).message
    payment, events = await history(house, invoice)
    assert payment is PaymentState.NONE
    assert [one.kind for one in events[2:]] == ["payment.returned", "item.reopened"]
    assert events[2].evidence_id == second.content_id
    assert events[2].facts == {
        "amount_minor": 10_000,
        "currency": "EUR",
        "day": "2026-03-05",
        "reason": "AC04",
    }


async def test_a_part_is_received_and_nothing_is_paid_yet(bank_house, invoice, camt):
    house = bank_house
    house.links.issued["X1"] = ((await only_item(house)),)
    await house.take(camt.message("054", "N1", [camt.entry(4_000, e2e="X1")]))
    payment, events = await history(house, invoice)
    assert payment is PaymentState.NONE
    assert [one.kind for one in events] == ["payment.received"]
    assert events[0].facts["amount_minor"] == 4_000


async def test_what_waits_for_a_person_says_nothing(bank_house, invoice, camt):
    await bank_house.take(camt.message("054", "N1", [camt.entry(10_000, name="Somebody")]))
    assert (await history(bank_house, invoice))[1] == []


async def test_a_deadlock_with_an_answer_of_the_buyer_is_survived(bank_house, invoice, camt):
    """An answer locks the document before the customer, money the customer before the document."""
    house = bank_house
    if not house.database.is_postgresql:
        pytest.skip("SQLite has one writer at a time and no deadlocks")
    customer = (await house.customers())[0]
    content = camt.message("054", "N1", [camt.entry(10_000, lines=["F-1001"])])
    async with house.database.write() as session:
        await session.exec(text("SET LOCAL deadlock_timeout = '1h'"))
        await session.get_one(Document, invoice.id, with_for_update=True)
        taking = asyncio.create_task(house.take(content))
        # For us: other tests may wait for locks of theirs on the same server.
        waiting = text(
            "SELECT count(*) FROM pg_locks"
            " WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
        )
        while not (await session.exec(waiting)).scalar_one():
            await asyncio.sleep(0.01)
        # The database breaks the circle by ending the desk's transaction.
        await lock_customer(session, house.tenant.id, customer.id)
    assert (await taking).new
    payment, events = await history(house, invoice)
    assert payment is PaymentState.PAID
    assert [one.kind for one in events] == ["payment.received", "item.closed"]
    await house.audit_books()


async def only_item(house):
    async with house.database.read() as session:
        return (await session.exec(select(ItemRow.id))).one()
