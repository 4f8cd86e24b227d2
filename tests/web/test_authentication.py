"""Who gets in: keys, sessions, scopes, forged requests, and nothing secret in the logs."""

import logging
import re
from uuid import UUID

import pytest
from aiohttp import ClientSession, FormData
from yarl import URL

from gateway.access.roles import ROLE_SCOPES, SCOPES, Role
from gateway.app import all_routes
from gateway.core.http import Face, Route
from gateway.web import openapi
from gateway.web.server import listening

PRODUCT = (*all_routes(), *openapi.ROUTES)
PUBLIC = {
    "/v1/me", "/v1/openapi.json", "/v1/schemas/invoice.json", "/healthz", "/readyz",
    "/v1/formats", "/v1/code-lists", "/v1/code-lists/{id}",
}  # fmt: skip
PUBLIC_PAGES = {
    "/pay/{token}", "/pay/{token}/back", "/", "/sign-in", "/sign-out", "/language",
    "/download/{token}", "/download/{token}/document.pdf", "/download/{token}/document.xml",
    "/download/{token}/document.html", "/download/{token}/document.{piece:html|pdf|xml}",
}  # fmt: skip
UNSAFE = "/v1/probe/echo/x"
PAGE = "/page/send"


def test_a_route_without_a_scope_is_public_on_purpose() -> None:
    open_to_all = [one for one in PRODUCT if one.scope is None]
    assert {one.path for one in open_to_all if one.face is Face.API} == PUBLIC
    assert {one.path for one in open_to_all if one.face is Face.PAGE} <= PUBLIC_PAGES
    assert all(one.scope is None for one in PRODUCT if one.face is Face.NETWORK)
    assert {one.scope for one in PRODUCT} - {None} <= SCOPES


SAMPLES = (
    str(UUID(int=7)), "0" * 8, "POP000001", "2026-10", "tsr", "in", "request", "resume", "x", "1",
    "html",
)  # fmt: skip
PLACEHOLDER = re.compile(r"\{\w+(?::((?:[^{}]|\{[\d,]+\})+))?\}")


def address_of(route: Route) -> URL:
    """An address the route answers, whatever its placeholders want."""

    def sample(found: re.Match[str]) -> str:
        return next(one for one in SAMPLES if re.fullmatch(found[1] or ".+", one))

    return URL(PLACEHOLDER.sub(sample, route.path), encoded=True)


async def test_every_scoped_route_wants_a_caller_with_that_scope(site) -> None:
    scoped = [one for one in PRODUCT if one.scope is not None]
    assert len(scoped) > 20
    weak = await site.key("validations:run")
    weaker = await site.key("network:read")
    for one in scoped:
        nobody = await site.client.request(one.method, address_of(one), allow_redirects=False)
        if one.face is Face.PAGE:
            assert nobody.status == 303, one.path
        else:
            told = await nobody.json()
            assert (nobody.status, told["code"]) == (401, "ACCESS-SIGN-IN"), one.path
            assert nobody.headers["WWW-Authenticate"] == "Bearer"
        key = weaker if one.scope == "validations:run" else weak
        refused = await site.client.request(one.method, address_of(one), headers=key)
        assert refused.status == 403, one.path
        if one.face is Face.API:
            told = await refused.json()
            assert (told["code"], told["scope"]) == ("ACCESS-SCOPE", one.scope), one.path


@pytest.mark.parametrize("role", Role)
async def test_what_a_role_may_do_is_what_its_scopes_say(site, role) -> None:
    browser, csrf = await site.browser(role)
    page = await site.client.get("/page/read", headers=browser)
    assert page.status == (200 if "documents:read" in ROLE_SCOPES[role] else 403)
    sent = await site.client.post(PAGE, data={"csrf": csrf}, headers=browser)
    assert sent.status == (200 if "documents:send" in ROLE_SCOPES[role] else 403)
    keys = await site.client.get("/v1/api-keys", headers=browser)
    assert keys.status == (200 if role is Role.OWNER else 403)


