"""Policies, cancelling and sending again, by the API and in the books; events of every step."""

import asyncio
import tomllib
from datetime import UTC, datetime, timedelta
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select, update

from gateway.access.principal import CallerKind, Principal
from gateway.access.roles import SCOPES
from gateway.access.webhook_api import WEBHOOKS
from gateway.access.webhook_tables import WebhookMessage
from gateway.core.alarms import open_alarms
from gateway.core.errors import GatewayError
from gateway.core.jobs.backoff import JOB_DEADLINE, GiveUp, JobError
from gateway.core.jobs.tables import Job, Lane
from gateway.exchange import as4_client, delivery_policy
from gateway.exchange.delivery_keys import DELIVERY_DESK
from gateway.exchange.delivery_plan import Bounds, DeliveryPolicy
from gateway.exchange.events import EVENT_TYPES, OF_TRANSPORT, told_by
from gateway.exchange.failures import ADVICE, FAILURES, FailureClass, Remedy, failure_of, root_cause
from gateway.exchange.lanes import AGEING
from gateway.exchange.states import CANCELLING, TRANSPORT, Cancelling, TransportEvent
from gateway.exchange.tables import Attempt, Document
from gateway.network import errors as lookup_errors
from gateway.web.i18n import LANGUAGES

POLICY = {"backoff_s": [30, 60], "deadline_s": 3600, "max_attempts": 2}


async def opened(house):
    listed = await house.call("GET", "/v1/open-items?state=all")
    return {one["number"]: one for one in listed.body["items"]}


async def item(house, number="VT-1"):
    found = (await opened(house))[number]
    return (await house.call("GET", f"/v1/open-items/{found['id']}")).body


async def given_up(house, content):
    """Submit an invoice whose receiver nobody knows."""
    answer = await house.submit(content)
    await house.work()
    return answer.body["id"]


def unknown(invoice):
    return invoice.replace(b"0876543270", b"0999999922")


async def test_many_may_change_the_first_policies_at_once(pair):
    confirming = {"confirm": "at-inbox", "invalid": "reject", "timer_minutes": 18}
    for path, body in (
        ("/v1/delivery-policy", POLICY),
        ("/v1/answers/policy", confirming),
        ("/v1/hand-over-policy", {"channel": "webhook"}),
    ):
        calls = (pair.sender.call("PUT", path, json=body) for _ in range(6))
        answers = await asyncio.gather(*calls)
        assert [one.status for one in answers] == [200] * 6, path


async def test_an_account_sets_how_patiently_its_documents_are_sent(pair, make_invoice):
    house = pair.sender
    before = await house.call("GET", "/v1/delivery-policy")
    assert (before.body["own"], before.body["on_failure"]) == (False, "keep")
    saved = await house.call(
        "PUT", "/v1/delivery-policy", json={**POLICY, "on_failure": "withdraw"}
    )
    assert (saved.status, saved.body["own"]) == (200, True)
    assert saved.body["updated_by"].endswith("(test)")
    shown = await house.call("GET", "/v1/delivery-policy")
    assert shown.body["backoff_s"] == [30, 60]
    for _ in range(2):
        pair.receiver.line.answer(b"no", status=503, content_type="text/plain")
    answer = await house.submit(make_invoice())
    await house.work()
    assert (await house.document(answer.body["id"])).transport == "waiting"
    await house.later()
    document = await house.document(answer.body["id"])
    assert (document.transport, document.failure_code) == ("failed", "DELIVERY-NO-RECEIPT")
    assert (await item(house))["open"]["amount"] == "0.00"


@pytest.mark.parametrize(
    "wrong",
    [
        {"backoff_s": [1]},
        {"backoff_s": [60, 30]},
        {"backoff_s": [100_000]},
        {"deadline_s": 10_000_000},
        {"max_attempts": 100_000},
    ],
)
async def test_the_instance_bounds_every_policy(lite, wrong):
    refused = await lite.sender.call("PUT", "/v1/delivery-policy", json={**POLICY, **wrong})
    assert (refused.status, refused.body["code"]) == (422, "DELIVERY-POLICY-BOUNDS")
    assert (await lite.sender.call("GET", "/v1/delivery-policy")).body["own"] is False


