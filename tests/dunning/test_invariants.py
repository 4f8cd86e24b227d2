"""The promise of dunning, with the process killed in the middle of it.

No item is reminded twice for a level, none that is paid, disputed, paused or on its way to be
paid, and none is forgotten. Payments, disputes, pauses and holds are booked all the while;
processes die at every named point and at random moments; a mail server watches what it is given.
"""

import asyncio
import json
import os
import random
import re
import signal
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import SMTP as SMTP_POLICY
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from dunning_office import Office
from sqlmodel import col, or_, select

from gateway.core.database import Database
from gateway.dunning.states import MailPurpose, MailState, ReminderState
from gateway.dunning.tables import OutgoingMail, Reminder, ReminderLine
from gateway.exchange.tables import Document, DocumentKind
from gateway.receivables.tables import Customer, ItemRow
from reminders.account import HoldReason
from reminders.entries import EntryKind
from reminders.policy import Channel

PROGRAM = Path(__file__).with_name("dunning_process.py")
SEED = 20260914
CUSTOMERS = 16
SLOWEST_ANSWER_S = 0.4
ROUNDS = 2
RANDOM_DEATHS = 1
"""With the points fewer deaths than a job survives: ten lapses in a row make it a person's."""
POINTS = (
    "reminder-planned:3",
    "reminder-drafted:2",
    "reminder-composed:1",
    "reminder-sent:2",
    "mail-agreed:2",
    "mail-marked:1",
    "mail-taken:1",
    "mail-ended:1",
)
LONGEST_LIFE_S = 60.0
"""A point that is not reached must not keep the test waiting for ever."""
NUMBER = re.compile(r"F2026-\d{4}")

pytestmark = pytest.mark.endurance


@dataclass(slots=True)
class Given:
    """One message a mail server took, and what must not be in it: blocked before it was asked."""

    message_id: str
    numbers: frozenset[str]
    blocked: frozenset[str]


@dataclass
class Watch:
    """A mail server that remembers, at each RCPT, what was blocked by then."""

    blocked: set[str] = field(default_factory=set)
    dice: random.Random = field(default_factory=lambda: random.Random(SEED))
    given: list[Given] = field(default_factory=list)
    asked: dict[int, frozenset[str]] = field(default_factory=dict)

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.rcpt_tos.append(address)
        # A server that takes its time: what is booked meanwhile must still count.
        await asyncio.sleep(self.dice.uniform(0, SLOWEST_ANSWER_S))
        self.asked[id(envelope)] = frozenset(self.blocked)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        message: Any = message_from_bytes(envelope.content, policy=SMTP_POLICY)
        text = message.get_body(("plain",)).get_content()
        self.given.append(
            Given(
                str(message["Message-ID"]),
                frozenset(NUMBER.findall(text)),
                self.asked.pop(id(envelope)),
            )
        )
        return "250 OK"


@dataclass
class Block:
    """From when until when an item must be left alone, by the moments the commits returned."""

    since: datetime
    until: datetime | None = None


