"""The access API over HTTP, on both databases."""

import pytest
from aiohttp import web

from gateway.access.api import ROUTES
from gateway.access.roles import SCOPES
from gateway.core.settings import Settings
from gateway.web.server import build


@pytest.fixture
async def client(house, aiohttp_client, tmp_path):
    app: web.Application = build(
        settings=Settings(data_dir=tmp_path),
        routes=ROUTES,
        access=house.access,
        sessions=house.sessions,
    )
    return await aiohttp_client(app)


async def bearer(house, *scopes: str, tenant=None) -> dict[str, str]:
    _, text = await house.access.create_api_key(
        house.caller(tenant=tenant), name="test", scopes=frozenset(scopes or SCOPES)
    )
    return {"Authorization": f"Bearer {text}"}


async def test_a_key_is_shown_once_and_listed_without_its_secret(house, client) -> None:
    owner = await bearer(house)
    made = await client.post(
        "/v1/api-keys", json={"name": " ERP ", "scopes": ["documents:send"]}, headers=owner
    )
    assert made.status == 201
    key = await made.json()
    assert key["key"]["name"] == "ERP"
    assert key["secret"].startswith(f"gwk_{key['key']['id']}_")
    listed = await (await client.get("/v1/api-keys", headers=owner)).text()
    assert key["key"]["id"] in listed
    assert key["secret"].split("_", 2)[2] not in listed


BODIES = (
    {},
    {"name": "", "scopes": ["documents:send"]},
    {"name": "x", "scopes": []},
    {"name": "x" * 201, "scopes": ["documents:send"]},
    {"name": "a\0b", "scopes": ["documents:send"]},
    {"name": "a\nb", "scopes": ["documents:send"]},
    {"name": "x", "scopes": ["documents:send"], "tenant_id": "other"},
    {"name": "x", "scopes": "documents:send"},
    {"name": "x", "scopes": ["y" * 61]},
)


async def test_a_key_that_is_not_as_described_is_refused(house, client) -> None:
    owner = await bearer(house)
    for body in BODIES:
        answer = await client.post("/v1/api-keys", json=body, headers=owner)
        assert (answer.status, (await answer.json())["code"]) == (400, "REQUEST-INVALID"), body


async def test_a_key_cannot_make_a_stronger_one(house, client) -> None:
    weak = await bearer(house, "settings:write", "documents:read")
    for scopes, status, code in (
        (["documents:read"], 201, None),
        (["documents:read", "documents:send"], 403, "ACCESS-SCOPE"),
        (["no:such"], 422, "ACCESS-SCOPE-UNKNOWN"),
    ):
        answer = await client.post(
            "/v1/api-keys", json={"name": "x", "scopes": scopes}, headers=weak
        )
        assert (answer.status, (await answer.json()).get("code")) == (status, code)


async def test_another_tenant_sees_and_revokes_nothing(house, client) -> None:
    ours, theirs = await bearer(house), await bearer(house, tenant=house.beta)
    (key,) = (await (await client.get("/v1/api-keys", headers=ours)).json())["items"]
    listed = (await (await client.get("/v1/api-keys", headers=theirs)).json())["items"]
    assert key["id"] not in {one["id"] for one in listed}
    gone = await client.delete(f"/v1/api-keys/{key['id']}", headers=theirs)
    assert (gone.status, (await gone.json())["code"]) == (404, "NOT-FOUND")
    entries = (await (await client.get("/v1/audit", headers=theirs)).json())["items"]
    assert key["id"] not in {one["object"] for one in entries}
    assert (await client.get("/v1/me", headers=ours)).status == 200


async def test_the_audit_log_is_read_in_pages(house, client) -> None:
    owner = await bearer(house)
    for _ in range(4):
        await bearer(house)
    seen, cursor = [], None
    while True:
        query = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = await (await client.get("/v1/audit", params=query, headers=owner)).json()
        seen += [one["id"] for one in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 5


async def test_a_page_that_is_not_as_described_is_refused(house, client) -> None:
    owner = await bearer(house)
    for query in ("limit=0", "limit=201", "limit=x", "cursor=x", "page=2"):
        answer = await client.get(f"/v1/audit?{query}", headers=owner)
        told = await answer.json()
        assert (answer.status, told["code"]) == (400, "REQUEST-INVALID")
        assert told["fields"][0]["field"] == query.partition("=")[0]


async def test_the_caller_learns_who_it_is(house, client, password) -> None:
    key = await bearer(house, "documents:read", tenant=house.beta)
    told = await (await client.get("/v1/me", headers=key)).json()
    assert (told["kind"], told["tenant_id"]) == ("api-key", str(house.beta))
    assert told["scopes"] == ["documents:read"]
    cookie, _ = await house.sessions.sign_in(
        email="viewer@alpha.example", password=password, address="192.0.2.1"
    )
    told = await (await client.get("/v1/me", headers={"Cookie": f"gateway={cookie}"})).json()
    assert (told["kind"], told["role"], told["actor"]) == ("user", "viewer", "viewer@alpha.example")
    assert (await client.get("/v1/me")).status == 401
