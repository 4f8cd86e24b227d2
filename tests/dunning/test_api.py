"""The API of dunning over a real server, as one account's program sees it."""

from collections.abc import Awaitable, Callable
from zoneinfo import ZoneInfo

from aiohttp import web
from aiohttp.test_utils import TestClient
from dunning_office import ZONE, Office

from gateway.access.principal import PRINCIPAL
from gateway.core.app_keys import DATABASE
from gateway.core.clock import BusinessClock
from gateway.dunning import api
from gateway.dunning.keys import DUNNING
from gateway.receivables.keys import BUSINESS

Client = Callable[[web.Application], Awaitable[TestClient]]


def application(office: Office) -> web.Application:
    @web.middleware
    async def sign_in(request: web.Request, handler: api.Handler) -> web.StreamResponse:
        request[PRINCIPAL] = office.caller
        return await handler(request)

    app = web.Application(middlewares=[sign_in])
    app[DATABASE], app[DUNNING] = office.database, office.dunning
    app[BUSINESS] = BusinessClock(zone=ZoneInfo(ZONE))
    for route in api.ROUTES:
        app.router.add_route(route.method, route.path, route.handler)
    return app


async def test_reminders_are_listed_shown_and_handled(lite: Office, aiohttp_client: Client) -> None:
    client = await aiohttp_client(application(lite))
    for name in ("Koper NV", "Zilver BV"):
        await lite.invoice(await lite.customer(name, email=None))
    item = await lite.invoice(customer := await lite.customer("Goud SA"))
    assert (await client.post("/v1/reminder-runs")).status == 202
    await lite.work()
    page = await (await client.get("/v1/reminders?limit=2")).json()
    rest = await (await client.get(f"/v1/reminders?cursor={page['next_cursor']}")).json()
    assert (len(page["items"]), len(rest["items"]), rest["next_cursor"]) == (2, 1, None)
    sent = await (await client.get("/v1/reminders?state=sent")).json()
    (shown,) = sent["items"]
    detail = await (await client.get(f"/v1/reminders/{shown['id']}")).json()
    assert detail["total"] == {"amount": "1250.00", "currency": "EUR"}
    assert [one["item_id"] for one in detail["lines"]] == [str(item.id)]
    assert [one["state"] for one in detail["mails"]] == ["sent"]
    letter = await client.get(f"/v1/reminders/{shown['id']}/letter")
    assert (letter.content_type, (await letter.read())[:4]) == ("application/pdf", b"%PDF")
    ubl = await client.get(f"/v1/reminders/{shown['id']}/ubl")
    assert b":reminder:1.0" in await ubl.read()
    mails = await (await client.get("/v1/mails?purpose=reminder")).json()
    content = await client.get(f"/v1/mails/{mails['items'][0]['id']}/content")
    assert content.content_type == "message/rfc822"
    assert (await client.get("/v1/mails?state=unknown")).status == 200
    outlook = await (await client.get(f"/v1/customers/{customer.id}/reminder-preview")).json()
    assert (outlook["steps"], outlook["waiting"][0]["why"]) == ([], "not-yet")
    runs = await (await client.get("/v1/reminder-runs")).json()
    assert runs["items"][0]["customers"] == 3


async def test_what_waits_is_previewed_posted_and_declined(
    lite: Office, aiohttp_client: Client
) -> None:
    client = await aiohttp_client(application(lite))
    for name in ("Koper NV", "Zilver BV"):
        await lite.invoice(await lite.customer(name, email=None))
    await lite.run()
    first, second = [str(one.id) for one in await lite.reminders()]
    preview = await (await client.get(f"/v1/reminders/{first}/preview")).json()
    assert (preview["language"], preview["has_ubl"]) == ("nl", True)
    posted = await client.post(f"/v1/reminders/{first}/posted", json={"channel": "registered-post"})
    assert ((await posted.json())["state"], posted.status) == ("sent", 200)
    retried = await (await client.post(f"/v1/reminders/{second}/retry")).json()
    assert retried["state"] == "planned"
    declined = await client.post(f"/v1/reminders/{second}/decline", json={})
    assert (await declined.json())["reason"] == "declined"
