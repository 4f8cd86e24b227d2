"""The webhook API over HTTP: shapes, secrets shown once, other accounts, refusals."""

import pytest

from gateway.access.api import ROUTES
from gateway.access.roles import SCOPES
from gateway.access.webhook_api import ROUTES as WEBHOOK_ROUTES
from gateway.access.webhook_api import WEBHOOKS
from gateway.access.webhook_events import EventType, EventTypes
from gateway.access.webhook_publishing import Publisher
from gateway.access.webhook_service import MAX_ENDPOINTS, Webhooks
from gateway.core.jobs.queue import JobQueue
from gateway.core.settings import Settings, Stage
from gateway.core.vault import Vault
from gateway.web.server import build

URL = "https://erp.alpha.example/hook"


@pytest.fixture
async def client(house, aiohttp_client, tmp_path):
    app = build(
        settings=Settings(data_dir=tmp_path),
        routes=(*ROUTES, *WEBHOOK_ROUTES),
        access=house.access,
        sessions=house.sessions,
    )
    publisher = Publisher(
        queue=JobQueue(house.database),
        types=EventTypes([EventType("thing.happened", "A thing happened.")]),
        now=house.clock,
    )
    app[WEBHOOKS] = Webhooks(
        database=house.database,
        publisher=publisher,
        vault=Vault([bytes(32)]),
        stage=Stage.TEST,
        now=house.clock,
    )
    return await aiohttp_client(app)


async def bearer(house, *, tenant=None) -> dict[str, str]:
    _, text = await house.access.create_api_key(
        house.caller(tenant=tenant), name="test", scopes=SCOPES
    )
    return {"Authorization": f"Bearer {text}"}


async def test_a_secret_is_shown_when_it_is_drawn_and_never_again(house, client):
    owner = await bearer(house)
    made = await client.post(
        "/v1/webhook-endpoints", json={"url": URL, "description": "ERP"}, headers=owner
    )
    assert made.status == 201
    first = await made.json()
    place = f"/v1/webhook-endpoints/{first['endpoint']['id']}"
    drawn = await client.post(f"{place}/secret", headers=owner)
    second = await drawn.json()
    assert first["secret"].startswith("whsec_")
    assert first["secret"] != second["secret"]
    assert second["endpoint"]["former_secret_until"] is not None
    for path in ("/v1/webhook-endpoints", place, "/v1/audit"):
        text = await (await client.get(path, headers=owner)).text()
        assert first["secret"] not in text
        assert second["secret"] not in text


async def test_an_endpoint_is_changed_tried_and_deleted(house, client):
    owner = await bearer(house)
    made = await client.post(
        "/v1/webhook-endpoints",
        json={"url": URL, "event_types": ["thing.happened", "thing.happened"]},
        headers=owner,
    )
    endpoint = (await made.json())["endpoint"]
    assert endpoint["event_types"] == ["thing.happened"]
    place = f"/v1/webhook-endpoints/{endpoint['id']}"
    tried = await client.post(f"{place}/test", headers=owner)
    delivery = await tried.json()
    assert (tried.status, delivery["event_type"]) == (202, "webhook.test")
    assert delivery["payload"]["data"] == {"endpoint_id": endpoint["id"]}
    off = await (await client.patch(place, json={"active": False}, headers=owner)).json()
    assert (off["state"], off["disabled_because"]) == ("disabled", "switched-off")
    for path, body in (
        (f"{place}/test", None),
        (f"{place}/replay", {"since": "2026-11-22T00:00:00Z"}),
        (f"/v1/webhook-deliveries/{delivery['id']}/replay", None),
    ):
        refused = await client.post(path, json=body, headers=owner)
        assert (refused.status, (await refused.json())["code"]) == (409, "WEBHOOK-DISABLED")
    assert (await client.delete(place, headers=owner)).status == 204
    assert (await client.get(place, headers=owner)).status == 404
    log = await (await client.get("/v1/webhook-deliveries", headers=owner)).json()
    assert log == {"items": [], "next_cursor": None}


