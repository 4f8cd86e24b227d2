"""Pages of answers as people use them: the policy, the outcome of a document, the answer times."""

import re

import pytest
from sqlmodel import select

from gateway.access.service import operator_tenant
from gateway.exchange.answer_tables import MlsRecord

SAME_SITE = {"Sec-Fetch-Site": "same-origin"}


class Visit:
    """Somebody signed in at the console of a house."""

    def __init__(self, house, cookies):
        self._house, self._cookies = house, cookies

    async def get(self, path, *, status=200):
        answer = await self._house.session.get(f"{self._house.url}{path}", cookies=self._cookies)
        assert answer.status == status, path
        return re.sub(r"\s+", " ", await answer.text())

    async def post(self, path, on, **fields):
        """Send the form at ``on``; the address it leads to, or the status without one."""
        token = re.search(r'name="csrf" value="([^"]+)"', await self.get(on))
        answer = await self._house.session.post(
            f"{self._house.url}{path}",
            data={"csrf": token[1], **fields},
            cookies=self._cookies,
            headers=SAME_SITE,
            allow_redirects=False,
        )
        return answer.headers.get("Location") or answer.status


def first_place(page):
    """Where the first entry of the navigation leads: on a phone only five are always in sight."""
    return re.search(r'<nav class="rail".*?href="([^"]+)"', page)[1]


@pytest.fixture
def sign_in():
    async def sign_in(house, tenant_id=None, *, locale="en"):
        return Visit(house, await house.sign_in(tenant_id=tenant_id, locale=locale))

    return sign_in


async def test_the_policy_is_set_and_an_outcome_reported_by_hand(lite, sign_in):
    visit = await sign_in(lite.receiver, locale="nl")
    page = "/settings/answers"
    assert "Antwoorden aan afzenders" in await visit.get(page)
    policy = {"confirm": "by-api", "invalid": "reject", "timer_minutes": "10"}
    assert await visit.post(page, page, **policy) == f"{page}?saved=1"
    for odd in ({"timer_minutes": "20"}, {"timer_minutes": ""}, {"confirm": "never"}):
        assert await visit.post(page, page, **{**policy, **odd}) == 400
    sent, arrived = await lite.delivered()
    shown = f"/documents/{arrived.id}"
    assert "wacht op het resultaat" in await visit.get(shown)
    assert await visit.post(f"{shown}/outcome", shown, outcome="maybe") == 400
    led = await visit.post(f"{shown}/outcome", shown, outcome="rejected", reason="BV", text="Nee.")
    assert led == f"{shown}#mls"
    await lite.settle()
    assert (await lite.sender.document(sent.id)).network == "rejected"
    told = await visit.get(shown)
    assert "Resultaat gemeld: afgewezen" in told
    assert "Later resultaat melden" in told


async def test_answer_times_are_shown_to_the_operator_only(lite, sign_in):
    await lite.delivered()
    visit = await sign_in(lite.receiver)
    await visit.get("/operations/mls", status=403)
    assert first_place(await visit.get("/outbox")) == "/outbox"
    async with lite.receiver.gateway.platform.database.read() as session:
        tenant = await operator_tenant(session)
    operator = await sign_in(lite.receiver, tenant.id, locale="de")
    shown = await operator.get("/operations/mls")
    assert first_place(shown) == "/operations"
    for text in ("Antwortzeiten", "100 %", "Ziel erreicht", "POP000101", "nichts war fällig"):
        assert text in shown.replace("\xa0", " ").replace("100,00", "100"), text
    table = await operator.get("/operations/mls.csv?rows=peers")
    assert "MLS-1,POP000101,1,1,0,0,0,100.00" in table
    await operator.get("/operations/mls?month=2026-99", status=400)


async def test_on_hand_over_the_business_has_to_acknowledge(pair):
    body = {"confirm": "on-hand-over", "invalid": "reject", "timer_minutes": 18}
    await pair.receiver.call("PUT", "/v1/answers/policy", json=body)
    sent, arrived = await pair.delivered()
    assert (await pair.sender.document(sent.id)).network == "awaited"
    took = await pair.receiver.call("POST", f"/v1/documents/{arrived.id}/acknowledge")
    assert took.status in (200, 204), took.body
    await pair.settle()
    assert (await pair.sender.document(sent.id)).network == "accepted"
    (record,) = await _records(pair.receiver)
    assert (record.state, record.code, record.outcome) == ("sent", "AP", "delivered")


async def _records(house):
    async with house.gateway.platform.database.read() as session:
        return list(await session.exec(select(MlsRecord)))
