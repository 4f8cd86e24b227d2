"""Policies from files, what people decide, and the thanks at the end."""

from datetime import date, timedelta

import pytest
from dunning_office import MONDAY, Office
from sqlmodel import select

from gateway.access.principal import CallerKind, Principal
from gateway.access.roles import SCOPES
from gateway.core.clock import now
from gateway.core.errors import GatewayError
from gateway.core.ids import new_id
from gateway.dunning.policies import read_seed, rulebook, seed_policies
from gateway.dunning.states import MailPurpose
from gateway.dunning.tables import CalendarRow, OutgoingMail, PolicyRow
from reminders.step import Why

WEEK = timedelta(days=7)


async def test_a_release_never_touches_what_is_there(office: Office) -> None:
    async with office.database.write() as session:
        (row,) = (await session.exec(select(PolicyRow))).all()
        row.definition = {**row.definition, "grace_days": 3}
        session.add(row)
        calendars = len((await session.exec(select(CalendarRow))).all())
    async with office.database.write() as session:
        await seed_policies(session, read_seed(None), at=now())
    async with office.database.read() as session:
        rules = await rulebook(session, office.tenant_id, MONDAY)
        assert len((await session.exec(select(CalendarRow))).all()) == calendars
    assert (rules.current.grace_days, len(rules.versions)) == (3, 1)
    assert {one.id for one in rules.calendars} >= {"TARGET"}


async def test_the_accounts_own_policy_comes_before_the_shipped_one(office: Office) -> None:
    async with office.database.write() as session:
        (row,) = (await session.exec(select(PolicyRow))).all()
        session.add(
            PolicyRow(
                tenant_id=office.tenant_id,
                policy=row.policy,
                version=2,
                valid_from=row.valid_from,
                definition={**row.definition, "version": 2, "title": "Ours"},
                origin="person",
                created_at=now(),
            )
        )
    async with office.database.read() as session:
        ours = await rulebook(session, office.tenant_id, MONDAY)
        theirs = await rulebook(session, new_id(), MONDAY)
        with pytest.raises(GatewayError, match="POLICY-NONE"):
            await rulebook(session, office.tenant_id, date(2020, 1, 1))
    assert (ours.current.title, theirs.current.version) == ("Ours", 1)


async def test_a_call_waits_for_a_person_and_then_counts(office: Office, sink) -> None:
    await office.invoice(await office.customer())
    await office.run()
    for _ in range(6):
        office.day += WEEK
        await office.run()
    reminders = await office.reminders()
    assert [one.level for one in reminders] == ["first-reminder", "firm-reminder", "call"]
    assert reminders[-1].state == "awaiting-approval"
    with pytest.raises(GatewayError, match="REMINDER-STATE"):
        await office.dunning.approve(office.caller, reminders[-1].id)
    await office.dunning.done(office.caller, reminders[-1].id)
    office.day += WEEK
    await office.run()
    notice = (await office.reminders())[-1]
    assert (notice.level, notice.state) == ("formal-notice", "awaiting-approval")
    assert (await office.dunning.preview(office.tenant_id, notice.id)).letter is not None
    await office.dunning.approve(office.caller, notice.id)
    await office.work()
    notice = (await office.reminders())[-1]
    assert (notice.state, notice.approved_by) == ("unreachable", "camille@lumen.example")
    assert (notice.sequence, len(sink.taken)) == (3, 2)


async def test_declined_with_a_pause_is_not_proposed_again(lite: Office, sink) -> None:
    sink.answers["RCPT"] = "550 no"
    await lite.invoice(await lite.customer())
    await lite.run()
    row = await lite.reminder()
    await lite.dunning.decline(lite.caller, row.id, pause_until=MONDAY + WEEK)
    lite.day += timedelta(days=1)
    await lite.run()
    assert [one.state for one in await lite.reminders()] == ["cancelled"]
    lite.day = MONDAY + WEEK + timedelta(days=1)
    await lite.run()
    assert len(await lite.reminders()) == 2


async def test_a_pending_step_takes_in_what_came_due(lite: Office, sink) -> None:
    sink.answers["RCPT"] = "550 no"
    customer = await lite.customer()
    await lite.invoice(customer)
    await lite.run()
    await lite.invoice(customer, amount=1_000)
    sink.answers.clear()
    await lite.run()
    row = await lite.reminder()
    assert (row.state, row.total_minor) == ("sent", 126_000)


async def test_another_account_sees_nothing(lite: Office) -> None:
    customer = await lite.customer()
    await lite.invoice(customer)
    await lite.run()
    row = await lite.reminder()
    (mail,) = await lite.mails()
    stranger = Principal(new_id(), "stranger", CallerKind.USER, SCOPES)
    for act in (
        lite.dunning.approve(stranger, row.id),
        lite.dunning.decline(stranger, row.id),
        lite.dunning.retry(stranger, row.id),
        lite.dunning.done(stranger, row.id),
        lite.dunning.posted(stranger, row.id),
        lite.dunning.send_again(stranger, mail.id),
        lite.dunning.letter(stranger.tenant_id, row.id),
        lite.dunning.ubl(stranger.tenant_id, row.id),
        lite.dunning.preview(stranger.tenant_id, row.id),
        lite.dunning.mail_content(stranger.tenant_id, mail.id),
        lite.dunning.outlook(stranger.tenant_id, customer.id),
    ):
        with pytest.raises(GatewayError, match="NOT-FOUND"):
            await act


async def test_the_outlook_says_what_and_why_not(lite: Office) -> None:
    customer = await lite.customer()
    item = await lite.invoice(customer)
    ahead = await lite.invoice(customer, due=MONDAY + timedelta(days=30))
    undelivered = await lite.invoice(customer, delivered=False)
    outlook = await lite.dunning.outlook(lite.tenant_id, customer.id)
    (action,) = outlook.actions
    assert (action.level.id, action.items) == ("first-reminder", {str(item.id)})
    assert {one.item: one.why for one in outlook.waiting} == {
        str(ahead.id): Why.NOT_YET,
        str(undelivered.id): Why.UNDELIVERED,
    }


async def test_who_was_reminded_and_paid_is_thanked_once(office: Office, sink) -> None:
    item = await office.invoice(await office.customer())
    await office.run()
    await office.pay(item)
    await office.work()
    await office.run()
    thanks = await office.rows(OutgoingMail, OutgoingMail.purpose == MailPurpose.THANKS)
    assert [one.state for one in thanks] == ["sent"]
    reminder, word = sink.messages()
    assert word["In-Reply-To"] == reminder["Message-ID"]
    assert word["Content-Language"] == "nl-BE"
    assert item.number in word["Subject"]


async def test_who_paid_in_time_is_left_in_peace(lite: Office, sink) -> None:
    item = await lite.invoice(await lite.customer(), due=MONDAY + timedelta(days=30))
    await lite.run()
    await lite.pay(item)
    await lite.work()
    assert (await lite.reminders(), sink.taken) == ([], [])


async def test_money_that_comes_while_the_letter_is_written_stops_it(
    office: Office, sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = await office.invoice(await office.customer())
    keep = office.archive.keep

    async def pay_first(content: object, **facts: object) -> object:
        if facts["purpose"] == "letter" and not (await office.rows(type(item)))[0].closed_on:
            await office.pay(item)
        return await keep(content, **facts)  # type: ignore[arg-type]  # passed on as it came

    monkeypatch.setattr(office.archive, "keep", pay_first)
    await office.run()
    row = await office.reminder()
    assert (row.state, row.reason, await office.mails(), sink.taken) == (
        "cancelled",
        "settled",
        [],
        [],
    )
