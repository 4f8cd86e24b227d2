"""Statistics of two gateways that really exchange: what is counted, reported, sent, corrected."""

import csv
import io
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from exchange_houses import (
    COLLECTOR,
    RECEIVER_SEAT,
    SENDER_SEAT,
    House,
    Pair,
    account,
    invoice_bytes,
)
from sqlmodel import update

from gateway.access.service import operator_tenant
from gateway.as4.identifiers import (
    BILLING_INVOICE,
    END_USER_STATISTICS_REPORT,
    PROCESS_REPORTING,
    TRANSACTION_STATISTICS_REPORT,
    ParticipantId,
)
from gateway.core.alarms import open_alarms
from gateway.core.ids import new_id
from gateway.core.jobs.registry import JobContext
from gateway.core.jobs.tables import Job
from gateway.exchange.delivery_keys import DELIVERY_DESK
from gateway.exchange.keys import RECEIVER
from gateway.exchange.lanes import DELIVER
from gateway.exchange.statistics.counting import Counting, ReportKind
from gateway.exchange.statistics.job import STATISTICS as JOB
from gateway.exchange.statistics.job import StatisticsJob
from gateway.exchange.statistics.keys import REPORTING, STATISTICS
from gateway.exchange.statistics.period import Period
from gateway.exchange.statistics.recount import recount
from gateway.exchange.statistics.tables import ReportingDuty, StatisticsReport, Traffic
from gateway.exchange.tables import Direction, Document, DocumentKind
from gateway.exchange.traffic import record_received, record_sent
from gateway.network.participants import Offer
from gateway.network.tables import EndUserIdentification

LAST = datetime(2026, 11, 30, 23, 59, 59, 999000, tzinfo=UTC)
NOVEMBER = Period(2026, 11)


@dataclass(slots=True)
class Clock:
    """A clock that stands where it is put."""

    at: datetime

    def __call__(self) -> datetime:
        return self.at


def set_clock(house: House, at: datetime) -> Clock:
    """Give what takes, delivers and reports in a house one clock of our own."""
    clock, registry = Clock(at), house.gateway.worker._registry
    web = house.gateway.web
    job = registry[JOB].handler
    assert isinstance(job, StatisticsJob)
    parts: list[Any] = [web[RECEIVER], registry[DELIVER].handler, web[REPORTING], web[STATISTICS]]
    for one in (*parts, job, job._reporting):
        assert callable(one._now)
        one._now = clock
    return clock


async def traffic(house: House) -> list[Traffic]:
    return await house.rows(Traffic)


async def operator(house: House) -> str:
    """An API key of the service provider's own account."""
    async with house.gateway.platform.database.read() as session:
        found = await operator_tenant(session)
    assert found is not None
    return (await account(house.gateway, found.id))[1]


async def open_collector(house: House) -> None:
    """Let a house take statistics reports, as OpenPeppol does."""
    async with house.gateway.platform.database.read() as session:
        found = await operator_tenant(session)
    assert found is not None
    await house.gateway.participants.register(
        found.id,
        ParticipantId.of(COLLECTOR),
        name="Collector",
        country="BE",
        offers=[
            Offer(one, PROCESS_REPORTING)
            for one in (TRANSACTION_STATISTICS_REPORT, END_USER_STATISTICS_REPORT)
        ],
    )


async def run_job(house: House) -> None:
    """One round of the scheduled job."""
    handler = house.gateway.worker._registry[JOB].handler
    await handler(JobContext(Job(kind=JOB, payload={}, run_at=LAST, created_at=LAST)))


async def alarms(house: House) -> set[tuple[str, str]]:
    async with house.gateway.platform.database.read() as session:
        found = await open_alarms(session)
    return {(one.code, one.subject) for one in found if one.code.startswith("STATISTICS")}


def place(seat: str, kind: str = "tsr", period: Period = NOVEMBER) -> str:
    return f"/v1/statistics/{seat}/{period}/{kind}"


async def get(house: House, key: str, path: str) -> Any:
    answer = await house.call("GET", path, key=key)
    assert answer.status == 200, answer.body
    return answer.body


