"""What the receivables' API takes and gives, apart from the rows behind it."""

from datetime import date, datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from gateway.core.api_values import Money
from gateway.exchange.channels import Channel, DispatchFormat
from gateway.receivables.desk import CustomerChange
from gateway.receivables.queries import ItemView, Standing
from gateway.receivables.states import ItemStatus, item_status
from gateway.receivables.tables import Customer, HoldRow, ItemRow
from reminders.account import HoldReason
from reminders.ageing import AgedBalance, AgedRow, Bucket
from reminders.entries import Entry, EntryKind, ItemKind

__all__ = [
    "AgedBalanceOut",
    "AgedBalanceQuery",
    "CustomerIn",
    "CustomerOut",
    "CustomerPage",
    "CustomerQuery",
    "DiscoveryIn",
    "DisputeIn",
    "EntryOut",
    "HoldIn",
    "HoldList",
    "HoldOut",
    "ItemOut",
    "ItemPage",
    "ItemQuery",
    "ItemStateOut",
    "ItemStateQuery",
    "ResolveIn",
]


class ItemQuery(BaseModel):
    """Which open items to list."""

    model_config = ConfigDict(extra="forbid")

    state: Standing = Standing.OPEN
    customer: UUID | None = None
    q: str = Field("", max_length=200)
    cursor: UUID | None = None
    limit: int = Field(50, ge=1, le=200)


class ItemOut(BaseModel):
    """One open item as it stands with everything booked so far.

    ``open`` is below zero for a credit. ``document_id`` is what it comes from.
    """

    id: UUID
    customer_id: UUID
    document_id: UUID | None
    kind: ItemKind
    number: str
    original: Money
    open: Money
    disputed: Money
    announced: Money
    opened_on: date
    due_date: date | None
    closed_on: date | None
    reference: str | None

    @classmethod
    def of(cls, row: ItemRow) -> Self:
        """The row as the API shows it."""
        return cls(
            id=row.id,
            customer_id=row.customer_id,
            document_id=row.document_id,
            kind=row.kind,
            number=row.number,
            original=Money.of(row.original_minor, row.currency),
            open=Money.of(row.open_minor, row.currency),
            disputed=Money.of(row.disputed_minor, row.currency),
            announced=Money.of(row.announced_minor, row.currency),
            opened_on=row.opened_on,
            due_date=row.due_date,
            closed_on=row.closed_on,
            reference=row.reference,
        )


class ItemPage(BaseModel):
    """A page of open items, newest first."""

    items: list[ItemOut]
    next_cursor: str | None


class ItemStateQuery(BaseModel):
    """As of which business date, and knowing what was recorded until which instant."""

    model_config = ConfigDict(extra="forbid")

    as_of: date | None = None
    known_at: Annotated[datetime | None, Field(description="With a time zone.")] = None


class EntryOut(BaseModel):
    """One entry of an open item."""

    kind: EntryKind
    amount: Money | None
    business_date: date
    recorded_at: datetime
    due_date: date | None
    dispute: str
    reason: str
    source: str

    @classmethod
    def of(cls, entry: Entry) -> Self:
        """The entry as the API shows it."""
        return cls(
            kind=entry.kind,
            amount=None if entry.amount is None else Money.of(entry.amount, entry.currency),
            business_date=entry.business_date,
            recorded_at=entry.recorded_at,
            due_date=entry.due_date,
            dispute=entry.dispute,
            reason=entry.reason,
            source=str(entry.source),
        )


class ItemStateOut(BaseModel):
    """An open item with its entries, and where it stood at the end of a business date."""

    item: ItemOut
    as_of: date
    exists: bool
    status: ItemStatus
    original: Money
    open: Money
    paid: Money
    credited: Money
    disputed: Money
    announced: Money
    days_late: int
    entries: list[EntryOut]

    @classmethod
    def of(cls, view: ItemView) -> Self:
        """The view as the API shows it."""
        state, currency = view.state, view.row.currency
        return cls(
            item=ItemOut.of(view.row),
            as_of=state.on,
            exists=state.exists,
            status=item_status(state),
            original=Money.of(state.original, currency),
            open=Money.of(state.open, currency),
            paid=Money.of(state.paid, currency),
            credited=Money.of(state.credited, currency),
            disputed=Money.of(state.disputed, currency),
            announced=Money.of(state.announced, currency),
            days_late=state.days_late,
            entries=[EntryOut.of(one) for one in view.item.entries],
        )


class DisputeIn(BaseModel):
    """A dispute a customer raised outside Peppol; without ``amount`` the whole item."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(min_length=1, max_length=60)
    amount: str | None = Field(None, pattern=r"^\d{1,15}(\.\d{1,4})?$")


class ResolveIn(BaseModel):
    """The end of every dispute about an item."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field("", max_length=60)


