"""Reminders and e-mails as pages: seen before they are sent, and exactly as they went out."""

import re
from datetime import timedelta

from receivable_house import (
    Visit,
    mail,
    plan,
    shaped,
    words,
)

from gateway.dunning.states import MailState, ReminderState
from gateway.dunning.tables import Reminder
from reminders.policy import LevelKind


async def test_a_reminder_is_seen_before_it_is_sent(visit: Visit) -> None:
    await plan(visit.house)
    await visit.sign_in()
    page = await visit.page("/reminders")
    assert "Planned" in page
    assert "Bäckerei Sonnenschein GmbH" in page
    reminder = next(
        one for one in await visit.house.office.reminders() if one.total_minor == 1_250_000
    )
    path = f"/reminders/{reminder.id}"
    answer = await visit.client.get(path)
    page = await answer.text()
    assert "Preview" in page
    assert f'src="{path}/mail"' in page
    assert "sandbox" in page
    assert "frame-src 'self'" in answer.headers["Content-Security-Policy"]
    frame = await visit.client.get(f"{path}/mail")
    assert frame.headers["X-Frame-Options"] == "SAMEORIGIN"
    policy = frame.headers["Content-Security-Policy"]
    assert "sandbox" in policy
    assert "script" not in policy
    assert "default-src 'none'" in policy
    html = await frame.text()
    assert "12.500,00" in html
    assert "cid:" not in html
    letter = await visit.client.get(f"{path}/letter.pdf")
    assert (await letter.read()).startswith(b"%PDF-")
    assert letter.content_type == "application/pdf"
    ubl = await visit.client.get(f"{path}/ubl.xml")
    assert b"Reminder" in await ubl.read()
    assert "&lt;cbc:" in await visit.page(f"{path}?part=ubl")
    await visit.page(f"{path}?part=song", status=400)


async def test_a_person_declines_or_sees_why_not(visit: Visit) -> None:
    await visit.sign_in()
    [first, *_] = await plan(visit.house)
    path = f"/reminders/{first.id}"
    until = visit.house.today + timedelta(days=5)
    declined = await visit.send(f"{path}/decline", pause_until=until.isoformat())
    assert (declined.status, declined.headers["Location"]) == (303, path)
    page = words(await visit.page(path))
    assert "cancelled" in page
    assert "a person said no" in page
    again = await visit.send(f"{path}/approve")
    assert again.status == 409
    assert "REMINDER-STATE" in await again.text()
    assert "Reminders are paused" in words(await visit.page(f"/customers/{first.customer_id}"))
    asked = await visit.send("/reminders/run")
    assert asked.headers["Location"] == "/reminders?asked=1"
    assert "are being planned" in await visit.page("/reminders?asked=1")


async def test_each_state_offers_what_a_person_may_do(visit: Visit) -> None:
    await visit.sign_in()
    waiting, call, failed = await shaped(
        visit,
        {"state": ReminderState.AWAITING_APPROVAL},
        {"state": ReminderState.AWAITING_APPROVAL, "kind": LevelKind.CALL},
        {"state": ReminderState.FAILED, "reason": "MAIL-REFUSED"},
    )

    async def offered(row: Reminder) -> set[str]:
        page = await visit.page(f"/reminders/{row.id}")
        return set(re.findall(rf'action="/reminders/{row.id}/([a-z]+)"', page))

    assert await offered(waiting) == {"approve", "decline"}
    assert await offered(call) == {"done", "decline"}
    assert await offered(failed) == {"retry", "decline"}
    lists = words(await visit.page("/reminders"))
    assert "Awaiting approval 2" in lists
    assert "Needs attention 1" in lists
    assert (await visit.send(f"/reminders/{waiting.id}/approve")).status == 303
    assert (await visit.send(f"/reminders/{call.id}/done")).status == 303
    assert (await visit.send(f"/reminders/{failed.id}/retry")).status == 303
    unposted = await visit.send(f"/reminders/{failed.id}/posted", channel="post")
    assert unposted.status == 409
    states = {one.id: one.state for one in await visit.house.office.reminders()}
    assert states[waiting.id] is ReminderState.PLANNED
    assert states[call.id] is ReminderState.DONE
    assert "Telephone the customer" in await visit.page(f"/reminders/{call.id}")


async def test_an_e_mail_that_may_have_arrived_is_for_a_person(visit: Visit) -> None:
    row = await mail(visit, MailState.UNKNOWN)
    await visit.sign_in()
    assert f'href="/mails/{row.id}"' in await visit.page("/reminders?tab=attention")
    page = await visit.page(f"/mails/{row.id}")
    assert "it may have arrived" in page
    assert "Please &lt;pay&gt;." in page
    assert "<iframe" not in page
    assert (await visit.send(f"/mails/{row.id}/again")).status == 303
    twice = await visit.send(f"/mails/{row.id}/again")
    assert twice.status == 409
    assert "MAIL-STATE" in await twice.text()
