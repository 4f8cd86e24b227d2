"""When C3 says what: at the inbox, on hand-over, by API, by the timer; never twice."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlmodel import col, update

from gateway.as4.identifiers import ParticipantId, spid_of_seat
from gateway.as4.sbdh import MlsType
from gateway.core.alarms import open_alarms
from gateway.core.jobs.tables import Job
from gateway.exchange.answer_keys import ANSWER_DESK
from gateway.exchange.answer_outcome import ANSWER
from gateway.exchange.answer_tables import MlsRecord
from gateway.exchange.delivery_keys import DELIVERY_DESK
from gateway.exchange.mls_lateness import WATCH
from gateway.exchange.tables import Document, DocumentKind
from ubl.response import read_mls

SENDER, RECEIVER = "POP000101", "POP000202"
REASON = {"code": "BV", "text": "Not ordered by us."}


async def policy(house, **changes):
    body = {"confirm": "at-inbox", "invalid": "reject", "timer_minutes": 18, **changes}
    answer = await house.call("PUT", "/v1/answers/policy", json=body)
    assert (answer.status, answer.body) == (200, body)


async def report(house, document_id, **body):
    return await house.call("POST", f"/v1/documents/{document_id}/outcome", json=body)


async def record(house, document):
    async with house.gateway.platform.database.read() as session:
        return await session.get_one(MlsRecord, document.id)


async def statements(house):
    """What left this house as MLS, read back from what was kept."""
    found = []
    for one in await house.documents(
        Document.kind == DocumentKind.MLS, Document.direction == "out"
    ):
        shown = await house.call("GET", f"/v1/documents/{one.id}/content")
        assert shown.status == 200
        found.append(read_mls(shown.body))
    return found


async def due(house, kind):
    """Let what is planned for later be due now; only jobs of one kind."""
    async with house.gateway.platform.database.write() as session:
        await session.exec(
            update(Job)
            .where(col(Job.kind) == kind, col(Job.state) == "ready")
            .values(run_at=datetime(2020, 1, 1, tzinfo=UTC))
        )
    await house.work()


@pytest.fixture
def arrive(forge, make_invoice):
    """A document of the seller that stands in the buyer's inbox."""

    async def arrive(pair, *, off_by=0, **how):
        request = forge(make_invoice(off_by=Decimal(off_by)), **how)
        reply = await pair.receiver.post_as4(request.content_type, request.body)
        assert b"NonRepudiationInformation" in reply.body
        await pair.receiver.work()
        found = await pair.receiver.documents(
            Document.direction == "in", Document.kind == DocumentKind.INVOICE
        )
        return found[-1]

    return arrive


async def test_at_the_inbox_the_answer_leaves_at_once_and_a_later_outcome_is_only_kept(pair):
    sent, arrived = await pair.delivered()
    owed, awaited = await record(pair.receiver, arrived), await record(pair.sender, sent)
    assert (owed.side, owed.state, owed.code, owed.peer_seat) == ("owed", "sent", "AP", SENDER)
    assert (awaited.side, awaited.state, awaited.code) == ("awaited", "answered", "AP")
    assert owed.took_s is not None
    assert awaited.took_s is not None
    assert awaited.mls_id is not None
    late = await report(pair.receiver, arrived.id, outcome="rejected", reasons=[REASON])
    assert (late.status, late.body["state"], late.body["code"]) == (200, "sent", "AP")
    assert late.body["reported"]["outcome"] == "rejected"
    await pair.settle()
    assert len(await statements(pair.receiver)) == 1
    assert (await pair.sender.document(sent.id)).network == "accepted"


async def test_by_api_nothing_is_said_before_the_business_has_spoken(pair):
    await policy(pair.receiver, confirm="by-api")
    sent, arrived = await pair.delivered()
    assert (await record(pair.receiver, arrived)).state == "waiting"
    assert (await pair.sender.document(sent.id)).network == "awaited"
    told = await report(pair.receiver, arrived.id, outcome="rejected", reasons=[REASON], text="No.")
    assert (told.status, told.body["state"], told.body["code"]) == (200, "queued", "RE")
    await pair.settle()
    subject = await pair.sender.document(sent.id)
    assert subject.network == "rejected"
    (mls,) = await statements(pair.receiver)
    assert [(one.reason, one.text) for one in mls.issues] == [("BV", "Not ordered by us.")]
    again = await report(pair.receiver, arrived.id, outcome="delivered")
    assert again.body["code"] == "RE"
    await pair.settle()
    assert len(await statements(pair.receiver)) == 1
    assert (await record(pair.receiver, arrived)).outcome == "delivered"


