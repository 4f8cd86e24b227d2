"""Alarms: one open row per cause and subject, cleared and raised again."""

from datetime import UTC, datetime, timedelta

from gateway.core.alarms import AlarmKind, Severity, clear_alarm, open_alarms, raise_alarm
from gateway.core.database import Database

KIND = AlarmKind("TEST-STALE", Severity.WARNING, "Something is stale", "Look at it.")
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


async def test_a_cause_seen_again_is_the_same_alarm(database: Database) -> None:
    for minute in range(3):
        async with database.write() as session:
            await raise_alarm(
                session, KIND, "POP000001", at=AT + timedelta(minutes=minute), facts={"n": minute}
            )
    async with database.read() as session:
        (alarm,) = await open_alarms(session)
    assert (alarm.occurrences, alarm.facts, alarm.raised_at) == (3, {"n": 2}, AT)
    assert alarm.last_seen_at == AT + timedelta(minutes=2)


async def test_cleared_it_can_be_raised_anew(database: Database) -> None:
    async with database.write() as session:
        first = await raise_alarm(session, KIND, "POP000001", at=AT)
        await raise_alarm(session, KIND, "POP000002", at=AT)
    async with database.write() as session:
        assert await clear_alarm(session, KIND, "POP000001", at=AT)
        assert not await clear_alarm(session, KIND, "POP000001", at=AT)
    async with database.write() as session:
        again = await raise_alarm(session, KIND, "POP000001", at=AT)
    async with database.read() as session:
        assert {one.subject for one in await open_alarms(session)} == {"POP000001", "POP000002"}
    assert again.id != first.id
