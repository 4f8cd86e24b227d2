"""What holds for every page of receivables, reminders and the bank."""

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from receivable_house import PASSWORD, Visit, addresses, mail, words

from gateway.access.roles import Role
from gateway.dunning import pages as dunning_pages
from gateway.dunning.pages_view import HOLD_LOOKS, MAIL_LOOKS, REMINDER_LOOKS, Tab
from gateway.dunning.states import MailPurpose, MailState, ReminderState
from gateway.receivables import pages as receivables_pages
from gateway.receivables.customers import LOCALES
from gateway.receivables.pages_bank_view import Tab as BankTab
from gateway.receivables.pages_looks import MESSAGE_LOOKS, PAYMENT_LOOKS
from gateway.receivables.states import ItemStatus
from gateway.receivables.tables import (
    BankMessage,
    BankMessageState,
    BankOrigin,
    BankPaymentState,
)
from gateway.web.i18n import LANGUAGES, Catalogues
from gateway.web.render import PACKAGES
from reminders.account import HoldReason
from reminders.ageing import Bucket
from reminders.entries import EntryKind, ItemKind
from reminders.matching_values import Reason
from reminders.policy import Channel, LevelKind
from reminders.step import Why

ROUTES = (*receivables_pages.ROUTES, *dunning_pages.ROUTES)
NOBODY = "00000000-0000-7000-8000-000000000000"


async def test_whoever_may_only_read_sees_no_button(visit: Visit) -> None:
    await visit.house.bank_day()
    await visit.sign_in("viewer@alpha.example")
    for path in await addresses(visit.house):
        page = await visit.page(path)
        posts = re.findall(r'<form[^>]*method="post"[^>]*action="([^"]+)"', page)
        assert set(posts) <= {"/language", "/sign-out"}, path
    for route in ROUTES:
        if route.method == "POST":
            path = re.sub(
                r"\{[^}]*\}\}?", NOBODY, re.sub(r":\[[^}]*\{\d+\}[^}]*\}", "}", route.path)
            )
            answer = await visit.send(path)
            assert answer.status == 403, path


async def test_nobody_sees_another_account(visit: Visit) -> None:
    await visit.house.bank_day()
    owned = await addresses(visit.house)
    beta = await visit.house.access.create_tenant(slug="beta", name="Beta")
    await visit.house.access.create_user(
        tenant_id=beta.id, email="beta@beta.example", password=PASSWORD, role=Role.OWNER
    )
    reminder = (await visit.house.office.reminders())[0]
    message = (await visit.house.office.rows(BankMessage))[0]
    letter = await mail(visit, MailState.SENT)
    await visit.sign_in("beta@beta.example")
    private = [
        one for one in owned if re.match(r"/(items|customers|reminders|bank/payments)/", one)
    ]
    private += [f"/reminders/{reminder.id}/{one}" for one in ("mail", "letter.pdf", "ubl.xml")]
    private += [
        f"/bank/messages/{message.id}/file",
        f"/mails/{letter.id}",
        f"/mails/{letter.id}/html",
    ]
    assert len(private) > 25
    for path in private:
        await visit.page(path, status=404)
    for path in ("/receivables", "/receivables/items?state=all", "/reminders?tab=all", "/bank"):
        assert "Pont" not in await visit.page(path)
    assert (await (await visit.client.get("/receivables/aged.csv")).text()).count("\n") == 1
    posts = {
        f"/items/{visit.house.items['late'].id}/dispute": {"reason": "x"},
        f"/items/{visit.house.items['disputed'].id}/resolve": {},
        f"/customers/{reminder.customer_id}/pause": {},
        f"/customers/{reminder.customer_id}/resume": {},
        f"/customers/{reminder.customer_id}/contact": {"email": "a@b.example"},
        f"/reminders/{reminder.id}/decline": {},
        f"/reminders/{reminder.id}/approve": {},
        f"/mails/{letter.id}/again": {},
        f"/bank/payments/{NOBODY}/decision": {"decision": "accept", "number": "0"},
        f"{next(one for one in owned if '/payments/' in one)}/decision": {
            "decision": "accept",
            "number": "0",
        },
    }
    for path, fields in posts.items():
        assert (await visit.send(path, **fields)).status == 404, path