async def test_the_timer_answers_forwarded_and_what_comes_later_is_kept(pair):
    await policy(pair.receiver, confirm="by-api", timer_minutes=5)
    sent, arrived = await pair.delivered()
    owed = await record(pair.receiver, arrived)
    assert owed.timer_at - owed.began_at == timedelta(minutes=5)
    await due(pair.receiver, ANSWER)
    await pair.settle()
    assert (await pair.sender.document(sent.id)).network == "forwarded"
    assert "answer.timer" in await pair.receiver.kinds(arrived.id)
    await report(pair.receiver, arrived.id, outcome="delivered")
    await pair.settle()
    (mls,) = await statements(pair.receiver)
    assert mls.code == "AB"


async def test_an_outcome_in_time_leaves_the_timer_nothing_to_say(pair):
    await policy(pair.receiver, confirm="by-api")
    sent, arrived = await pair.delivered()
    await report(pair.receiver, arrived.id, outcome="delivered")
    await pair.settle()
    await due(pair.receiver, ANSWER)
    await pair.settle()
    assert [one.code for one in await statements(pair.receiver)] == ["AP"]
    assert (await pair.sender.document(sent.id)).network == "accepted"


async def test_a_hand_over_confirms_on_hand_over_but_not_where_the_business_itself_does(lite):
    outcomes = lite.receiver.gateway.web[ANSWER_DESK].outcomes
    for confirm, expected in (("on-hand-over", "queued"), ("by-api", "waiting")):
        await policy(lite.receiver, confirm=confirm)
        _, arrived = await lite.delivered(confirm)
        async with lite.receiver.gateway.platform.database.write() as session:
            document = await session.get_one(Document, arrived.id, with_for_update=True)
            found = await outcomes.report_outcome(
                session, document, "delivered", (), at=datetime.now(UTC)
            )
            assert found.state == expected


async def test_a_failure_for_good_is_told_as_fd_whatever_was_asked(lite, arrive):
    await policy(lite.receiver, confirm="on-hand-over")
    arrived = await arrive(lite, mls_type=MlsType.FAILURE_ONLY)
    told = await report(lite.receiver, arrived.id, outcome="failed", text="No such mailbox.")
    assert (told.body["code"], told.body["issues"][0]["reason"]) == ("RE", "FD")


async def test_who_asks_for_failures_only_hears_nothing_of_success(pair, arrive):
    arrived = await arrive(pair, mls_type=MlsType.FAILURE_ONLY)
    owed = await record(pair.receiver, arrived)
    assert (owed.state, owed.code, owed.asked) == ("silent", "AP", "failures")
    late = await report(pair.receiver, arrived.id, outcome="rejected", reasons=[REASON])
    assert (late.body["state"], late.body["code"]) == ("queued", "RE")
    await pair.settle()
    assert [one.code for one in await statements(pair.receiver)] == ["RE"]


async def test_an_invalid_document_may_be_let_through_and_the_sender_reads_warnings(pair, arrive):
    await policy(pair.receiver, invalid="deliver-invalid")
    arrived = await arrive(pair, off_by=1)
    assert arrived.network == "none"
    assert await pair.receiver.kinds(arrived.id) == ["document.received", "document.flagged"]
    await pair.settle()
    (mls,) = await statements(pair.receiver)
    assert mls.code == "AP"
    assert {one.reason for one in mls.issues} == {"BW"}


