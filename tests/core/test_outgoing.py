"""Where an instance may connect to, and what it carries from one peer to the next."""

import pytest
from aiohttp import web

from gateway.core.errors import GatewayError
from gateway.core.outgoing import check_url, client_session
from gateway.core.settings import Stage

PRIVATE = [
    "127.0.0.1",
    "10.0.0.1",
    "169.254.169.254",
    "100.64.0.1",
    "224.0.0.1",
    "0.0.0.0",
    "[::1]",
    "[fe80::1]",
    "[fc00::1]",
    "[ff02::1]",
    "[::ffff:10.0.0.1]",
    "[64:ff9b::a00:1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "[2002:a00:1::1]",
    "[64:ff9b:1::1]",
    "[::127.0.0.1]",
    "[::ffff:0:127.0.0.1]",
    "[fec0::1]",
    "[4000::1]",
    "127.1",
    "2130706433",
    "0177.0.0.1",
    "127.0.0.1.",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_production_refuses_what_is_not_public(address):
    with pytest.raises(GatewayError) as refused:
        check_url(f"https://{address}/as4", Stage.PRODUCTION)
    assert refused.value.code == "OUTGOING-ADDRESS"


@pytest.mark.parametrize("address", ["93.184.216.34", "[2606:2800:220:1::1]", "peer.example"])
def test_production_takes_public_addresses_and_names(address):
    check_url(f"https://{address}/as4", Stage.PRODUCTION)


@pytest.mark.parametrize("url", ["http://peer.example/", "ftp://peer.example/", "peer", "https://"])
def test_production_takes_https_only(url):
    with pytest.raises(GatewayError):
        check_url(url, Stage.PRODUCTION)


@pytest.mark.parametrize("url", ["https://xn--/", "https://[::1", "https://a:99999/"])
@pytest.mark.parametrize("stage", list(Stage))
def test_what_is_no_address_is_refused_everywhere(url, stage):
    with pytest.raises(GatewayError):
        check_url(url, stage)


def test_a_demonstration_talks_to_this_machine():
    check_url("http://127.0.0.1:8701/as4", Stage.DEMO)


async def test_no_peer_is_told_what_another_one_set(aiohttp_server):
    async def answer(request):
        response = web.json_response({"cookie": request.headers.get("Cookie")})
        response.set_cookie("session", "of one peer")
        return response

    app = web.Application()
    app.router.add_get("/", answer)
    server = await aiohttp_server(app)
    async with client_session(Stage.TEST, connect_timeout_s=60, answer_timeout_s=60) as session:
        for _ in range(2):
            async with session.get(server.make_url("/")) as got:
                assert (await got.json())["cookie"] is None
