"""Orders of checks: durable when accepted, each file once, told at the end, on both databases."""

import asyncio
import hashlib
import io
import json
from collections import Counter
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.exc import OperationalError
from sqlmodel import col, select

from gateway.access.webhook_tables import EndpointState, WebhookEndpoint, WebhookMessage
from gateway.core.blobs import LocalBlobStore
from gateway.core.errors import STORAGE_FULL, GatewayError
from gateway.core.jobs.tables import Job, JobState
from gateway.core.pool import POOL_BUSY, POOL_TIMEOUT
from gateway.demo.cast import BUYER, SELLER
from gateway.demo.invoices import render_invoice
from gateway.validation.idempotency import Once
from gateway.validation.orders import MAX_FILES, Upload
from gateway.validation.queries import RunFilters, list_runs
from gateway.validation.service import CheckOptions
from gateway.validation.tables import ItemState, OrderItem, ValidationOrder

INVOICE = render_invoice(number="VT-7", seller=SELLER, buyer=BUYER, issued=date(2026, 11, 22))
OPTIONS = CheckOptions(lang="fr")


def upload(content: bytes, name: str = "") -> Upload:
    return Upload(name, hashlib.sha256(content).hexdigest(), io.BytesIO(content))


async def place(checks, *contents, once=None, options=OPTIONS):
    uploads = [upload(one, f"{number}.xml") for number, one in enumerate(contents)]
    return await checks.orders.place(checks.own, uploads, options=options, once=once)


async def stand(checks, placed):
    return await checks.orders.find(checks.own, placed.order.id)


async def runs_of(checks):
    async with checks.database.read() as session:
        return await list_runs(session, checks.own.tenant_id, RunFilters())


async def make_due(checks):
    async with checks.database.write() as session:
        await session.exec(
            update(Job)
            .where(col(Job.state) == JobState.READY)
            .values(run_at=datetime.now(UTC) - timedelta(seconds=1))
        )


async def test_files_are_checked_in_their_order_and_their_bytes_go(checks):
    placed = await place(checks, INVOICE, b"<nothing/>", b"no xml")
    assert placed.order.state == "queued"
    assert checks.stored() == 3
    await checks.worker.run_due()
    found = await stand(checks, placed)
    assert (found.order.state, found.order.open_items) == ("done", 0)
    assert found.order.finished_at is not None
    assert [one.item.file_name for one in found.files] == ["0.xml", "1.xml", "2.xml"]
    assert [one.run.verdict for one in found.files][1:] == ["undetermined", "unreadable"]
    assert {one["lang"] for one in checks.pool.asked} == {"fr"}
    assert checks.stored() == 0
    assert all(one.item.blob_id is None for one in found.files)


async def test_the_rules_are_those_of_the_day_of_acceptance(checks):
    placed = await place(checks, INVOICE)
    assert placed.order.options["as_of"] == "2026-11-22"
    asked = await place(checks, INVOICE, options=CheckOptions(as_of=date(2026, 1, 1)))
    assert asked.order.options["as_of"] == "2026-01-01"
    await checks.worker.run_due()
    assert sorted(one["as_of"] for one in checks.pool.asked) == ["2026-01-01", "2026-11-22"]


async def test_an_ended_worker_is_a_run_and_the_others_go_on(checks):
    checks.pool.fails["0.xml"] = POOL_TIMEOUT
    placed = await place(checks, INVOICE, INVOICE)
    await checks.worker.run_due()
    found = await stand(checks, placed)
    assert found.order.state == "done"
    first, second = found.files
    assert (first.run.verdict, first.item.state) == ("engine-error", ItemState.DONE)
    assert second.run.verdict != "engine-error"


async def test_a_full_pool_is_waited_for(checks):
    checks.pool.failing = POOL_BUSY
    placed = await place(checks, INVOICE)
    await checks.worker.run_due()
    found = await stand(checks, placed)
    assert (found.order.state, found.files[0].item.state) == ("running", ItemState.QUEUED)
    async with checks.database.read() as session:
        (job,) = (await session.exec(select(Job))).all()
    assert (job.state, job.attempt, job.error_code) == (JobState.READY, 0, None)
    checks.pool.failing = None
    await make_due(checks)
    await checks.worker.run_due()
    assert (await stand(checks, placed)).order.state == "done"