class Life:
    """Customers and bookkeepers: they pay, dispute and pause while reminders are sent."""

    def __init__(self, office: Office, watch: Watch, dice: random.Random) -> None:
        self.office = office
        self.watch = watch
        self.dice = dice
        self.rest = asyncio.Event()
        self.items: dict[UUID, ItemRow] = {}
        self.customers: dict[UUID, Customer] = {}
        self.blocks: dict[UUID, list[Block]] = {}
        self.lifts: list[tuple[list[ItemRow], Callable[[], Awaitable[None]]]] = []

    async def begin(self, customers: int) -> None:
        for number in range(customers):
            customer = await self.office.customer(
                f"Debtor {number}", email=f"debtor{number}@koper.example"
            )
            self.customers[customer.id] = customer
            for _ in range(self.dice.randint(1, 2)):
                item = await self.office.invoice(customer)
                self.items[item.id] = item

    async def go_on(self) -> None:
        """Do something to somebody, again and again; each act is whole, and known when it is."""
        while not self.rest.is_set():
            await asyncio.sleep(self.dice.uniform(0.05, 0.4))
            if self.lifts and self.dice.random() < 0.4:
                await self.lift()
            else:
                await self.block(self.items[self.dice.choice(await self.choices())])

    async def choices(self) -> list[UUID]:
        """Items that a step is on its way for, where it hurts most; else any."""
        async with self.office.database.read() as session:
            found = await session.exec(
                select(ReminderLine.item_id)
                .join(Reminder, col(Reminder.id) == col(ReminderLine.reminder_id))
                .outerjoin(OutgoingMail, col(OutgoingMail.reminder_id) == col(Reminder.id))
                .where(
                    or_(
                        Reminder.state == ReminderState.PLANNED,
                        OutgoingMail.state == MailState.READY,
                    )
                )
            )
            return list(found.all()) or list(self.items)

    async def block(self, item: ItemRow) -> None:
        if item.number in self.watch.blocked:
            return
        office, customer = self.office, self.customers[item.customer_id]
        what = self.dice.choice(["pay", "dispute", "dispute", "pause", "under-way", "under-way"])
        touched = [item]
        lift: Callable[[], Awaitable[None]] | None = None
        if what == "pay":
            await office.pay(item)
        elif what == "dispute":
            await office.book(
                item, EntryKind.DISPUTE_OPENED, dispute=(name := f"d{time.time_ns()}")
            )

            async def resolve() -> None:
                await office.book(item, EntryKind.DISPUTE_RESOLVED, dispute=name)

            lift = resolve
        elif what == "pause":
            touched = [
                one
                for one in self.items.values()
                if one.customer_id == customer.id and one.number not in self.watch.blocked
            ]
            lift = await office.hold(customer)
        else:
            lift = await office.hold(customer, HoldReason.PAYMENT_UNDER_WAY, item=item)
        since = datetime.now(UTC)
        for one in touched:
            self.watch.blocked.add(one.number)
            self.blocks.setdefault(one.id, []).append(Block(since))
        if lift is not None:
            self.lifts.append((touched, lift))

    async def lift(self) -> None:
        touched, lift = self.lifts.pop(self.dice.randrange(len(self.lifts)))
        for one in touched:
            self.watch.blocked.discard(one.number)
            self.blocks[one.id][-1].until = datetime.now(UTC)
        await lift()

    def is_blocked(self, item_id: UUID, at: datetime) -> bool:
        return any(
            one.since < at and (one.until is None or at < one.until)
            for one in self.blocks.get(item_id, ())
        )


