"""The second half of the story: from overdue to paid.

The payer is played by requests that do what a browser without script does: open the link, press
the page's one button, authorise at the bank's page, come back.
"""

import re
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final
from urllib.parse import urljoin

import aiohttp

from gateway.demo.cast import BUYER, DISPUTER, PAUSED, SELLER
from gateway.demo.invoices import CRATES
from gateway.demo.stage import House, Stage
from gateway.demo.story_exchange import event_of, received, submit_invoice
from gateway.demo.telling import Teller, expect, fetch, send
from ubl.amounts import Amount, to_minor

__all__ = ["PAYMENT_STEPS", "bank_tells", "first_reminder", "move_dates", "tell_payment"]

PAYMENT_STEPS: Final = (
    "two more customers are invoiced; one disputes, the other is paused",
    "the business date passes the due date",
    "one reminder is due; who disputes or is paused is left alone",
    "the reminder goes out over Peppol",
    "the reminder is in the buyer's inbox",
    "the e-mail arrives with letter, link and code",
    "the payer opens the link",
    "the payer authorises the payment at the bank",
    "the provider's event arrives",
    "the buyer announces the payment",
    "the bank tells of the money",
    "the open item is closed",
    "the thank-you e-mail arrives",
    "weeks later nobody is reminded who should not be",
    "ledger and bank agree to the cent",
)

_LINK: Final = re.compile(r"https?://\S+/pay/[A-Za-z0-9_-]+")
_MOST_DAYS: Final = 10
_OK, _SEE_OTHER = 200, 303


async def tell_payment(
    teller: Teller, stage: Stage, invoice: Mapping[str, Any], *, cut: str | None
) -> None:
    """Tell it all; ``cut`` bank-message keeps the bank's messages from the seller."""
    seller, peers = stage.seller, stage.peers
    reason = await _other_customers(teller, stage)
    teller.step(
        f"{DISPUTER.business} and {PAUSED.business} are invoiced too; the first disputes "
        f"({reason}), the second is paused"
    )
    due = date.fromisoformat(invoice["due_date"])
    await move_dates(stage, due + timedelta(days=1))
    teller.step(f"the business date is {due + timedelta(days=1)}; the invoice was due on {due}")
    reminder = await first_reminder(teller, stage, due)
    teller.step(
        f"one reminder is due: level '{reminder['level']}' to {BUYER.business} for "
        f"{_money(reminder['total'])}; nothing for the disputed and the paused invoice"
    )
    sent = await fetch(seller.http, f"/v1/documents/{reminder['document_id']}")
    await event_of(teller, seller, sent["id"], "receipt.verified")
    teller.step(f"reminder {reminder['number']} goes out over Peppol as a UBL Reminder, delivered")
    arrived = await received(teller, stage.buyer.door(BUYER), sent["sbdh_instance_identifier"])
    expect(arrived["kind"] == "reminder", f"it arrived as '{arrived['kind']}'")
    teller.step(f"the reminder is in the buyer's inbox as {arrived['id']}")
    mail = await _mail(teller, stage, BUYER.books, 1)
    link = _LINK.search(mail["text"])
    expect(link is not None, "the e-mail has no payment link")
    teller.step(
        f"the e-mail '{mail['subject']}' arrives at {BUYER.books} with "
        f"{', '.join(mail['attachments'])} ({peers.mail_url}/{mail['number']})"
    )
    address = link[0] if link else ""
    await _pay(teller, address, reminder)
    links = await _notified(teller, seller)
    teller.step(f"the provider's signed event arrives: payment {links['state']}; reminders hold")
    await _announce(teller, stage, invoice)
    teller.step("the buyer announces the payment (PD) with an Invoice Response")
    if cut != "bank-message":
        told = await bank_tells(stage)
        teller.step(f"the next business day the bank tells of the money: {told}")
    item = await _closed(teller, seller, invoice["number"])
    teller.step(
        f"the open item {invoice['number']} is closed; the invoice is "
        f"{(await fetch(seller.http, '/v1/documents/' + invoice['id']))['states']['payment']}"
    )
    thanks = await _mail(teller, stage, BUYER.books, 2)
    teller.step(f"the thank-you e-mail arrives: '{thanks['subject']}'")
    await _weeks_later(teller, stage)
    teller.step("three weeks later still nobody else was reminded, and nobody twice")
    teller.step(await _agree(stage, item))


