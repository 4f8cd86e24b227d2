"""Every error as an answer: by face, with stable codes, without leaks."""

import logging
import re

import pytest
from aiohttp import web


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One kind of database is enough: nothing here depends on it."""
    return sqlite_url


async def test_an_error_is_a_problem_document_with_its_facts(site) -> None:
    answer = await site.client.get("/v1/probe/busy")
    assert answer.status == 503
    assert answer.content_type == "application/problem+json"
    assert answer.headers["Retry-After"] == "30"
    assert await answer.json() == {
        "type": "urn:peppol-gateway:error:TEST-BUSY",
        "title": "Busy",
        "status": 503,
        "detail": "Try later.",
        "code": "TEST-BUSY",
        "document": "7",
    }


async def test_a_refusal_carries_its_report(site) -> None:
    answer = await site.client.get("/v1/probe/reported")
    assert answer.status == 422
    assert (await answer.json())["report"]["findings"] == [{"rule": "BR-01"}]
    assert "Retry-After" not in answer.headers


async def test_the_network_gets_a_plain_line(site) -> None:
    answer = await site.client.get("/net/busy")
    assert (answer.status, answer.content_type) == (503, "text/plain")
    assert await answer.text() == "TEST-BUSY: Try later.\n"


async def test_people_get_a_page_with_status_code_and_sentence(new_site) -> None:
    seen = []

    def render(request, name, context):
        seen.append((name, dict(context)))
        return web.Response(text="<h1>page</h1>", content_type="text/html")

    site = await new_site(render=render)
    answer = await site.client.get("/page/busy")
    assert (answer.status, answer.content_type) == (503, "text/html")
    context = {"status": 503, "code": "TEST-BUSY", "title": "Busy", "detail": "Try later."}
    assert seen == [("web/error.html", context)]


def no_template(request, name, context):
    raise LookupError("no template")


@pytest.mark.parametrize("render", [None, no_template])
async def test_people_get_a_plain_line_when_no_page_can_be_made(new_site, render) -> None:
    site = await new_site(render=render)
    answer = await site.client.get("/page/busy")
    assert (answer.status, await answer.text()) == (503, "TEST-BUSY: Try later.\n")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b'{"number": "x"}', "number"),
        (b'{"number": 1, "more": 2}', "more"),
        (b"{}", "number"),
        (b"", ""),
        (b"[1]", ""),
        (b"\xff\xfe", ""),
        (b'{"number": 1, "name": "\\ud800"}', ""),
        (b"[" * 100_000, ""),
    ],
)
async def test_a_body_that_is_not_as_described_names_its_fields(site, body, field) -> None:
    answer = await site.client.post("/v1/probe/order", data=body)
    told = await answer.json()
    assert (answer.status, told["code"]) == (400, "REQUEST-INVALID")
    assert told["fields"][0]["field"] == field
    assert told["detail"]


async def test_what_a_model_says_of_a_value_stands_as_it_says_it(site) -> None:
    answer = await site.client.post("/v1/probe/order", json={"number": 1, "name": "nobody"})
    assert (await answer.json())["detail"] == "name: Nobody orders. Give a name."


async def test_our_own_models_fault_is_not_the_callers(site) -> None:
    answer = await site.client.get("/v1/probe/own-fault")
    assert (answer.status, (await answer.json())["code"]) == (500, "INTERNAL")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/nothing", 404, "NOT-FOUND"),
        ("GET", "/nothing", 404, "NOT-FOUND"),
        ("DELETE", "/v1/probe/order", 405, "METHOD-NOT-ALLOWED"),
        ("PATCH", "/v1/probe/order", 405, "METHOD-NOT-ALLOWED"),
    ],
)
async def test_the_routers_own_errors_have_codes_too(site, method, path, status, code) -> None:
    answer = await site.client.request(method, path)
    assert (answer.status, (await answer.json())["code"]) == (status, code)
    assert answer.headers.get("Allow") == ("POST" if status == 405 else None)


async def test_a_browser_that_is_lost_gets_a_page(new_site) -> None:
    def render(request, name, context):
        return web.Response(text=f"<h1>{context['code']}</h1>", content_type="text/html")

    site = await new_site(render=render)
    answer = await site.client.get("/nothing", headers={"Accept": "text/html,*/*"})
    assert (answer.status, await answer.text()) == (404, "<h1>NOT-FOUND</h1>")


async def test_redirects_are_no_errors(site) -> None:
    answer = await site.client.get("/page/redirect", allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/elsewhere")
    assert answer.headers["X-Request-Id"]


@pytest.mark.parametrize("path", ["/v1/probe/broken", "/page/broken"])
async def test_what_nobody_foresaw_is_an_incident_and_tells_nothing(
    site, caplog, secret_text, path
) -> None:
    with caplog.at_level(logging.DEBUG):
        answer = await site.client.get(path)
    text = await answer.text()
    assert answer.status == 500
    incident = re.search(r"incident ([0-9a-f-]{36})", text)
    assert incident
    (failed,) = [one for one in caplog.records if one.getMessage() == "http.failed"]
    assert failed.incident == incident[1]
    assert "RuntimeError" in failed.trace
    assert "ValueError" in failed.trace
    everything = text + "".join(repr(one.__dict__) for one in caplog.records)
    # The source line that raises may appear, what it put into the message may not.
    assert secret_text not in everything


async def test_an_answer_that_broke_off_is_not_continued_as_another(site, secret_text) -> None:
    answer = await site.client.get("/v1/probe/breaks-off")
    with pytest.raises(Exception, match=r"."):
        await answer.read()
    assert answer.status == 200