@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_page_speaks_one_language_and_keeps_to_the_policy(
    visit: Visit, language: str
) -> None:
    await visit.house.bank_day()
    await visit.house.access.create_user(
        tenant_id=visit.house.office.tenant_id,
        email=f"{language}@alpha.example",
        password=PASSWORD,
        role=Role.OWNER,
        locale=language,
    )
    await visit.sign_in(f"{language}@alpha.example")
    catalogues = Catalogues.of(PACKAGES)
    spoken = {catalogues.sentence(language, key) for key in catalogues.keys(language)}
    foreign = {catalogues.sentence("en", key) for key in catalogues.keys("en")} - spoken
    for path in await addresses(visit.house):
        page = await visit.page(path)
        assert f'<html lang="{language}"' in page
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=", page), path
        ids = re.findall(r'\sid="([^"]+)"', page)
        assert len(ids) == len(set(ids)), path
        assert set(re.findall(r'<label[^>]*\sfor="([^"]+)"', page)) <= set(ids), path
        assert not re.search(r"<th[^>]*>\s*</th>", page), path
        without = re.sub(r'<([a-z]+)[^>]*lang="en"[^>]*>.*?</\1>', " ", page, flags=re.DOTALL)
        shown = {one.strip() for one in unescape(re.sub(r"<[^>]+>", "\n", without)).split("\n")}
        # The entries of this house name "test" as their source.
        assert not (shown - {"test"}) & foreign, path


def test_every_code_that_reaches_these_pages_has_a_word() -> None:
    groups: dict[str, set[Any]] = {
        "bucket": set(Bucket),
        "item_kind": set(ItemKind),
        "item_status": set(ItemStatus),
        "entry_kind": set(EntryKind),
        "match": {*Reason, "by-hand", "possible-repetition", "ledger-refused"},
        "bank_payment": set(BankPaymentState),
        "bank_message": set(BankMessageState),
        "bank_origin": set(BankOrigin),
        "level": set(LevelKind),
        "channel": set(Channel),
        "reminder_state": set(ReminderState),
        "mail_state": set(MailState),
        "mail_purpose": set(MailPurpose),
        "hold_reason": set(HoldReason),
        "why": set(Why),
        "letter_locale": set(LOCALES),
        "reminder": {f"tab_{one}" for one in Tab},
        "bank": {f"tab_{one}" for one in BankTab},
    }
    known = Catalogues.of(PACKAGES).keys("en")
    assert {f"{group}.{one}" for group, codes in groups.items() for one in codes} <= known
    assert set(PAYMENT_LOOKS) == set(BankPaymentState)
    assert set(MESSAGE_LOOKS) == set(BankMessageState)
    assert set(REMINDER_LOOKS) == set(ReminderState)
    assert set(MAIL_LOOKS) == set(MailState)
    assert set(HOLD_LOOKS) == set(HoldReason)


def test_every_route_of_a_page_is_for_those_who_may() -> None:
    for route in ROUTES:
        assert route.scope == (
            "receivables:read" if route.method == "GET" else "receivables:write"
        ), route.path


async def test_every_page_says_that_the_business_date_was_moved(visit: Visit) -> None:
    await visit.sign_in()
    assert "ahead of the calendar" not in await visit.page("/receivables")
    visit.house.business.moved_by = timedelta(days=3)
    day = visit.house.business.today()
    for path in ("/receivables", "/bank", "/reminders", "/outbox"):
        page = words(await visit.page(path))
        assert f"{day:%b} {day.day}, {day.year}, 3 days ahead of the calendar" in page, path
