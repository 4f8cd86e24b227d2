"""Drafts on a database: two pages, two processes, a crash after sending, other accounts."""

import asyncio

import pytest

from gateway.access.principal import CallerKind, Principal
from gateway.access.roles import SCOPES
from gateway.authoring.keys import DRAFTS
from gateway.core.errors import GatewayError
from gateway.exchange.tables import Document
from schematron import worker as engine


@pytest.fixture(scope="module", autouse=True)
def rules():
    engine.initialise()


def caller_of(tenant_id):
    return Principal(tenant_id=tenant_id, actor="an", kind=CallerKind.USER, scopes=SCOPES)


async def begun(house):
    """The drafts, the caller, and one that is ready to be sent."""
    drafts, caller = house.gateway.web[DRAFTS], caller_of(house.tenant_id)
    draft = await drafts.take_over(
        caller, house.invoice(), file_name="a.xml", media_type="application/xml"
    )
    return drafts, caller, draft


async def saved(drafts, caller, draft, tab="one", **what):
    return await drafts.save(
        caller,
        draft.id,
        version=draft.version,
        tab=tab,
        held={**draft.invoice, **what},
        wanted=draft.wanted,
    )


async def test_a_draft_sent_twice_at_once_is_one_document(house):
    drafts, caller, draft = await begun(house)
    answers = await asyncio.gather(*[drafts.send(caller, draft) for _ in range(3)])
    assert len({one.document.id for one in answers}) == 1
    assert len(await house.rows(Document)) == 1
    assert await drafts.all(caller) == []


async def test_two_pages_that_send_other_things_at_once_send_one_of_them(house):
    drafts, caller, draft = await begun(house)
    other = await saved(drafts, caller, draft, payment_terms="10 days")
    answers = await asyncio.gather(
        drafts.send(caller, draft), drafts.send(caller, other), return_exceptions=True
    )
    (refused,) = [one for one in answers if isinstance(one, GatewayError)]
    assert refused.code == "DRAFT-SENT"
    assert len(await house.rows(Document)) == 1


async def test_a_draft_left_by_a_crash_is_not_sent_again_as_another_invoice(lite):
    drafts, caller, draft = await begun(lite)
    sent = await drafts.send(caller, draft)
    # The process died before the draft was gone; somebody goes on writing.
    async with lite.gateway.platform.database.write() as session:
        await session.merge(draft)
    again = await drafts.send(caller, draft)
    assert again.document.id == sent.document.id
    async with lite.gateway.platform.database.write() as session:
        await session.merge(draft)
    changed = await saved(drafts, caller, draft, payment_terms="10 days")
    with pytest.raises(GatewayError) as refused:
        await drafts.send(caller, changed)
    assert refused.value.code == "DRAFT-SENT"
    apart = await drafts.keep_apart(
        caller, changed.id, held={**changed.invoice, "number": "MA-2"}, wanted=changed.wanted
    )
    assert (await drafts.send(caller, apart)).document.id != sent.document.id


async def test_what_the_rules_refused_is_corrected_and_sent(lite):
    drafts, caller, draft = await begun(lite)
    lacking = {**draft.invoice}
    lacking["buyer"] = {**lacking["buyer"], "name": ""}
    broken = await saved(drafts, caller, draft, buyer=lacking["buyer"])
    assert (await drafts.send(caller, broken)).refused
    mended = await saved(drafts, caller, broken, buyer=draft.invoice["buyer"])
    assert not (await drafts.send(caller, mended)).refused
    assert len(await lite.rows(Document)) == 2


async def test_an_older_page_does_not_overwrite_a_newer_one(house):
    drafts, caller, draft = await begun(house)
    await saved(drafts, caller, draft, tab="one", number="A")
    await saved(drafts, caller, draft, tab="one", number="B")
    with pytest.raises(GatewayError) as refused:
        await saved(drafts, caller, draft, tab="two", number="C")
    assert refused.value.code == "DRAFT-CHANGED"
    assert (await drafts.get(caller, draft.id)).number == "B"


async def test_another_account_finds_no_draft(lite):
    drafts, _, draft = await begun(lite)
    other = await lite.gateway.access.create_tenant(slug="other", name="Other")
    caller = caller_of(other.id)
    assert await drafts.all(caller) == []
    for attempt in (
        drafts.get(caller, draft.id),
        drafts.discard(caller, draft.id),
        saved(drafts, caller, draft, number="X"),
        drafts.keep_apart(caller, draft.id, held={}, wanted="auto"),
    ):
        with pytest.raises(GatewayError) as refused:
            await attempt
        assert refused.value.code == "NOT-FOUND"


async def test_enclosures_of_a_draft_have_an_end(lite):
    drafts, caller, draft = await begun(lite)
    enclosure = {"reference": "1", "attachment": {"encoded": "AAAA" * 4_000_000}}
    with pytest.raises(GatewayError) as refused:
        await saved(drafts, caller, draft, supporting_documents=[enclosure] * 2)
    assert refused.value.code == "DRAFT-TOO-LONG"
    assert "supporting_documents" not in (await drafts.get(caller, draft.id)).invoice