class CustomerQuery(BaseModel):
    """Which customers to list."""

    model_config = ConfigDict(extra="forbid")

    q: str = Field("", max_length=200)
    cursor: UUID | None = None
    limit: int = Field(50, ge=1, le=200)


class CustomerIn(BaseModel):
    """What to change about a customer; what is left out stays. An empty address is removed.

    ``email`` is where reminders go, and invoices unless ``invoice_email`` is set.
    """

    model_config = ConfigDict(extra="forbid")

    email: str | None = Field(None, max_length=254)
    locale: str | None = Field(None, max_length=10)
    channel: Channel | None = None
    invoice_email: str | None = Field(None, max_length=254)
    invoice_format: DispatchFormat | None = None

    def change(self) -> CustomerChange:
        """The change as the desk takes it."""
        return CustomerChange(
            email=self.email,
            locale=self.locale,
            channel=self.channel,
            invoice_email=self.invoice_email,
            invoice_format=self.invoice_format,
        )


class DiscoveryIn(BaseModel):
    """Whether the next invoice is to go over Peppol; a no is not asked again."""

    model_config = ConfigDict(extra="forbid")

    accept: bool


class CustomerOut(BaseModel):
    """One customer. Without ``channel`` and ``invoice_format`` the instance's standard holds.

    ``peppol_found_at``: found on Peppol since although invoices go otherwise; unless declined, it
    waits for an answer. ``peppol_address`` is where, for a customer whose invoices name no address:
    put it on invoices as the buyer's electronic address (BT-49).
    """

    id: UUID
    participant: str
    name: str
    country: str | None
    email: str | None
    locale: str
    channel: Channel | None
    invoice_email: str | None
    invoice_format: DispatchFormat | None
    peppol_found_at: datetime | None
    peppol_address: str | None
    peppol_declined_at: datetime | None
    created_at: datetime

    @classmethod
    def of(cls, row: Customer) -> Self:
        """The row as the API shows it."""
        return cls.model_validate(row, from_attributes=True)


class CustomerPage(BaseModel):
    """A page of customers, newest first."""

    items: list[CustomerOut]
    next_cursor: str | None


class HoldIn(BaseModel):
    """A pause of a customer, or of one item; without ``last_day`` until it is lifted."""

    model_config = ConfigDict(extra="forbid")

    note: str = Field("", max_length=2000)
    last_day: date | None = None
    item_id: UUID | None = None


class HoldOut(BaseModel):
    """One hold; ``last_day`` is included."""

    id: UUID
    customer_id: UUID
    item_id: UUID | None
    reason: HoldReason
    since: date
    last_day: date | None
    note: str
    actor: str
    created_at: datetime
    lifted_at: datetime | None

    @classmethod
    def of(cls, row: HoldRow) -> Self:
        """The row as the API shows it."""
        return cls(
            id=row.id,
            customer_id=row.customer_id,
            item_id=row.item_id,
            reason=row.reason,
            since=row.since,
            last_day=row.last_day,
            note=row.note,
            actor=row.actor,
            created_at=row.created_at,
            lifted_at=row.lifted_at,
        )


class HoldList(BaseModel):
    """Every hold of a customer, newest first."""

    items: list[HoldOut]


class AgedBalanceQuery(BaseModel):
    """At the end of which business date; today's where none is given."""

    model_config = ConfigDict(extra="forbid")

    as_of: date | None = None


class AgedRowOut(BaseModel):
    """What is open in one currency, of one customer or (``customer_id`` null) of all."""

    customer_id: UUID | None
    currency: str
    buckets: dict[str, str]
    credits: str
    disputed: str
    balance: str
    oldest_days: int

    @classmethod
    def of(cls, row: AgedRow) -> Self:
        """The row as the API shows it."""

        def text(minor: int) -> str:
            return Money.of(minor, row.currency).amount

        return cls(
            customer_id=UUID(row.customer) if row.customer else None,
            currency=row.currency,
            buckets={bucket.value: text(row[bucket]) for bucket in Bucket},
            credits=text(row.credits),
            disputed=text(row.disputed),
            balance=text(row.balance),
            oldest_days=row.oldest_days,
        )


class AgedBalanceOut(BaseModel):
    """The aged balance: decimal strings in each row's currency, never summed across currencies."""

    as_of: date
    rows: list[AgedRowOut]
    totals: list[AgedRowOut]

    @classmethod
    def of(cls, balance: AgedBalance) -> Self:
        """The balance as the API shows it."""
        return cls(
            as_of=balance.on,
            rows=[AgedRowOut.of(one) for one in balance.rows],
            totals=[AgedRowOut.of(one) for one in balance.totals],
        )
