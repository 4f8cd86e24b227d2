"""The operator's desk over two real gateways: an access point goes away and comes back."""

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from exchange_houses import SENDER_SEAT, account
from sqlmodel import col, select

from gateway.access.audit import verify_chain
from gateway.access.tables import AuditEntry, Tenant
from gateway.core.alarms import AlarmKind, Severity, clear_alarm, raise_alarm
from gateway.core.jobs.tables import Job, JobState, Lane
from gateway.exchange.states import TransportState
from gateway.exchange.tables import Direction

KIND = AlarmKind("MLS-LATE", Severity.WARNING, "Somebody owes an answer", "Ask for it.")
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


async def operator_key(house) -> str:
    async with house.gateway.platform.database.read() as session:
        tenant = (await session.exec(select(Tenant).where(col(Tenant.is_operator)))).one()
    _, key = await account(house.gateway, tenant.id)
    return key


@pytest.fixture
async def operator(pair):
    """Calls the sender's gateway as its operator."""
    key = await operator_key(pair.sender)

    async def call(method, path, **how):
        return await pair.sender.call(method, path, key=key, **how)

    return call


async def audited(house) -> list[str]:
    async with house.gateway.platform.database.read() as session:
        assert (await verify_chain(session)).holds
        rows = await session.exec(select(AuditEntry).order_by(col(AuditEntry.number)))
        return [one.action for one in rows]


PLACES = ("", "/queues", "/failures", "/alarms", "/messages?id=x", "/audit/head")


@pytest.mark.parametrize("place", PLACES)
async def test_an_account_that_is_not_the_operators_sees_nothing_of_the_instance(lite, place):
    answer = await lite.sender.call("GET", f"/v1/operations{place}")
    assert (answer.status, answer.body["code"]) == (403, "ACCESS-SCOPE")


@pytest.mark.parametrize(
    ("place", "body"),
    [
        ("queues/resume", {"lane": "ap:x:1"}),
        ("queues/run", {"kind": "exchange.deliver"}),
        ("queues/revive", {"kind": "exchange.route"}),
    ],
)
async def test_an_account_that_is_not_the_operators_does_nothing_to_it(lite, place, body):
    answer = await lite.sender.call("POST", f"/v1/operations/{place}", json=body)
    assert (answer.status, answer.body["code"]) == (403, "ACCESS-SCOPE")


async def test_traffic_counts_what_was_receipted_in_both_directions(pair, operator):
    await pair.delivered()
    answer = await operator("GET", "/v1/operations")
    assert answer.status == 200
    rows = {one["kind"]: one for one in answer.body["traffic"]}
    assert rows["Invoice"]["sent_today"] == rows["Invoice"]["sent_week"] == 1
    assert rows["ApplicationResponse"]["received_week"] == 1
    assert answer.body["peers"] == []


async def test_an_access_point_goes_away_and_the_operator_sees_why_and_helps(pair, operator):
    await pair.receiver.line.close()
    answer = await pair.sender.submit(invoice_of("OP-1"))
    document_id = answer.body["id"]
    await pair.sender.work()
    async with pair.sender.gateway.platform.database.write() as session:
        lanes = list(await session.exec(select(Lane).where(col(Lane.name).startswith("ap:"))))
        for lane in lanes:
            lane.failures, lane.paused_until = 9, datetime.now(UTC) + timedelta(hours=1)
    waiting = (await operator("GET", "/v1/operations/queues")).body["queues"]
    assert waiting
    await pair.receiver.line.open()
    for one in waiting:
        if one["lane"].startswith("ap:"):
            assert one["failures"] == 9
            resumed = await operator(
                "POST", "/v1/operations/queues/resume", json={"lane": one["lane"]}
            )
            assert resumed.status == 204
        else:
            ran = await operator(
                "POST", "/v1/operations/queues/run", json={"kind": one["kind"], "lane": one["lane"]}
            )
            assert ran.status in (200, 409)
    await pair.settle()
    document = await pair.sender.document(document_id)
    assert document.transport is TransportState.DELIVERED
    assert {"lane.resumed", "queue.hurried"} & set(await audited(pair.sender))


def invoice_of(number):
    from exchange_houses import invoice_bytes

    return invoice_bytes(number)


async def test_a_lane_that_is_not_there_cannot_be_opened(pair, operator):
    answer = await operator("POST", "/v1/operations/queues/resume", json={"lane": "ap:nobody:1"})
    assert (answer.status, answer.body["code"]) == (404, "NOT-FOUND")


async def test_work_that_was_given_up_is_tried_again(pair, operator):
    answer = await pair.sender.submit(invoice_of("OP-2"))
    database = pair.sender.gateway.platform.database
    async with database.write() as session:
        for job in await session.exec(select(Job).where(Job.kind == "exchange.lookup")):
            job.state, job.finished_at = JobState.DEAD, datetime.now(UTC)
            job.error_code, job.error_text = "JOB-CRASH", "the process died"
    found = (await operator("GET", "/v1/operations/queues")).body["dead"]
    assert [(one["kind"], one["code"], one["count"], one["example"]) for one in found] == [
        ("exchange.lookup", "JOB-CRASH", 1, "the process died")
    ]
    order = {"kind": "exchange.lookup", "code": "JOB-CRASH"}
    revived = await operator("POST", "/v1/operations/queues/revive", json=order)
    assert revived.body == {"jobs": 1}
    again = await operator("POST", "/v1/operations/queues/revive", json=order)
    assert (again.status, again.body["code"]) == (409, "OPERATIONS-NOTHING")
    await pair.settle()
    document = await pair.sender.document(answer.body["id"])
    assert document.transport is TransportState.DELIVERED
    assert "work.revived" in await audited(pair.sender)


