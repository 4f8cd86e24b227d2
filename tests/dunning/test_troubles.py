"""Between a reminder and its reader: money that goes back, wrong addresses, odd names."""

from datetime import timedelta

import pytest
from dunning_office import INVOICE, Office

from gateway.core.errors import ErrorKind, GatewayError, Retry
from gateway.dunning.composing import mailbox_of
from gateway.dunning.states import MailPurpose
from reminders.entries import EntryKind

SMP_AWAY = ErrorKind("SMP-AWAY", "away", 503, Retry.BACKOFF)


async def reminded_and_paid(office: Office, sink, *, answer: str):
    """An invoice that was paid after its reminder, with the thanks still to go out."""
    item = await office.invoice(await office.customer())
    await office.run()
    assert len(sink.taken) == 1
    sink.answers["RCPT"] = answer
    await office.pay(item)
    return item


async def test_money_that_went_back_is_not_thanked_for_when_a_credit_closed_the_item(
    lite: Office, sink
) -> None:
    item = await reminded_and_paid(lite, sink, answer="451 busy")
    await lite.work()
    await lite.book(item, EntryKind.PAYMENT_RETURNED, 125_000)
    await lite.book(item, EntryKind.CREDIT_APPLIED, 125_000)
    sink.answers.clear()
    await lite.later()
    assert len(sink.taken) == 1
    thanks = [one for one in await lite.mails() if one.purpose is MailPurpose.THANKS]
    assert [(one.state, one.failure_code) for one in thanks] == [("cancelled", "changed")]


async def test_nobody_is_thanked_for_nothing(lite: Office, sink) -> None:
    item = await reminded_and_paid(lite, sink, answer="250 OK")
    await lite.book(item, EntryKind.PAYMENT_RETURNED, 125_000)
    await lite.book(item, EntryKind.CREDIT_APPLIED, 125_000)
    await lite.work()
    assert [one.purpose for one in await lite.mails()] == [MailPurpose.REMINDER]


async def test_the_thanks_name_what_is_paid_or_do_not_go(lite: Office, sink) -> None:
    item = await reminded_and_paid(lite, sink, answer="451 busy")
    await lite.work()
    await lite.book(item, EntryKind.PAYMENT_RETURNED, 25_000)
    await lite.book(item, EntryKind.CREDIT_APPLIED, 25_000)
    sink.answers.clear()
    await lite.later()
    assert len(sink.taken) == 1


@pytest.mark.parametrize("address", ["right@koper.example", None])
async def test_a_mail_that_waits_does_not_go_to_an_address_that_was_corrected(
    office: Office, sink, address: str | None
) -> None:
    sink.answers["RCPT"] = "451 busy"
    customer = await office.customer(email="wrong@koper.example")
    await office.invoice(customer)
    await office.run()
    async with office.database.write() as session:
        customer.email = address
        session.add(customer)
    sink.answers.clear()
    await office.later()
    assert sink.taken == []
    (mail,) = await office.mails()
    row = await office.reminder()
    assert (mail.state, mail.failure_code, row.state) == ("cancelled", "changed", "cancelled")
    office.day += timedelta(days=1)
    await office.run()
    to = [str(one["To"]) for one in sink.messages()]
    assert to == ([f"Koper NV <{address}>"] if address else [])


def test_a_name_in_a_header_is_as_much_of_it_as_can_be_shown() -> None:
    shown = mailbox_of("a@b.example", " Ko\u00adper\u00a0\u200b\tNV\r\nBcc: x\x00 \u202e").name
    assert shown == "Koper NV Bcc: x"


@pytest.mark.parametrize("name", ["Koper\u00a0NV", "Koper\u202fNV", "Koper\tNV"])
async def test_a_name_with_odd_blanks_is_written_to(lite: Office, sink, name: str) -> None:
    customer = await lite.customer(name)
    item = await lite.invoice(customer)
    await lite.run()
    assert (await lite.reminder()).state == "sent", (await lite.reminder()).reason
    await lite.pay(item)
    await lite.work()
    assert [str(one["To"]) for one in sink.messages()] == [
        "Koper NV <accounts@koper.example>",
    ] * 2


@pytest.mark.parametrize("name", ["Atelier\u00a0Lumen SAS", "Atelier\u2009Lumen SAS"])
async def test_a_creditor_with_odd_blanks_in_the_name_can_remind(
    lite: Office, sink, name: str
) -> None:
    content = INVOICE.format(number="F-1", issued="2026-08-05", debtor="0123456789", name="Koper")
    await lite.invoice(
        await lite.customer(), content=content.replace("Atelier Lumen SAS", name).encode()
    )
    await lite.run()
    assert (await lite.reminder()).state == "sent", (await lite.reminder()).reason
    (message,) = sink.messages()
    assert message["From"] == "Atelier Lumen SAS <billing@lumen.example>"


async def test_a_step_that_peppol_never_carries_does_not_wait_for_the_network(
    lite: Office, sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_participant):
        raise GatewayError(SMP_AWAY, "the directory does not answer")

    monkeypatch.setattr(lite.peppol, "registered", away)
    customer = await lite.customer()
    await lite.invoice(customer, due=lite.day + timedelta(days=5))
    await lite.run()
    row = await lite.reminder()
    assert (row.level, row.state, len(sink.taken)) == ("before-due", "sent", 1)
    # One that Peppol may carry does wait: not knowing is no "no".
    await lite.invoice(await lite.customer("Zilver BV"))
    await lite.run()
    assert [one.state for one in await lite.reminders()] == ["sent", "planned"]