async def test_the_log_is_narrowed_and_read_in_pages(house, client):
    owner = await bearer(house)
    made = await client.post("/v1/webhook-endpoints", json={"url": URL}, headers=owner)
    place = f"/v1/webhook-endpoints/{(await made.json())['endpoint']['id']}"
    for _ in range(5):
        await client.post(f"{place}/test", headers=owner)
    seen, cursor = [], None
    while True:
        query = {"limit": "2", "state": "pending"} | ({"cursor": cursor} if cursor else {})
        answer = await client.get("/v1/webhook-deliveries", params=query, headers=owner)
        page = await answer.json()
        seen += [one["id"] for one in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert len(set(seen)) == len(seen) == 5
    for query in ({"state": "failed"}, {"event_type": "thing.happened"}):
        page = await client.get("/v1/webhook-deliveries", params=query, headers=owner)
        assert (await page.json())["items"] == []


async def test_another_account_sees_and_touches_nothing(house, client):
    ours, theirs = await bearer(house), await bearer(house, tenant=house.beta)
    made = await client.post("/v1/webhook-endpoints", json={"url": URL}, headers=ours)
    place = f"/v1/webhook-endpoints/{(await made.json())['endpoint']['id']}"
    tried = await (await client.post(f"{place}/test", headers=ours)).json()
    delivery = f"/v1/webhook-deliveries/{tried['id']}"
    since = {"since": "2026-11-22T00:00:00Z"}
    for method, path, body in (
        ("GET", place, None),
        ("PATCH", place, {"active": False}),
        ("DELETE", place, None),
        ("POST", f"{place}/secret", None),
        ("POST", f"{place}/test", None),
        ("POST", f"{place}/replay", since),
        ("GET", delivery, None),
        ("POST", f"{delivery}/replay", None),
    ):
        answer = await client.request(method, path, json=body, headers=theirs)
        assert (answer.status, (await answer.json())["code"]) == (404, "NOT-FOUND"), path
    for path in ("/v1/webhook-endpoints", "/v1/webhook-deliveries"):
        page = await (await client.get(path, headers=theirs)).json()
        assert page["items"] == []
    assert (await (await client.get(place, headers=ours)).json())["state"] == "active"


async def test_what_cannot_be_told_is_refused(house, client):
    owner = await bearer(house)
    for body, status, code in (
        ({"url": "ftp://erp.example/hook"}, 502, "OUTGOING-ADDRESS"),
        ({"url": "not an address"}, 502, "OUTGOING-ADDRESS"),
        ({"url": "https://me:secret@erp.example/"}, 502, "OUTGOING-ADDRESS"),
        ({"url": URL, "event_types": ["no.such"]}, 422, "WEBHOOK-TYPE"),
        ({"url": "x"}, 400, "REQUEST-INVALID"),
        ({"url": URL, "secret": "mine"}, 400, "REQUEST-INVALID"),
        ({"url": URL, "description": "a\0b"}, 400, "REQUEST-INVALID"),
    ):
        answer = await client.post("/v1/webhook-endpoints", json=body, headers=owner)
        assert (answer.status, (await answer.json())["code"]) == (status, code), body
    for _ in range(MAX_ENDPOINTS):
        await client.post("/v1/webhook-endpoints", json={"url": URL}, headers=owner)
    full = await client.post("/v1/webhook-endpoints", json={"url": URL}, headers=owner)
    assert (full.status, (await full.json())["code"]) == (422, "WEBHOOK-LIMIT")


async def test_the_types_are_listed(house, client):
    owner = await bearer(house)
    listed = await (await client.get("/v1/webhook-event-types", headers=owner)).json()
    assert [one["name"] for one in listed["items"]] == ["thing.happened", "webhook.test"]