async def test_each_side_counts_at_its_own_moment_across_the_end_of_a_month(pair: Pair):
    set_clock(pair.receiver, LAST)
    sender = set_clock(pair.sender, LAST + timedelta(milliseconds=1))
    sent, _ = await pair.delivered("VT-1")
    rows = [one for one in await traffic(pair.sender) if one.document_id == sent.id]
    assert [(one.direction, one.exchanged_at) for one in rows] == [(Direction.OUT, sender.at)]
    (arrived,) = [
        one
        for one in await traffic(pair.receiver)
        if (one.direction, one.document_type) == (Direction.IN, BILLING_INVOICE.value)
    ]
    assert (arrived.exchanged_at, Period.of(arrived.exchanged_at)) == (LAST, NOVEMBER)
    assert (arrived.c2_seat, arrived.c3_seat) == (SENDER_SEAT, RECEIVER_SEAT)
    assert (arrived.c1_country, arrived.c4_country) == ("BE", "BE")
    assert arrived.participant == str(pair.receiver.participant)

    theirs, key = await operator(pair.receiver), await operator(pair.sender)
    november = await get(pair.receiver, theirs, place(RECEIVER_SEAT))
    assert november["totals"]["incoming"] == 1
    assert (await get(pair.sender, key, place(SENDER_SEAT)))["totals"] == {
        "incoming": 0,
        "outgoing": 0,
    }
    december = place(SENDER_SEAT, period=NOVEMBER.next)
    shown = await get(pair.sender, key, december)
    # The invoice out, its message level status in: a transaction too, but no end user's.
    assert shown["totals"] == {"incoming": 1, "outgoing": 1}
    people = await get(pair.sender, key, place(SENDER_SEAT, "eusr", NOVEMBER.next))
    assert people["totals"] == {"sending": 1, "receiving": 0, "either": 1}
    assert shown["recount"] == {"agrees": True, "uncounted": [], "unfounded": []}
    assert shown["judgement"]["valid"]
    for house in (pair.sender, pair.receiver):
        for period in (NOVEMBER, NOVEMBER.next):
            async with house.gateway.platform.database.read() as session:
                assert (await recount(session, period)).agrees


async def test_nothing_counts_twice_and_only_a_receipt_counts(lite: Pair):
    lite.receiver.line.cut()
    answer = await lite.sender.submit(invoice_bytes("VT-2"))
    await lite.settle()
    # The receiver gave a receipt that never arrived: it has counted, we have not.
    assert [one for one in await traffic(lite.sender) if one.direction is Direction.OUT] == []
    assert len(await traffic(lite.receiver)) >= 1
    await lite.sender.later()
    await lite.settle()
    document = await lite.sender.document(answer.body["id"])
    assert document.transport.value == "delivered"
    (out,) = [one for one in await traffic(lite.sender) if one.direction is Direction.OUT]
    arrived = [
        one
        for one in await traffic(lite.receiver)
        if (one.direction, one.document_type) == (Direction.IN, BILLING_INVOICE.value)
    ]
    assert len(arrived) == 1

    (transmission,) = await lite.sender.transmissions(document.id)
    async with lite.sender.gateway.platform.database.write() as session:
        for _ in range(2):
            await record_sent(session, document, transmission, at=LAST)
    (again,) = [one for one in await traffic(lite.sender) if one.direction is Direction.OUT]
    assert again.exchanged_at == out.exchanged_at
    (reception,) = [
        one for one in await lite.receiver.receptions() if one.sbdh_id == document.sbdh_id
    ]
    header = _header_of(document)
    async with lite.receiver.gateway.platform.database.write() as session:
        await record_received(session, reception, header, at=LAST)
    assert len(await traffic(lite.receiver)) == len(await lite.receiver.receptions()) + len(
        [one for one in await lite.receiver.documents() if one.kind is DocumentKind.MLS]
    )


def _header_of(document: Document) -> Any:
    """What ``record_received`` reads of an envelope."""
    from types import SimpleNamespace

    from gateway.as4.identifiers import DocumentTypeId, ProcessId

    return SimpleNamespace(
        receiver=ParticipantId.parse(document.receiver),
        document_type=DocumentTypeId.parse(document.document_type),
        process=ProcessId.parse(document.process),
        country_c1="BE",
    )