async def test_an_alarm_is_looked_after_once_and_stays_until_its_cause_is_gone(pair, operator):
    database = pair.sender.gateway.platform.database
    async with database.write() as session:
        alarm = await raise_alarm(session, KIND, "POP000909", at=NOW)
    (shown,) = (await operator("GET", "/v1/operations/alarms")).body["items"]
    assert (shown["id"], shown["severity"], shown["seen_by"]) == (str(alarm.id), "warning", None)
    overview = (await operator("GET", "/v1/operations")).body
    assert (overview["critical"], overview["warnings"]) == (0, 1)
    for _ in range(2):
        seen = await operator("POST", f"/v1/operations/alarms/{alarm.id}/acknowledge")
        assert seen.status == 200
        assert seen.body["seen_by"].startswith("api-key ")
    assert (await audited(pair.sender)).count("alarm.acknowledged") == 1
    async with database.write() as session:
        assert await clear_alarm(session, KIND, "POP000909", at=NOW)
    assert (await operator("GET", "/v1/operations/alarms")).body["items"] == []
    cleared = (await operator("GET", "/v1/operations/alarms?cleared=true")).body["items"]
    assert [one["id"] for one in cleared] == [str(alarm.id)]


async def test_any_message_is_found_by_either_of_its_names(pair, operator):
    sent, _ = await pair.delivered()
    (transmission,) = await pair.sender.transmissions(sent.id)
    for name in (transmission.message_id, sent.sbdh_id):
        found = await operator("GET", f"/v1/operations/messages?id={name}")
        (one,) = found.body["items"]
        assert (one["direction"], one["id"]) == ("out", str(transmission.id))
    nothing = await operator("GET", "/v1/operations/messages?id=nobody")
    assert nothing.body["items"] == []


async def test_the_end_of_the_audit_log_can_be_kept_elsewhere(pair, operator):
    answer = await operator("GET", "/v1/operations/audit/head")
    head = answer.body
    assert head["anchor"] == f"{head['number']}:{head['hash']}"
    assert head["number"] > 0


class Browser:
    """A person signed in at a gateway's console, without a browser around."""

    def __init__(self, house, cookies):
        self._house, self._cookies = house, cookies

    async def get(self, path):
        async with self._house.session.get(
            self._house.url + path, cookies=self._cookies, allow_redirects=False
        ) as got:
            return got.status, await got.read()


@pytest.fixture
def cheap_passwords(monkeypatch):
    monkeypatch.setattr("gateway.access.passwords._N", 16)


async def test_a_message_is_taken_apart_for_its_account_and_for_the_operator(lite, cheap_passwords):
    sent, _ = await lite.delivered()
    house = lite.sender
    (transmission,) = await house.transmissions(sent.id)
    (mls,) = await house.receptions()
    async with house.gateway.platform.database.read() as session:
        tenant = (await session.exec(select(Tenant).where(col(Tenant.is_operator)))).one()
    stranger = await house.gateway.access.create_tenant(slug="stranger", name="Stranger BV")
    people = {
        name: Browser(house, await house.sign_in(tenant_id=tenant_id))
        for name, tenant_id in (
            ("owner", house.tenant_id),
            ("operator", tenant.id),
            ("stranger", stranger.id),
        )
    }
    for direction, row in (("out", transmission), ("in", mls)):
        place = f"/messages/{direction}/{row.id}"
        for who, path in (("owner", place), ("operator", f"/operations{place}")):
            status, page = await people[who].get(path)
            assert status == 200, (who, path)
            for shown in (row.message_id, "CollaborationInfo/Action", "rsa-sha256", SENDER_SEAT):
                assert shown.encode() in page
            status, request = await people[who].get(f"{path}/request")
            assert status == 200
            blob = await _blob(house, row.request_id)
            assert hashlib.sha256(request).hexdigest() == blob
        assert (await people["owner"].get(f"{place}/envelope"))[0] == 200
        # What holds the document is the account's alone.
        assert (await people["operator"].get(f"/operations{place}/envelope"))[0] == 404
        assert (await people["stranger"].get(place))[0] == 404
        assert (await people["stranger"].get(f"{place}/request"))[0] == 404
        assert (await people["stranger"].get(f"/operations{place}"))[0] == 403
    for page in ("", "/queues", "/failures", "/alarms", "/messages?id=x", "/mls"):
        assert (await people["operator"].get(f"/operations{page}"))[0] == 200, page
        assert (await people["owner"].get(f"/operations{page}"))[0] == 403, page
    for tab in ("invoice", "report", "messages", "evidence"):
        assert (await people["owner"].get(f"/documents/{sent.id}?tab={tab}"))[0] == 200


async def _blob(house, blob_id):
    from gateway.exchange.tables import StoredBlob

    async with house.gateway.platform.database.read() as session:
        return (await session.get_one(StoredBlob, blob_id)).sha256


async def test_documents_given_up_are_grouped_by_cause(pair, operator):
    answer = await pair.sender.submit(invoice_of("OP-3"))
    database = pair.sender.gateway.platform.database
    async with database.write() as session:
        from gateway.exchange.tables import Document

        (document,) = list(
            await session.exec(select(Document).where(Document.direction == Direction.OUT))
        )
        assert str(document.id) == answer.body["id"]
        document.transport, document.failure_code = TransportState.FAILED, "LOOKUP-NOT-REGISTERED"
    (one,) = (await operator("GET", "/v1/operations/failures")).body["items"]
    assert (one["code"], one["failure_class"], one["count"]) == ("LOOKUP-NOT-REGISTERED", "dns", 1)
    assert "Check the receiver's identifier" in one["advice"]