class Mortal:
    """The process that does the work, life after life."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.ends: Counter[str] = Counter()

    async def live(self, office: Office, **how: object) -> str:
        await office.plan()
        assert self._process.stdin is not None
        life = {"day": office.day.isoformat(), **how}
        self._process.stdin.write(json.dumps(life).encode() + b"\n")
        ended = await self.hears()
        self.ends[ended] += 1
        return ended

    async def hears(self) -> str:
        assert self._process.stdout is not None
        async with asyncio.timeout(120):
            line = await self._process.stdout.readline()
        assert line, "the process ended early"
        return line.decode().strip()


@pytest.fixture
async def watch_port() -> AsyncIterator[tuple[Watch, int]]:
    watch, loop = Watch(), asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(watch, hostname="sink.example", loop=loop), "127.0.0.1", 0
    )
    yield watch, server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()


@pytest.fixture
async def mortal(
    database_url: str, tmp_path: Path, watch_port: tuple[Watch, int]
) -> AsyncIterator[Mortal]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(PROGRAM), database_url, str(tmp_path / "blobs"), str(watch_port[1])),
        stdin=PIPE,
        stdout=PIPE,
        start_new_session=True,
    )
    mortal = Mortal(process)
    assert await mortal.hears() == "ready"
    yield mortal
    # Its last child ends with it: it is killed by the group both are in.
    os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


async def test_nobody_is_reminded_twice_or_wrongly_and_nobody_is_forgotten(
    database: Database,
    tmp_path: Path,
    watch_port: tuple[Watch, int],
    mortal: Mortal,
) -> None:
    watch, port = watch_port
    office = Office(database, tmp_path / "blobs", smtp_port=port)
    await office.open()
    dice = random.Random(SEED)
    life = Life(office, watch, dice)
    for _ in range(ROUNDS):
        await life.begin(CUSTOMERS)
        restless = asyncio.create_task(life.go_on())
        for point in POINTS:
            # Always somebody new, so that there is work at every point.
            await life.begin(1)
            assert await mortal.live(office, kill_at=point, after=LONGEST_LIFE_S) == "died"
        for _ in range(RANDOM_DEATHS):
            await life.begin(1)
            await mortal.live(office, after=dice.uniform(0.05, 1.2))
        # An act is never cut off: a hold that was placed but not noted would never be lifted.
        life.rest.set()
        await restless
        life.rest.clear()
        while life.lifts:
            await life.lift()
        # What a passing hold stopped today is due again on the next business day.
        for _ in range(2):
            assert await mortal.live(office) == "done"
            office.day += timedelta(days=1)
        assert await mortal.live(office) == "done"
        office.day += timedelta(days=5)
    assert await verdict(office, life, watch) == []
    states = Counter(f"reminder {one.state}" for one in await office.reminders())
    states += Counter(f"mail {one.state}" for one in await office.mails())
    # What would make the verdict worth nothing: nothing sent, nothing cut off.
    assert states["reminder sent"] > 0
    assert states["mail unknown"] > 0
    print(dict(mortal.ends), dict(sorted(states.items())), f"{len(watch.given)} mails taken")


async def verdict(office: Office, life: Life, watch: Watch) -> list[str]:
    """Everything that is wrong with what was sent."""
    reminders = {one.id: one for one in await office.reminders()}
    mails = {one.message_id: one for one in await office.mails()}
    claims: dict[UUID, list[UUID]] = {one: [] for one in reminders}
    for line in await office.rows_of(ReminderLine):
        if line.is_claim:
            claims[line.reminder_id].append(line.item_id)
    wrong = [*_twice(reminders, claims), *_deliveries(mails, reminders, watch)]
    wrong += [
        f"{life.items[item_id].number} was blocked when {row.number} went"
        for row in reminders.values()
        for item_id in claims[row.id]
        if row.sent_at is not None and life.is_blocked(item_id, row.sent_at)
    ]
    documents = await office.rows(Document, Document.kind == DocumentKind.REMINDER)
    carried = {one.document_id for one in reminders.values() if one.document_id is not None}
    if {one.id for one in documents} != carried:
        wrong.append("a Peppol document belongs to no reminder, or the other way round")
    wrong += await _forgotten(office, life, reminders, claims)
    return wrong


def _twice(reminders: Mapping[UUID, Any], claims: Mapping[UUID, Sequence[UUID]]) -> list[str]:
    taken = Counter(
        (item_id, reminders[row_id].level)
        for row_id, items in claims.items()
        for item_id in items
        if reminders[row_id].state in (ReminderState.SENT, ReminderState.DONE)
    )
    return [
        f"{item} was reminded {n} times for {level}" for (item, level), n in taken.items() if n > 1
    ]


def _deliveries(mails: Mapping[str, Any], reminders: Mapping[UUID, Any], watch: Watch) -> list[str]:
    """Each message at most once, the ones known as sent once, and none about a blocked item."""
    wrong: list[str] = []
    given = Counter(one.message_id for one in watch.given)
    for message_id, mail in mails.items():
        count = given[message_id]
        least = 1 if mail.state is MailState.SENT else 0
        most = 1 if mail.state in (MailState.SENT, MailState.UNKNOWN) else 0
        if not least <= count <= most:
            wrong.append(f"a mail '{mail.state}' was given {count} times")
    for one in watch.given:
        if one.message_id not in mails:
            wrong.append(f"nobody wrote {one.message_id}")
        elif mails[one.message_id].purpose is MailPurpose.REMINDER:
            wrong += [
                f"{number} was blocked when its mail went" for number in one.numbers & one.blocked
            ]
    about = Counter(
        (number, reminders[row_id].level)
        for one in watch.given
        if one.message_id in mails and (row_id := mails[one.message_id].reminder_id) is not None
        for number in one.numbers
    )
    wrong += [f"{number} has {n} mails of {level}" for (number, level), n in about.items() if n > 1]
    return wrong


async def _forgotten(
    office: Office,
    life: Life,
    reminders: Mapping[UUID, Any],
    claims: Mapping[UUID, Sequence[UUID]],
) -> list[str]:
    """Items that are open and free, and that nothing went out for."""
    mails = await office.mails()
    by_mail = {one.reminder_id for one in mails if one.state in (MailState.SENT, MailState.UNKNOWN)}
    reached = {
        item_id
        for row_id, items in claims.items()
        for item_id in items
        if reminders[row_id].state is ReminderState.SENT
        and (reminders[row_id].channel is Channel.PEPPOL or row_id in by_mail)
    }
    rows = {one.id: one for one in await office.rows_of(ItemRow)}
    return [
        f"{item.number} is open and was forgotten: "
        + str([(r.state, r.reason) for r in reminders.values() if item_id in claims[r.id]])
        for item_id, item in life.items.items()
        if rows[item_id].open_minor
        and item.number not in life.watch.blocked
        and item_id not in reached
    ]