async def test_a_month_is_reported_by_itself_corrected_and_not_counted(pair: Pair):
    await open_collector(pair.receiver)
    clock, theirs = set_clock(pair.sender, LAST), set_clock(pair.receiver, LAST)
    await pair.delivered("VT-3")
    key = await operator(pair.sender)
    async with pair.sender.gateway.platform.database.write() as session:
        await session.exec(update(ReportingDuty).values(since="2026-11"))

    clock.at = datetime(2026, 12, 2, 5, 59, tzinfo=UTC)
    await run_job(pair.sender)
    assert await pair.sender.rows(StatisticsReport) == []
    clock.at = theirs.at = datetime(2026, 12, 2, 6, 0, tzinfo=UTC)
    await run_job(pair.sender)
    await run_job(pair.sender)
    made = await pair.sender.rows(StatisticsReport)
    assert [(one.kind, one.edition, one.state.value) for one in made] == [
        (ReportKind.TSR, 1, "on-its-way"),
        (ReportKind.EUSR, 1, "on-its-way"),
    ]
    under_way = await pair.sender.call("POST", f"{place(SENDER_SEAT)}/reports", key=key)
    assert (under_way.status, under_way.body["code"]) == (409, "STATISTICS-UNDER-WAY")
    await pair.settle()

    months = (await get(pair.sender, key, f"/v1/statistics?seat_id={SENDER_SEAT}"))["items"]
    assert [(one["period"], one["kind"], one["standing"]) for one in months] == [
        ("2026-12", "tsr", "open"),
        ("2026-12", "eusr", "open"),
        ("2026-11", "tsr", "delivered"),
        ("2026-11", "eusr", "delivered"),
    ]
    arrived = await pair.receiver.documents(
        Document.document_type == str(TRANSACTION_STATISTICS_REPORT)
    )
    assert len(arrived) == 1
    report = months[2]["latest"]
    assert report["totals"] == {"incoming": 1, "outgoing": 1}
    assert report["judgement"]["valid"]
    stored = await pair.sender.call(
        "GET", f"/v1/statistics/reports/{report['id']}/document", key=key
    )
    current = await pair.sender.call("GET", f"{place(SENDER_SEAT)}/document", key=key)
    assert stored.body == current.body
    assert b"<Outgoing>1</Outgoing>" in stored.body
    # The reports themselves are exchanges that no report counts.
    uncounted = [one for one in await traffic(pair.sender) if one.counting is Counting.NEITHER]
    assert len(uncounted) == 2
    december = await get(pair.sender, key, place(SENDER_SEAT, period=NOVEMBER.next))
    assert december["totals"]["outgoing"] == 0
    assert await alarms(pair.sender) == set()

    await _a_late_row_is_told_and_corrected(pair, clock, key)


async def _a_late_row_is_told_and_corrected(pair: Pair, clock: Clock, key: str) -> None:
    clock.at = LAST
    await pair.delivered("VT-4")
    clock.at = datetime(2026, 12, 3, 6, 0, tzinfo=UTC)
    await run_job(pair.sender)
    assert {code for code, _ in await alarms(pair.sender)} == {"STATISTICS-CHANGED"}
    changed = await get(pair.sender, key, f"{place(SENDER_SEAT)}/difference")
    assert changed["totals_before"] == {"incoming": 1, "outgoing": 1}
    assert changed["totals_now"] == {"incoming": 2, "outgoing": 2}
    assert {one["now"]["family"] for one in changed["changes"]} == {
        "PerTP",
        "PerSP-DT-PR",
        "PerSP-DT-PR-CC",
    }
    sent = await pair.sender.call("POST", f"{place(SENDER_SEAT)}/reports", key=key)
    assert (sent.status, sent.body["edition"]) == (202, 2)
    await pair.settle()
    await run_job(pair.sender)
    assert await alarms(pair.sender) == set()
    history = await get(pair.sender, key, f"/v1/statistics/{SENDER_SEAT}/reports?kind=tsr")
    assert [(one["edition"], one["state"]) for one in history["items"]] == [
        (2, "delivered"),
        (1, "delivered"),
    ]


