"""Webhooks against a real receiver on this machine, on both databases."""

import asyncio
import base64
import hashlib
import hmac
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from sqlalchemy import update
from sqlmodel import col, select

from gateway.access import webhook_delivery
from gateway.access.tables import AuditEntry
from gateway.access.webhook_delivery import KEPT_FOR, LONG_FAILURE, DeliverJob
from gateway.access.webhook_events import EventType, EventTypes
from gateway.access.webhook_publishing import DELIVER, Publisher
from gateway.access.webhook_service import Changes, DeliveryFilters, Webhooks
from gateway.access.webhook_signing import secret_text
from gateway.access.webhook_tables import WebhookEndpoint, WebhookMessage
from gateway.core.errors import GatewayError
from gateway.core.jobs.queue import JobQueue
from gateway.core.jobs.registry import Registry
from gateway.core.jobs.tables import Job, JobState
from gateway.core.jobs.worker import Worker
from gateway.core.metrics import Metrics
from gateway.core.outgoing import client_session
from gateway.core.settings import JobSettings, Stage
from gateway.core.vault import Vault

HAPPENED = EventType("thing.happened", "A thing happened.")
OTHER = EventType("other.happened", "Another thing happened.")
VAULT = Vault([bytes(32)])


@dataclass
class Receiver:
    """Somebody's endpoint: answers as told, remembers what came."""

    status: int = 204
    taken: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.Response:
        self.taken.append((dict(request.headers), await request.read()))
        headers = {"Location": "/elsewhere"} if 300 <= self.status < 400 else {}
        return web.Response(status=self.status, headers=headers)


def verified(secret: str, headers: dict[str, str], body: bytes) -> bool:
    """Standard Webhooks as the specification words it, written here a second time."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = b".".join(
        (headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body)
    )
    wanted = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    pairs = (one.split(",", 1) for one in headers["webhook-signature"].split(" "))
    return any(version == "v1" and text == wanted for version, text in pairs)


@dataclass
class Bench:
    """Everything webhooks need, and one endpoint's receiver."""

    house: object
    hooks: Webhooks
    publisher: Publisher
    worker: Worker
    receiver: Receiver
    url: str
    metrics: Metrics

    @property
    def caller(self):
        return self.house.caller()

    async def endpoint(self, *types: str, url: str | None = None):
        return await self.hooks.create(self.caller, url=url or self.url, event_types=types)

    async def publish(self, event: EventType = HAPPENED, **data: object) -> int:
        async with self.house.database.write() as session:
            return await self.publisher.publish(session, self.house.alpha, event.name, data)

    async def log(self, **filters: object):
        return await self.hooks.deliveries(self.caller, DeliveryFilters(**filters))

    async def let_wait(self) -> None:
        """Let all waiting attempts be due."""
        async with self.house.database.write() as session:
            await session.exec(
                update(Job)
                .where(col(Job.state) == JobState.READY)
                .values(run_at=datetime.now(UTC) - timedelta(seconds=1))
            )


@pytest.fixture
async def bench(house):
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/hook", receiver.handle)
    app.router.add_route("*", "/elsewhere", receiver.handle)
    queue = JobQueue(house.database)
    publisher = Publisher(queue=queue, types=EventTypes([HAPPENED, OTHER]), now=house.clock)
    metrics, registry = Metrics(), Registry()
    webhook_delivery.endpoint_gauge(metrics, house.database)
    async with (
        TestServer(app) as server,
        client_session(Stage.TEST, connect_timeout_s=60, answer_timeout_s=60) as http,
    ):
        deliver = DeliverJob(
            database=house.database, http=http, vault=VAULT, stage=Stage.TEST, now=house.clock
        )
        webhook_delivery.register(registry, deliver, house.database, now=house.clock)
        yield Bench(
            house=house,
            hooks=Webhooks(
                database=house.database,
                publisher=publisher,
                vault=VAULT,
                stage=Stage.TEST,
                now=house.clock,
            ),
            publisher=publisher,
            worker=Worker(
                database=house.database, queue=queue, registry=registry, settings=JobSettings()
            ),
            receiver=receiver,
            url=str(server.make_url("/hook")),
            metrics=metrics,
        )


