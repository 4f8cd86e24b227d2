"""The validation API and its pages over HTTP, with the real rules."""

import asyncio
import csv
import io
import json
from datetime import date

import aiohttp
import pytest
from lxml import etree

from gateway.access.service import Access
from gateway.access.sessions import Sessions
from gateway.core.app_keys import DATABASE
from gateway.core.clock import now
from gateway.core.pool import POOL_BUSY, POOL_TIMEOUT
from gateway.core.settings import Settings
from gateway.demo.cast import BUYER, SELLER
from gateway.demo.invoices import render_invoice
from gateway.validation.api import ROUTES
from gateway.validation.keys import ORDERS, VALIDATION
from gateway.web.server import build

INVOICE = render_invoice(number="VT-7", seller=SELLER, buyer=BUYER, issued=date(2026, 11, 22))
BROKEN = INVOICE.replace(b"<cbc:ID>VT-7</cbc:ID>", b"<cbc:ID></cbc:ID>")
RUNS = "/v1/validations"


@pytest.fixture
async def client(checks, aiohttp_client, tmp_path):
    access = Access(database=checks.database, now=now)
    app = build(
        settings=Settings(data_dir=tmp_path),
        routes=ROUTES,
        access=access,
        sessions=Sessions(database=checks.database, now=now),
    )
    app[DATABASE], app[VALIDATION], app[ORDERS] = checks.database, checks.service, checks.orders
    found = await aiohttp_client(app)
    for name, caller in (("own", checks.own), ("other", checks.other)):
        _, text = await access.create_api_key(caller, name=name, scopes=caller.scopes)
        setattr(found, name, {"Authorization": f"Bearer {text}"})
    found.session.headers.update(found.own)
    return found


async def code_of(answer) -> tuple[int, str]:
    return answer.status, (await answer.json())["code"]


def form(*files: tuple[str, bytes], **options: str) -> aiohttp.FormData:
    made = aiohttp.FormData(quote_fields=False, default_to_multipart=True)
    for name, content in files:
        made.add_field("file", content, filename=name, content_type="application/xml")
    for name, value in options.items():
        made.add_field(name, value)
    return made


async def test_a_document_is_checked_and_its_report_found_again(client):
    answer = await client.post(f"{RUNS}?file=a.xml", data=INVOICE)
    report = await answer.json()
    assert (answer.status, report["file"]) == (200, "a.xml")
    assert report["document"]["id"] == "VT-7"
    assert report["rulesets"]
    place = answer.headers["Content-Location"]
    assert place == f"{RUNS}/{report['id']}"
    again = await (await client.get(place)).json()
    assert again == report


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("application/json", "application/json"),
        ("*/*", "application/json"),
        ("application/xml", "application/xml"),
        ("application/vnd.svrl+xml;q=0.9, application/json;q=0.1", "application/vnd.svrl+xml"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html"),
        ("application/pdf", "application/pdf"),
        ("text/*;q=0.5, application/json;q=0", "text/html"),
        ("text/plain", "text/plain"),
        ("text/csv", "text/csv"),
    ],
)
async def test_the_report_comes_as_the_caller_likes_it(client, accept, media_type):
    answer = await client.post(RUNS, data=BROKEN, headers={"Accept": accept})
    assert (answer.status, answer.content_type) == (200, media_type)
    body = await answer.read()
    if media_type.endswith("xml"):
        assert etree.QName(etree.fromstring(body)).localname == "schematron-output"
    elif media_type == "application/pdf":
        assert body.startswith(b"%PDF-")
    elif media_type == "text/csv":
        heading, row = csv.reader(io.StringIO(body.decode()))
        assert dict(zip(heading, row, strict=True))["verdict"] == "invalid"
    elif media_type == "application/json":
        assert json.loads(body)["verdict"] == "invalid"
    else:
        assert "BR-02" in body.decode() or "XSD" in body.decode()
    assert "Accept" in answer.headers["Vary"]


