"""A person decides what waits: checked against what is open now, booked, learnt, audited."""

import asyncio
from datetime import date

import pytest
from sqlmodel import select

from gateway.access.tables import AuditEntry
from gateway.core.errors import GatewayError
from gateway.receivables.bank_decisions import Accept, Allocate, SetAside, Unapplied
from gateway.receivables.tables import BankPaymentState, CustomerAccount
from reminders.entries import ItemKind
from reminders.references import make_rf

IBAN = "FR1420041010050500013M02606"
S = BankPaymentState


@pytest.fixture
async def waiting(bank_house, camt):
    """Two customers with open items, and a payment of 100.00 that may be for one of them."""
    house = bank_house
    house.martin = await house.customer()
    house.first = await house.item(house.martin, "F-1001", 10_000)
    house.second = await house.item(house.martin, "F-1002", 6_000)
    house.credit = await house.item(house.martin, "A-1001", 1_000, kind=ItemKind.CREDIT_NOTE)
    house.dupont = await house.customer("Ecole Dupont")
    house.theirs = await house.item(house.dupont, "F-2001", 4_000)
    entry = camt.entry(10_000, e2e="X1", iban=IBAN, name="Boulangerie Martin", lines=["merci"])
    await house.take(camt.message("053", "S1", [entry]))
    (house.payment,) = await house.rows()
    assert house.payment.state is S.PROPOSED
    return house


async def accounts(house):
    async with house.database.read() as session:
        found = await session.exec(select(CustomerAccount.customer_id, CustomerAccount.iban))
        return list(found)


async def refused(house, decision, payment=None):
    with pytest.raises(GatewayError) as error:
        await house.desk.decide(house.caller, (payment or house.payment).id, decision)
    await house.audit_books()
    return error.value.code


async def test_accepting_a_proposal_books_it_and_learns_the_account(waiting):
    house = waiting
    row = await house.desk.decide(house.caller, house.payment.id, Accept(0))
    assert (row.state, row.reason) == (S.MATCHED, "payer-name-and-amount")
    assert (row.customer_id, row.decided_by) == (house.martin.id, "ada@acme.example")
    assert await house.entries(house.first) == [("payment-allocated", 10_000, date(2026, 3, 2))]
    assert await accounts(house) == [(house.martin.id, IBAN)]
    assert house.links.came == ["X1"]
    async with house.database.read() as session:
        (entry,) = list(await session.exec(select(AuditEntry)))
    assert (entry.action, entry.object) == ("bank-payment.decided", str(row.id))
    assert await refused(house, Accept(0)) == "BANK-DECIDED"


async def test_a_proposal_that_no_longer_fits_is_stale(waiting, camt):
    house = waiting
    entry = camt.entry(10_000, lines=["F-1001"])
    await house.take(camt.message("053", "S2", [entry]))
    assert await refused(house, Accept(0)) == "BANK-STALE"
    assert await refused(house, Accept(9)) == "BANK-STALE"
    assert await accounts(house) == []


async def test_money_is_shared_out_by_hand(waiting):
    house = waiting
    shares = ((house.credit.id, -500), (house.second.id, 6_000), (house.first.id, 3_000))
    row = await house.desk.decide(house.caller, house.payment.id, Allocate(shares))
    assert row.reason == "by-hand"
    assert await house.open() == {
        "F-1001": 7_000,
        "F-1002": 0,
        "A-1001": -500,
        "F-2001": 4_000,
        "credit": -1_500,
    }
    assert [kind for kind, _, _ in await house.entries(house.second)] == [
        "credit-applied",
        "payment-allocated",
    ]


async def test_one_payment_may_pay_for_two_customers_but_nobody_owns_the_rest(waiting):
    house = waiting
    both = ((house.second.id, 6_000), (house.theirs.id, 3_000))
    assert await refused(house, Allocate(both)) == "BANK-ALLOCATION"
    both = ((house.second.id, 6_000), (house.theirs.id, 4_000))
    await house.desk.decide(house.caller, house.payment.id, Allocate(both))
    assert await accounts(house) == [], "whose account it is remains unclear"
    still = await house.open()
    assert (still["F-1002"], still["F-2001"]) == (0, 0)