async def test_a_message_arrives_signed_as_the_specification_says(bench):
    _, secret = await bench.endpoint(HAPPENED.name)
    assert await bench.publish(number="VT-1") == 1
    assert await bench.publish(OTHER) == 0
    await bench.worker.run_due()
    ((headers, body),) = bench.receiver.taken
    assert verified(secret, headers, body)
    assert not verified(secret, headers, body + b" ")
    told = json.loads(body)
    assert (told["type"], told["data"]) == (HAPPENED.name, {"number": "VT-1"})
    assert datetime.fromisoformat(told["timestamp"]) == bench.house.clock.at
    (sent,) = await bench.log()
    assert headers["webhook-id"] == sent.message.webhook_id
    assert sent.delivery.state == "delivered"
    assert [one["status"] for one in sent.delivery.attempts] == [204]


async def test_what_is_rolled_back_is_never_told(bench):
    await bench.endpoint()
    async with bench.house.database.write() as session:
        assert await bench.publisher.publish(session, bench.house.alpha, HAPPENED.name, {}) == 1
        await session.rollback()
    await bench.worker.run_due()
    assert (bench.receiver.taken, await bench.log()) == ([], [])


async def test_while_secrets_change_both_sign_and_later_only_the_new_one(bench):
    endpoint, old = await bench.endpoint()
    _, new = await bench.hooks.rotate(bench.caller, endpoint.id)
    await bench.publish()
    await bench.worker.run_due()
    bench.house.clock.advance(hours=25)
    await bench.publish()
    await bench.worker.run_due()
    during, after = bench.receiver.taken
    assert [verified(one, *during) for one in (old, new)] == [True, True]
    assert [verified(one, *after) for one in (old, new)] == [False, True]


@pytest.mark.parametrize(("status", "code"), [(500, "WEBHOOK-STATUS"), (302, "WEBHOOK-REDIRECT")])
async def test_a_failure_is_tried_again_under_the_same_id(bench, status, code):
    await bench.endpoint()
    bench.receiver.status = status
    await bench.publish()
    assert await bench.worker.run_due() == 1  # and waits for its time
    (sent,) = await bench.log(state="pending")
    assert [(one["status"], one["code"]) for one in sent.delivery.attempts] == [(status, code)]
    assert sent.endpoint.failing_since == bench.house.clock.at
    bench.receiver.status = 200
    await bench.let_wait()
    await bench.worker.run_due()
    first, second = bench.receiver.taken  # no redirect was followed in between
    assert first[0]["webhook-id"] == second[0]["webhook-id"]
    (sent,) = await bench.log()
    assert (sent.delivery.state, sent.endpoint.failing_since) == ("delivered", None)


async def test_nobody_listening_is_a_failure_too(bench, unused_tcp_port):
    await bench.endpoint(url=f"http://127.0.0.1:{unused_tcp_port}/")
    await bench.publish()
    await bench.worker.run_due()
    (sent,) = await bench.log()
    assert [(one["status"], one["code"]) for one in sent.delivery.attempts] == [
        (None, "WEBHOOK-CONNECTION")
    ]


async def test_410_disables_and_says_so(bench):
    endpoint, _ = await bench.endpoint()
    bench.receiver.status = 410
    await bench.publish()
    await bench.publish()
    await bench.worker.run_due()
    found = await bench.hooks.find(bench.caller, endpoint.id)
    assert (found.state, found.disabled_because) == ("disabled", "gone")
    assert {one.delivery.state for one in await bench.log()} <= {"failed", "skipped"}
    assert await bench.publish() == 0
    entries = await bench.house.access.audit_log(bench.caller)
    (alarm,) = [one for one in entries if one.action == "webhook.disabled"]
    assert (alarm.actor, alarm.facts["because"]) == ("gateway", "gone")
    assert 'gateway_webhook_endpoints{because="gone",state="disabled"} 1.0' in (
        (await bench.metrics.render()).decode()
    )


