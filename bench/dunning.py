"""Reminders: planning a day's run, durably and in memory, and writing one in all its forms."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final
from unittest.mock import patch

import typst
from sqlmodel import func, select

from bench.books import DUE, ISSUED, TODAY, Account, open_account
from bench.figures import Section, median
from bench.material import invoice
from gateway.app import Gateway
from gateway.core.clock import now
from gateway.core.jobs.registry import Registry
from gateway.core.jobs.worker import Worker
from gateway.demo.cast import BUYER, SELLER
from gateway.dunning.facts import Standing, standing_of
from gateway.dunning.lanes import RUN
from gateway.dunning.planning import Planner, RunJob
from gateway.dunning.states import ReminderState
from gateway.dunning.tables import Reminder
from reminders.claim import Claim, ClaimLine, PayTo
from reminders.content import ReminderContent, reminder_content
from reminders.document import reminder_document
from reminders.letter import LETTER_STANDARD, reminder_letter
from reminders.mail import Mailbox, reminder_mail
from reminders.plan import plan
from ubl.amounts import Amount
from ubl.invoice import read_invoice
from ubl.model import Buyer, Seller
from ubl.reminder import LinePurpose, ReminderType
from ubl.reminder_write import write_reminder
from ubl.safexml import parse

__all__ = ["plan_run", "write_one"]

_ITEMS_EACH: Final = 3
_PURE: Final = "plan alone, in memory (pure)"
_FLOOR: Final = "typst alone, PDF/A-3b"
_SENT_AT: Final = datetime(2026, 9, 14, 7, tzinfo=UTC)
_LOCALE: Final = "fr_BE"


async def plan_run(gateways: Mapping[str, Gateway], *, rounds: int, customers: int) -> Section:
    """Customers per second of a dunning run on each gateway, and of the planner in memory."""
    took: dict[str, list[float]] = {}
    for _ in range(rounds):
        for name, gateway in gateways.items():
            account = await open_account(
                gateway, customers=customers, items=customers * _ITEMS_EACH
            )
            took.setdefault(_PURE, []).append(_plan_all(await _standings(gateway, account)))
            worker = _planning_only(gateway)
            for row in (f"run, {name}", f"the same run again, {name}"):
                took.setdefault(row, []).append(await _run(gateway, worker, account))
                await _check(gateway, account)
    section = Section(
        f"Planning: one run over {customers} customers with {_ITEMS_EACH} overdue invoices each",
        ("what", "customers/s", "ms each", "of pure"),
    )
    pure = median(took[_PURE])
    for row, found in took.items():
        each = median(found) / customers
        section.add(row, 1 / each, each * 1000, f"{median(found) / pure:.1f} x")
    section.notes = [
        f"Medians of {rounds} rounds, each on an account of its own; every customer gets one "
        "reminder, checked.",
        "Run: a job through the job engine; per customer a lock, the facts read, a commit with "
        "the reminder and the job that will send it.",
        "In memory: the shipped policy on the same facts, read beforehand.",
    ]
    return section


async def _standings(gateway: Gateway, account: Account) -> list[Standing]:
    async with gateway.platform.database.read() as session:
        return [
            await standing_of(session, account.tenant_id, one.id, TODAY)
            for one in account.customers
        ]


def _plan_all(standings: Sequence[Standing]) -> float:
    """Seconds to plan all of them."""
    began = time.monotonic()
    plans = [plan(one.account, rulebook=one.rulebook, on=one.on) for one in standings]
    seconds = time.monotonic() - began
    if any(len(one.actions) != 1 for one in plans):
        raise RuntimeError("the planner alone did not plan one step for every customer")
    return seconds


def _planning_only(gateway: Gateway) -> Worker:
    """A worker that plans on the benchmark's business date and leaves the sending."""
    platform = gateway.platform
    registry = Registry()
    registry.add(
        RUN,
        RunJob(
            database=platform.database,
            queue=platform.queue,
            planner=Planner(
                database=platform.database, queue=platform.queue, today=lambda: TODAY, now=now
            ),
            today=lambda: TODAY,
            now=now,
            faults=platform.faults,
        ),
    )
    return Worker(
        database=platform.database,
        queue=platform.queue,
        registry=registry,
        settings=platform.settings.jobs,
    )


async def _run(gateway: Gateway, worker: Worker, account: Account) -> float:
    """Seconds from the job being asked for to its end."""
    platform, began = gateway.platform, time.monotonic()
    async with platform.database.write() as session:
        await platform.queue.enqueue(
            session, kind=RUN, payload={"tenant_id": str(account.tenant_id)}
        )
    if await worker.run_due() != 1:
        raise RuntimeError("the run took more than one attempt")
    return time.monotonic() - began


async def _check(gateway: Gateway, account: Account) -> None:
    """Every customer has one planned reminder, however often the run came."""
    async with gateway.platform.database.read() as session:
        found = await session.exec(
            select(func.count(), func.count(func.distinct(Reminder.customer_id))).where(
                Reminder.tenant_id == account.tenant_id, Reminder.state == ReminderState.PLANNED
            )
        )
        counts = tuple(found.one())
    if counts != (len(account.customers),) * 2:
        raise RuntimeError(f"{len(account.customers)} customers have (reminders, with) {counts}")