async def test_what_cannot_be_is_refused(waiting, bank_houses):
    house = waiting
    first, credit = house.first.id, house.credit.id
    other = await bank_houses("other")
    dollars = await house.item(house.martin, "F-3001", 10_000, currency="USD")
    foreign = await other.item(await other.customer(), "F-1", 10_000)
    for shares, code in (
        ([(first, 10_001)], "BANK-ALLOCATION"),
        ([(first, 9_000), (house.second.id, 2_000)], "BANK-ALLOCATION"),
        ([(house.second.id, 7_000)], "BANK-STALE"),
        ([(first, 500), (credit, -1_000)], "BANK-ALLOCATION"),
        ([(first, 10_000), (credit, -1_001)], "BANK-STALE"),
        ([(first, 5_000), (first, 5_000)], "BANK-ALLOCATION"),
        ([(first, 0)], "BANK-ALLOCATION"),
        ([(credit, 1_000)], "BANK-ALLOCATION"),
        ([(dollars.id, 10_000)], "BANK-ALLOCATION"),
        ([(foreign.id, 10_000)], "NOT-FOUND"),
    ):
        assert await refused(house, Allocate(tuple(shares))) == code, shares
    assert await refused(house, Unapplied(foreign.customer_id)) == "NOT-FOUND"
    with pytest.raises(GatewayError) as error:
        await other.desk.decide(other.caller, house.payment.id, SetAside("mine"))
    assert error.value.code == "NOT-FOUND"
    assert (await house.rows())[0].state is S.PROPOSED


async def test_money_of_a_customer_for_nothing_in_particular(waiting):
    house = waiting
    row = await house.desk.decide(house.caller, house.payment.id, Unapplied(house.martin.id))
    assert row.result["unapplied"]["minor"] == 10_000
    assert (await house.open())["credit"] == -10_000
    assert await accounts(house) == [(house.martin.id, IBAN)]


async def test_set_aside_and_taken_up_again(waiting):
    house = waiting
    row = await house.desk.decide(house.caller, house.payment.id, SetAside("a private loan"))
    assert (row.state, row.result["note"]) == (S.SET_ASIDE, "a private loan")
    await house.desk.decide(house.caller, house.payment.id, Accept(0))
    assert (await house.open())["F-1001"] == 0


async def test_two_people_who_decide_at_once(waiting):
    house = waiting
    decisions = [Accept(0), Unapplied(house.martin.id), SetAside("?"), Accept(0)]
    answers = await asyncio.gather(
        *(house.desk.decide(house.caller, house.payment.id, one) for one in decisions),
        return_exceptions=True,
    )
    codes = [one.code for one in answers if isinstance(one, GatewayError)]
    assert set(codes) == {"BANK-DECIDED"}
    (row,) = await house.rows()
    assert row.state is S.MATCHED
    await house.audit_books()


async def test_a_learnt_account_explains_the_next_payment(waiting, camt):
    house = waiting
    await house.desk.decide(house.caller, house.payment.id, Accept(0))
    entry = camt.entry(6_000, iban=IBAN, name="Somebody Else")
    await house.take(camt.message("053", "S2", [entry]))
    row = (await house.rows())[-1]
    assert (row.state, row.reason) == (S.PROPOSED, "payer-iban-and-amount")


async def test_a_return_nobody_can_place_is_placed_by_hand(bank_house, camt):
    house = bank_house
    martin = await house.customer()
    first = await house.item(martin, "F-1001", 10_000, reference=make_rf("F1001"))
    entry = camt.entry(12_000, structured=make_rf("F1001"))
    await house.take(camt.message("053", "S1", [entry]))
    back = camt.entry(12_000, sign="DBIT", e2e="?", returned="AC04", day="2026-03-05")
    await house.take(camt.message("053", "S2", [back]))
    paid, returned = await house.rows()
    assert (returned.state, returned.reason) == (S.UNALLOCATED, "return-of-unknown-payment")
    credit = paid.result["unapplied"]["item"]
    assert await refused(house, Unapplied(martin.id), returned) == "BANK-ALLOCATION"
    assert await refused(house, Allocate(((first.id, 10_000),)), returned) == "BANK-ALLOCATION"
    too_much = Allocate(((first.id, 12_000),))
    assert await refused(house, too_much, returned) == "LEDGER-REFUSED"
    shares = ((first.id, 10_000), (type(first.id)(credit), -2_000))
    await house.desk.decide(house.caller, returned.id, Allocate(shares))
    assert await house.open() == {"F-1001": 10_000, "credit": 0}
    await house.audit_books()