async def test_a_file_that_cannot_be_checked_fails_its_order_alone(checks):
    placed = await place(checks, INVOICE, b"<a/>")
    for path in checks.blobs.rglob("*"):
        if path.is_file() and path.stat().st_size > 1000:
            path.unlink()
    await checks.worker.run_due()
    found = await stand(checks, placed)
    assert found.order.state == "failed"
    lost, other = found.files
    assert (lost.item.state, lost.item.error_code) == (ItemState.FAILED, "BLOB-MISSING")
    assert other.item.state is ItemState.DONE


async def test_an_unknown_rule_set_is_refused_at_once(checks):
    with pytest.raises(GatewayError) as refused:
        await place(checks, INVOICE, options=CheckOptions(rules=("xsd", "no-1")))
    assert (refused.value.code, "no-1" in refused.value.message) == ("VALIDATION-RULESET", True)
    assert checks.stored() == 0


async def test_a_rule_set_withdrawn_meanwhile_fails_with_its_code(checks):
    placed = await place(checks, INVOICE, options=CheckOptions(rules=("xsd", "cen-ubl-1.3.16")))
    async with checks.database.write() as session:
        order = await session.get_one(ValidationOrder, placed.order.id)
        order.options = {**order.options, "rules": ["no-1"]}
    await checks.worker.run_due()
    (only,) = (await stand(checks, placed)).files
    assert (only.item.state, only.item.error_code) == (ItemState.FAILED, "VALIDATION-RULESET")


async def test_a_job_done_twice_makes_one_run(checks):
    placed = await place(checks, INVOICE)
    await checks.worker.run_due()
    async with checks.database.write() as session:
        await session.exec(
            update(Job).values(
                state=JobState.READY,
                finished_at=None,
                run_at=datetime.now(UTC) - timedelta(seconds=1),
            )
        )
    await checks.worker.run_due()
    assert len(await runs_of(checks)) == len(checks.pool.asked) == 1
    assert (await stand(checks, placed)).order.open_items == 0


async def test_a_crash_before_the_commit_leaves_nothing_and_is_made_good(checks, monkeypatch):
    placed = await place(checks, INVOICE)

    async def dies(*_):
        raise OSError("the plug is pulled")

    with monkeypatch.context() as broken:
        broken.setattr(checks.publisher, "publish", dies)
        await checks.worker.run_due()
    assert await runs_of(checks) == []
    assert checks.stored() == 1
    await make_due(checks)
    await checks.worker.run_due()
    assert len(await runs_of(checks)) == 1
    assert (await stand(checks, placed)).order.state == "done"


async def test_bytes_a_crash_left_behind_are_swept(checks, monkeypatch):
    placed = await place(checks, INVOICE)

    async def dies(*_):
        raise OSError("the plug is pulled")

    with monkeypatch.context() as broken:
        broken.setattr(LocalBlobStore, "delete", dies)
        await checks.worker.run_due()
    assert checks.stored() == 1
    await checks.job.sweep(None)
    assert checks.stored() == 0
    assert (await stand(checks, placed)).files[0].item.blob_id is None


async def test_under_one_key_an_order_is_placed_once(checks):
    once = Once.of("k", [("0.xml", "00")], {})
    first = await place(checks, INVOICE, once=once)
    second = await place(checks, INVOICE, once=once)
    assert first.order.id == second.order.id
    assert checks.stored() == 1
    with pytest.raises(GatewayError, match="IDEMPOTENCY-CONFLICT"):
        await place(checks, b"<a/>", once=Once.of("k", [("0.xml", "01")], {}))
    await checks.worker.run_due()
    assert len(await runs_of(checks)) == 1


async def test_an_answer_lost_after_the_commit_takes_no_bytes_of_what_was_accepted(
    checks, monkeypatch
):
    write, once = checks.database.write, Once.of("k", [("0.xml", "00")], {})

    @asynccontextmanager
    async def cut_off_after_the_commit():
        async with write() as session:
            yield session
        raise OperationalError("COMMIT", {}, ConnectionError("the connection is lost"))

    with monkeypatch.context() as broken:
        broken.setattr(checks.database, "write", cut_off_after_the_commit)
        with pytest.raises(OperationalError):
            await place(checks, INVOICE, once=once)
    placed = await place(checks, INVOICE, once=once)
    await checks.worker.run_due()
    (only,) = (await stand(checks, placed)).files
    assert (only.item.state, only.item.error_code) == (ItemState.DONE, None)
    assert checks.stored() == 0