async def test_an_account_asks_for_an_mls_only_where_it_failed(lite):
    await lite.sender.call("PUT", "/v1/delivery-policy", json={**POLICY, "mls_asked": "failures"})
    sent, _ = await lite.delivered()
    assert sent.network == "none"
    (transmission,) = await lite.sender.transmissions(sent.id)
    assert transmission.mls_asked == "failures"


async def test_a_document_that_is_not_sent_yet_is_cancelled_and_leaves_the_books(
    pair, make_invoice
):
    house = pair.sender
    answer = await house.submit(make_invoice())
    path = f"/v1/documents/{answer.body['id']}"
    done = await house.call("POST", f"{path}/cancel", json={"reason": "sent twice"})
    assert (done.status, done.body["status"]) == (200, "cancelled")
    await house.later()
    assert pair.receiver.line.requests == []
    shown = await item(house)
    assert (shown["status"], shown["open"]["amount"]) == ("closed", "0.00")
    entry = next(one for one in await house.timeline(answer.body["id"]) if "cancel" in one["kind"])
    assert entry["facts"]["reason"] == "sent twice"
    assert entry["facts"]["who"].endswith("(test)")
    again = await house.call("POST", f"{path}/cancel", json={})
    assert (again.status, again.body["code"]) == (409, "CANCEL-TOO-LATE")
    assert (await house.call("POST", f"{path}/resend")).body["code"] == "RESEND-NOT-FAILED"


async def test_what_may_have_arrived_is_not_cancelled(lite, make_invoice):
    lite.receiver.line.cut()
    answer = await lite.sender.submit(make_invoice())
    await lite.sender.work()
    refused = await lite.sender.call("POST", f"/v1/documents/{answer.body['id']}/cancel", json={})
    assert (refused.status, refused.body["code"]) == (409, "CANCEL-OUTCOME-UNKNOWN")
    await lite.sender.later()
    assert (await lite.sender.document(answer.body["id"])).transport == "delivered"
    late = await lite.sender.call("POST", f"/v1/documents/{answer.body['id']}/cancel", json={})
    assert late.body["code"] == "CANCEL-TOO-LATE"


async def test_what_was_given_up_is_sent_again_under_the_same_sbdh_identifier(pair, make_invoice):
    house = pair.sender
    once = {**POLICY, "max_attempts": 1, "on_failure": "withdraw"}
    await house.call("PUT", "/v1/delivery-policy", json=once)
    pair.receiver.line.cut()
    answer = await house.submit(make_invoice())
    document_id = answer.body["id"]
    await house.work()
    before = await house.document(document_id)
    assert before.transport == "failed"
    assert (await item(house))["open"]["amount"] == "0.00"
    sent = await house.call("POST", f"/v1/documents/{document_id}/resend")
    assert (sent.status, sent.body["failure"]) == (202, None)
    assert (await item(house))["open"]["amount"] == "679.54"
    await pair.settle()
    after = await house.document(document_id)
    assert (after.transport, after.sbdh_id) == ("delivered", before.sbdh_id)
    # Nothing definite was known of the first message, so it travelled again as it was.
    first, second = pair.receiver.line.requests[:2]
    assert first == second
    assert len(await pair.receiver.documents(Document.kind == "invoice")) == 1


async def test_operators_send_again_what_one_cause_stopped(lite, make_invoice):
    house = lite.sender
    ids = [await given_up(house, unknown(make_invoice(f"VT-{one}"))) for one in range(3)]
    desk = house.gateway.web[DELIVERY_DESK]
    with pytest.raises(GatewayError) as refused:
        await desk.resend_many(
            Principal(
                tenant_id=house.tenant_id,
                actor="x",
                kind=CallerKind.USER,
                scopes=SCOPES - {"operations:write"},
            ),
            ["LOOKUP-NOT-REGISTERED"],
            limit=2,
        )
    assert refused.value.code == "ACCESS-SCOPE"
    assert (await desk.resend_many(house.caller, ["LOOKUP-DNS"], limit=2)).documents == ()
    found = await desk.resend_many(house.caller, ["LOOKUP-NOT-REGISTERED"], limit=2)
    assert ([str(one) for one in found.documents], found.left) == (ids[:2], 1)
    assert [(await house.document(one)).transport for one in ids] == [
        "accepted",
        "accepted",
        "failed",
    ]


