"""From a planned step to what the customer gets, and everything that may come in between."""

from datetime import timedelta

import pytest
from dunning_office import MONDAY, Office
from sqlalchemy import update
from sqlmodel import col

from gateway.core.errors import GatewayError
from gateway.dunning.states import MailState, ReminderState
from gateway.dunning.tables import DunningRun, ReminderLine
from gateway.exchange.states import TransportState
from gateway.exchange.tables import Document, DocumentKind
from gateway.payments.tables import PaymentLink
from reminders.account import HoldReason
from reminders.entries import EntryKind
from reminders.policy import Channel
from ubl.reminder_read import read_reminder


async def test_a_reminder_goes_out_by_mail(office: Office, sink) -> None:
    customer = await office.customer()
    items = [await office.invoice(customer), await office.invoice(customer, amount=4_000)]
    await office.run()
    row = await office.reminder()
    assert (row.state, row.channel, row.number) == ("sent", Channel.EMAIL, "R-2026-000001")
    assert (row.total_minor, row.sequence, row.business_date) == (129_000, 1, MONDAY)
    (mail,) = await office.mails()
    assert mail.state is MailState.SENT
    (message,) = sink.messages()
    assert message["To"] == "Koper NV <accounts@koper.example>"
    assert message["From"] == "Atelier Lumen SAS <billing@lumen.example>"
    assert message["Message-ID"] == mail.message_id
    plain = message.get_body(("plain",)).get_content()
    (link,) = await office.rows(PaymentLink)
    assert link.id == row.link_id
    assert "https://pay.lumen.example/pay/" in plain.replace("=\n", "")
    assert {part.get_content_type() for part in message.iter_attachments()} == {
        "application/pdf",
        "application/xml",
    }
    for item in items:
        assert await office.told(item) == ["reminder.sent"]
    reading = read_reminder(await office.dunning.ubl(office.tenant_id, row.id))
    assert reading.reminder.identifier == row.number
    assert (await office.dunning.letter(office.tenant_id, row.id)).startswith(b"%PDF")


async def test_running_again_changes_nothing(office: Office, sink) -> None:
    await office.invoice(await office.customer())
    for _ in range(3):
        await office.run()
    assert len(await office.reminders()) == len(sink.taken) == 1
    (run,) = await office.rows(DunningRun)
    assert (run.customers, run.planned, run.business_date) == (1, 1, MONDAY)
    assert run.finished_at is not None


async def test_one_registered_for_reminders_gets_ubl_and_the_person_a_copy(
    office: Office, sink
) -> None:
    customer = await office.customer()
    office.peppol.members.add(customer.participant)
    item = await office.invoice(customer)
    await office.run()
    row = await office.reminder()
    assert (row.state, row.channel) == ("sent", Channel.PEPPOL)
    (document,) = await office.rows(Document, Document.kind == DocumentKind.REMINDER)
    assert (document.id, document.related_id) == (row.document_id, item.document_id)
    assert document.content_id == row.ubl_id
    assert (document.number, document.amount_minor) == (row.number, 125_000)
    assert len(sink.taken) == 1


async def test_without_a_channel_a_person_posts_the_letter(office: Office, sink) -> None:
    item = await office.invoice(await office.customer(email=None))
    await office.run()
    row = await office.reminder()
    assert (row.state, row.reason, sink.taken) == ("unreachable", "no-channel", [])
    assert (await office.dunning.letter(office.tenant_id, row.id)).startswith(b"%PDF")
    row = await office.dunning.posted(office.caller, row.id)
    assert (row.state, row.channel) == ("sent", Channel.POST)
    assert await office.told(item) == ["reminder.sent"]
    await office.run()
    assert len(await office.reminders()) == 1


async def test_a_letter_that_waits_is_written_anew_when_money_came(lite: Office) -> None:
    item = await lite.invoice(await lite.customer(email=None))
    await lite.run()
    row = await lite.reminder()
    first = await lite.dunning.letter(lite.tenant_id, row.id)
    await lite.pay(item, 25_000)
    with pytest.raises(GatewayError, match="REMINDER-CHANGED"):
        await lite.dunning.posted(lite.caller, row.id)
    await lite.work()
    row = await lite.reminder()
    assert (row.state, row.total_minor, row.number) == ("unreachable", 100_000, "R-2026-000001")
    assert await lite.dunning.letter(lite.tenant_id, row.id) != first
    await lite.pay(item, 100_000)
    row = await lite.reminder()
    assert (row.state, row.reason) == ("cancelled", "settled")