async def test_what_cannot_be_delivered_is_tried_daily_until_the_15th(lite: Pair):
    clock, key = (
        set_clock(lite.sender, datetime(2026, 12, 2, 6, tzinfo=UTC)),
        await operator(lite.sender),
    )
    async with lite.sender.gateway.platform.database.write() as session:
        await session.exec(update(ReportingDuty).values(since="2026-11"))
    # Nobody is registered as the collector, so every lookup fails for good.
    for day in (2, 2, 3, 15):
        clock.at = datetime(2026, 12, day, 7, tzinfo=UTC)
        await run_job(lite.sender)
        await lite.settle()
    reports = [
        one for one in await lite.sender.rows(StatisticsReport) if one.kind is ReportKind.TSR
    ]
    assert [one.edition for one in reports] == [1, 2, 3]
    assert {code for code, _ in await alarms(lite.sender)} == {"STATISTICS-DUE"}
    clock.at = datetime(2026, 12, 16, 0, 0, tzinfo=UTC)
    await run_job(lite.sender)
    assert {code for code, _ in await alarms(lite.sender)} == {"STATISTICS-MISSED"}
    months = (await get(lite.sender, key, "/v1/statistics"))["items"]
    missed = [one for one in months if one["period"] == "2026-11"]
    assert {one["standing"] for one in missed} == {"missed"}
    assert {one["latest"]["state"] for one in missed} == {"failed"}
    assert all(one["latest"]["failure"] for one in missed)
    turned_off = await lite.sender.call(
        "PUT",
        f"/v1/statistics/duties/{SENDER_SEAT}",
        key=key,
        json={"active": False, "since": "2026-11"},
    )
    assert turned_off.status == 200
    await run_job(lite.sender)
    assert await alarms(lite.sender) == set()


async def test_a_report_that_was_given_up_and_sent_again_is_delivered(pair: Pair):
    house = pair.sender
    set_clock(house, datetime(2026, 12, 2, 6, tzinfo=UTC))
    async with house.gateway.platform.database.write() as session:
        await session.exec(update(ReportingDuty).values(since="2026-11"))
    await run_job(house)
    await pair.settle()
    await run_job(house)
    (failed,) = [one for one in await house.rows(StatisticsReport) if one.kind is ReportKind.TSR]
    assert failed.state.value == "failed"
    desk = house.gateway.web[DELIVERY_DESK]
    document = await house.document(failed.document_id)
    again = await desk.resend_many(house.caller, [document.failure_code], limit=10)
    assert failed.document_id in again.documents
    key = await operator(house)
    twice = await house.call("POST", f"{place(SENDER_SEAT)}/reports", key=key)
    assert (twice.status, twice.body["code"]) == (409, "STATISTICS-UNDER-WAY")
    await open_collector(pair.receiver)
    await pair.settle()
    await run_job(house)
    (settled,) = [one for one in await house.rows(StatisticsReport) if one.kind is ReportKind.TSR]
    assert (settled.state.value, settled.failure) == ("delivered", None)