async def test_three_days_of_failures_disable_and_switching_on_forgets_them(bench):
    endpoint, _ = await bench.endpoint()
    bench.receiver.status = 503
    await bench.publish()
    await bench.worker.run_due()
    bench.house.clock.at += LONG_FAILURE - timedelta(minutes=1)
    await bench.let_wait()
    await bench.worker.run_due()
    assert (await bench.hooks.find(bench.caller, endpoint.id)).state == "active"
    bench.house.clock.advance(minutes=1)
    await bench.let_wait()
    await bench.worker.run_due()
    found = await bench.hooks.find(bench.caller, endpoint.id)
    assert (found.state, found.disabled_because) == ("disabled", "failing")
    (sent,) = await bench.log()
    assert (sent.delivery.state, len(sent.delivery.attempts)) == ("failed", 3)
    with pytest.raises(GatewayError, match="WEBHOOK-DISABLED"):
        await bench.hooks.replay(bench.caller, sent.delivery.id)
    found = await bench.hooks.change(bench.caller, endpoint.id, Changes(active=True))
    assert (found.state, found.failing_since) == ("active", None)


async def test_what_was_missed_is_sent_again_and_nothing_else(bench):
    endpoint, _ = await bench.endpoint()
    await bench.publish(number=1)
    await bench.worker.run_due()
    bench.receiver.status = 410
    await bench.publish(number=2)
    await bench.publish(number=3)
    await bench.worker.run_due()
    bench.receiver.status = 200
    await bench.hooks.change(bench.caller, endpoint.id, Changes(active=True))
    since = bench.house.clock.at - timedelta(hours=1)
    assert await bench.hooks.replay_missed(bench.caller, endpoint.id, since=since) == 2
    assert await bench.hooks.replay_missed(bench.caller, endpoint.id, since=since) == 0
    bench.receiver.taken.clear()
    await bench.worker.run_due()
    assert {json.loads(body)["data"]["number"] for _, body in bench.receiver.taken} == {2, 3}


async def test_two_who_ask_for_what_was_missed_send_it_once(bench):
    endpoint, _ = await bench.endpoint()
    bench.receiver.status = 410
    await bench.publish(number=1)
    await bench.worker.run_due()
    await bench.hooks.change(bench.caller, endpoint.id, Changes(active=True))
    since = bench.house.clock.at - timedelta(hours=1)
    asked = [bench.hooks.replay_missed(bench.caller, endpoint.id, since=since) for _ in range(6)]
    assert sum(await asyncio.gather(*asked)) == 1


async def test_the_last_two_secrets_sign_also_when_many_are_drawn_at_once(bench):
    endpoint, _ = await bench.endpoint()
    asked = [bench.hooks.rotate(bench.caller, endpoint.id) for _ in range(6)]
    drawn = {secret for _, secret in await asyncio.gather(*asked)}
    found = await bench.hooks.find(bench.caller, endpoint.id)
    assert found.former_secret is not None
    signing = {
        secret_text(VAULT.open(one, found.place)) for one in (found.secret, found.former_secret)
    }
    assert len(signing & drawn) == 2


