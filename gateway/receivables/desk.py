"""What people do in the receivables: care for customers, pause them, note disputes."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.access.principal import Principal
from gateway.access.service import audit
from gateway.core.clock import MachineClock
from gateway.core.database import Database
from gateway.core.errors import ErrorKind, GatewayError
from gateway.core.http import NOT_FOUND
from gateway.core.ids import new_id
from gateway.exchange.channels import Channel, DispatchFormat, on_network
from gateway.receivables.customers import LOCALES
from gateway.receivables.holds import lift_hold, place_hold
from gateway.receivables.ledger import Ledger, item_of, lock_customer
from gateway.receivables.queries import hold_of, item_row_of
from gateway.receivables.tables import Customer, HoldRow, ItemRow
from reminders.account import HoldReason
from reminders.entries import Entry, EntryKind, Source
from reminders.ledger import open_disputes
from reminders.mail import Mailbox, MailRefused

__all__ = ["CustomerChange", "Receivables"]

CUSTOMER_EMAIL: Final = ErrorKind("CUSTOMER-EMAIL", "This is no e-mail address", 422)
CUSTOMER_LOCALE: Final = ErrorKind("CUSTOMER-LOCALE", "No letters in that language", 422)
CUSTOMER_CHANNEL: Final = ErrorKind(
    "CUSTOMER-CHANNEL", "The customer cannot be reached by that channel", 422
)
DISCOVERY_NONE: Final = ErrorKind("DISCOVERY-NONE", "The customer was not found on Peppol", 409)
HOLD_DAYS: Final = ErrorKind("HOLD-DAYS", "The hold would end before it begins", 422)
DISPUTE_AMOUNT: Final = ErrorKind("DISPUTE-AMOUNT", "Less is open than that", 409)
DISPUTE_NONE: Final = ErrorKind("DISPUTE-NONE", "The open item is not disputed", 409)


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerChange:
    """What to change about a customer; None leaves it as it is, an empty address goes."""

    email: str | None = None
    locale: str | None = None
    channel: Channel | None = None
    invoice_email: str | None = None
    invoice_format: DispatchFormat | None = None


class Receivables:
    """The use cases of people and programs that look after customers and open items."""

    def __init__(
        self,
        *,
        database: Database,
        ledger: Ledger,
        today: Callable[[], date],
        now: MachineClock,
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._today = today
        self._now = now

    async def change_customer(
        self, caller: Principal, customer_id: UUID, change: CustomerChange
    ) -> Customer:
        """Set where, in which language and by which channel a customer is written to.

        Raises GatewayError NOT-FOUND, CUSTOMER-EMAIL, CUSTOMER-LOCALE or CUSTOMER-CHANNEL.
        """
        caller.require("receivables:write")
        if change.locale is not None and change.locale not in LOCALES:
            raise GatewayError(CUSTOMER_LOCALE, f"Choose one of: {', '.join(LOCALES)}.")
        async with self._database.write() as session:
            customer = await lock_customer(session, caller.tenant_id, customer_id)
            if change.email is not None:
                customer.email = _address(change.email)
            if change.invoice_email is not None:
                customer.invoice_email = _address(change.invoice_email)
            if change.channel is not None:
                customer.channel = _channel(customer, change.channel)
                # Whoever changes this wants to be told anew; an address taken up stays.
                if customer.peppol_found_at is not None:
                    customer.peppol_address = None
                customer.peppol_found_at = customer.peppol_declined_at = None
                customer.peppol_asked_at = None
            customer.locale = change.locale or customer.locale
            customer.invoice_format = change.invoice_format or customer.invoice_format
            session.add(customer)
            audit(session, caller, action="customer.changed", object=str(customer_id))
        return customer

    async def answer_discovery(
        self, caller: Principal, customer_id: UUID, *, accept: bool
    ) -> Customer:
        """Take up that a customer was found on Peppol, or decline and not be asked again.

        Taken up, the next invoice goes over Peppol where the customer is registered for it, and
        as a fallback by e-mail or link; one that names no address (BT-49) cannot. Raises
        GatewayError NOT-FOUND or DISCOVERY-NONE.
        """
        caller.require("receivables:write")
        async with self._database.write() as session:
            customer = await lock_customer(session, caller.tenant_id, customer_id)
            if customer.peppol_found_at is None or customer.peppol_declined_at is not None:
                raise GatewayError(
                    DISCOVERY_NONE, "Nothing was found that has not been answered already."
                )
            if accept:
                customer.channel, customer.peppol_found_at = Channel.AUTO, None
            else:
                customer.peppol_declined_at = self._now()
                customer.peppol_address = None
            session.add(customer)
            action = "customer.peppol-accepted" if accept else "customer.peppol-declined"
            audit(session, caller, action=action, object=str(customer_id))
        return customer

    async def pause(
        self,
        caller: Principal,
        customer_id: UUID,
        *,
        note: str = "",
        last_day: date | None = None,
        item_id: UUID | None = None,
    ) -> HoldRow:
        """Send a customer (or about one item) nothing until the pause is lifted or has ended.

        Raises GatewayError NOT-FOUND or HOLD-DAYS.
        """
        caller.require("receivables:write")
        today = self._today()
        if last_day is not None and last_day < today:
            raise GatewayError(HOLD_DAYS, f"A pause that begins today ends on {today} or later.")
        async with self._database.write() as session:
            await lock_customer(session, caller.tenant_id, customer_id)
            if item_id is not None:
                await _item_of_customer(session, caller.tenant_id, customer_id, item_id)
            hold = await place_hold(
                session,
                tenant_id=caller.tenant_id,
                customer_id=customer_id,
                item_id=item_id,
                reason=HoldReason.PAUSED,
                since=today,
                last_day=last_day,
                note=note,
                actor=caller.actor,
                at=self._now(),
            )
            audit(session, caller, action="customer.paused", object=str(customer_id))
        return hold

    async def resume(self, caller: Principal, hold_id: UUID) -> HoldRow:
        """Lift a hold from today on; raises GatewayError NOT-FOUND."""
        caller.require("receivables:write")
        async with self._database.write() as session:
            hold = await hold_of(session, caller.tenant_id, hold_id)
            await lift_hold(session, hold, on=self._today(), at=self._now())
            audit(session, caller, action="hold.lifted", object=str(hold_id))
        return hold

    async def dispute(
        self, caller: Principal, item_id: UUID, *, reason: str, amount_minor: int | None = None
    ) -> ItemRow:
        """Note that a customer disputes an item, or ``amount_minor`` of it.

        Raises GatewayError NOT-FOUND, DISPUTE-AMOUNT or LEDGER-REFUSED.
        """
        name = f"dispute-{new_id()}"
        return await self._book(
            caller,
            item_id,
            EntryKind.DISPUTE_OPENED,
            disputes=(name,),
            reason=reason,
            amount_minor=amount_minor,
        )

    async def resolve(self, caller: Principal, item_id: UUID, *, reason: str = "") -> ItemRow:
        """End every dispute about an item; raises GatewayError NOT-FOUND or DISPUTE-NONE."""
        return await self._book(caller, item_id, EntryKind.DISPUTE_RESOLVED, reason=reason)

    async def _book(
        self,
        caller: Principal,
        item_id: UUID,
        kind: EntryKind,
        *,
        reason: str,
        disputes: tuple[str, ...] = (),
        amount_minor: int | None = None,
    ) -> ItemRow:
        caller.require("receivables:write")
        async with self._database.write() as session:
            row = await item_row_of(session, caller.tenant_id, item_id)
            await lock_customer(session, row.tenant_id, row.customer_id)
            if disputes:
                await session.refresh(row)
                _check_open(row, amount_minor)
            names = disputes or open_disputes(await item_of(session, row))
            if not names:
                raise GatewayError(DISPUTE_NONE, f"Nothing is disputed about {row.number}.")
            for name in names:
                entry = Entry(
                    kind=kind,
                    currency=row.currency,
                    amount=amount_minor,
                    business_date=max(self._today(), row.opened_on),
                    recorded_at=self._now(),
                    source=Source("person", f"{new_id()}"),
                    dispute=name,
                    reason=reason[:60],
                )
                await self._ledger.book(session, row.id, entry)
            audit(session, caller, action=f"item.{kind}", object=str(item_id), number=row.number)
        return row


def _check_open(row: ItemRow, amount_minor: int | None) -> None:
    """Refuse to dispute more than is owed; that a credit is none to dispute the ledger says."""
    if not row.kind.is_credit and row.open_minor < (amount_minor or 1):
        raise GatewayError(
            DISPUTE_AMOUNT,
            f"Of {row.number} less is open than that. Look at it again and dispute what is open.",
        )


async def _item_of_customer(
    session: AsyncSession, tenant_id: UUID, customer_id: UUID, item_id: UUID
) -> None:
    row = await item_row_of(session, tenant_id, item_id)
    if row.customer_id != customer_id:
        raise GatewayError(
            NOT_FOUND,
            "No open item of this customer has that id.",
        )


def _address(email: str) -> str | None:
    if not email.strip():
        return None
    try:
        return Mailbox(email.strip()).address
    except MailRefused as refused:
        raise GatewayError(CUSTOMER_EMAIL, refused.message) from None


def _channel(customer: Customer, channel: Channel) -> Channel:
    if channel is Channel.PEPPOL and not on_network(customer.participant):
        raise GatewayError(
            CUSTOMER_CHANNEL,
            "This customer's invoices name no electronic address (BT-49), so Peppol cannot find "
            "it. Put the address into the next invoice, or choose e-mail or a link.",
        )
    return channel
