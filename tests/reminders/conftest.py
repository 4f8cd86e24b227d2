"""Open items and policies as the reminder tests need them."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from reminders.account import Rulebook
from reminders.calendar import Calendar
from reminders.calendar_file import read_calendars
from reminders.entries import Entry, EntryKind, ItemKind, Source
from reminders.ledger import OpenItem, append, open_item
from reminders.policy import Policy
from reminders.policy_file import read_policies

CONFIG = Path(__file__).parents[2] / "config"
FIRST_DAY = date(2026, 1, 1)

OPENINGS = {
    ItemKind.INVOICE: EntryKind.INVOICED,
    ItemKind.CREDIT_NOTE: EntryKind.CREDIT_NOTE_ISSUED,
    ItemKind.UNAPPLIED_PAYMENT: EntryKind.PAYMENT_RECEIVED,
}

BookEntry = Callable[..., Entry]
OpenAnItem = Callable[..., OpenItem]
Post = Callable[..., OpenItem]


def _entry(
    kind: EntryKind,
    amount: int | None = None,
    *,
    on: date = FIRST_DAY,
    currency: str = "EUR",
    source: str = "1",
    recorded: datetime | None = None,
    due: date | None = None,
    dispute: str = "",
) -> Entry:
    return Entry(
        kind=kind,
        amount=amount,
        currency=currency,
        business_date=on,
        recorded_at=recorded or datetime(on.year, on.month, on.day, 12, tzinfo=UTC),
        source=Source("test", source),
        due_date=due,
        dispute=dispute,
    )


@pytest.fixture(scope="session")
def entry() -> BookEntry:
    return _entry


@pytest.fixture(scope="session")
def item() -> OpenAnItem:
    """Open an item; its due date is 14 days after its opening unless given."""

    def make(
        id: str = "i1",
        amount: int = 10_000,
        *,
        on: date = FIRST_DAY,
        due: date | None = None,
        kind: ItemKind = ItemKind.INVOICE,
        customer: str = "c1",
        currency: str = "EUR",
    ) -> OpenItem:
        term = None if kind.is_credit else due or on + timedelta(days=14)
        opening = OPENINGS.get(kind, EntryKind.CLAIMED)
        return open_item(
            id=id,
            customer=customer,
            kind=kind,
            number=f"N-{id}",
            opening=_entry(opening, amount, on=on, currency=currency, due=term),
            arises_from="i0" if kind.is_accessory else "",
        )

    return make


@pytest.fixture(scope="session")
def post() -> Post:
    """Append an entry in the item's own currency, with a source of its own."""

    def book(
        item: OpenItem, kind: EntryKind, amount: int | None = None, **more: object
    ) -> OpenItem:
        more.setdefault("source", f"auto-{len(item.entries)}")
        more.setdefault("recorded", item.entries[-1].recorded_at + timedelta(seconds=1))
        return append(item, _entry(kind, amount, currency=item.currency, **more))

    return book


@pytest.fixture(scope="session")
def calendars() -> dict[str, Calendar]:
    text = (CONFIG / "calendars.toml").read_text(encoding="utf-8")
    return {one.id: one for one in read_calendars(text)}


@pytest.fixture(scope="session")
def policy(calendars: dict[str, Calendar]) -> Policy:
    """The policy the product ships."""
    text = (CONFIG / "policies.toml").read_text(encoding="utf-8")
    return read_policies(text, calendars=calendars)[0]


@pytest.fixture(scope="session")
def rulebook(policy: Policy, calendars: dict[str, Calendar]) -> Rulebook:
    return Rulebook(policy, (), tuple(calendars.values()))