@dataclass(frozen=True, slots=True)
class _Written:
    """What the later forms of a reminder are made of."""

    claim: Claim
    content: ReminderContent
    ubl: bytes
    letter: bytes


def write_one(*, rounds: int, repeats: int) -> Section:
    """Milliseconds for each form of one reminder, and for the typesetter alone."""
    claim = _claim()
    content = reminder_content(claim, locale=_LOCALE)
    ubl = _ubl(claim, content)
    written = _Written(claim, content, ubl, _letter(content, ubl))
    typeset = _typesetter(written)
    parts: dict[str, Callable[[], object]] = {
        "content": lambda: reminder_content(claim, locale=_LOCALE),
        "UBL Reminder": lambda: _ubl(claim, content),
        "letter, PDF/A-3b": lambda: _letter(content, ubl),
        "e-mail, as sent": lambda: _mail(written),
    }
    floors: dict[str, Callable[[], object]] = {
        _FLOOR: lambda: typeset(True),
        "typst alone, plain PDF": lambda: typeset(False),
    }
    took = _in_turn(parts | floors, rounds=rounds, repeats=repeats)
    sizes = {
        "UBL Reminder": len(ubl),
        "letter, PDF/A-3b": len(written.letter),
        "e-mail, as sent": len(_mail(written)),
    }
    return _table(took, list(parts), sizes, rounds=rounds, repeats=repeats)


def _table(
    took: Mapping[str, float],
    parts: Sequence[str],
    sizes: Mapping[str, int],
    *,
    rounds: int,
    repeats: int,
) -> Section:
    floor, total = took[_FLOOR], sum(took[one] for one in parts)
    section = Section(
        "Writing one reminder in all its forms", ("part", "ms", "of all", "of typst alone", "kB")
    )
    for name in parts:
        size = sizes[name] / 1000 if name in sizes else None
        section.add(
            name,
            took[name] * 1000,
            f"{took[name] / total:.0%}",
            f"{took[name] / floor:.2f} x",
            size,
        )
    section.add("all", total * 1000, "100%", f"{total / floor:.2f} x", None)
    for name in took:
        if name not in parts:
            section.add(name, took[name] * 1000, None, f"{took[name] / floor:.2f} x", None)
    section.notes = [
        f"Processor time, medians of {rounds} rounds of {repeats}; three invoices, one page, "
        "payment code and link.",
        "typst alone: the same template, fonts and inputs, prepared beforehand; plain leaves "
        "out what archiving asks for.",
        "The e-mail carries letter and UBL and draws the payment code as a picture.",
    ]
    return section


def _in_turn(
    works: Mapping[str, Callable[[], object]], *, rounds: int, repeats: int
) -> dict[str, float]:
    """Seconds of processor time of one call of each, after one call to warm up."""
    took: dict[str, list[float]] = {}
    for work in works.values():
        work()
    for _ in range(rounds):
        for name, work in works.items():
            began = time.process_time()
            for _ in range(repeats):
                work()
            took.setdefault(name, []).append((time.process_time() - began) / repeats)
    return {name: median(found) for name, found in took.items()}


def _claim() -> Claim:
    """Three invoices of the demonstration's seller, as its buyer is asked for them."""
    read = read_invoice(parse(invoice("V2026-00001"))).invoice
    return Claim(
        identifier="R-2026-000001",
        issued_on=TODAY,
        level=ReminderType.REMINDER,
        sequence=1,
        creditor=read.seller or Seller(name=SELLER.business),
        debtor=read.buyer or Buyer(name=BUYER.business),
        lines=tuple(
            ClaimLine(
                purpose=LinePurpose.PRINCIPAL,
                number=f"V2026-{place:05}",
                open=Amount(Decimal("812.50") + place, "EUR"),
                original=Amount(Decimal("812.50") + place, "EUR"),
                issue_date=ISSUED,
                due_date=DUE,
            )
            for place in range(1, 1 + _ITEMS_EACH)
        ),
        pay_to=PayTo(iban=SELLER.account, holder=SELLER.business, reference="R-2026-000001"),
        deadline=TODAY + timedelta(days=10),
        payment_link="https://pay.vuurtoren.example/pay/" + "a" * 60,
    )


def _ubl(claim: Claim, content: ReminderContent) -> bytes:
    return write_reminder(reminder_document(claim, content))


def _letter(content: ReminderContent, ubl: bytes) -> bytes:
    return reminder_letter(content, ubl=ubl, created_at=_SENT_AT)


def _typesetter(written: _Written) -> Callable[[bool], object]:
    """The bare compile of the letter: template, fonts and inputs as the letter hands them over."""
    with patch.object(typst, "Compiler", wraps=typst.Compiler) as made:
        _letter(written.content, written.ubl)
    handed = made.call_args
    stamp = int(_SENT_AT.timestamp())
    return lambda archived: typst.Compiler(*handed.args, **handed.kwargs).compile(
        format="pdf", pdf_standards=[LETTER_STANDARD] if archived else [], timestamp=stamp
    )


def _mail(written: _Written) -> bytes:
    return reminder_mail(
        written.content,
        sender=Mailbox(SELLER.books, SELLER.business),
        recipient=Mailbox(BUYER.books, BUYER.business),
        message_id="<benchmark@vuurtoren.example>",
        sent_at=_SENT_AT,
        letter=written.letter,
        ubl=written.ubl,
    ).as_bytes()