async def test_what_nobody_writes_is_refused_before_anything_is_checked(client, checks):
    for accept in ("image/png", "application/json;q=0", "text/html;q=2, application/pdf;q=x"):
        answer = await client.post(RUNS, data=INVOICE, headers={"Accept": accept})
        assert await code_of(answer) == (406, "NOT-ACCEPTABLE")
    assert checks.pool.asked == []


async def test_every_id_an_import_may_give_can_be_asked_for(client):
    name = "house_rules-" + "1" * 80
    assert (await client.get(f"{RUNS}?ruleset={name}")).status == 200


async def test_the_language_is_the_named_one_then_the_browsers(client):
    async def spoken(query: str, header: str | None) -> str:
        headers = {"Accept-Language": header} if header else {}
        answer = await client.post(f"{RUNS}{query}", data=BROKEN, headers=headers)
        assert answer.status == 200
        return answer.headers["Content-Language"]

    assert await spoken("", None) == "en"
    assert await spoken("", "it, fr-CH;q=0.9, de;q=0.8") == "fr"
    assert await spoken("?lang=de", "fr") == "de"
    assert await spoken("", "tlh") == "en"


async def test_an_old_report_is_read_in_another_language(client):
    report = await (await client.post(f"{RUNS}?lang=en", data=b"no xml")).json()
    other = await (await client.get(f"{RUNS}/{report['id']}?lang=nl")).json()
    assert report["findings"][0]["message"] != other["findings"][0]["message"]
    assert report["findings"][0]["rule"] == other["findings"][0]["rule"]


async def test_a_form_brings_the_file_and_the_options(client, checks):
    sent = form(("invoice ü.xml", INVOICE), lang="fr", as_of="2026-01-02", rules="xsd")
    answer = await client.post(RUNS, data=sent)
    report = await answer.json()
    assert (answer.status, report["file"]) == (200, "invoice ü.xml")
    assert [one["id"] for one in report["rulesets"]] == ["xsd"]
    assert {k: checks.pool.asked[0][k] for k in ("as_of", "lang", "rules")} == {
        "as_of": "2026-01-02",
        "lang": "fr",
        "rules": ("xsd",),
    }


@pytest.mark.parametrize(
    "query",
    ["lang=tlh", "as_of=yesterday", "rules=" + "x" * 300, "rules=A%20B", "page=2", "file=a%00b"],
)
async def test_options_that_are_not_as_described_are_refused(client, checks, query):
    assert await code_of(await client.post(f"{RUNS}?{query}", data=INVOICE)) == (
        400,
        "REQUEST-INVALID",
    )
    assert checks.pool.asked == []


async def test_forms_without_a_file_or_broken_ones_are_refused(client):
    nothing = await client.post(RUNS, data=form(lang="fr"))
    assert await code_of(nothing) == (422, "VALIDATION-FILE-MISSING")
    for body in (b"", b"--x\r\n", b"--x\r\nContent-Disposition: form-data; name=file\r\n\r\n"):
        answer = await client.post(
            RUNS, data=body, headers={"Content-Type": "multipart/form-data; boundary=x"}
        )
        assert answer.status in (400, 422), body
    answer = await client.post(RUNS, data=b"x", headers={"Content-Type": "multipart/form-data"})
    assert answer.status in (400, 422)


async def test_several_files_are_an_order_that_is_followed_to_its_end(client, checks):
    answer = await client.post(RUNS, data=form(("a.xml", INVOICE), ("b.xml", b"no xml")))
    order = await answer.json()
    assert (answer.status, order["state"], order["open"]) == (202, "queued", 2)
    assert "Preference-Applied" not in answer.headers
    await checks.worker.run_due()
    order = await (await client.get(answer.headers["Location"])).json()
    assert (order["state"], order["open"]) == ("done", 0)
    assert [one["file"] for one in order["validations"]] == ["a.xml", "b.xml"]
    first = await (await client.get(f"{RUNS}/{order['validations'][0]['validation_id']}")).json()
    assert first["document"]["id"] == "VT-7"


