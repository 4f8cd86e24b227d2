"""What every answer says to browsers, and whose address counts."""

import pytest
from aiohttp.test_utils import make_mocked_request
from hypothesis import given, settings
from hypothesis import strategies as st
from multidict import CIMultiDict

from gateway.web.security import CONTENT_SECURITY_POLICY, ClientAddresses


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One kind of database is enough: nothing here depends on it."""
    return sqlite_url


EXPECTED = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Server": "peppol-gateway",
}


@pytest.mark.parametrize(
    "path", ["/healthz", "/v1/nothing", "/v1/me", "/page/busy", "/net/busy", "/v1/probe/broken"]
)
async def test_every_answer_has_the_headers(site, path) -> None:
    answer = await site.client.get(path)
    assert EXPECTED.items() <= dict(answer.headers).items()
    assert "Strict-Transport-Security" not in answer.headers


async def test_https_is_demanded_where_it_is_used(new_site) -> None:
    site = await new_site(public_url="https://gateway.example")
    answer = await site.client.get("/healthz")
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=")


def test_the_policy_allows_nothing_inline_and_nothing_foreign() -> None:
    assert "default-src 'none'" in CONTENT_SECURITY_POLICY
    for forbidden in ("unsafe", "*", "http:", "https:"):
        assert forbidden not in CONTENT_SECURITY_POLICY


def address(proxies, peer, *forwarded) -> str:
    headers = CIMultiDict(("X-Forwarded-For", one) for one in forwarded)
    request = make_mocked_request("GET", "/", headers=headers)
    return ClientAddresses(proxies).of(request.clone(remote=peer))


@pytest.mark.parametrize(
    ("proxies", "peer", "forwarded", "caller"),
    [
        ((), "192.0.2.1", ["198.51.100.7"], "192.0.2.1"),
        (("10.0.0.1",), "192.0.2.1", ["198.51.100.7"], "192.0.2.1"),
        (("10.0.0.1",), "10.0.0.1", [], "10.0.0.1"),
        (("10.0.0.1",), "10.0.0.1", ["198.51.100.7"], "198.51.100.7"),
        (("10.0.0.1",), "10.0.0.1", ["1.2.3.4, 198.51.100.7"], "198.51.100.7"),
        (("10.0.0.0/8",), "10.0.0.1", ["198.51.100.7, 10.9.9.9"], "198.51.100.7"),
        (("10.0.0.0/8",), "10.0.0.1", ["198.51.100.7", "10.9.9.9"], "198.51.100.7"),
        (("10.0.0.1",), "10.0.0.1", ["198.51.100.7, nonsense"], "10.0.0.1"),
        (("10.0.0.1",), "10.0.0.1", ["2001:db8::1"], "2001:db8::1"),
        (("10.0.0.1",), None, ["198.51.100.7"], ""),
    ],
)
def test_only_trusted_proxies_name_the_caller(proxies, peer, forwarded, caller) -> None:
    assert address(proxies, peer, *forwarded) == caller


@settings(max_examples=60)
@given(st.text(alphabet="0123456789abcdef.:, x[]%", max_size=40))
def test_hostile_forwarding_never_breaks(text) -> None:
    assert address(("10.0.0.0/8",), "10.0.0.1", text)


def test_a_proxy_that_is_no_address_is_refused_at_start() -> None:
    with pytest.raises(ValueError, match="proxy"):
        ClientAddresses(("proxy.example",))