async def test_an_address_nobody_knows_is_replaced_by_the_providers_own(pair, arrive):
    lost = ParticipantId.of("0242:999999")
    arrived = await arrive(pair, mls_to=lost)
    await pair.settle()
    owed = await record(pair.receiver, arrived)
    assert (owed.state, owed.address) == ("sent", str(spid_of_seat(SENDER)))
    first, second = await statements(pair.receiver)
    assert (first.receiver.value, second.receiver.value) == ("999999", "000101")
    kinds = await pair.receiver.kinds(arrived.id)
    assert kinds.count("answer.fell-back") == 1
    (received,) = await pair.sender.documents(Document.kind == DocumentKind.MLS)
    assert received.direction == "in"


async def test_an_mls_nobody_takes_raises_an_alarm(pair, arrive):
    text = pair.sml.read_text().replace(spid_of_seat(SENDER).value, "0242:000000")
    pair.sml.write_text(text)
    arrived = await arrive(pair)
    await pair.settle()
    assert (await record(pair.receiver, arrived)).state == "undeliverable"
    async with pair.receiver.gateway.platform.database.read() as session:
        (alarm,) = await open_alarms(session)
    assert (alarm.code, alarm.subject) == ("MLS-UNDELIVERABLE", "0242:000101")
    assert "answer.undeliverable" in await pair.receiver.kinds(arrived.id)


async def test_an_mls_given_up_is_sent_again_and_arrives(pair, arrive):
    known = pair.sml.read_text()
    pair.sml.write_text(known.replace(spid_of_seat(SENDER).value, "0242:000000"))
    arrived = await arrive(pair)
    await pair.settle()
    owed = await record(pair.receiver, arrived)
    pair.sml.write_text(known)
    again = await pair.receiver.call("POST", f"/v1/documents/{owed.mls_id}/resend")
    assert again.status == 202
    await pair.settle()
    assert (await pair.receiver.document(owed.mls_id)).transport == "delivered"
    owed = await record(pair.receiver, arrived)
    assert owed.state == "sent"
    assert owed.answered_at is not None
    await watch(pair.receiver)
    assert await alarms(pair.receiver) == []


async def test_an_mls_is_owed_and_not_cancelled(lite, arrive):
    arrived = await arrive(lite)
    house = lite.receiver
    (mls,) = await house.documents(Document.kind == DocumentKind.MLS)
    refused = await house.call("POST", f"/v1/documents/{mls.id}/cancel", json={})
    assert (refused.status, refused.body["code"]) == (409, "CANCEL-OWED")
    await lite.settle()
    assert (await record(house, arrived)).state == "sent"


async def test_an_mls_that_another_one_replaced_is_not_sent_again(lite, arrive):
    house = lite.receiver
    arrived = await arrive(lite, mls_to=ParticipantId.of("0242:999999"))
    await lite.settle()
    (superseded,) = await house.documents(
        Document.kind == DocumentKind.MLS, Document.transport == "failed"
    )
    refused = await house.call("POST", f"/v1/documents/{superseded.id}/resend")
    assert (refused.status, refused.body["code"]) == (409, "RESEND-REPLACED")
    many = await house.gateway.web[DELIVERY_DESK].resend_many(
        house.caller, [superseded.failure_code], limit=10
    )
    assert many.documents == ()
    assert (await house.document(superseded.id)).transport == "failed"
    assert (await record(house, arrived)).state == "sent"


async def backdate(house, minutes):
    async with house.gateway.platform.database.write() as session:
        await session.exec(
            update(MlsRecord).values(began_at=datetime.now(UTC) - timedelta(minutes=minutes))
        )


async def alarms(house):
    async with house.gateway.platform.database.read() as session:
        return sorted((one.code, one.subject) for one in await open_alarms(session))


async def watch(house):
    async with house.gateway.platform.database.write() as session:
        await house.gateway.platform.queue.enqueue(session, kind=WATCH, payload={})
    await house.work()


