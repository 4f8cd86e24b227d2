"""Links: issued for claims of one customer, opened by the genuine token only."""

import asyncio
from datetime import timedelta

import pytest
from sqlmodel import select

from gateway.core.errors import GatewayError
from gateway.core.vault import Vault
from gateway.payments.links import PaymentLinks
from gateway.payments.queries import list_links
from gateway.payments.tables import LinkKey, PaymentLink, PaymentLinkItem
from gateway.receivables.tables import Customer
from reminders.entries import ItemKind


async def opened(firm, token):
    async with firm.database.read() as session:
        return await firm.links.resolve(session, token)


async def test_a_link_opens_what_it_was_issued_for(firm):
    first, second = await firm.invoice("F-1", 10_000), await firm.invoice("F-2", 2_000)
    issued, token = await firm.link(first, second, first, locale="fr_BE")
    link = await opened(firm, token)
    assert issued.url == f"https://gateway.example/pay/{token}"
    assert len(token) == 80
    assert (link.id, link.locale, link.currency) == (issued.id, "fr_BE", "EUR")
    assert link.expires_at == firm.clocks.at + timedelta(days=30)
    async with firm.database.read() as session:
        items = set(await session.exec(select(PaymentLinkItem.item_id)))
    assert items == {first.id, second.id}


async def test_nothing_of_people_or_money_is_in_the_address(firm):
    item = await firm.invoice("F-777", 10_000)
    issued, _ = await firm.link(item)
    another, _ = await firm.link(item)
    for text in ("F-777", "Brasserie", firm.customer.id.hex, item.id.hex, "0765432146"):
        assert text not in issued.url
    # Random from the first byte on: nothing to count up from.
    assert issued.id.bytes[:5] != another.id.bytes[:5]


@pytest.mark.parametrize("days", [30, 31, 4000])
async def test_an_expired_link_opens_nothing(firm, days):
    _, token = await firm.link(await firm.invoice("F-1", 1))
    firm.clocks.pass_time(days=days, seconds=-1)
    assert (await opened(firm, token) is not None) is (days == 30)
    firm.clocks.pass_time(seconds=1)
    assert await opened(firm, token) is None


async def test_no_other_spelling_of_a_token_opens_anything(firm):
    _, token = await firm.link(await firm.invoice("F-1", 1))
    for place in range(0, len(token), 7):
        other = "A" if token[place] != "A" else "B"
        assert await opened(firm, token[:place] + other + token[place + 1 :]) is None
    for spelling in (token + "=", token[:-1], f" {token}", token.swapcase()):
        assert await opened(firm, spelling) is None


@pytest.mark.parametrize(
    "token",
    ["", "x", "A" * 80, "é" * 80, "A" * 100_000, "\0" * 80],
    ids=["empty", "short", "long enough", "not ascii", "huge", "nul"],
)
async def test_a_made_up_token_opens_nothing(firm, token):
    assert await opened(firm, token) is None  # before any key exists
    await firm.link(await firm.invoice("F-1", 1))
    assert await opened(firm, token) is None


async def test_a_token_whose_link_is_gone_or_replaced_opens_nothing(firm):
    issued, token = await firm.link(await firm.invoice("F-1", 1))
    async with firm.database.write() as session:
        link = await session.get_one(PaymentLink, issued.id)
        link.version = 2
        session.add(link)
    assert await opened(firm, token) is None


async def test_the_first_key_is_made_once(firm):
    item = await firm.invoice("F-1", 1)
    await asyncio.gather(*(firm.link(item) for _ in range(5)))
    async with firm.database.read() as session:
        assert list(await session.exec(select(LinkKey.number))) == [1]


async def test_a_fresh_key_signs_and_the_old_ones_still_open(firm):
    item = await firm.invoice("F-1", 1)
    _, old = await firm.link(item)
    async with firm.database.write() as session:
        assert await firm.links.rotate(session) == 2
    _, new = await firm.link(item)
    assert await opened(firm, old) is not None
    assert await opened(firm, new) is not None
    async with firm.database.write() as session:
        # Whoever stole the old key makes no new links with it once it is gone.
        await session.delete(await session.get_one(LinkKey, 1))
    assert await opened(firm, old) is None
    assert await opened(firm, new) is not None


async def test_a_key_is_forgotten_when_its_last_link_is_dead(firm):
    rounds = []
    for _ in range(4):
        async with firm.database.write() as session:
            await firm.links.rotate(session)
            rounds.append(sorted(await session.exec(select(LinkKey.number))))
        firm.clocks.pass_time(days=200)
    # 1 and 2 were made together; each goes a year after its follower came.
    assert rounds == [[1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 5]]


async def test_a_key_made_by_another_process_is_known_at_once(firm):
    other = PaymentLinks(
        public_url="https://gateway.example",
        link_days=30,
        vault=Vault([bytes(32)]),
        now=firm.clocks.now,
    )
    item = await firm.invoice("F-1", 1)
    async with firm.database.write() as session:
        await other.rotate(session)
    _, token = await firm.link(item)
    async with firm.database.read() as session:
        assert await other.resolve(session, token) is not None


async def test_only_claims_of_one_customer_in_one_currency_share_a_link(firm):
    good = await firm.invoice("F-1", 1)
    async with firm.database.write() as session:
        other = Customer(
            tenant_id=firm.tenant.id, participant="x::1", name="X", created_at=firm.clocks.at
        )
        session.add(other)
    foreign = await firm.invoice("F-2", 1, customer_id=other.id)
    dollars = await firm.invoice("F-3", 1, currency="USD")
    credit = await firm.invoice("C-1", 1, kind=ItemKind.CREDIT_NOTE)
    for items in ((), (good, foreign), (good, dollars), (good, credit), (foreign,)):
        with pytest.raises(GatewayError) as refused:
            await firm.link(*items)
        assert refused.value.code == "PAYMENT-LINK-ITEMS"


async def test_links_are_listed_newest_first_page_by_page(firm):
    item = await firm.invoice("F-1", 1)
    made = []
    for number in range(5):
        made.append((await firm.link(item))[0].id)
        if number % 2:
            firm.clocks.pass_time(seconds=1)
    seen, before = [], None
    async with firm.database.read() as session:
        while page := await list_links(session, firm.tenant.id, before=before, limit=2):
            seen += [one.id for one in page]
            before = page[-1].id
        assert await list_links(session, firm.customer.id) == []
        with pytest.raises(GatewayError):
            await list_links(session, firm.customer.id, before=before)
    assert len(seen) == 5
    assert set(seen) == set(made)
    assert set(seen[:1]) == {made[4]}
