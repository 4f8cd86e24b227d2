"""Starting a payment: once, for what is open, in the books before the provider hears of it."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from sqlmodel import select

from gateway.access.tables import AuditEntry
from gateway.core.errors import GatewayError
from gateway.exchange.tables import Event
from gateway.payments.arrivals import Arrivals
from gateway.payments.basket import Standing
from gateway.payments.poll_job import PollJob
from gateway.payments.ports import ProviderReport
from gateway.payments.queries import items_of_end_to_end_ids, shares_of
from gateway.payments.states import InitiationEvent, InitiationState
from gateway.receivables.tables import ItemRow
from reminders.account import HoldReason
from reminders.entries import EntryKind

_S = InitiationState


def told(word, provider_id, *, event_id="e1", ours="-"):
    return f"{event_id} {provider_id} {word} {ours}".encode()


async def timeline(firm):
    async with firm.database.read() as session:
        events = list(await session.exec(select(Event).order_by(Event.id)))
    return [(one.kind, one.facts.get("amount_minor"), one.facts.get("learnt")) for one in events]


async def standing(firm, token):
    return (await firm.paying.look(token)).basket.standing


async def test_a_payment_is_for_what_is_open_now(firm):
    first, second = await firm.invoice("F-1", 10_000), await firm.invoice("F-2", 5_000)
    _, token = await firm.link(first, second)
    await firm.book(first, EntryKind.PAYMENT_ALLOCATED, 2_500)
    await firm.book(second, EntryKind.DISPUTE_OPENED, 1_000, dispute="d")
    url = await firm.start(token)
    (order,), (made,) = firm.provider.orders.values(), await firm.initiations()
    assert url == f"https://bank.example/authorise/{made.id}"
    assert str(order.amount) == "115.00 EUR"
    assert (order.creditor_iban, order.creditor_name) == ("NL41MOCK0000000001", "Atelier Dubois")
    assert (order.payer_name, order.text) == ("Brasserie du Canal", "F-1 F-2")
    assert order.return_url == f"https://gateway.example/pay/{token}/back"
    assert order.end_to_end_id == made.end_to_end_id
    assert len(made.end_to_end_id) <= 35
    assert made.end_to_end_id.isalnum()
    assert made.end_to_end_id.isupper()
    assert (made.state, made.amount_minor) == (_S.AUTHORISING, 11_500)
    async with firm.database.read() as session:
        assert await shares_of(session, made.id) == {first.id: 7_500, second.id: 4_000}
        found = await items_of_end_to_end_ids(
            session, firm.tenant.id, [made.end_to_end_id, "PGNOBODYS"]
        )
        foreign = await items_of_end_to_end_ids(session, UUID(int=9), [made.end_to_end_id])
    assert {one: set(items) for one, items in found.items()} == {
        made.end_to_end_id: {first.id, second.id}
    }
    assert foreign == {}


async def test_reminders_hold_while_a_payment_is_under_way(firm):
    first, second = await firm.invoice("F-1", 10_000), await firm.invoice("F-2", 5_000)
    _, token = await firm.link(first, second)
    await firm.start(token)
    (made,) = await firm.initiations()
    holds = await firm.holds()
    assert {one.item_id for one in holds} == {first.id, second.id}
    assert {(one.reason, one.reference) for one in holds} == {
        (HoldReason.PAYMENT_UNDER_WAY, str(made.id))
    }
    assert {one.last_day - one.since for one in holds} == {timedelta(days=5)}


async def test_a_payment_begun_goes_on_instead_of_becoming_two(firm):
    _, token = await firm.link(await firm.invoice("F-1", 10_000))
    urls = await asyncio.gather(*(firm.start(token) for _ in range(5)))
    assert len(set(urls)) == 1
    assert len(await firm.initiations()) == 1
    assert len(await firm.holds()) == 1
    assert (await firm.paying.look(token)).begun


async def test_the_books_know_of_a_payment_before_the_provider(firm):
    item = await firm.invoice("F-1", 10_000)
    _, token = await firm.link(item)
    firm.provider.lose_answers = True
    with pytest.raises(GatewayError) as failed:
        await firm.start(token)
    assert failed.value.code == "PAYMENT-PROVIDER-DOWN"
    (made,) = await firm.initiations()
    assert (made.state, made.provider_id) == (_S.CREATED, None)
    assert len(await firm.holds()) == 1
    # The payer opens the page again: same order, same key, one payment.
    firm.provider.lose_answers = False
    assert await firm.start(token) == f"https://bank.example/authorise/{made.id}"
    assert (
        len(firm.provider.orders) == len(await firm.initiations()) == len(await firm.holds()) == 1
    )


async def test_an_order_the_provider_refuses_holds_no_reminder(firm):
    _, token = await firm.link(await firm.invoice("F-1", 10_000))
    firm.provider.refuses = True
    with pytest.raises(GatewayError) as failed:
        await firm.start(token)
    assert failed.value.code == "PAYMENT-PROVIDER-REFUSED"
    (made,) = await firm.initiations()
    assert (made.state, made.failure_code) == (_S.FAILED, "provider-refused")
    assert await firm.holds() == []
    firm.provider.refuses = False
    assert await firm.start(token) is not None


async def test_an_event_heals_a_lost_answer(firm):
    _, token = await firm.link(await firm.invoice("F-1", 10_000))
    firm.provider.lose_answers = True
    with pytest.raises(GatewayError):
        await firm.start(token)
    (made,) = await firm.initiations()
    assert await firm.events.take("scripted", {}, told("accepted", "p-9", ours=made.id))
    (made,) = await firm.initiations()
    assert (made.state, made.provider_id) == (_S.ACCEPTED, "p-9")
    # From now on only the provider's own id counts.
    assert await firm.events.take(
        "scripted", {}, told("failed", "p-8", event_id="e2", ours=made.id)
    )
    assert (await firm.initiations())[0].state is _S.ACCEPTED


async def test_an_amount_that_changed_makes_a_new_payment_and_ends_the_old(firm):
    item = await firm.invoice("F-1", 10_000)
    _, token = await firm.link(item)
    first = await firm.start(token)
    await firm.book(item, EntryKind.PAYMENT_ALLOCATED, 4_000)
    second = await firm.start(token)
    assert first != second
    old, new = await firm.initiations()
    assert (old.state, new.state, new.amount_minor) == (_S.EXPIRED, _S.AUTHORISING, 6_000)
    assert firm.provider.calls == ["create", "cancel", "create"]
    assert [one.reference for one in await firm.holds()] == [str(new.id)]


async def test_two_links_for_one_invoice_never_make_two_payments(firm):
    item = await firm.invoice("F-1", 10_000)
    (_, early), (_, late) = await firm.link(item), await firm.link(item)
    await firm.start(early)
    await firm.start(late)
    old, new = await firm.initiations()
    assert (old.state, new.state) == (_S.EXPIRED, _S.AUTHORISING)
    # The payer had authorised the newer one meanwhile: too late to take it back.
    firm.provider.word = ProviderReport(InitiationEvent.ACCEPTED)
    assert await firm.start(early) is None
    assert len(await firm.initiations()) == 2
    assert await standing(firm, early) is Standing.UNDER_WAY


async def test_a_payment_nobody_sent_to_the_provider_is_given_up_for_a_newer(firm):
    item = await firm.invoice("F-1", 10_000)
    (_, early), (_, late) = await firm.link(item), await firm.link(item)
    firm.provider.lose_answers = True
    with pytest.raises(GatewayError):
        await firm.start(early)
    firm.provider.lose_answers = False
    await firm.start(late)
    assert [one.state for one in await firm.initiations()] == [_S.EXPIRED, _S.AUTHORISING]
    assert len(await firm.holds()) == 1


async def test_what_is_paid_or_disputed_starts_nothing(firm):
    item = await firm.invoice("F-1", 10_000)
    _, token = await firm.link(item)
    await firm.book(item, EntryKind.DISPUTE_OPENED, 10_000, dispute="d")
    assert await standing(firm, token) is Standing.DISPUTED
    assert await firm.start(token) is None
    await firm.book(item, EntryKind.DISPUTE_RESOLVED, None, dispute="d")
    await firm.book(item, EntryKind.PAYMENT_ALLOCATED, 10_000)
    assert await standing(firm, token) is Standing.PAID
    assert await firm.start(token) is None
    assert await firm.initiations() == []
    assert firm.provider.calls == []


async def test_the_providers_word_pays_nothing(firm):
    item = await firm.invoice("F-1", 10_000, document_id=(await firm.document("F-1")).id)
    _, token = await firm.link(item)
    await firm.start(token)
    (made,) = await firm.initiations()
    for number, word in enumerate(("authorising", "accepted", "settled")):
        assert await firm.events.take(
            "scripted", {}, told(word, made.provider_id, event_id=f"e{number}")
        )
    (made,) = await firm.initiations()
    assert made.state is _S.SETTLED
    async with firm.database.read() as session:
        assert (await session.get_one(ItemRow, item.id)).open_minor == 10_000
    assert await standing(firm, token) is Standing.UNDER_WAY
    assert await firm.start(token) is None
    assert (await timeline(firm))[1:] == [("payment.under-way", 10_000, "event")]
    # The money does not come: after the hold the invoice is asked for again.
    firm.clocks.pass_time(days=6)
    assert await standing(firm, token) is Standing.OPEN


@pytest.mark.parametrize("word", ["failed", "expired"])
async def test_a_payment_that_came_to_nothing_ends_its_hold(firm, word):
    item = await firm.invoice("F-1", 10_000, document_id=(await firm.document("F-1")).id)
    _, token = await firm.link(item)
    await firm.start(token)
    (made,) = await firm.initiations()
    assert await firm.events.take("scripted", {}, told(word, made.provider_id))
    assert await firm.holds() == []
    assert await standing(firm, token) is Standing.OPEN
    failed = [("payment.failed", 10_000, "event")] if word == "failed" else []
    assert (await timeline(firm))[1:] == failed
    assert await firm.start(token) is not None
    assert len(await firm.initiations()) == 2


async def test_a_payer_who_finishes_after_we_gave_up_holds_reminders_again(firm):
    _, token = await firm.link(await firm.invoice("F-1", 10_000))
    await firm.start(token)
    (made,) = await firm.initiations()
    await firm.events.take("scripted", {}, told("expired", made.provider_id))
    assert await firm.holds() == []
    await firm.events.take("scripted", {}, told("accepted", made.provider_id, event_id="e2"))
    assert len(await firm.holds()) == 1
    assert await standing(firm, token) is Standing.UNDER_WAY


async def test_an_event_is_acted_on_once(firm):
    _, token = await firm.link(await firm.invoice("F-1", 10_000))
    await firm.start(token)
    (made,) = await firm.initiations()
    body = told("accepted", made.provider_id)
    taken = await asyncio.gather(*(firm.events.take("scripted", {}, body) for _ in range(4)))
    assert sorted(taken) == [False, False, False, True]
    assert not await firm.events.take("scripted", {}, told("failed", made.provider_id))
    assert (await firm.initiations())[0].state is _S.ACCEPTED


@pytest.mark.parametrize("body", [b"e1 p-x accepted -", b"e1 p-x refunded -"])
async def test_events_about_nothing_of_ours_change_nothing(firm, body):
    assert await firm.events.take("scripted", {}, body)
    assert not await firm.events.take("scripted", {}, body)


async def test_another_providers_events_are_not_taken(firm):
    with pytest.raises(GatewayError) as refused:
        await firm.events.take("sandbox", {}, b"e1 p-x accepted -")
    assert refused.value.code == "NOT-FOUND"


async def test_a_missed_event_is_asked_for(firm):
    _, token = await firm.link(await firm.invoice("F-1", 10_000))
    await firm.start(token)
    poll = PollJob(database=firm.database, paying=firm.paying, now=firm.clocks.now)
    await poll(None)
    assert firm.provider.calls == ["create"]  # too fresh to be missing anything
    firm.clocks.pass_time(minutes=2)
    await poll(None)
    await poll(None)
    assert firm.provider.calls == ["create", "get"]
    firm.provider.word = ProviderReport(InitiationEvent.ACCEPTED)
    firm.clocks.pass_time(minutes=2)
    await poll(None)
    assert (await firm.initiations())[0].state is _S.ACCEPTED
    firm.clocks.pass_time(days=8)
    await poll(None)
    assert firm.provider.calls == ["create", "get", "get"]


async def test_a_payment_nobody_authorises_is_given_up_in_time(firm):
    _, token = await firm.link(await firm.invoice("F-1", 10_000))
    await firm.start(token)
    poll = PollJob(database=firm.database, paying=firm.paying, now=firm.clocks.now)
    firm.clocks.pass_time(minutes=16)
    firm.provider.down = True
    await poll(None)
    assert (await firm.initiations())[0].state is _S.AUTHORISING  # it may have been authorised
    firm.provider.down = False
    firm.clocks.pass_time(minutes=2)
    await poll(None)
    assert (await firm.initiations())[0].state is _S.EXPIRED
    assert await firm.holds() == []
    await poll(None)
    assert firm.provider.calls == ["create", "cancel", "cancel"]


async def test_coming_back_from_the_bank_asks_the_provider(firm):
    _, token = await firm.link(await firm.invoice("F-1", 10_000))
    await firm.start(token)
    link = (await firm.paying.look(token)).link
    await firm.paying.inquire(link)
    assert await standing(firm, token) is Standing.OPEN
    firm.provider.word = ProviderReport(InitiationEvent.ACCEPTED)
    await firm.paying.inquire(link)
    assert await standing(firm, token) is Standing.UNDER_WAY


@pytest.mark.parametrize("word", ["authorising", "accepted", "failed", "expired"])
async def test_money_that_came_ends_the_waiting(firm, word):
    item = await firm.invoice("F-1", 10_000)
    _, token = await firm.link(item)
    await firm.start(token)
    (made,) = await firm.initiations()
    await firm.events.take("scripted", {}, told(word, made.provider_id))
    arrivals = Arrivals(today=firm.clocks.today)
    async with firm.database.write() as session:
        await arrivals.arrived(session, firm.tenant.id, made.end_to_end_id, firm.clocks.at)
        await arrivals.arrived(session, firm.tenant.id, "PGNOBODYS", firm.clocks.at)
    assert await firm.holds() == []
    assert (await firm.initiations())[0].state is (_S.FAILED if word == "failed" else _S.SETTLED)
    # What the money did not cover is asked for again.
    await firm.book(item, EntryKind.PAYMENT_ALLOCATED, 9_000)
    assert (await firm.paying.look(token)).basket.total == 1_000


async def test_opening_and_paying_leave_a_trace(firm):
    issued, token = await firm.link(await firm.invoice("F-1", 10_000))
    for _ in range(2):
        await firm.paying.opened(issued.id)
        firm.clocks.pass_time(minutes=1)
    await firm.start(token)
    async with firm.database.read() as session:
        entries = list(await session.exec(select(AuditEntry).order_by(AuditEntry.id)))
    assert [(one.action, one.actor, one.object) for one in entries] == [
        ("payment-link.opened", "payer (payment link)", str(issued.id)),
        ("payment.begun", "payer (payment link)", str(issued.id)),
    ]
