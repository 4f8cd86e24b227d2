"""The API of payment links, and the door for providers' events."""

from dataclasses import replace
from uuid import uuid4

import aiohttp
from sqlmodel import select

from gateway.access.tables import AuditEntry, Tenant
from gateway.core.settings import Stage
from gateway.payments.adapters.sandbox import SandboxProvider
from gateway.payments.tables import ProviderEvent
from reminders.entries import EntryKind, ItemKind


async def made(site, body, *scopes):
    headers = await site.key(*(scopes or ("receivables:write",)))
    answer = await site.client.post("/v1/payment-links", json=body, headers=headers)
    return answer, await answer.json()


async def test_a_program_makes_a_link_and_follows_it(site, firm):
    item, other = await firm.invoice("F-1", 10_000), await firm.invoice("F-2", 500)
    answer, link = await made(site, {"items": [str(item.id), str(other.id)], "locale": "nl_BE"})
    assert answer.status == 201
    token = link["url"].removeprefix("https://gateway.example/pay/")
    reader = await site.key("receivables:read")

    async def told():
        answer = await site.client.get("/v1/payment-links", headers=reader)
        (found,) = (await answer.json())["items"]
        return found

    before = await told()
    assert (before["id"], before["state"], before["opened_at"]) == (link["id"], "open", None)
    assert before["to_pay"] == {"amount": "105.00", "currency": "EUR"}
    assert set(before["items"]) == {str(item.id), str(other.id)}
    assert before["payments"] == []
    assert token not in str(before)
    await site.client.get(f"/pay/{token}")
    await firm.start(token)
    (row,) = await firm.initiations()
    begun = await told()
    assert begun["opened_at"] is not None
    (payment,) = begun["payments"]
    assert (payment["state"], payment["notified_at"]) == ("authorising", None)
    assert payment["amount"] == {"amount": "105.00", "currency": "EUR"}
    assert payment["end_to_end_id"] == row.end_to_end_id
    event = f"e1 {row.provider_id} accepted -".encode()
    answer = await site.client.post("/v1/provider-events/scripted", data=event)
    assert answer.status == 204
    after = await told()
    assert after["state"] == "under-way"
    assert after["payments"][0]["state"] == "accepted"
    assert after["payments"][0]["notified_at"] is not None
    for one, minor in ((item, 10_000), (other, 500)):
        await firm.book(one, EntryKind.PAYMENT_ALLOCATED, minor)
    assert (await told())["state"] == "paid"
    async with firm.database.read() as session:
        actions = list(await session.exec(select(AuditEntry.action).order_by(AuditEntry.id)))
    assert actions.count("payment-link.issued") == 1


async def test_a_link_needs_claims_of_this_account(site, firm):
    good = await firm.invoice("F-1", 100)
    credit = await firm.invoice("C-1", 100, kind=ItemKind.CREDIT_NOTE)
    for items in ([str(uuid4())], [str(good.id), str(uuid4())], [str(credit.id)]):
        answer, problem = await made(site, {"items": items})
        assert (answer.status, problem["code"]) == (422, "PAYMENT-LINK-ITEMS")
    for body in ({}, {"items": []}, {"items": ["x"]}, {"items": [str(good.id)], "locale": "xx"}):
        answer, problem = await made(site, body)
        assert (answer.status, problem["code"]) == (400, "REQUEST-INVALID")
    answer, _ = await made(site, {"items": [str(good.id)]}, "receivables:read")
    assert answer.status == 403


async def test_another_account_sees_and_makes_nothing(site, firm):
    item = await firm.invoice("F-1", 100)
    await firm.link(item)
    async with firm.database.write() as session:
        other = Tenant(slug="other", name="Other", created_at=firm.clocks.at)
        session.add(other)
    site.caller = replace(site.caller, tenant_id=other.id)
    answer = await site.client.get("/v1/payment-links", headers=await site.key("receivables:read"))
    assert (await answer.json())["items"] == []
    answer, problem = await made(site, {"items": [str(item.id)]})
    assert (answer.status, problem["code"]) == (422, "PAYMENT-LINK-ITEMS")


async def test_links_come_page_by_page(site, firm):
    item = await firm.invoice("F-1", 100)
    ids = [str((await firm.link(item))[0].id) for _ in range(5)]
    reader, seen, cursor = await site.key("receivables:read"), [], ""
    while cursor is not None:
        query = {"limit": "2", **({"cursor": cursor} if cursor else {})}
        answer = await site.client.get("/v1/payment-links", params=query, headers=reader)
        page = await answer.json()
        seen += [one["id"] for one in page["items"]]
        cursor = page["next_cursor"]
    assert sorted(seen) == sorted(ids)
    answer = await site.client.get(
        "/v1/payment-links", params={"cursor": str(uuid4())}, headers=reader
    )
    assert answer.status == 404


async def test_an_expired_link_says_so(site, firm):
    await firm.link(await firm.invoice("F-1", 100))
    reader = await site.key("receivables:read")
    for days, state in ((29, "open"), (1, "expired")):
        firm.clocks.pass_time(days=days)
        answer = await site.client.get("/v1/payment-links", headers=reader)
        assert (await answer.json())["items"][0]["state"] == state


async def test_a_large_or_foreign_event_is_not_read(site, firm):
    answer = await site.client.post("/v1/provider-events/scripted", data=b"x" * 70_000)
    assert answer.status == 413
    assert (await answer.text()).startswith("PAYMENT-EVENT-TOO-LARGE")
    answer = await site.client.post("/v1/provider-events/nobody", data=b"{}")
    assert answer.status == 404
    async with firm.database.read() as session:
        assert list(await session.exec(select(ProviderEvent))) == []


async def test_an_unsigned_event_is_refused_and_not_kept(firm, new_site):
    async with aiohttp.ClientSession() as http:
        firm.events._provider = SandboxProvider(
            http=http, stage=Stage.TEST, url="http://127.0.0.1:1", key="k", secrets=["s"]
        )
        site = await new_site(firm)
        answer = await site.client.post("/v1/provider-events/sandbox", data=b"{}")
        assert answer.status == 401
        assert (await answer.text()).startswith("PAYMENT-EVENT-FORGED")
    async with firm.database.read() as session:
        assert list(await session.exec(select(ProviderEvent))) == []