async def test_every_step_of_a_document_is_told(lite, make_invoice):
    await lite.sender.gateway.web[WEBHOOKS].create(
        lite.sender.caller, url="http://127.0.0.1:9/hook", event_types=[], description=""
    )
    lite.receiver.line.answer(b"no", status=503, content_type="text/plain")
    answer = await lite.sender.submit(make_invoice())
    await lite.sender.work()
    await lite.sender.later()
    async with lite.sender.gateway.platform.database.read() as session:
        messages = list(await session.exec(select(WebhookMessage).order_by(WebhookMessage.id)))
    told = [one.content for one in messages if one.event_type.startswith("document.")]
    assert [one["type"] for one in told] == [
        "document.accepted",
        "document.routed",
        "document.sending",
        "document.waiting",
        "document.sending",
        "document.delivered",
    ]
    assert {one["data"]["document_id"] for one in told} == {answer.body["id"]}
    failed = told[3]["data"]
    assert failed["facts"]["class"] == "connection"
    assert failed["states"]["transport"] == "waiting"


async def test_an_access_point_that_is_away_is_shut_and_alarmed_alone(lite, make_invoice):
    house = lite.sender
    for number in range(6):
        lite.receiver.line.answer(b"no", status=503, content_type="text/plain")
        await house.submit(make_invoice(f"VT-{number}"))
    await house.work()
    async with house.gateway.platform.database.read() as session:
        lanes = list(await session.exec(select(Lane).where(Lane.failures >= 5)))
    assert [one.name.startswith("ap:") for one in lanes] == [True]
    await look(house)
    assert "ACCESS-POINT-DOWN" in await alarms(house)
    await house.later()
    await look(house)
    assert "ACCESS-POINT-DOWN" not in await alarms(house)


async def test_what_waits_too_long_raises_alarms_that_go_by_themselves(pair, make_invoice):
    house = pair.sender
    answer = await house.submit(make_invoice())
    past = datetime.now(UTC) - timedelta(days=2)
    async with house.gateway.platform.database.write() as session:
        await session.exec(update(Job).values(run_at=past))
        await session.exec(update(Document).values(created_at=past))
        await house.gateway.platform.queue.enqueue(session, kind=AGEING, payload={}, run_at=past)
        # Look before the work is done: this look is the only job that is due for this worker.
        await session.exec(update(Job).where(Job.kind != AGEING).values(lane="held"))
        session.add(Lane(name="held", cap=0))
    await house.work()
    assert {"DOCUMENT-STUCK", "QUEUE-AGEING"} <= set(await alarms(house))
    async with house.gateway.platform.database.write() as session:
        await session.exec(update(Lane).values(cap=4))
    for _ in range(5):
        # An attempt that a busy machine was too slow for is put off once more.
        await house.later()
        if (await house.document(answer.body["id"])).transport == "delivered":
            break
    else:
        pytest.fail(f"not delivered: {await house.rows(Attempt)}")
    await look(house)
    assert not {"DOCUMENT-STUCK", "QUEUE-AGEING"} & set(await alarms(house))


async def look(house):
    async with house.gateway.platform.database.write() as session:
        await house.gateway.platform.queue.enqueue(session, kind=AGEING, payload={})
    await house.work()


async def alarms(house):
    async with house.gateway.platform.database.read() as session:
        return [one.code for one in await open_alarms(session)]