async def _other_customers(teller: Teller, stage: Stage) -> str:
    """Bring in the customers who are not to be reminded; returns why one of them disputes."""
    seller = stage.seller
    disputed = await submit_invoice(seller, "VT-2026-0043", DISPUTER, CRATES[:1])
    await submit_invoice(seller, "VT-2026-0044", PAUSED, CRATES[1:])
    door = stage.buyer.door(DISPUTER)
    arrived = await received(teller, door, disputed["sbdh_instance_identifier"])
    await send(
        door.http,
        f"/v1/documents/{arrived['id']}/responses",
        {"status": "UQ", "reasons": ["QTY"], "text": "Three crates are missing."},
        status=202,
    )
    facts = await event_of(teller, seller, disputed["id"], "dispute.opened")
    customers = await fetch(seller.http, "/v1/customers")
    paused = next(one for one in customers["items"] if one["name"] == PAUSED.business)
    await send(
        seller.http,
        f"/v1/customers/{paused['id']}/holds",
        {"note": "Kitchen fire; we talk again in the new year."},
        status=201,
    )
    return str(facts["reason"])


async def move_dates(stage: Stage, to: date) -> None:
    """Move the business date of both gateways, and the bank's with them."""
    today = date.fromisoformat((await fetch(stage.seller.http, "/v1/business-date"))["date"])
    if to > today:
        await stage.peers.bank.advance((to - today).days)
    for house in (stage.seller, stage.buyer):
        await send(house.http, "/v1/business-date", {"date": to.isoformat()})


async def first_reminder(teller: Teller, stage: Stage, due: date) -> Mapping[str, Any]:
    """Wait for the reminder; on days that are no business days none is sent, so go on."""
    seller = stage.seller

    async def sent() -> Mapping[str, Any] | None:
        shown = (await fetch(seller.http, "/v1/reminders"))["items"]
        return next((one for one in shown if one["state"] == "sent"), None)

    for day in range(1, _MOST_DAYS):
        run = await _run_of(teller, seller, due + timedelta(days=day))
        if run["planned"]:
            reminder = await teller.until(sent, "the planned reminder is not sent")
            shown = await fetch(seller.http, f"/v1/reminders/{reminder['id']}")
            expect(run["planned"] == 1, f"{run['planned']} reminders were planned, not one")
            return dict(shown)
        await move_dates(stage, due + timedelta(days=day + 1))
    expect(False, f"no reminder was planned in {_MOST_DAYS} days after the due date")
    return {}


async def _run_of(teller: Teller, seller: House, day: date) -> Mapping[str, Any]:
    async def look() -> Mapping[str, Any] | None:
        runs = (await fetch(seller.http, "/v1/reminder-runs"))["items"]
        return next(
            (one for one in runs if one["business_date"] == day.isoformat() and one["finished_at"]),
            None,
        )

    return await teller.until(look, f"there was no reminder run on {day}")


async def _mail(teller: Teller, stage: Stage, to: str, number: int) -> Mapping[str, Any]:
    """Wait for the so-and-so-many-th e-mail to an address."""

    async def look() -> Mapping[str, Any] | None:
        try:
            mails = [one for one in await stage.peers.mails() if to in one["to"]]
        except aiohttp.ClientError:
            return None
        return mails[number - 1] if len(mails) >= number else None

    return await teller.until(look, f"e-mail {number} to {to} does not arrive")


async def _pay(teller: Teller, link: str, reminder: Mapping[str, Any]) -> None:
    """Open the link, press the button, authorise at the bank, and come back."""
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(timeout=timeout) as payer:
        async with payer.get(link) as answer:
            page, size = await answer.text(), answer.content_length or 0
            expect(answer.status == _OK, f"the link was answered with HTTP {answer.status}")
        expect(SELLER.business in page, "the payment page does not name the creditor")
        teller.step(
            f"the payer opens the link: {SELLER.business}, {_money(reminder['total'])} "
            f"({size or len(page.encode())} bytes, no script)"
        )
        bank = await _press(payer, link, page, {})
        async with payer.get(bank) as answer:
            expect(answer.status == _OK, f"the bank's page answered HTTP {answer.status}")
            page = await answer.text()
        back = await _press(payer, bank, page, {"decision": "authorise"})
        async with payer.get(back) as answer:
            expect(answer.status == _OK, f"the return page answered HTTP {answer.status}")
        teller.step("the payer authorises the payment at the bank and comes back")


async def _press(
    payer: aiohttp.ClientSession, address: str, page: str, chosen: Mapping[str, str]
) -> str:
    """Send the one form of a page as a browser would; returns where it leads."""
    form = re.search(r"<form\b[^>]*>", page)
    expect(form is not None, f"{address} has no button")
    action = re.search(r'action="([^"]*)"', form[0]) if form else None
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page))
    target = urljoin(address, action[1].replace("&amp;", "&") if action else address)
    origin = "/".join(address.split("/", 3)[:3])
    async with payer.post(
        target,
        data={**hidden, **chosen},
        headers={"Origin": origin},
        allow_redirects=False,
    ) as answer:
        place = answer.headers.get("Location", "")
        expect(
            answer.status == _SEE_OTHER and bool(place),
            f"the button of {address} leads nowhere (HTTP {answer.status})",
        )
        return urljoin(address, place)