async def test_what_is_late_is_marked_once_and_alarmed_until_it_comes(pair):
    await policy(pair.receiver, confirm="by-api")
    sent, arrived = await pair.delivered()
    for house, minutes in ((pair.sender, 24), (pair.receiver, 19)):
        await backdate(house, minutes)
        await watch(house)
        assert await alarms(house) == []
    for house, minutes, expected in (
        (pair.sender, 26, ("MLS-LATE", RECEIVER)),
        (pair.receiver, 21, ("MLS-OWED-LATE", SENDER)),
    ):
        await backdate(house, minutes)
        await watch(house)
        await watch(house)
        assert await alarms(house) == [expected]
    assert (await pair.sender.kinds(sent.id)).count("answer.late") == 1
    await report(pair.receiver, arrived.id, outcome="delivered")
    await pair.settle()
    for house in (pair.sender, pair.receiver):
        await watch(house)
        assert await alarms(house) == []
    level = await operator(pair.sender, "GET", "/v1/mls/sla")
    assert level.status == 200
    awaited = level.body["awaited"]
    assert (awaited["total"]["late"], awaited["total"]["in_time"]) == (1, 0)
    assert [one["sbdh_instance_identifier"] for one in awaited["documents"]] == [sent.sbdh_id]
    table = await operator(pair.sender, "GET", "/v1/mls/sla.csv?rows=documents")
    assert sent.sbdh_id in table.body.decode()


async def operator(house, method, path):
    from exchange_houses import account

    from gateway.access.service import operator_tenant

    async with house.gateway.platform.database.read() as session:
        tenant = await operator_tenant(session)
    _, key = await account(house.gateway, tenant.id)
    return await house.call(method, path, key=key)


async def test_service_levels_are_the_operators_alone(lite):
    refused = await lite.sender.call("GET", "/v1/mls/sla")
    assert (refused.status, refused.body["code"]) == (403, "ACCESS-SCOPE")
    for month in ("2026-13", "november", "2026-1"):
        odd = await operator(lite.sender, "GET", f"/v1/mls/sla?month={month}")
        assert odd.status == 400
    empty = await operator(lite.sender, "GET", "/v1/mls/sla?month=2026-01")
    assert empty.body["owed"]["total"]["expected"] == 0


async def test_outcomes_are_about_ones_own_received_documents(lite):
    sent, arrived = await lite.delivered()
    own = await report(lite.sender, sent.id, outcome="delivered")
    assert (own.status, own.body["code"]) == (409, "OUTCOME-SUBJECT")
    foreign = await report(lite.receiver, sent.id, outcome="delivered")
    assert (foreign.status, foreign.body["code"]) == (404, "NOT-FOUND")
    (mls,) = await lite.sender.documents(Document.kind == DocumentKind.MLS)
    about_mls = await report(lite.sender, mls.id, outcome="delivered")
    assert (about_mls.status, about_mls.body["code"]) == (409, "OUTCOME-SUBJECT")
    for body in (
        {"outcome": "rejected"},
        {"outcome": "delivered", "reasons": [REASON]},
        {"outcome": "rejected", "reasons": [{"code": "BV", "text": "\x07"}]},
    ):
        odd = await report(lite.receiver, arrived.id, **body)
        assert (odd.status, odd.body["code"]) == (422, "OUTCOME-INVALID"), body
    unknown = await lite.receiver.call("GET", f"/v1/documents/{mls.id}/outcome")
    assert unknown.status == 404


async def test_a_policy_keeps_to_what_the_network_allows(lite):
    for timer in (0, 20):
        body = {"confirm": "by-api", "invalid": "reject", "timer_minutes": timer}
        refused = await lite.receiver.call("PUT", "/v1/answers/policy", json=body)
        assert refused.status == 400
    shown = await lite.receiver.call("GET", "/v1/answers/policy")
    assert shown.body == {"confirm": "at-inbox", "invalid": "reject", "timer_minutes": 18}


async def test_an_mls_proves_that_a_document_given_up_had_arrived(pair, make_invoice):
    pair.receiver.line.cut()
    answer = await pair.sender.submit(make_invoice())
    await pair.sender.work()
    await pair.sender.age(30)
    pair.receiver.line.answer(b"busy", status=503, content_type="text/plain")
    await pair.sender.later()
    failed = await pair.sender.document(answer.body["id"])
    assert (failed.transport, failed.network) == ("failed", "none")
    await pair.settle()
    proven = await pair.sender.document(failed.id)
    assert (proven.transport, proven.network) == ("delivered", "accepted")
    assert proven.failure_code is None
    kinds = await pair.sender.kinds(failed.id)
    assert kinds[-2:] == ["delivery.proven", "mls.received"]
