"""Money that could end on the wrong customer or the wrong invoice, and what could stop the desk."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from gateway.core.errors import GatewayError
from gateway.exchange.states import BusinessState, NetworkState, PaymentState, TransportState
from gateway.exchange.tables import Direction, Document, DocumentKind
from gateway.receivables.bank_decisions import Allocate
from gateway.receivables.bank_evidence import point
from gateway.receivables.bank_reading import read_payments
from gateway.receivables.tables import BankMessage, BankMessageState, BankPaymentState
from reminders.entries import Entry, EntryKind, ItemKind, Source
from reminders.references import make_rf

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
FRENCH, BELGIAN = "FR1420041010050500013M02606", "BE68539007547034"


@pytest.fixture
def sent(bank_house):
    async def send(number, transport=TransportState.DELIVERED, network=NetworkState.NONE):
        blob = await bank_house.archive.keep(
            number.encode(), purpose="document", media_type="x", tenant_id=bank_house.tenant.id
        )
        document = Document(
            sbdh_id=blob.id.hex,
            content_id=blob.id,
            business=BusinessState.UNANSWERED,
            payment=PaymentState.NONE,
            tenant_id=bank_house.tenant.id,
            direction=Direction.OUT,
            kind=DocumentKind.INVOICE,
            number=number,
            document_type="d",
            process="p",
            sender="s",
            receiver="r",
            transport=transport,
            network=network,
            created_at=NOON,
            updated_at=NOON,
        )
        async with bank_house.database.write() as session:
            session.add(blob)
            await session.flush()
            session.add(document)
        return document.id

    return send


@pytest.mark.parametrize("by", ["reference", "number"])
@pytest.mark.parametrize(
    "lost",
    [
        (TransportState.FAILED, NetworkState.NONE),
        (TransportState.CANCELLED, NetworkState.NONE),
        (TransportState.DELIVERED, NetworkState.REJECTED),
    ],
)
async def test_money_for_an_invoice_sent_again_pays_the_one_that_arrived(
    bank_house, camt, sent, by, lost
):
    martin = await bank_house.customer()
    reference = make_rf("F-2026-07")
    first = await bank_house.item(
        martin, "F-2026-07", 10_000, reference=reference, document_id=await sent("F", *lost)
    )
    second = await bank_house.item(
        martin, "F-2026-07", 10_000, reference=reference, document_id=await sent("F")
    )
    how = {"structured": reference} if by == "reference" else {"lines": ["facture F-2026-07"]}
    await bank_house.take(camt.message("053", "S1", [camt.entry(10_000, **how)]))
    assert [one[0] for one in await bank_house.entries(second)] == ["payment-allocated"]
    assert await bank_house.entries(first) == []


async def test_an_invoice_that_never_arrived_may_still_be_paid(bank_house, camt, sent):
    martin = await bank_house.customer()
    lost = await sent("F", TransportState.FAILED)
    await bank_house.item(martin, "F-2026-07", 10_000, document_id=lost)
    await bank_house.take(
        camt.message("053", "S1", [camt.entry(10_000, lines=["facture F-2026-07"])])
    )
    assert await bank_house.open() == {"F-2026-07": 0}


@pytest.mark.parametrize(("money", "state"), [(6_000, PaymentState.PAID), (0, PaymentState.NONE)])
async def test_an_invoice_is_paid_whatever_closed_it_if_money_came(
    bank_house, camt, sent, money, state
):
    house = bank_house
    document_id = await sent("F")
    martin = await house.customer()
    claim = await house.item(martin, "F-2026-07", 10_000, document_id=document_id)
    how = {"structured": make_rf("F-2026-07"), "lines": ["F-2026-07"], "iban": FRENCH}
    await house.take(camt.message("053", "S1", [camt.entry(6_000, **how)] if money else []))
    for row in await house.rows():
        await house.desk.decide(house.caller, row.id, Allocate(((claim.id, money),)))
    async with house.database.write() as session:
        entry = Entry(
            kind=EntryKind.CREDIT_APPLIED,
            currency="EUR",
            amount=10_000 - money,
            business_date=house.day.today,
            recorded_at=datetime.now(UTC),
            source=Source("open-item", "a credit note"),
        )
        await house.ledger.book(session, claim.id, entry)
    async with house.database.read() as session:
        assert (await session.get_one(Document, document_id)).payment is state


async def test_a_credit_pays_no_claim_on_another_customer(bank_house, camt):
    house = bank_house
    martin, peeters = await house.customer(), await house.customer("Garage Peeters")
    other = await house.item(peeters, "F-2", 10_000)
    claim = await house.item(martin, "F-1", 10_000)
    credit = await house.item(martin, "A-1", 4_000, kind=ItemKind.CREDIT_NOTE)
    await house.take(camt.message("053", "S1", [camt.entry(6_000), camt.entry(16_000)]))
    small, large = await house.rows()
    lent = Allocate(((other.id, 10_000), (credit.id, -4_000)))
    with pytest.raises(GatewayError) as refused:
        await house.desk.decide(house.caller, small.id, lent)
    assert refused.value.kind.code == "BANK-ALLOCATION"
    shares = ((other.id, 10_000), (claim.id, 10_000), (credit.id, -4_000))
    await house.desk.decide(house.caller, large.id, Allocate(shares))
    kinds = [(one[0], one[1]) for one in await house.entries(other)]
    assert kinds == [("payment-allocated", 10_000)]
    assert {(one[0], one[1]) for one in await house.entries(claim)} == {
        ("credit-applied", 4_000),
        ("payment-allocated", 6_000),
    }
    await house.audit_books()


async def test_what_comes_back_is_taken_from_who_paid_it(bank_house, camt):
    """Payers choose their identifications themselves, and many choose alike."""
    house = bank_house
    for name, number in (("Boulangerie Martin", "F-2026-01"), ("Garage Peeters", "F-2026-02")):
        await house.item(await house.customer(name), number, 10_000)
    paid = [
        camt.entry(10_000, ref="1", e2e="1", iban=FRENCH, lines=["F-2026-01"]),
        camt.entry(10_000, ref="2", e2e="1", iban=BELGIAN, lines=["F-2026-02"]),
    ]
    back = [camt.entry(10_000, ref="3", sign="DBIT", e2e="1", iban=BELGIAN, returned="MD06")]
    await house.take(camt.message("053", "S1", paid))
    await house.take(camt.message("053", "S2", back))
    assert await house.open() == {"F-2026-01": 0, "F-2026-02": 10_000}


async def test_what_comes_back_of_several_payments_alike_waits_for_a_person(bank_house, camt):
    house = bank_house
    for name, number in (("Boulangerie Martin", "F-2026-01"), ("Garage Peeters", "F-2026-02")):
        await house.item(await house.customer(name), number, 10_000)
    paid = [camt.entry(10_000, ref=str(n), e2e="1", lines=[f"F-2026-0{n}"]) for n in (1, 2)]
    back = [camt.entry(10_000, ref="3", sign="DBIT", e2e="1", returned="MD06")]
    await house.take(camt.message("053", "S1", paid))
    await house.take(camt.message("053", "S2", back))
    assert await house.open() == {"F-2026-01": 0, "F-2026-02": 0}
    assert (await house.rows())[-1].state is BankPaymentState.UNALLOCATED


async def test_what_every_invoice_asks_to_quote_points_at_nobody(bank_house, camt):
    """Or one payment would load every open item of the account, and lock every customer."""
    house = bank_house
    for name in ("Boulangerie Martin", "Garage Peeters", "Cabinet Diallo"):
        customer = await house.customer(name)
        await house.item(customer, f"F-{name}", 10_000, reference="Merci 2026")
    content = camt.message(
        "053", "S1", [camt.entry(10_000, name="Cabinet Diallo", lines=["Merci 2026"])]
    )
    payments = list(read_payments(content, UTC))
    async with house.database.read() as session:
        found = await point(session, house.tenant.id, payments, issued_ids=house.links)
    assert found.customers == {customer.id}
    await house.take(content)
    (row,) = await house.rows()
    (proposal,) = row.result["proposals"]
    assert (row.customer_id, proposal["reason"]) == (customer.id, "payer-name-and-amount")


async def test_a_message_that_cannot_be_booked_keeps_no_other_waiting(
    bank_house, camt, monkeypatch
):
    house = bank_house
    ids = []
    for number in (1, 2):
        taken = await house.take(camt.message("053", f"S{number}", [camt.entry(100)]))
        ids.append(taken.message.id)
    async with house.database.write() as session:
        for one in ids:
            message = await session.get_one(BankMessage, one)
            message.state = BankMessageState.BOOKING
            message.received_at = datetime.now(UTC) - timedelta(days=1)
            session.add(message)
    take = house.desk.take

    async def troubled(tenant_id, content, **more):
        await asyncio.sleep(0)
        if b"<Id>S1</Id>" in content:
            raise RuntimeError("a fault of ours")
        return await take(tenant_id, content, **more)

    monkeypatch.setattr(house.desk, "take", troubled)
    assert await house.desk.resume() == 1
    async with house.database.read() as session:
        states = [(await session.get_one(BankMessage, one)).state for one in ids]
    assert states == [BankMessageState.BOOKING, BankMessageState.BOOKED]