async def test_nothing_is_kept_of_what_was_not_accepted(checks, monkeypatch):
    async def dies(*_, **__):
        raise OSError("the plug is pulled")

    monkeypatch.setattr(checks.orders._queue, "enqueue", dies)
    with pytest.raises(OSError, match="plug"):
        await place(checks, INVOICE)
    assert checks.stored() == 0


async def test_a_caller_who_goes_away_at_any_moment_loses_or_places_the_whole_order(checks):
    for moment in range(0, 60, 3):
        placing = asyncio.create_task(place(checks, INVOICE))
        for _ in range(moment):
            await asyncio.sleep(0)
            if placing.done():
                break
        await asyncio.sleep(moment / 3000)
        placing.cancel()
        await asyncio.gather(placing, return_exceptions=True)
    await checks.worker.run_due()
    async with checks.database.read() as session:
        found = (await session.exec(select(OrderItem))).all()
    assert {one.state for one in found} <= {ItemState.DONE}


async def test_two_at_once_under_one_key_get_one_order(checks, monkeypatch):
    once = Once.of("k", [("0.xml", "00")], {})
    first = await place(checks, INVOICE, once=once)
    replay, calls = checks.orders._replay, []

    async def blind_at_first(caller, wanted):
        calls.append(wanted)
        return None if len(calls) == 1 else await replay(caller, wanted)

    monkeypatch.setattr(checks.orders, "_replay", blind_at_first)
    assert (await place(checks, INVOICE, once=once)).order.id == first.order.id
    assert checks.stored() == 1
    async with checks.database.read() as session:
        assert len((await session.exec(select(Job))).all()) == 1


async def test_a_full_disk_accepts_nothing_and_keeps_nothing(checks, monkeypatch):
    put, taken = LocalBlobStore.put, Counter()

    async def full_at_the_second(self, source):
        taken["files"] += 1
        if taken["files"] == 2:
            raise GatewayError(STORAGE_FULL, "There is no room left.")
        return await put(self, source)

    monkeypatch.setattr(LocalBlobStore, "put", full_at_the_second)
    with pytest.raises(GatewayError, match="STORAGE-FULL"):
        await place(checks, INVOICE, INVOICE)
    assert checks.stored() == 0
    async with checks.database.read() as session:
        assert (await session.exec(select(Job))).all() == []


async def test_impossible_orders_are_refused(checks, caller_without):
    for contents, code in (((), "VALIDATION-FILE-MISSING"), ([b""] * (MAX_FILES + 1), "FILES")):
        with pytest.raises(GatewayError, match=code):
            await place(checks, *contents)
    with pytest.raises(GatewayError, match="ACCESS-SCOPE"):
        await checks.orders.place(caller_without(checks.own), [upload(INVOICE)], options=OPTIONS)
    placed = await place(checks, INVOICE)
    with pytest.raises(GatewayError, match="NOT-FOUND"):
        await checks.orders.find(checks.other, placed.order.id)


async def test_the_end_of_an_order_is_told_by_webhook(checks):
    async with checks.database.write() as session:
        session.add(
            WebhookEndpoint(
                tenant_id=checks.own.tenant_id,
                url="https://erp.alpha.example/hook",
                event_types=[],
                secret="sealed:1:never-opened-here",
                state=EndpointState.ACTIVE,
                created_at=datetime.now(UTC),
                updated_at=datetime.now(UTC),
            )
        )
    placed = await place(checks, INVOICE, b"no xml")
    await checks.worker.run_due()
    async with checks.database.read() as session:
        (message,) = (await session.exec(select(WebhookMessage))).all()
    told = json.loads(message.body)
    found = await stand(checks, placed)
    assert told["type"] == "validation.completed"
    assert (told["data"]["order_id"], told["data"]["state"]) == (str(placed.order.id), "done")
    assert told["data"]["verdicts"] == Counter(one.run.verdict for one in found.files)
    assert [one["validation_id"] for one in told["data"]["validations"]] == [
        str(one.run.id) for one in found.files
    ]
