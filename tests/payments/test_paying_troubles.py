"""Paying when others interfere: providers that forget, refuse or hang, news in between."""

import asyncio
from contextlib import suppress
from datetime import timedelta

from gateway.core.errors import GatewayError
from gateway.payments.errors import PROVIDER_REFUSED
from gateway.payments.poll_job import PollJob
from gateway.payments.ports import ProviderReport
from gateway.payments.states import InitiationEvent, InitiationState
from gateway.payments.tables import Initiation
from gateway.receivables.ledger import lock_customer

_S = InitiationState


def poll_of(firm):
    return PollJob(database=firm.database, paying=firm.paying, now=firm.clocks.now)


async def begun(firm, count):
    """Payments begun from links of their own."""
    tokens = []
    for number in range(count):
        _, token = await firm.link(await firm.invoice(f"F-{number}", 10_000))
        await firm.start(token)
        tokens.append(token)
    return tokens


async def test_news_that_overtakes_the_answer_never_meets_it_in_a_deadlock(firm):
    _, token = await firm.link(await firm.invoice("F-1", 10_000))
    firm.provider.lose_answers = True
    with suppress(GatewayError):
        await firm.start(token)
    (made,) = await firm.initiations()
    body = f"e1 p-9 accepted {made.id}".encode()
    # What keeping the provider's answer does, with the news coming in the middle of it.
    async with firm.database.write() as session:
        row = await session.get_one(Initiation, made.id)
        await lock_customer(session, row.tenant_id, row.customer_id)
        news = asyncio.create_task(firm.events.take("scripted", {}, body))
        await asyncio.sleep(0.3)
        row.provider_id = "p-9"
        session.add(row)
        await session.flush()
    assert await news
    (made,) = await firm.initiations()
    assert (made.state, made.provider_id) == (_S.ACCEPTED, "p-9")


async def test_a_refusal_beside_an_order_that_was_taken_ends_nothing(firm):
    _, token = await firm.link(await firm.invoice("F-1", 10_000))
    create, calls, kept = firm.provider.create, [], asyncio.Event()

    async def one_wins(order):
        calls.append(order)
        if len(calls) == 1:
            while len(calls) < 2:
                await asyncio.sleep(0.01)
            return await create(order)
        await kept.wait()
        raise GatewayError(PROVIDER_REFUSED, "the same order is being taken")

    firm.provider.create = one_wins
    first, second = (asyncio.create_task(firm.start(token)) for _ in range(2))
    done, _ = await asyncio.wait({first, second}, return_when=asyncio.FIRST_COMPLETED)
    kept.set()
    await asyncio.wait({first, second})
    (made,) = await firm.initiations()
    assert made.state is _S.AUTHORISING
    assert len(await firm.holds()) == 1
    assert {first.result(), second.result()} == {done.pop().result()}


async def test_a_payment_nobody_authorised_is_taken_back_at_the_provider_too(firm):
    await begun(firm, 1)
    firm.clocks.pass_time(minutes=16)
    await poll_of(firm)(None)
    assert (await firm.initiations())[0].state is _S.EXPIRED
    # Otherwise the payer could still authorise it, beside the next one.
    assert firm.provider.calls == ["create", "cancel"]


async def test_an_order_authorised_in_the_last_moment_is_not_given_up(firm):
    await begun(firm, 1)
    firm.provider.word = ProviderReport(InitiationEvent.ACCEPTED)
    firm.clocks.pass_time(minutes=16)
    await poll_of(firm)(None)
    assert (await firm.initiations())[0].state is _S.ACCEPTED
    assert len(await firm.holds()) == 1


async def test_an_order_that_is_being_decided_is_not_given_up(firm):
    await begun(firm, 1)

    async def too_late(_provider_id):
        return ProviderReport(InitiationEvent.AUTHORISING)

    firm.provider.cancel = too_late
    firm.clocks.pass_time(minutes=16)
    await poll_of(firm)(None)
    assert (await firm.initiations())[0].state is _S.AUTHORISING


async def test_orders_that_cannot_be_asked_about_do_not_keep_others_waiting(firm):
    await begun(firm, 3)
    asked = []

    async def refuses(provider_id):
        asked.append(provider_id)
        raise GatewayError(PROVIDER_REFUSED, "no")

    firm.provider.get = refuses
    for _ in range(3):
        firm.clocks.pass_time(minutes=2)
        await poll_of(firm)(None)
        # Right after a failed question the same is not asked again.
        await poll_of(firm)(None)
    assert len(asked) == 9


async def test_a_provider_that_hangs_holds_up_one_round_at_a_time(firm):
    await begun(firm, 4)
    asked = []

    async def slow(provider_id):
        asked.append(provider_id)
        firm.clocks.pass_time(seconds=25)
        return ProviderReport(InitiationEvent.AUTHORISING)

    firm.provider.get = slow
    firm.clocks.pass_time(minutes=2)
    await poll_of(firm)(None)
    assert len(asked) == 3  # a minute is over: the next round goes on with the others
    await poll_of(firm)(None)
    assert len(set(asked)) == 4


async def test_coming_back_asks_about_what_may_still_change(firm):
    (token,) = await begun(firm, 1)
    firm.provider.word = ProviderReport(InitiationEvent.SETTLED)
    link = (await firm.paying.look(token)).link
    await firm.paying.inquire(link)
    await firm.paying.inquire(link)
    assert firm.provider.calls == ["create", "get"]
    firm.clocks.at += timedelta(minutes=20)
    await firm.paying.inquire(link)
    assert firm.provider.calls == ["create", "get"]
