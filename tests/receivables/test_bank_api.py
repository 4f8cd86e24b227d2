"""The API of bank messages: hand in, look, decide; every account sees its own."""

import pytest

from gateway.access.service import Access
from gateway.access.sessions import Sessions
from gateway.core import clock
from gateway.core.app_keys import DATABASE
from gateway.core.settings import Settings
from gateway.receivables import bank_api
from gateway.web import server
from reminders.references import make_rf

SCOPES = frozenset({"receivables:read", "receivables:write"})


class Site:
    """The API served for one account after another."""

    def __init__(self, client, access):
        self.client, self.access = client, access

    async def key(self, house, scopes=SCOPES):
        _, text = await self.access.create_api_key(house.caller, name="bank", scopes=scopes)
        return {"Authorization": f"Bearer {text}"}


@pytest.fixture
async def site(bank_house, aiohttp_client, tmp_path):
    access = Access(database=bank_house.database, now=clock.now)
    app = server.build(
        settings=Settings(data_dir=tmp_path),
        routes=bank_api.ROUTES,
        access=access,
        sessions=Sessions(database=bank_house.database, now=clock.now),
    )
    app[DATABASE] = bank_house.database
    app[bank_api.BANK_DESK] = bank_house.desk
    return Site(await aiohttp_client(app), access)


async def test_handing_in_looking_and_deciding(bank_house, site, camt):
    house, client = bank_house, site.client
    headers = await site.key(house)
    martin = await house.customer()
    item = await house.item(martin, "F-1001", 10_000, reference=make_rf("F1001"))
    second = await house.item(martin, "F-1002", 5_000)
    entries = [
        camt.entry(11_000, ref="1", structured=make_rf("F1001")),
        camt.entry(5_000, ref="2", name=martin.name, lines=["merci"]),
        camt.entry(700, ref="3", name="Nobody"),
    ]
    content = camt.message("054", "N1", entries)
    url = "/v1/bank-messages?file_name=day.xml"
    answer = await client.post(url, data=content, headers=headers)
    assert answer.status == 201
    told = await answer.json()
    assert told["outcomes"] == {"matched": 1, "proposed": 1, "unallocated": 1}
    assert (told["payments"], told["repeated"], told["file_name"]) == (3, 0, "day.xml")
    matched, proposed, left = sorted(
        told["newest"], key=lambda one: ["11000", "5000", "700"].index(cents(one))
    )
    assert matched["allocations"] == [
        {"item": str(item.id), "amount": {"amount": "100.00", "currency": "EUR"}}
    ]
    assert matched["unapplied"] == {"amount": "10.00", "currency": "EUR"}
    assert proposed["proposals"][0]["reason"] == "payer-name-and-amount"

    again = await client.post(url, data=content, headers=headers)
    assert (again.status, (await again.json())["id"]) == (200, told["id"])
    one = await client.get(f"/v1/bank-messages/{told['id']}", headers=headers)
    assert (await one.json())["outcomes"] == told["outcomes"]
    page = await (await client.get("/v1/bank-messages", headers=headers)).json()
    assert [row["id"] for row in page["items"]] == [told["id"]]

    listed = await client.get("/v1/bank-payments?state=proposed", headers=headers)
    assert [row["id"] for row in (await listed.json())["items"]] == [proposed["id"]]
    decision = f"/v1/bank-payments/{proposed['id']}/decision"
    amount = {"amount": "50.00", "currency": "EUR"}
    body = {"allocations": [{"item": str(second.id), "amount": amount}]}
    decided = await client.post(decision, json=body, headers=headers)
    assert (decided.status, (await decided.json())["state"]) == (200, "matched")
    late = await client.post(decision, json={"accept": 0}, headers=headers)
    assert (late.status, (await late.json())["code"]) == (409, "BANK-DECIDED")
    aside = f"/v1/bank-payments/{left['id']}/decision"
    told = await (await client.post(aside, json={"set_aside": "a gift"}, headers=headers)).json()
    assert (told["state"], told["note"]) == ("set-aside", "a gift")
    assert (await house.open())["F-1002"] == 0


