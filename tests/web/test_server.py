"""The server as a whole: limits, identity of requests, hostile input, static files, stopping."""

import asyncio
import logging
import os
import signal
import zlib

import pytest
from aiohttp import ClientSession, web
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from yarl import URL

from gateway.access.browser import CLIENT_ADDRESS
from gateway.access.service import Access
from gateway.access.sessions import Sessions
from gateway.core import clock
from gateway.core.database import Database
from gateway.core.http import Route
from gateway.core.settings import Settings
from gateway.web.server import STOPPING, build, listening, stop_signal
from gateway.web.static_files import STATIC, StaticFiles


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One kind of database is enough: nothing here depends on it."""
    return sqlite_url


async def test_a_request_keeps_a_sane_identity_and_gets_one_otherwise(site) -> None:
    kept = await site.client.get("/healthz", headers={"X-Request-Id": "trace-0001"})
    assert kept.headers["X-Request-Id"] == "trace-0001"
    for sent in ("", "short", "x" * 65, "in valid id", "<script>alert"):
        answer = await site.client.get("/healthz", headers={"X-Request-Id": sent})
        assert len(answer.headers["X-Request-Id"]) == 36


async def test_get_routes_answer_head(site) -> None:
    answer = await site.client.head("/healthz")
    assert (answer.status, await answer.read()) == (200, b"")


async def test_a_body_above_the_limit_is_refused_announced_or_not(new_site) -> None:
    site = await new_site(max_body_bytes=1000)
    key = await site.key("documents:send")

    async def chunks():
        for _ in range(20):
            yield b"x" * 100

    async def just_fits():
        yield b"x" * 1000

    for body in (b"x" * 1001, chunks()):
        answer = await site.client.post("/v1/probe/echo/x", data=body, headers=key)
        assert (answer.status, (await answer.json())["code"]) == (413, "BODY-TOO-LARGE")
    for body in (b"x" * 1000, just_fits()):
        answer = await site.client.post("/v1/probe/echo/x", data=body, headers=key)
        assert (await answer.json())["size"] == 1000


async def test_a_compressed_bomb_is_refused(new_site) -> None:
    site = await new_site(max_body_bytes=100_000)
    key = await site.key("documents:send")
    answer = await site.client.post(
        "/v1/probe/echo/x",
        data=zlib.compress(b"\0" * 10_000_000),
        headers={**key, "Content-Encoding": "deflate"},
    )
    assert answer.status in (400, 413)


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_a_body_that_cannot_be_unpacked_is_the_senders_fault(site, encoding) -> None:
    key = await site.key("documents:send")
    answer = await site.client.post(
        "/v1/probe/echo/x", data=b"not packed", headers={**key, "Content-Encoding": encoding}
    )
    assert (answer.status, (await answer.json())["code"]) == (400, "REQUEST-INVALID")


@pytest.mark.parametrize(
    "path", ["/v1/probe/open/a%00b", "/v1/probe/open/x?q=%00", "/healthz?%00=1"]
)
async def test_addresses_that_are_not_text_are_refused(site, path) -> None:
    answer = await site.client.get(URL(path, encoded=True))
    assert (answer.status, (await answer.json())["code"]) == (400, "REQUEST-INVALID")


@examples(max_examples=60, deadline=None)
@given(tail=st.binary(min_size=1, max_size=30), header=st.binary(max_size=30))
def test_hostile_bytes_never_break_the_server(tail: bytes, header: bytes, tmp_path_factory) -> None:
    async def scenario() -> None:
        async def show(request: web.Request) -> web.Response:
            return web.json_response({"name": request.match_info["name"]})

        app = _bare(show, tmp_path_factory.mktemp("bare"))
        async with listening(app, host="127.0.0.1", port=0) as url:
            quoted = "".join(f"%{one:02x}" for one in tail).encode()
            sent = header.replace(b"\n", b"").replace(b"\r", b"")
            status = await _raw(
                url, b"GET /v1/show/" + quoted + b" HTTP/1.1\r\nHost: x\r\nX-Request-Id: " + sent
            )
            assert status in (200, 400, 404)

    asyncio.run(scenario())


async def test_what_the_parser_refuses_is_not_quoted_in_the_log(site, caplog, secret_text) -> None:
    with caplog.at_level(logging.INFO):
        async with listening(site.app, host="127.0.0.1", port=0) as url:
            head = b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer hush-hush\x01"
            assert await _raw(url, head) == 400
            await _raw(url, b"GET /v1/probe/breaks-off HTTP/1.1\r\nHost: x")
    refused = [one for one in caplog.records if one.name.endswith(".connection")]
    assert {"InvalidHeader", "BadHttpMessage", "RuntimeError"} & {one.reason for one in refused}
    everything = caplog.text + "".join(repr(one.__dict__) for one in caplog.records)
    assert "hush-hush" not in everything
    assert secret_text not in everything


def _bare(handler, folder) -> web.Application:
    database = Database(f"sqlite:///{folder / 'never-opened.db'}")
    return build(
        settings=Settings(data_dir=folder),
        routes=[Route("GET", "/v1/show/{name}", handler, None, "Show")],
        access=Access(database=database, now=clock.now),
        sessions=Sessions(database=database, now=clock.now),
    )


async def _raw(url: str, head: bytes) -> int:
    """Send a request as bytes and return the status of the answer."""
    place = URL(url)
    reader, writer = await asyncio.open_connection(place.host, place.port)
    writer.write(head + b"\r\nConnection: close\r\n\r\n")
    line = await reader.readline()
    writer.close()
    await writer.wait_closed()
    return int(line.split()[1])


async def test_handlers_learn_the_callers_address_behind_a_proxy(new_site) -> None:
    async def who(request: web.Request) -> web.Response:
        return web.Response(text=request[CLIENT_ADDRESS])

    route = Route("GET", "/v1/who", who, None, "Who")
    site = await new_site(routes=(route,), trusted_proxies=("127.0.0.1",))
    answer = await site.client.get("/v1/who", headers={"X-Forwarded-For": "198.51.100.7"})
    assert await answer.text() == "198.51.100.7"


def test_two_routes_with_one_address_are_refused(tmp_path) -> None:
    async def nothing(_request: web.Request) -> web.Response:
        return web.Response()

    twice = Route("GET", "/v1/openapi.json", nothing, None, "Twice")
    with pytest.raises(ValueError, match="twice"):
        build(settings=Settings(data_dir=tmp_path), routes=[twice], access=None, sessions=None)


@pytest.fixture
async def static(aiohttp_client, tmp_path):
    """A client of two static files and one that is none."""
    (tmp_path / "vendor").mkdir()
    (tmp_path / "app.css").write_text("body{margin:0}" * 100)
    (tmp_path / "vendor" / "logo.png").write_bytes(b"\x89PNG")
    (tmp_path / "notes.md").write_text("not served")
    app = web.Application()
    StaticFiles.below(tmp_path).mount(app)
    return app[STATIC], await aiohttp_client(app), tmp_path


async def test_static_files_may_be_kept_for_ever(static) -> None:
    files, client, _ = static
    answer = await client.get(files.url("app.css"))
    assert (answer.status, answer.content_type, answer.charset) == (200, "text/css", "utf-8")
    assert "immutable" in answer.headers["Cache-Control"]
    assert answer.headers["Content-Encoding"] in ("gzip", "deflate")
    assert await answer.text() == "body{margin:0}" * 100
    again = await client.get(
        files.url("app.css"), headers={"If-None-Match": answer.headers["ETag"]}
    )
    assert (again.status, await again.read()) == (304, b"")
    logo = await client.get(files.url("vendor/logo.png"))
    assert (logo.content_type, await logo.read()) == ("image/png", b"\x89PNG")


async def test_an_address_changes_with_the_content(static) -> None:
    files, client, folder = static
    before = files.url("app.css")
    (folder / "app.css").write_text("body{margin:1px}")
    assert StaticFiles.below(folder).url("app.css") != before
    assert (await client.get(before.replace("/static/", "/static/0"))).status == 404


@pytest.mark.parametrize(
    "name", ["notes.md", "nothing.css", "../conftest.py", "..%2Fapp.css", "vendor"]
)
async def test_nothing_else_is_served(static, name) -> None:
    files, client, _ = static
    base = files.url("app.css").removesuffix("app.css")
    assert (await client.get(URL(base + name, encoded=True))).status == 404
    with pytest.raises(KeyError):
        files.url(name)


async def test_a_running_request_is_answered_and_streams_end_when_stopping(new_site) -> None:
    arrived, release = asyncio.Event(), asyncio.Event()

    async def slow(_request: web.Request) -> web.Response:
        arrived.set()
        await release.wait()
        return web.Response(text="done")

    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"first;")
        await request.app[STOPPING].wait()
        await response.write(b"bye")
        release.set()
        return response

    routes = (
        Route("GET", "/v1/slow", slow, None, "Slow"),
        Route("GET", "/v1/stream", stream, None, "Stream"),
    )
    app = (await new_site(routes=routes)).app
    async with ClientSession() as http:
        async with listening(app, host="127.0.0.1", port=0) as url:
            following = await http.get(f"{url}/v1/stream")
            waiting = asyncio.create_task(http.get(f"{url}/v1/slow"))
            await arrived.wait()
        assert await following.text() == "first;bye"
        assert await (await waiting).text() == "done"


async def test_a_signal_asks_to_stop_instead_of_killing() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with stop_signal() as stop:
        assert not stop.is_set()
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(stop.wait(), 60)
    assert signal.getsignal(signal.SIGTERM) == before
