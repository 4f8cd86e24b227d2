"""The audit log as a chain: whatever is done to the table behind its back is found."""

import asyncio

import pytest
from sqlalchemy import text, update
from sqlmodel import col, select

from gateway.access.audit import Anchor, audit, audit_head, verify_chain
from gateway.access.tables import AuditEntry, AuditHead
from gateway.core.errors import GatewayError


async def write(house, *names: str) -> None:
    for name in names:
        async with house.database.write() as session:
            audit(session, house.caller(), action="thing.done", object=name, count=1)


async def verdict(house, anchor: Anchor | None = None):
    async with house.database.read() as session:
        return await verify_chain(session, anchor=anchor)


async def head(house) -> Anchor:
    async with house.database.read() as session:
        return await audit_head(session)


async def numbers(house) -> list[tuple[int, str]]:
    async with house.database.read() as session:
        rows = await session.exec(
            select(AuditEntry.number, AuditEntry.object).order_by(col(AuditEntry.number))
        )
        return list(rows)


async def tamper(house, statement) -> None:
    async with house.database.write() as session:
        await session.exec(statement)


async def fail(house) -> None:
    async with house.database.write() as session:
        audit(session, house.caller(), action="thing.done", object="never")
        raise ZeroDivisionError


async def test_an_empty_log_holds(house) -> None:
    found = await verdict(house)
    assert found.holds
    assert (found.checked, found.head.number) == (0, 0)


async def test_entries_are_numbered_in_the_order_they_were_committed(house) -> None:
    await write(house, "a", "b", "c")
    assert await numbers(house) == [(1, "a"), (2, "b"), (3, "c")]
    found = await verdict(house)
    assert found.holds
    assert found.checked == 3
    assert found.head == await head(house)


async def test_several_entries_of_one_transaction_follow_each_other(house) -> None:
    async with house.database.write() as session:
        for name in ("a", "b"):
            audit(session, house.caller(), action="thing.done", object=name)
    assert await numbers(house) == [(1, "a"), (2, "b")]
    assert (await verdict(house)).holds


async def test_what_is_rolled_back_leaves_no_gap(house) -> None:
    with pytest.raises(ZeroDivisionError):
        await fail(house)
    await write(house, "a")
    assert await numbers(house) == [(1, "a")]
    assert (await verdict(house)).holds


async def test_writers_at_the_same_time_make_one_chain(house) -> None:
    await asyncio.gather(*(write(house, f"{one}a", f"{one}b") for one in range(10)))
    assert [number for number, _ in await numbers(house)] == list(range(1, 21))
    assert (await verdict(house)).holds


@pytest.mark.parametrize(
    "values",
    [
        {"actor": "somebody.else@alpha.example"},
        {"action": "thing.undone"},
        {"object": "another"},
        {"facts": {"count": 2}},
        {"hash": "f" * 64},
    ],
    ids=str,
)
async def test_an_edited_entry_is_named(house, values) -> None:
    await write(house, "a", "b", "c")
    await tamper(house, update(AuditEntry).where(col(AuditEntry.number) == 2).values(**values))
    found = await verdict(house)
    assert (found.broken_at, found.reason, found.checked) == (2, "changed", 1)


@pytest.mark.parametrize("number", [1, 2])
async def test_a_removed_entry_is_named(house, number) -> None:
    await write(house, "a", "b", "c")
    await tamper(house, text(f"DELETE FROM audit_entry WHERE number = {number:d}"))
    found = await verdict(house)
    assert (found.broken_at, found.reason) == (number, "missing")


async def test_entries_that_changed_places_are_found(house) -> None:
    await write(house, "a", "b", "c", "d")
    for old, new in ((2, 99), (3, 2), (99, 3)):
        await tamper(
            house, update(AuditEntry).where(col(AuditEntry.number) == old).values(number=new)
        )
    found = await verdict(house)
    assert (found.broken_at, found.reason) == (2, "changed")


async def test_an_entry_slipped_in_is_found(house) -> None:
    await write(house, "a", "b")
    await tamper(house, update(AuditEntry).where(col(AuditEntry.number) == 2).values(number=3))
    async with house.database.write() as session:
        original = (await session.exec(select(AuditEntry).where(AuditEntry.number == 1))).one()
        copied = original.model_dump(exclude={"id", "number", "object"})
        session.add(AuditEntry(**copied, number=2, object="slipped in"))
    found = await verdict(house)
    assert (found.broken_at, found.reason) == (2, "changed")


async def test_an_entry_added_behind_the_head_is_found(house) -> None:
    await write(house, "a")
    async with house.database.write() as session:
        original = (await session.exec(select(AuditEntry))).one()
        session.add(AuditEntry(**original.model_dump(exclude={"id", "number"}), number=2))
    found = await verdict(house)
    assert (found.broken_at, found.reason) == (2, "added")


async def test_a_log_cut_off_is_found_by_its_head(house) -> None:
    await write(house, "a", "b", "c")
    await tamper(house, text("DELETE FROM audit_entry WHERE number > 1"))
    found = await verdict(house)
    assert (found.broken_at, found.reason) == (2, "cut-off")


async def test_a_log_cut_off_together_with_its_head_is_found_by_an_anchor(house) -> None:
    await write(house, "a")
    first = await head(house)
    await write(house, "b", "c")
    anchor = Anchor.parse(str(await head(house)))
    await tamper(house, text("DELETE FROM audit_entry WHERE number > 1"))
    await tamper(house, update(AuditHead).values(number=first.number, hash=first.hash))
    assert (await verdict(house)).holds
    found = await verdict(house, anchor)
    assert (found.broken_at, found.reason) == (2, "anchor")


async def test_a_log_written_anew_is_found_by_an_anchor(house) -> None:
    await write(house, "a", "b")
    anchor = await head(house)
    await tamper(house, text("DELETE FROM audit_entry"))
    await tamper(house, update(AuditHead).values(number=0, hash="0" * 64))
    await write(house, "x", "y", "z")
    assert (await verdict(house)).holds
    found = await verdict(house, anchor)
    assert (found.broken_at, found.reason) == (2, "anchor")


async def test_an_old_anchor_still_holds_when_the_log_has_grown(house) -> None:
    await write(house, "a")
    anchor = await head(house)
    await write(house, "b")
    assert (await verdict(house, anchor)).holds


@pytest.mark.parametrize(
    "wrong", ["", "1", "1:abc", "x:" + "0" * 64, "-1:" + "0" * 64, "²:" + "0" * 64]
)
def test_what_is_no_anchor_is_refused(wrong) -> None:
    with pytest.raises(GatewayError) as refused:
        Anchor.parse(wrong)
    assert refused.value.code == "AUDIT-ANCHOR"


async def test_a_chain_longer_than_a_batch_is_read_to_its_end(house, monkeypatch) -> None:
    monkeypatch.setattr("gateway.access.audit._BATCH", 2)
    await write(house, *"abcde")
    assert (await verdict(house)).checked == 5
    await tamper(house, update(AuditEntry).where(col(AuditEntry.number) == 5).values(object="x"))
    assert (await verdict(house)).broken_at == 5
