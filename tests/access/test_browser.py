"""The way back after signing in, and the cookie."""

from urllib.parse import urljoin, urlsplit

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.access.browser import SessionCookie, safe_path


@pytest.mark.parametrize(
    "path", ["/", "/outbox", "/documents/1?tab=report", "/a//b", "/a?u=http://x"]
)
def test_our_own_places_are_kept(path) -> None:
    assert safe_path(path) == path


@pytest.mark.parametrize(
    "path",
    [None, "", "outbox", "//evil.example", "/\\evil.example", "\\\\evil.example", "https://evil.example",
     "/\tevil", "/\n/evil.example", "javascript:alert(1)", "/\u2028x", " /outbox"],
)  # fmt: skip
def test_what_might_be_elsewhere_leads_home(path) -> None:
    assert safe_path(path) == "/"


@settings(max_examples=200)
@given(st.text(alphabet="/\\:.@?#ab\t\n ", max_size=12))
def test_no_text_leads_to_another_host(text) -> None:
    there = urlsplit(urljoin("https://gateway.example/sign-in", safe_path(text)))
    assert (there.scheme, there.netloc) == ("https", "gateway.example")


@pytest.mark.parametrize("secure", [True, False])
def test_the_cookie_is_for_this_host_and_no_script(secure) -> None:
    cookie = SessionCookie.under("https://gateway.example" if secure else "http://127.0.0.1:8080")
    response = web.Response()
    cookie.set(response, "x" * 43)
    header = response.cookies[cookie.name].OutputString()
    assert cookie.name == ("__Host-gateway" if secure else "gateway")
    assert ("Secure" in header) is secure
    assert {"HttpOnly", "Path=/", "SameSite=Lax"} <= set(header.split("; "))
    assert "Domain" not in header


@pytest.mark.parametrize("text", ["", "short", "x" * 44, "x" * 42 + "é", "x" * 42 + "/"])
def test_what_cannot_be_a_session_is_not_read(text) -> None:
    request = make_mocked_request("GET", "/", headers={"Cookie": f"gateway={text}"})
    assert SessionCookie(secure=False).read(request) is None