@pytest.mark.parametrize("what", ["paid", "disputed", "paused", "under-way"])
async def test_what_is_planned_is_not_sent_when_facts_changed(
    office: Office, sink, what: str
) -> None:
    customer = await office.customer()
    item = await office.invoice(customer)
    await office.plan_customer(customer)
    assert (await office.reminder()).state is ReminderState.PLANNED
    if what == "paid":
        await office.pay(item)
    elif what == "disputed":
        await office.book(item, EntryKind.DISPUTE_OPENED, dispute="d1")
    elif what == "paused":
        await office.hold(customer)
    else:
        await office.hold(customer, HoldReason.PAYMENT_UNDER_WAY, item=item)
    await office.work()
    row = await office.reminder()
    reasons = {"paid": "settled", "under-way": "payment-under-way"}
    assert (row.state, row.reason) == ("cancelled", reasons.get(what, what))
    assert sink.taken == []


async def test_part_of_it_paid_in_between_is_not_asked_for(office: Office, sink) -> None:
    customer = await office.customer()
    item, other = await office.invoice(customer), await office.invoice(customer, amount=900)
    await office.plan_customer(customer)
    await office.pay(other)
    await office.pay(item, 5_000)
    await office.work()
    row = await office.reminder()
    assert (row.state, row.total_minor) == ("sent", 120_000)
    (line,) = [one for one in await office.lines() if one.reminder_id == row.id]
    assert (line.item_id, line.amount_minor) == (item.id, 120_000)
    assert await office.told(other) == []


async def test_money_between_sending_and_the_mail_server_stops_the_mail(
    office: Office, sink
) -> None:
    sink.answers["RCPT"] = "451 busy"
    item = await office.invoice(await office.customer())
    await office.run()
    assert [one.state for one in await office.mails()] == ["ready"]
    await office.pay(item)
    sink.answers.clear()
    await office.later()
    (mail,) = await office.mails()
    row = await office.reminder()
    assert (mail.state, mail.failure_code, row.state) == ("cancelled", "settled", "cancelled")
    assert await office.told(item) == ["reminder.sent", "reminder.cancelled"]
    assert sink.taken == []


async def test_a_called_off_copy_leaves_what_peppol_carried(lite: Office, sink) -> None:
    sink.answers["RCPT"] = "451 busy"
    customer = await lite.customer()
    lite.peppol.members.add(customer.participant)
    item = await lite.invoice(customer)
    await lite.run()
    await lite.pay(item)
    sink.answers.clear()
    await lite.later()
    states = [one.state for one in await lite.mails() if one.reminder_id]
    assert (states, (await lite.reminder()).state) == (["cancelled"], "sent")


async def test_a_deferred_mail_is_sent_later(lite: Office, sink) -> None:
    sink.answers["DATA"] = "451 later"
    await lite.invoice(await lite.customer())
    await lite.run()
    (mail,) = await lite.mails()
    assert (mail.state, mail.failure_code) == ("ready", "MAIL-DEFERRED")
    sink.answers.clear()
    await lite.later()
    (mail,) = await lite.mails()
    assert (mail.state, mail.failure_code, len(sink.taken)) == ("sent", None, 1)


async def test_a_refused_mail_waits_for_a_person(office: Office, sink) -> None:
    sink.answers["RCPT"] = "550 no such mailbox"
    await office.invoice(await office.customer())
    await office.run()
    row = await office.reminder()
    assert (row.state, row.reason) == ("failed", "MAIL-REFUSED")
    await office.run()
    office.day += timedelta(days=1)
    await office.run()
    assert [one.state for one in await office.reminders()] == ["failed"]
    assert len(await office.mails()) == 1
    sink.answers.clear()
    await office.dunning.retry(office.caller, row.id)
    await office.work()
    row = await office.reminder()
    assert (row.state, row.number, len(sink.taken)) == ("sent", "R-2026-000001", 1)
    assert [one.state for one in await office.mails()] == ["refused", "sent"]