async def test_whoever_prefers_is_answered_at_once(client, checks):
    checks.pool.failing = POOL_TIMEOUT
    answer = await client.post(RUNS, data=INVOICE, headers={"Prefer": "wait=5, respond-async"})
    assert (answer.status, answer.headers["Preference-Applied"]) == (202, "respond-async")
    await checks.worker.run_due()
    order = await (await client.get(answer.headers["Location"])).json()
    assert (order["state"], order["validations"][0]["verdict"]) == ("done", "engine-error")


async def test_busy_or_ended_workers_are_told_to_who_waits(client, checks):
    for kind, status in ((POOL_BUSY, 503), (POOL_TIMEOUT, 504)):
        checks.pool.failing = kind
        answer = await client.post(RUNS, data=INVOICE)
        assert await code_of(answer) == (status, kind.code)
        assert "Retry-After" in answer.headers
    assert (await (await client.get(RUNS)).json())["items"] == []


async def test_a_key_makes_a_repetition_harmless(client, checks):
    key = {"Idempotency-Key": "k-1"}
    first, second = [
        await (await client.post(RUNS, data=INVOICE, headers=key)).json() for _ in range(2)
    ]
    assert (first["id"], len(checks.pool.asked)) == (second["id"], 1)
    for data, headers in (
        (BROKEN, key),
        (INVOICE, {**key, "Prefer": "respond-async"}),
        (INVOICE, {**key, "Accept-Language": "fr"}),
    ):
        answer = await client.post(RUNS, data=data, headers=headers)
        assert await code_of(answer) == (409, "IDEMPOTENCY-CONFLICT")
    later = {"Idempotency-Key": "k-2", "Prefer": "respond-async"}
    orders = await asyncio.gather(
        *(client.post(RUNS, data=INVOICE, headers=later) for _ in range(3))
    )
    assert len({one.headers["Location"] for one in orders}) == 1


async def test_reports_are_listed_narrowed_and_paged(client):
    for name, content in (("a.xml", INVOICE), ("b.xml", BROKEN), ("c.xml", b"no xml")):
        await client.post(RUNS, data=form((name, content)))

    async def names(**query: str) -> list[str]:
        page = await (await client.get(RUNS, params=query)).json()
        return [one["file"] for one in page["items"]]

    assert await names() == ["c.xml", "b.xml", "a.xml"]
    assert await names(verdict="unreadable") == ["c.xml"]
    assert await names(file="B.") == ["b.xml"]
    assert await names(ruleset="xsd") == ["b.xml", "a.xml"]
    assert await names(since="2030-01-01T00:00:00Z") == []
    page = await (await client.get(RUNS, params={"limit": "2"})).json()
    rest = await client.get(RUNS, params={"limit": "2", "cursor": page["next_cursor"]})
    assert [one["file"] for one in (await rest.json())["items"]] == ["a.xml"]
    for query in ("verdict=odd", "sha256=x", "since=2026-01-01T00:00:00", "limit=0", "x=1"):
        assert await code_of(await client.get(f"{RUNS}?{query}")) == (400, "REQUEST-INVALID")


async def test_another_account_finds_nothing(client, checks):
    report = await (await client.post(RUNS, data=INVOICE)).json()
    order = await client.post(RUNS, data=INVOICE, headers={"Prefer": "respond-async"})
    for path in (f"{RUNS}/{report['id']}", order.headers["Location"]):
        answer = await client.get(path, headers=client.other)
        assert await code_of(answer) == (404, "NOT-FOUND")
    listed = await (await client.get(RUNS, headers=client.other)).json()
    assert listed["items"] == []
    assert (await client.get(f"{RUNS}/{'0' * 36}")).status == 404