NO_KEYS = (
    "", "Bearer", "Bearer ", "Basic dTpw", "bearer gwk_00000000_x", "Bearer a b", "gwk_1_2",
    "Bearer " + "x" * 4000, "Bearer gwk_00000000_" + "é" * 43,
)  # fmt: skip


async def test_a_bad_authorization_is_refused_also_where_none_is_needed(site) -> None:
    browser, _ = await site.browser()
    for value in NO_KEYS:
        for path in ("/v1/me", "/healthz", "/page/read"):
            answer = await site.client.get(path, headers={**browser, "Authorization": value})
            assert answer.status == 401, (value, path)


async def test_two_keys_at_once_are_refused(site) -> None:
    key = (await site.key("documents:send"))["Authorization"]
    answer = await site.client.post(
        UNSAFE, headers=[("Authorization", key), ("Authorization", key)]
    )
    assert answer.status == 401


async def test_a_key_needs_no_csrf_and_works_for_its_scope(site) -> None:
    key = await site.key("documents:send")
    assert (await site.client.post(UNSAFE, data=b"x", headers=key)).status == 200
    forged = {**key, "Sec-Fetch-Site": "cross-site"}
    assert (await site.client.post(UNSAFE, data=b"x", headers=forged)).status == 200


async def test_a_revoked_key_is_dead_at_once(site) -> None:
    owner = await site.key(*SCOPES)
    made = await site.client.post(
        "/v1/api-keys", json={"name": "ERP", "scopes": ["documents:send"]}, headers=owner
    )
    key = await made.json()
    bearer = {"Authorization": f"Bearer {key['secret']}"}
    assert (await site.client.post(UNSAFE, headers=bearer)).status == 200
    gone = await site.client.delete(f"/v1/api-keys/{key['key']['id']}", headers=owner)
    assert gone.status == 204
    assert (await site.client.post(UNSAFE, headers=bearer)).status == 401


async def test_the_network_face_knows_no_callers(site) -> None:
    answer = await site.client.post(
        "/net/echo", data=b"x", headers={"Authorization": "Basic x", "Sec-Fetch-Site": "cross-site"}
    )
    assert answer.status == 200


async def test_a_browser_without_session_is_sent_to_sign_in_and_back(site) -> None:
    answer = await site.client.get("/page/read?tab=a%26b", allow_redirects=False)
    assert answer.status == 303
    location = URL(answer.headers["Location"])
    assert location.path == "/sign-in"
    assert location.query["next"] == "/page/read?tab=a%26b"
    posted = await site.client.post(PAGE, data={}, allow_redirects=False)
    assert (posted.status, posted.headers["Location"]) == (303, "/sign-in")


async def test_a_fragment_without_session_makes_the_whole_page_sign_in(site) -> None:
    answer = await site.client.get("/page/read", headers={"HX-Request": "true"})
    assert (answer.status, answer.headers["HX-Redirect"]) == (401, "/sign-in")


NO_SESSIONS = ("gateway=", "gateway=" + "x" * 43, "gateway=%00", 'gateway="\\000"', "gateway=é" * 9)


async def test_a_cookie_that_opens_nothing_is_no_caller(site) -> None:
    for cookie in NO_SESSIONS:
        answer = await site.client.get("/v1/me", headers={"Cookie": cookie})
        assert (answer.status, (await answer.json())["code"]) == (401, "ACCESS-SIGN-IN"), cookie


ORIGINS = (
    ({"Sec-Fetch-Site": "same-origin"}, 200),
    ({"Sec-Fetch-Site": "none"}, 200),
    ({"Sec-Fetch-Site": "same-site"}, 403),
    ({"Sec-Fetch-Site": "cross-site"}, 403),
    ({"Sec-Fetch-Site": "cross-site", "Origin": "http://127.0.0.1:8080"}, 403),
    ({"Origin": "http://127.0.0.1:8080"}, 200),
    ({"Origin": "http://127.0.0.1:8081"}, 403),
    ({"Origin": "null"}, 403),
    ({}, 403),
)