async def test_without_its_key_a_message_waits_and_the_endpoint_is_not_blamed(bench):
    endpoint, _ = await bench.endpoint()
    async with bench.house.database.write() as session:
        row = await session.get_one(WebhookEndpoint, endpoint.id)
        row.secret = Vault([bytes([7] * 32)]).seal(b"other machine", row.place)
    await bench.publish()
    await bench.worker.run_due()
    (sent,) = await bench.log()
    assert (sent.delivery.state, sent.delivery.attempts) == ("pending", [])
    assert (sent.endpoint.state, sent.endpoint.failing_since) == ("active", None)
    async with bench.house.database.read() as session:
        (job,) = await session.exec(select(Job).where(Job.kind == DELIVER))
    assert job.error_code == "SECRET-KEY-MISSING"
    _, drawn = await bench.hooks.rotate(bench.caller, endpoint.id)
    await bench.let_wait()
    await bench.worker.run_due()
    assert verified(drawn, *bench.receiver.taken[0])


async def test_a_fresh_secret_signs_in_place_of_a_damaged_one(bench):
    endpoint, _ = await bench.endpoint()
    async with bench.house.database.write() as session:
        row = await session.get_one(WebhookEndpoint, endpoint.id)
        row.secret = VAULT.seal(b"another row's", "webhook_endpoint/other")
    _, drawn = await bench.hooks.rotate(bench.caller, endpoint.id)
    await bench.publish()
    await bench.worker.run_due()
    assert verified(drawn, *bench.receiver.taken[0])


async def test_no_secret_is_in_the_database_in_clear(bench):
    endpoint, text = await bench.endpoint()
    secret = base64.b64decode(text.removeprefix("whsec_"))
    async with bench.house.database.read() as session:
        row = await session.get_one(WebhookEndpoint, endpoint.id)
    assert row.secret.startswith("sealed:1:")
    assert base64.b64encode(secret).decode() not in row.secret
    assert VAULT.open(row.secret, row.place) == secret


async def test_one_message_is_replayed_under_its_own_id(bench):
    await bench.endpoint()
    await bench.publish()
    await bench.worker.run_due()
    (sent,) = await bench.log()
    again = await bench.hooks.replay(bench.caller, sent.delivery.id)
    assert again.delivery.id != sent.delivery.id
    await bench.worker.run_due()
    first, second = bench.receiver.taken
    assert first[0]["webhook-id"] == second[0]["webhook-id"]
    assert first[1] == second[1]


async def test_a_deleted_endpoint_gets_nothing_any_more(bench):
    endpoint, _ = await bench.endpoint()
    await bench.publish()
    await bench.hooks.delete(bench.caller, endpoint.id)
    await bench.worker.run_due()
    assert bench.receiver.taken == []
    async with bench.house.database.read() as session:
        states = (await session.exec(select(Job.state))).all()
    assert states == [JobState.DONE]


async def test_old_messages_are_forgotten_with_their_deliveries(bench):
    await bench.endpoint()
    await bench.publish()
    await bench.worker.run_due()
    bench.house.clock.at += KEPT_FOR + timedelta(hours=1)
    await bench.publish()
    await bench.worker.run_due()
    assert await webhook_delivery._prune_some(bench.house.database, bench.house.clock()) == 1
    assert len(await bench.log()) == 1
    async with bench.house.database.read() as session:
        assert len((await session.exec(select(WebhookMessage))).all()) == 1


async def test_an_address_too_long_is_refused_not_cut(bench):
    with pytest.raises(GatewayError, match="OUTGOING-ADDRESS"):
        await bench.endpoint(url=f"{bench.url}?{'x' * 2000}")


async def test_production_tells_no_private_address(house):
    queue = JobQueue(house.database)
    hooks = Webhooks(
        database=house.database,
        publisher=Publisher(queue=queue, types=EventTypes([]), now=house.clock),
        vault=VAULT,
        stage=Stage.PRODUCTION,
        now=house.clock,
    )
    for url in ("http://example.com/hook", "https://127.0.0.1/", "https://[::1]/", "ftp://x/"):
        with pytest.raises(GatewayError, match="OUTGOING-ADDRESS"):
            await hooks.create(house.caller(), url=url, event_types=[])
    async with house.database.read() as session:
        assert (await session.exec(select(AuditEntry))).all() == []