async def test_the_rows_behind_every_line(pair: Pair):
    for house in (pair.sender, pair.receiver):
        set_clock(house, LAST)
    for number in range(3):
        await pair.delivered(f"VT-{number}")
    key = await operator(pair.receiver)
    for kind in ReportKind:
        address = place(RECEIVER_SEAT, kind.value)
        preview = await get(pair.receiver, key, address)
        assert preview["lines"]
        for line in preview["lines"]:
            rows = (await get(pair.receiver, key, f"{address}/rows?line={line['id']}"))["items"]
            assert len(rows) == (sum(line["counts"].values()) if kind is ReportKind.TSR else 3)
            assert all(kind.value in one["counted_in"] for one in rows)
    address = place(RECEIVER_SEAT)
    seen, cursor = [], ""
    while True:
        page = await get(pair.receiver, key, f"{address}/rows?limit=2{cursor}")
        seen += [one["id"] for one in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert len(seen) == len(set(seen)) == 6
    text = (await pair.receiver.call("GET", f"{address}/rows.csv", key=key)).body.decode()
    table = list(csv.DictReader(io.StringIO(text)))
    assert [one["id"] for one in table] == seen
    assert {one["direction"] for one in table} == {"in", "out"}
    for wrong, status in (
        (f"{address}/rows?line={'0' * 16}", 404),
        (f"{address}/rows?cursor=x", 400),
        (place("POP999999"), 404),
        (f"{address}/difference", 404),
        ("/v1/statistics/POP000202/2026-13/tsr", 422),
    ):
        assert (await pair.receiver.call("GET", wrong, key=key)).status == status


async def test_rows_without_a_country_are_named_and_counted_as_unknown(lite: Pair):
    set_clock(lite.receiver, LAST)
    await lite.delivered("VT-1")
    async with lite.receiver.gateway.platform.database.write() as session:
        await session.exec(update(Traffic).values(c1_country="QQ", c4_country=None))
    key = await operator(lite.receiver)
    tsr = await get(lite.receiver, key, place(RECEIVER_SEAT))
    (line,) = [one for one in tsr["lines"] if one["family"] == "PerSP-DT-PR-CC"]
    assert [one["value"] for one in line["keys"][3:]] == ["ZZ", "ZZ"]
    assert tsr["judgement"]["valid"]
    assert len(tsr["without_country"]) == tsr["totals"]["incoming"] == 1
    found = await get(lite.receiver, key, f"{place(RECEIVER_SEAT)}/rows?line={line['id']}")
    assert len(found["items"]) == 1
    # An end user always has a country, so there is a report only once somebody says which.
    eusr = await get(lite.receiver, key, place(RECEIVER_SEAT, "eusr"))
    assert [one["direction"] for one in eusr["without_country"]] == ["in"]
    assert {one["rule"] for one in eusr["judgement"]["flaws"]} == {"SCH-EUSR-37", "SCH-EUSR-39"}
    set_clock(lite.receiver, datetime(2026, 12, 2, 6, tzinfo=UTC))
    refused = await lite.receiver.call("POST", f"{place(RECEIVER_SEAT, 'eusr')}/reports", key=key)
    assert (refused.status, refused.body["code"]) == (422, "STATISTICS-REFUSED")
    (kept,) = await lite.receiver.rows(StatisticsReport)
    assert (kept.state.value, kept.document_id) == ("refused", None)


async def test_a_recount_finds_what_is_missing_and_what_is_too_much(pair: Pair):
    for house in (pair.sender, pair.receiver):
        set_clock(house, LAST)
    await pair.delivered("VT-1")
    for house in (pair.sender, pair.receiver):
        rows = await traffic(house)
        assert len(rows) == 2
        async with house.gateway.platform.database.write() as session:
            for row in rows:
                made_up = Traffic.model_validate({**row.model_dump(), "id": row.tenant_id})
                await session.delete(await session.get_one(Traffic, row.id))
            session.add(made_up)
        async with house.gateway.platform.database.read() as session:
            found = await recount(session, NOVEMBER)
        assert set(found.uncounted) == {one.id for one in rows}
        assert found.unfounded == (made_up.id,)
        assert not found.agrees


async def test_what_was_exchanged_before_counting_began_is_no_difference(pair: Pair):
    """An instance that was upgraded: its older receipts were never counted, and never will be."""
    for house in (pair.sender, pair.receiver):
        set_clock(house, LAST - timedelta(days=2))
    await pair.delivered("VT-1")
    for house in (pair.sender, pair.receiver):
        async with house.gateway.platform.database.write() as session:
            for row in await traffic(house):
                await session.delete(await session.get_one(Traffic, row.id))
        async with house.gateway.platform.database.read() as session:
            assert (await recount(session, NOVEMBER)).agrees
        set_clock(house, LAST)
    await pair.delivered("VT-2")
    for house in (pair.sender, pair.receiver):
        async with house.gateway.platform.database.read() as session:
            assert (await recount(session, NOVEMBER)).agrees
        first, second = await traffic(house)
        async with house.gateway.platform.database.write() as session:
            await session.delete(await session.get_one(Traffic, second.id))
        async with house.gateway.platform.database.read() as session:
            found = await recount(session, NOVEMBER)
        assert found.uncounted == (second.id,)
        assert first.id not in found.unfounded


async def test_statistics_are_the_operators_alone(lite: Pair):
    for method, path in (
        ("GET", "/v1/statistics"),
        ("GET", "/v1/statistics/duties"),
        ("PUT", f"/v1/statistics/duties/{SENDER_SEAT}"),
        ("GET", place(SENDER_SEAT)),
        ("GET", f"{place(SENDER_SEAT)}/rows"),
        ("GET", f"{place(SENDER_SEAT)}/rows.csv"),
        ("GET", f"{place(SENDER_SEAT)}/document"),
        ("POST", f"{place(SENDER_SEAT)}/reports"),
        ("GET", f"/v1/statistics/{SENDER_SEAT}/reports"),
    ):
        answer = await lite.sender.call(method, path)
        assert (answer.status, answer.body["code"]) == (403, "ACCESS-SCOPE"), path


async def test_the_month_must_be_over_and_somebody_there_to_take_it(
    lite: Pair, monkeypatch: pytest.MonkeyPatch
):
    set_clock(lite.sender, LAST)
    key = await operator(lite.sender)
    early = await lite.sender.call("POST", f"{place(SENDER_SEAT)}/reports", key=key)
    assert (early.status, early.body["code"]) == (409, "STATISTICS-PERIOD-OPEN")
    set_clock(lite.sender, LAST + timedelta(days=2))
    monkeypatch.setattr(lite.sender.gateway.web[REPORTING], "_receiver", None)
    nobody = await lite.sender.call("POST", f"{place(SENDER_SEAT)}/reports", key=key)
    assert (nobody.status, nobody.body["code"]) == (409, "STATISTICS-RECEIVER")
    job = lite.sender.gateway.worker._registry[JOB].handler
    monkeypatch.setattr(job._reporting, "_receiver", None)
    await run_job(lite.sender)
    assert await lite.sender.rows(StatisticsReport) == []
    assert await alarms(lite.sender) == set()


async def test_participants_with_the_same_identification_are_one_end_user(pair: Pair):
    set_clock(pair.sender, LAST)
    await pair.delivered("VT-1")
    (row,) = [one for one in await traffic(pair.sender) if one.direction is Direction.OUT]
    names = ("0208:0111111166", "0208:0222222232", "0208:0333333398", "0208:0444444464")
    same = {"registration_scheme": "KBO", "registration_number": "0111.111.166"}
    other = {"registration_scheme": "KBO", "registration_number": "0333.333.398"}
    async with pair.sender.gateway.platform.database.write() as session:
        await session.delete(await session.get_one(Traffic, row.id))
        for name in names:
            values = {**row.model_dump(), "id": new_id()}
            session.add(
                Traffic.model_validate({**values, "participant": str(ParticipantId.of(name))})
            )
    for name, fields, valid in (
        (names[0], other, True),
        (names[0], same, True),
        (names[1], {key: text.lower() for key, text in same.items()}, True),
        (names[2], other, True),
        (names[3], same, True),
        (names[3], {}, False),
    ):
        async with pair.sender.gateway.platform.database.write() as session:
            session.add(_identified(row, name, fields, valid=valid))
    key = await operator(pair.sender)
    people = await get(pair.sender, key, place(SENDER_SEAT, "eusr"))
    # Two identifiers of one company, another company, and an account whose proof was withdrawn.
    assert people["totals"] == {"sending": 3, "receiving": 0, "either": 3}


def _identified(
    row: Traffic, name: str, fields: dict[str, str], *, valid: bool
) -> EndUserIdentification:
    who = ParticipantId.of(name)
    return EndUserIdentification(
        tenant_id=row.tenant_id,
        scheme=who.scheme,
        value=who.value,
        valid=valid,
        fields=fields,
        proofs=[],
        method="",
        identified_on=LAST.date(),
        identified_by="test",
        recheck_on=LAST.date(),
        recorded_by="test",
        recorded_at=LAST,
    )