def cents(payment):
    return payment["amount"]["amount"].replace(".", "")


async def test_what_is_refused_and_why(bank_house, site, camt):
    house, client = bank_house, site.client
    headers = await site.key(house)
    answer = await client.post("/v1/bank-messages", data=b"<Invoice/>", headers=headers)
    told = await answer.json()
    assert (answer.status, told["code"]) == (422, "BANK-NOT-CAMT")
    kept = await (
        await client.get(f"/v1/bank-messages/{told['bank_message']}", headers=headers)
    ).json()
    assert (kept["state"], kept["failure"]["code"]) == ("refused", "BANK-NOT-CAMT")
    await client.post(
        "/v1/bank-messages",
        data=camt.message("054", "N1", [camt.entry(10_000)]),
        headers=headers,
    )
    (row,) = await house.rows()
    url = f"/v1/bank-payments/{row.id}/decision"
    for body, status in (
        ({}, 400),
        ({"accept": 0, "set_aside": "x"}, 400),
        ({"accept": -1}, 400),
        ({"accept": 0}, 409),
        (shares(row.id, "1.00", "USD"), 422),
        (shares(row.id, "1.001", "EUR"), 422),
        (shares(row.id, "1.00", "EUR"), 404),
    ):
        answer = await client.post(url, json=body, headers=headers)
        assert answer.status == status, body


def shares(item, amount, currency):
    return {
        "allocations": [{"item": str(item), "amount": {"amount": amount, "currency": currency}}]
    }


async def test_nobody_sees_or_decides_for_another_account(bank_house, bank_houses, site, camt):
    other = await site.key(await bank_houses("other"))
    taken = await bank_house.take(camt.message("054", "N1", [camt.entry(10_000)]))
    (row,) = await bank_house.rows()
    client = site.client
    for path in ("/v1/bank-messages", "/v1/bank-payments"):
        assert (await (await client.get(path, headers=other)).json())["items"] == []
    message = await client.get(f"/v1/bank-messages/{taken.message.id}", headers=other)
    decision = await client.post(
        f"/v1/bank-payments/{row.id}/decision", json={"set_aside": "x"}, headers=other
    )
    assert (message.status, decision.status) == (404, 404)


async def test_reading_and_writing_are_allowed_apart(bank_house, site):
    headers = await site.key(bank_house, frozenset({"receivables:read"}))
    assert (await site.client.get("/v1/bank-messages", headers=headers)).status == 200
    assert (await site.client.post("/v1/bank-messages", data=b"x", headers=headers)).status == 403


async def test_lists_come_in_pages(bank_house, site, camt):
    headers = await site.key(bank_house)
    for number in range(5):
        content = camt.message("054", f"N{number}", [camt.entry(100 + number)])
        await bank_house.take(content)
    for path in ("/v1/bank-messages", "/v1/bank-payments"):
        seen, cursor = [], ""
        while cursor is not None:
            answer = await site.client.get(f"{path}?limit=2{cursor}", headers=headers)
            page = await answer.json()
            seen += [one["id"] for one in page["items"]]
            cursor = f"&cursor={page['next_cursor']}" if page["next_cursor"] else None
        assert len(seen) == len(set(seen)) == 5


async def test_a_character_no_database_keeps_is_refused(bank_house, site, camt):
    house, client = bank_house, site.client
    headers = await site.key(house)
    content = camt.message("053", "S1", [camt.entry(11_000)])
    url = "/v1/bank-messages?file_name=day%00.xml"
    assert (await client.post(url, data=content, headers=headers)).status == 400
    assert await house.rows() == []
    await house.take(content)
    (row,) = await house.rows()
    answer = await client.post(
        f"/v1/bank-payments/{row.id}/decision", json={"set_aside": "a\0b"}, headers=headers
    )
    assert answer.status == 400