async def test_a_mail_cut_off_is_never_sent_twice_by_itself(office: Office, sink) -> None:
    sink.cut_at = "DATA"
    await office.invoice(await office.customer())
    await office.run()
    (mail,) = await office.mails()
    assert (mail.state, mail.failure_code) == ("unknown", "MAIL-UNKNOWN")
    sink.cut_at = ""
    await office.run()
    office.day += timedelta(days=1)
    await office.run()
    await office.later()
    assert (len(sink.taken), (await office.reminder()).state) == (1, "sent")
    await office.dunning.send_again(office.caller, mail.id)
    await office.work()
    (mail,) = await office.mails()
    assert (mail.state, len(sink.taken)) == ("sent", 2)
    assert len({one["Message-ID"] for one in sink.messages()}) == 1
    with pytest.raises(GatewayError, match="MAIL-STATE"):
        await office.dunning.send_again(office.caller, mail.id)


async def test_a_mail_found_half_sent_is_unknown(lite: Office, sink) -> None:
    sink.answers["RCPT"] = "451 busy"
    await lite.invoice(await lite.customer())
    await lite.run()
    async with lite.database.write() as session:
        (mail,) = await lite.mails()
        mail.state = MailState.SENDING
        session.add(mail)
    sink.answers.clear()
    await lite.later()
    (mail,) = await lite.mails()
    assert (mail.state, sink.taken) == ("unknown", [])


async def test_a_document_that_never_arrives_is_made_up_for_by_mail(office: Office, sink) -> None:
    customer = await office.customer(email=None)
    office.peppol.members.add(customer.participant)
    await office.invoice(customer)
    await office.run()
    row = await office.reminder()
    async with office.database.write() as session:
        customer.email = "late@koper.example"
        session.add(customer)
        await session.exec(
            update(Document)
            .where(col(Document.id) == row.document_id)
            .values(transport=TransportState.FAILED)
        )
    await office.run()
    row = await office.reminder()
    assert (row.state, row.channel, len(sink.taken)) == ("sent", Channel.EMAIL, 1)


async def test_a_copy_that_arrived_becomes_the_carrier(lite: Office, sink) -> None:
    customer = await lite.customer()
    lite.peppol.members.add(customer.participant)
    await lite.invoice(customer)
    await lite.run()
    row = await lite.reminder()
    async with lite.database.write() as session:
        await session.exec(
            update(Document)
            .where(col(Document.id) == row.document_id)
            .values(transport=TransportState.FAILED)
        )
    await lite.run()
    row = await lite.reminder()
    assert (row.state, row.channel, len(sink.taken)) == ("sent", Channel.EMAIL, 1)


async def test_what_cannot_be_written_waits_for_a_person(lite: Office, sink) -> None:
    await lite.invoice(await lite.customer(), content=b"<no xml")
    await lite.run()
    row = await lite.reminder()
    assert (row.state, row.reason) == ("failed", "XML-NOT-WELL-FORMED")
    assert sink.taken == []


async def test_reminders_of_an_account_are_numbered_without_a_gap(office: Office) -> None:
    for name in ("Koper NV", "Zilver BV", "Goud SA"):
        await office.invoice(await office.customer(name))
    await office.run()
    numbers = sorted(one.number for one in await office.reminders())
    assert numbers == ["R-2026-000001", "R-2026-000002", "R-2026-000003"]


async def test_credits_are_taken_off(lite: Office, sink) -> None:
    customer = await lite.customer()
    await lite.invoice(customer)
    await lite.credit(customer, 25_000)
    await lite.run()
    row = await lite.reminder()
    assert row.total_minor == 100_000
    amounts = sorted(one.amount_minor for one in await lite.rows_of(ReminderLine))
    assert amounts == [-25_000, 125_000]
    reading = read_reminder(await lite.dunning.ubl(lite.tenant_id, row.id))
    assert reading.reminder.totals.payable.value == 1000
