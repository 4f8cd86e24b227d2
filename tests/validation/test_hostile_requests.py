"""Requests nobody sends by mistake: each is refused with a code, none of them breaks the server."""

import pytest
from aiohttp import web
from yarl import URL

from gateway.access.principal import CallerKind, Principal
from gateway.access.service import Access
from gateway.access.sessions import Sessions
from gateway.core.app_keys import DATABASE
from gateway.core.clock import now
from gateway.core.http import RENDER
from gateway.core.settings import Settings
from gateway.validation import api, pages
from gateway.validation.keys import ORDERS, VALIDATION
from gateway.web.server import build

RUNS = "/v1/validations"
FORM = {"Content-Type": "multipart/form-data; boundary=b"}
FIELD = 'Content-Disposition: form-data; name="lang"'


@pytest.fixture
async def client(checks, aiohttp_client, tmp_path):
    access = Access(database=checks.database, now=now)
    app = build(
        settings=Settings(data_dir=tmp_path),
        routes=(*api.ROUTES, *pages.ROUTES),
        access=access,
        sessions=Sessions(database=checks.database, now=now),
    )
    app[DATABASE], app[VALIDATION], app[ORDERS] = checks.database, checks.service, checks.orders
    app[RENDER] = lambda _request, _template, context: web.Response(
        text=f"{context} {context.get('error')}"
    )
    found = await aiohttp_client(app)
    scopes = frozenset({"validations:run", "documents:read"})
    caller = Principal(checks.own.tenant_id, "test", CallerKind.API_KEY, scopes)
    _, text = await access.create_api_key(caller, name="test", scopes=scopes)
    found.session.headers["Authorization"] = f"Bearer {text}"
    return found


@pytest.mark.parametrize("path", [RUNS, "/reports"])
@pytest.mark.parametrize(
    ("head", "body"),
    [
        ("Content-Disposition: form-data", "<a/>"),
        (f"{FIELD}\r\nContent-Transfer-Encoding: of-our-own", "en"),
        (f"{FIELD}\r\nContent-Transfer-Encoding: base64", "e"),
        (f"{FIELD}\r\nContent-Type: text/plain; charset=x", "e"),
        (f"{FIELD}\r\nContent-Type: multipart/mixed", "e"),
    ],
    ids=["no-name", "unknown-encoding", "wrong-base64", "unknown-charset", "nested"],
)
async def test_a_form_that_is_none_is_refused(client, checks, path, head, body):
    sent = f"--b\r\n{head}\r\n\r\n{body}\r\n--b--\r\n".encode()
    answer = await client.post(path, data=sent, headers=FORM)
    assert answer.status == 400, await answer.text()
    assert "REQUEST-INVALID" in await answer.text()
    assert checks.pool.asked == []


@pytest.mark.parametrize("path", [RUNS, "/reports"])
@pytest.mark.parametrize("boundary", ["", "; boundary=", f"; boundary={'b' * 200}"])
async def test_a_form_without_a_usable_boundary_is_refused(client, path, boundary):
    headers = {"Content-Type": f"multipart/form-data{boundary}"}
    answer = await client.post(path, data=b"--b\r\n", headers=headers)
    assert answer.status == 400


@pytest.mark.parametrize("name", ["rules", "x"])
async def test_thousands_of_parts_are_refused(client, checks, name):
    part = f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\nx\r\n'
    answer = await client.post(RUNS, data=(part * 4000 + "--b--\r\n").encode(), headers=FORM)
    assert answer.status == 413
    assert checks.pool.asked == []


@pytest.mark.parametrize(
    "query", ["since=0001-01-01T00:00:00%2B14:00", "until=9999-12-31T23:59:59-12:00"]
)
async def test_a_time_outside_the_calendar_is_refused(client, query):
    answer = await client.get(URL(f"{RUNS}?{query}", encoded=True))
    assert (answer.status, (await answer.json())["code"]) == (400, "REQUEST-INVALID")


@pytest.mark.parametrize("query", ["q=%00", "ruleset=%00", "before=%00", "before=x"])
async def test_an_address_that_is_no_text_is_refused(client, query):
    assert (await client.get(URL(f"/reports?{query}", encoded=True))).status == 400


@pytest.mark.parametrize("query", ["q=%ED%A0%80", "q=%FF", "from=0001-01-01", "to=9999-12-31"])
async def test_an_odd_search_finds_nothing(client, query):
    assert (await client.get(URL(f"/reports?{query}", encoded=True))).status == 200