@pytest.mark.parametrize("path", [PAGE, UNSAFE])
async def test_unsafe_requests_come_from_our_own_site(site, path) -> None:
    browser, csrf = await site.browser()
    del browser["Sec-Fetch-Site"]
    for headers, status in ORIGINS:
        answer = await site.client.post(
            path, data=b"", headers={**browser, **headers, "X-CSRF-Token": csrf}
        )
        assert answer.status == status, headers


@pytest.mark.parametrize("how", ["header", "form", "multipart"])
async def test_unsafe_requests_carry_the_sessions_secret(site, how) -> None:
    browser, csrf = await site.browser()
    _, foreign = await site.browser(Role.OPERATOR)

    async def status(token: str | None) -> int:
        headers, data = dict(browser), {"name": "ä"}
        if token is not None and how == "header":
            headers["X-CSRF-Token"] = token
        elif token is not None:
            data["csrf"] = token
        if how == "multipart":
            form = FormData()
            for name, value in data.items():
                form.add_field(name, value)
            form.add_field("file", b"<Invoice/>", filename="invoice.xml")
            data = form
        return (await site.client.post(PAGE, data=data, headers=headers)).status

    assert await status(csrf) == 200
    for wrong in (None, "", "wrong", csrf[:-1], foreign, "é"):
        assert await status(wrong) == 403


async def test_the_form_is_still_there_after_its_secret_was_checked(site) -> None:
    browser, csrf = await site.browser()
    answer = await site.client.post(PAGE, data={"csrf": csrf, "name": "Zoë"}, headers=browser)
    assert await answer.json() == {"name": "Zoë"}


FORMS = (
    ("multipart/form-data", b"x"),
    ("multipart/form-data; boundary=b", b"--b\r\nbroken"),
    ("multipart/form-data; boundary=b", b"no boundary at all"),
    ("multipart/form-data; boundary=" + "b" * 200, b"--b--"),
    ("application/x-www-form-urlencoded; charset=nonsense", b"csrf=x"),
    ("application/x-www-form-urlencoded", b"csrf=\xff\xfe"),
    ("application/x-www-form-urlencoded", b"csrf=%ff&" * 1000),
)


async def test_hostile_forms_are_refused_without_an_incident(site) -> None:
    browser, _ = await site.browser()
    for content_type, body in FORMS:
        answer = await site.client.post(
            PAGE, data=body, headers={**browser, "Content-Type": content_type}
        )
        assert answer.status in (400, 403, 413), content_type


async def test_signing_in_itself_is_guarded_against_other_sites(site) -> None:
    ours = await site.client.post("/page/open", headers={"Sec-Fetch-Site": "same-origin"})
    theirs = await site.client.post("/page/open", headers={"Sec-Fetch-Site": "cross-site"})
    assert (ours.status, theirs.status) == (200, 403)
    assert (await theirs.text()).startswith("ACCESS-CSRF")


async def test_reading_needs_no_secret(site) -> None:
    browser, _ = await site.browser()
    del browser["Sec-Fetch-Site"]
    assert (await site.client.get("/page/read", headers=browser)).status == 200


async def test_no_secret_is_ever_logged(site, caplog) -> None:
    key, (browser, csrf) = await site.key("documents:send"), await site.browser()
    cookie = browser["Cookie"].partition("=")[2]
    with caplog.at_level(logging.INFO):
        async with listening(site.app, host="127.0.0.1", port=0) as url, ClientSession(url) as http:
            await http.post(UNSAFE, data=b"payload-text", headers=key)
            await http.get("/v1/probe/broken", headers=key)
            await http.post(PAGE, data={"csrf": csrf}, headers=browser)
            await http.post(PAGE, data={"csrf": "wrong" + csrf}, headers=browser)
            await http.get("/v1/me", headers={"Authorization": key["Authorization"] + "x"})
            await http.get("/v1/nothing?token=query-secret", headers=browser)
    assert [one.getMessage() for one in caplog.records].count("http.answered") == 6
    logged = "".join(repr(one.__dict__) for one in caplog.records)
    secret = key["Authorization"].split("_", 2)[2]  # the secret itself may hold an underscore
    for one in (secret, cookie, csrf, "payload-text", "query-secret", "correct horse"):
        assert one not in logged
