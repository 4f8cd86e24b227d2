"""Two workers at one delivery: the first lost its lease while it still sends."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import col, update

from gateway.as4.errors import EbmsCode
from gateway.core.jobs.tables import IS_ACTIVE, Job
from gateway.core.jobs.worker import Worker
from gateway.exchange.delivery_policy import OtherAttempt, under_way
from gateway.exchange.lanes import DELIVER
from gateway.exchange.statistics.tables import Traffic
from gateway.exchange.tables import Attempt, AttemptOutcome, Document

RECEIVER = "POP000202"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LONGEST = timedelta(minutes=3)


@pytest.fixture
def refuse(pair, forge, pki):
    """Answer the receiver's next AS4 request with an error it signed."""

    def refuse(code):
        forge.fail(pair.receiver.line, code, signer=pki.seat(RECEIVER))

    return refuse


async def submitted(pair, content):
    answer = await pair.sender.submit(content)
    assert answer.status == 202, answer.body
    return answer.body["id"]


async def overtake(house):
    """Let the lease of a delivery lapse, and another worker do the job."""
    async with house.gateway.platform.database.write() as session:
        lapsed = update(Job).where(col(Job.kind) == DELIVER, IS_ACTIVE)
        await session.exec(lapsed.values(run_at=LONG_AGO))
    first = house.gateway.worker
    second = Worker(
        database=house.gateway.platform.database,
        queue=first._queue,
        registry=first._registry,
        settings=house.gateway.platform.settings.jobs,
    )
    assert await second.run_due() == 1


async def ends(pair, document_id):
    """Where the document stands, and how its attempts ended in the order they began."""
    attempts = await pair.sender.attempts(document_id)
    return (await pair.sender.document(document_id)).transport, [one.outcome for one in attempts]


async def until_the_first_has_ended(house):
    while not any(one.ended_at for one in await house.rows(Attempt)):
        await asyncio.sleep(0.01)


async def test_known_already_proves_nothing_while_the_first_worker_is_not_answered(
    pair, make_invoice, refuse
):
    """The receiver knows the MessageId of a message that it then refuses to take."""
    line, seen = pair.receiver.line, []

    async def undecided(request, forward):
        refuse(EbmsCode.DUPLICATE_DETECTED)
        await overtake(pair.sender)
        seen.append(await ends(pair, document_id))
        refuse(EbmsCode.OTHER)
        return await line.script.popleft()(request, forward)

    line.once(undecided)
    document_id = await submitted(pair, make_invoice())
    await pair.sender.work()
    assert seen == [("waiting", ["unknown", "unknown"])]
    assert await ends(pair, document_id) == ("waiting", ["error", "unknown"])
    await pair.sender.later()
    assert await ends(pair, document_id) == ("delivered", ["error", "unknown", "receipt"])
    refused, taken = await pair.sender.transmissions(document_id)
    assert (refused.delivered_at, taken.receipt_id is None) == (None, False)
    await pair.settle()
    (arrived,) = await pair.receiver.documents(Document.kind == "invoice")
    assert arrived.sbdh_id == (await pair.sender.document(document_id)).sbdh_id


async def test_known_already_proves_nothing_when_the_first_worker_was_refused_meanwhile(
    pair, make_invoice, refuse
):
    """The second one knew of no refusal when it began to send."""
    line, arrived, others = pair.receiver.line, asyncio.Event(), []

    async def refused_late(request, forward):
        line.once(known_after_that)
        others.append(asyncio.create_task(overtake(pair.sender)))
        await arrived.wait()
        refuse(EbmsCode.OTHER)
        return await line.script.popleft()(request, forward)

    async def known_after_that(request, forward):
        arrived.set()
        await until_the_first_has_ended(pair.sender)
        refuse(EbmsCode.DUPLICATE_DETECTED)
        return await line.script.popleft()(request, forward)

    line.once(refused_late)
    document_id = await submitted(pair, make_invoice())
    await pair.sender.work()
    await asyncio.gather(*others)
    assert await ends(pair, document_id) == ("waiting", ["error", "error"])
    await pair.sender.later()
    assert await ends(pair, document_id) == ("delivered", ["error", "error", "receipt"])


async def test_known_already_proves_it_when_nobody_can_be_waiting_any_more(
    pair, make_invoice, refuse
):
    """As after the death of the first worker: its attempt never ends."""
    line = pair.receiver.line

    async def never_answered(_request, _forward):
        refuse(EbmsCode.DUPLICATE_DETECTED)
        await overtake(pair.sender)
        async with pair.sender.gateway.platform.database.write() as session:
            await session.exec(update(Attempt).values(started_at=LONG_AGO))
        refuse(EbmsCode.DUPLICATE_DETECTED)
        await overtake(pair.sender)

    line.once(never_answered)
    document_id = await submitted(pair, make_invoice())
    await pair.sender.work()
    assert await ends(pair, document_id) == ("delivered", ["unknown", "unknown", "duplicate"])
    assert len({one.body for one in line.requests}) == 1
    await pair.sender.later()
    assert len(line.requests) == 3


async def test_a_receipt_counts_in_the_hand_of_a_worker_that_lost_its_lease(pair, make_invoice):
    line = pair.receiver.line

    async def answered_late(_request, forward):
        line.answer(b"", status=503)
        await overtake(pair.sender)
        return await forward()

    line.once(answered_late)
    document_id = await submitted(pair, make_invoice())
    await pair.sender.work()
    assert await ends(pair, document_id) == ("delivered", ["receipt", "unknown"])
    (transmission,) = await pair.sender.transmissions(document_id)
    assert transmission.receipt_id is not None
    assert len(await pair.sender.rows(Traffic)) == 1
    await pair.sender.later()
    assert len(line.requests) == 2
    assert (await pair.sender.kinds(document_id)).count("receipt.verified") == 1


async def test_a_receipt_counts_beside_the_failure_of_a_worker_that_lost_its_lease(
    pair, make_invoice
):
    line, arrived, others = pair.receiver.line, asyncio.Event(), []

    async def cut_off(_request, _forward):
        line.once(taken_after_that)
        others.append(asyncio.create_task(overtake(pair.sender)))
        await arrived.wait()

    async def taken_after_that(_request, forward):
        arrived.set()
        await until_the_first_has_ended(pair.sender)
        assert (await pair.sender.document(document_id)).transport == "waiting"
        return await forward()

    line.once(cut_off)
    document_id = await submitted(pair, make_invoice())
    await pair.sender.work()
    await asyncio.gather(*others)
    assert await ends(pair, document_id) == ("delivered", ["unknown", "receipt"])
    await pair.sender.later()
    assert len(line.requests) == 2


@given(
    st.lists(
        st.tuples(
            st.sampled_from([AttemptOutcome.UNKNOWN, AttemptOutcome.NOT_SENT]),
            st.integers(0, 400),
            st.booleans(),
        ),
        max_size=4,
    )
)
def test_an_attempt_is_under_way_until_it_ends_or_cannot_be_answered_any_more(attempts):
    others = [
        OtherAttempt(outcome, NOW - timedelta(seconds=ago), NOW if ended else None)
        for outcome, ago, ended in attempts
    ]
    expected = any(not ended and ago < LONGEST.total_seconds() for _, ago, ended in attempts)
    assert under_way(others, now=NOW, longest=LONGEST) is expected