async def test_the_business_fetches_page_by_page_and_acknowledges_by_the_api(lite):
    for number in range(3):
        await lite.delivered(f"VT-{number}")
    house = lite.receiver
    first = (await house.call("GET", "/v1/inbox?acknowledged=false&limit=2")).body
    assert [one["document"]["number"] for one in first["items"]] == ["VT-0", "VT-1"]
    rest = (await house.call("GET", f"/v1/inbox?limit=2&cursor={first['next_cursor']}")).body
    assert [one["document"]["number"] for one in rest["items"]] == ["VT-2"]
    assert rest["next_cursor"] is None
    document_id = first["items"][0]["document"]["id"]
    done = await house.call("POST", f"/v1/documents/{document_id}/acknowledge")
    assert (done.status, done.body["state"]) == (200, "acknowledged")
    left = (await house.call("GET", "/v1/inbox?acknowledged=false")).body
    assert len(left["items"]) == 2
    again = await house.call("POST", f"/v1/documents/{document_id}/hand-over")
    assert (again.status, again.body["state"]) == (202, "handed-over")
    policy = await house.call("PUT", "/v1/hand-over-policy", json={"channel": "webhook"})
    assert (policy.status, policy.body["channel"]) == (200, "webhook")
    assert "folder" not in policy.body["channels"]


# The tables --------------------------------------------------------------------------------------


def test_every_step_of_the_transport_table_has_its_event():
    names = {one.name for one in EVENT_TYPES}
    for (_, event), after in TRANSPORT.items():
        told = told_by(event, after)
        assert told.name in names
        if event is not TransportEvent.ATTEMPT_FAILED:
            assert told is OF_TRANSPORT[after]


def test_cancelling_agrees_with_the_transport_table():
    for state, rule in CANCELLING.items():
        possible = (state, TransportEvent.CANCELLED) in TRANSPORT
        assert possible is (rule is Cancelling.IF_NOTHING_ARRIVED)


def test_every_failure_on_the_way_out_has_a_class_and_advice():
    kinds = [
        value
        for module in (lookup_errors, delivery_policy, as4_client)
        for value in vars(module).values()
        if type(value).__name__ == "ErrorKind"
    ]
    assert {one.code for one in kinds} <= set(FAILURES)
    assert set(ADVICE) == set(Remedy)
    assert {one.failure_class for one in FAILURES.values()} == set(FailureClass)


def test_a_remedy_has_words_in_every_language():
    for language in LANGUAGES:
        text = (resources.files("gateway.exchange") / "locale" / f"{language}.toml").read_text()
        words = tomllib.loads(text)
        assert set(words["remedy"]) == {one.value for one in Remedy}
        assert set(words["failure_class"]) == {one.value for one in FailureClass}
        if language == "en":
            assert words["remedy"] == {one.value: ADVICE[one] for one in Remedy}


codes = st.sampled_from([*sorted(FAILURES), JOB_DEADLINE, "SOMETHING-NEW"])


@given(codes, codes)
def test_a_deadline_or_a_passing_lookup_never_hides_why_attempts_failed(final, earlier):
    last, before = JobError(final, "last"), JobError(earlier, "before")
    assert root_cause(last, None) is last
    shown = root_cause(last, before)
    if final == JOB_DEADLINE:
        assert shown is before
    elif failure_of(final).permanent:
        assert shown is last
    if final == "LOOKUP-SMP-UNAVAILABLE" and earlier == "DELIVERY-PEER-ERROR":
        assert shown is before


@given(st.integers(1, 40), st.floats(0, 0.999))
def test_a_plan_ends_after_its_attempts_and_at_its_deadline(attempt, jitter):
    policy = DeliveryPolicy(backoff_s=(60, 300), deadline_s=3600, max_attempts=10)
    policy.require_within(Bounds(10, 86400, 7 * 86400, 100))
    began = datetime(2026, 11, 22, tzinfo=UTC)
    plan = policy.retry_plan(since=began)
    now = began + timedelta(minutes=5)
    at = plan.next_attempt(attempt=attempt, first_at=now, now=now, jitter=jitter)
    assert (at is GiveUp.TOO_LATE) is (attempt >= 10)
    late = began + timedelta(seconds=3590)
    assert plan.next_attempt(attempt=1, first_at=late, now=late, jitter=jitter) is GiveUp.TOO_LATE