async def _notified(teller: Teller, seller: House) -> Mapping[str, Any]:
    """Wait until the provider told of the payment by itself."""

    async def look() -> Mapping[str, Any] | None:
        links = (await fetch(seller.http, "/v1/payment-links"))["items"]
        begun = [payment for one in links for payment in one["payments"]]
        return next((one for one in begun if one["notified_at"]), None)

    return await teller.until(look, "the provider sent no event")


async def _announce(teller: Teller, stage: Stage, invoice: Mapping[str, Any]) -> None:
    buyer = stage.buyer.door(BUYER)
    arrived = await received(teller, buyer, invoice["sbdh_instance_identifier"])
    await send(buyer.http, f"/v1/documents/{arrived['id']}/responses", {"status": "PD"}, status=202)

    async def announced() -> Mapping[str, Any] | None:
        shown: Mapping[str, Any] = await fetch(stage.seller.http, f"/v1/documents/{invoice['id']}")
        return shown if shown["states"]["payment"] == "announced" else None

    await teller.until(announced, "the seller does not see the announcement")


async def bank_tells(stage: Stage) -> str:
    """Let days pass until the bank has a message, and hand it to the gateway as a bank link would.

    Every message is handed over twice, as banks do: nothing is booked twice.
    """
    seller, bank = stage.seller, stage.peers.bank
    today = date.fromisoformat((await fetch(seller.http, "/v1/business-date"))["date"])
    for day in range(1, _MOST_DAYS):
        await move_dates(stage, today + timedelta(days=day))
        letters = await bank.collect()
        outcomes = [await _hand_over(seller, content) for _, content in letters]
        if any(outcomes):
            for _, content in letters:
                await _hand_over(seller, content)
            kinds = " and ".join(sorted({kind[:8] for kind, _ in letters}))
            expect(sum(outcomes) == 1, f"{sum(outcomes)} payments were booked, not one")
            return f"{kinds}, handed over twice; one payment booked by its end-to-end id"
    expect(False, f"the bank had no message in {_MOST_DAYS} days")
    return ""


async def _hand_over(seller: House, content: bytes) -> int:
    """Post one message of the bank; returns how many payments in it were new."""
    async with seller.http.post(
        "/v1/bank-messages", data=content, headers={"Content-Type": "application/xml"}
    ) as answer:
        told = await answer.json(content_type=None)
        expect(answer.status in (_OK, 201), f"a bank message was refused: {told}")
        return int(told["payments"]) - int(told["repeated"]) if answer.status != _OK else 0


async def _closed(teller: Teller, seller: House, number: str) -> Mapping[str, Any]:
    async def look() -> Mapping[str, Any] | None:
        shown = (await fetch(seller.http, f"/v1/open-items?state=closed&q={number}"))["items"]
        return shown[0] if shown else None

    return await teller.until(look, f"the open item {number} is not closed")


async def _weeks_later(teller: Teller, stage: Stage) -> None:
    seller = stage.seller
    today = date.fromisoformat((await fetch(seller.http, "/v1/business-date"))["date"])
    later = today + timedelta(days=21)
    await move_dates(stage, later)
    await _run_of(teller, seller, later)
    reminders = (await fetch(seller.http, "/v1/reminders"))["items"]
    expect(len(reminders) == 1, f"there are {len(reminders)} reminders, not one")
    unwanted = {DISPUTER.books, PAUSED.books}
    mails = [one for one in await stage.peers.mails() if unwanted.intersection(one["to"])]
    expect(not mails, f"{len(mails)} e-mails went to customers who were to be left alone")


async def _agree(stage: Stage, item: Mapping[str, Any]) -> str:
    """Compare what the ledger booked as paid with what is on the account at the bank."""
    shown = await fetch(stage.seller.http, f"/v1/open-items/{item['id']}")
    paid = to_minor(Amount(Decimal(shown["paid"]["amount"]), shown["paid"]["currency"]))
    held = await stage.peers.bank.balance_minor()
    expect(paid == held, f"the ledger says {paid} cents, the bank {held}")
    return f"ledger and bank agree to the cent: {_money(shown['paid'])}"


def _money(amount: Mapping[str, str]) -> str:
    return f"{amount['amount']} {amount['currency']}"
