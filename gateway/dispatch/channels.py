"""Taking documents from the exchange and beginning their way outside Peppol (`OtherChannels`).

Everything here runs in the transaction of whoever hands a document over.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.core.errors import ErrorKind, GatewayError
from gateway.core.jobs.backoff import JobError
from gateway.core.jobs.queue import JobQueue
from gateway.core.mail import MAIL_SERVER_AWAY
from gateway.dispatch import choosing
from gateway.dispatch.choosing import Known, Way
from gateway.dispatch.lanes import MAIL_LANE, SEND
from gateway.dispatch.links import DispatchLinks
from gateway.dispatch.states import DispatchEvent, DispatchState
from gateway.dispatch.steps import Steps, facts_of, last_of
from gateway.dispatch.tables import Dispatch
from gateway.exchange import timeline
from gateway.exchange.channels import (
    DISPATCH_ADDRESS_MISSING,
    Channel,
    DispatchFormat,
    on_network,
)
from gateway.exchange.delivery_desk import CANCEL_IN_FLIGHT, CANCEL_UNKNOWN
from gateway.exchange.events import DocumentEvents
from gateway.exchange.ports import Bookkeeper
from gateway.exchange.states import TransportEvent, TransportState
from gateway.exchange.tables import Document, DocumentKind, EventGroup
from gateway.receivables.customers import customer_at
from gateway.receivables.tables import Customer

__all__ = ["CANCEL_OFFERED", "Channels", "Sending", "customer_of_document"]

CANCEL_OFFERED: Final = ErrorKind("CANCEL-OFFERED", "The customer may have the document", 409)

_BILLS: Final = frozenset({DocumentKind.INVOICE, DocumentKind.CREDIT_NOTE})
_MAY_HAVE_ARRIVED: Final = frozenset(
    {DispatchState.SENT, DispatchState.UNKNOWN, DispatchState.OPENED}
)
_TOKEN_BYTES: Final = 15
_ID_BYTES: Final = 16
_LOCALE: Final = "en"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """How one dispatch is to go; what is None is the customer's."""

    way: Way
    recipient: str | None = None
    locale: str | None = None
    format: DispatchFormat | None = None
    actor: str | None = None


class Channels:
    """The exchange's way out of Peppol.

    ``standard`` is for customers nobody chose a channel for; ``can_mail``: there is a mail server.
    """

    def __init__(
        self,
        *,
        queue: JobQueue,
        steps: Steps,
        events: DocumentEvents,
        books: Bookkeeper,
        links: DispatchLinks,
        standard: Channel,
        can_mail: bool,
    ) -> None:
        self._queue = queue
        self._steps = steps
        self._events = events
        self._books = books
        self._links = links
        self._standard = standard
        self._can_mail = can_mail

    async def at_once(self, session: AsyncSession, document: Document, *, at: datetime) -> bool:
        """Take an invoice that is not for Peppol; False where it is to be looked up."""
        if document.kind not in _BILLS:
            return False
        customer = await customer_of_document(session, document)
        way = choosing.at_once(self._known(document, customer))
        if way is None:
            return False
        await self.begin(session, document, customer, Sending(way=way), at=at)
        return True

    async def waits_for(self, session: AsyncSession, document: Document) -> bool:
        """Whether an invoice is taken once its buyer proves not to be registered."""
        if document.kind not in _BILLS or document.transport is not TransportState.ACCEPTED:
            return False
        customer = await customer_of_document(session, document)
        return choosing.waits(self._known(document, customer))

    async def unregistered(
        self, session: AsyncSession, document: Document, failure: GatewayError, *, at: datetime
    ) -> None:
        """Take an invoice whose buyer is not registered for it."""
        await self._books.hold(session, document)
        await session.refresh(document, with_for_update=True)
        if document.transport is not TransportState.ACCEPTED:
            return
        facts = {"code": failure.code, "text": failure.message}
        timeline.record(
            session, document, EventGroup.TRANSPORT, "lookup.failed", at=at, facts=facts
        )
        customer = await customer_of_document(session, document)
        way = choosing.once_unregistered(self._known(document, customer))
        await self.begin(session, document, customer, Sending(way=way), at=at)

    async def cancelled(self, session: AsyncSession, document: Document, *, at: datetime) -> None:
        """Withdraw what is not out yet.

        Raises GatewayError CANCEL-IN-FLIGHT, CANCEL-OUTCOME-UNKNOWN or CANCEL-OFFERED.
        """
        rows = await session.exec(
            select(Dispatch)
            .where(Dispatch.document_id == document.id)
            .order_by(col(Dispatch.number))
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        found = rows.all()
        if any(one.state is DispatchState.SENDING for one in found):
            raise GatewayError(
                CANCEL_IN_FLIGHT,
                "The mail server is getting the document. Wait a moment and look again.",
            )
        if any(one.state is DispatchState.UNKNOWN for one in found):
            raise GatewayError(
                CANCEL_UNKNOWN,
                "The connection broke while the mail server had the e-mail, so the customer may "
                "have it. If so, take it back by a credit note.",
            )
        if any(one.state in _MAY_HAVE_ARRIVED or one.fetched_at for one in found):
            raise GatewayError(
                CANCEL_OFFERED,
                "An earlier e-mail with this document went out, or its link was used. Take it "
                "back by a credit note.",
            )
        for row in found:
            await self._steps.happen(session, document, row, DispatchEvent.WITHDRAWN, at=at)

    async def begin(
        self,
        session: AsyncSession,
        document: Document,
        customer: Customer | None,
        sending: Sending,
        *,
        at: datetime,
    ) -> Dispatch:
        """Begin a dispatch of a document that is locked, and queue its work.

        E-mail without any address or mail server fails at once, which shows what is missing.
        """
        await self._links.prepare(session)
        row = await self._row(session, document, customer, sending, at=at)
        session.add(row)
        await session.flush()
        facts = facts_of(row) | ({"who": sending.actor} if sending.actor else {})
        document.failure_code = document.failure_text = None
        await self._events.step(session, document, TransportEvent.HANDED_OFF, facts, at=at)
        timeline.record(
            session, document, EventGroup.TRANSPORT, "dispatch.begun", at=at, facts=facts
        )
        session.add(document)
        fault = self._hindrance(row)
        if fault is not None:
            await self._steps.happen(
                session, document, row, DispatchEvent.REFUSED, at=at, fault=fault
            )
            return row
        await self._queue.enqueue(
            session,
            kind=SEND,
            payload={"dispatch_id": str(row.id)},
            lane=MAIL_LANE if row.channel is Channel.EMAIL else "",
            dedupe_key=f"{SEND}:{row.id}",
        )
        return row

    def _hindrance(self, row: Dispatch) -> JobError | None:
        if row.channel is not Channel.EMAIL:
            return None
        if row.recipient is None:
            return JobError(
                DISPATCH_ADDRESS_MISSING.code,
                "No e-mail address for invoices is known for this customer. Enter one on the "
                "customer's page and send the document again.",
            )
        if not self._can_mail:
            return JobError(
                MAIL_SERVER_AWAY.code,
                "This gateway has no mail server. Set mail.host and mail.sender and send the "
                "document again, or choose a link.",
            )
        return None

    async def _row(
        self,
        session: AsyncSession,
        document: Document,
        customer: Customer | None,
        sending: Sending,
        *,
        at: datetime,
    ) -> Dispatch:
        last = await last_of(session, document.id)
        recipient = None
        if sending.way.channel is Channel.EMAIL:
            recipient = sending.recipient or _recipient(customer)
        usual = customer.invoice_format if customer else None
        return Dispatch(
            tenant_id=document.tenant_id,
            document_id=document.id,
            customer_id=customer.id if customer else None,
            number=last.number + 1 if last else 1,
            channel=sending.way.channel,
            reason=sending.way.reason,
            recipient=recipient,
            locale=sending.locale or (customer.locale if customer else _LOCALE),
            format=sending.format or usual or DispatchFormat.FACTURX,
            state=DispatchState.READY,
            token=secrets.token_hex(_TOKEN_BYTES),
            link_id=UUID(bytes=secrets.token_bytes(_ID_BYTES)),
            link_expires_at=self._links.expiry(),
            created_by=sending.actor,
            created_at=at,
        )

    def _known(self, document: Document, customer: Customer | None) -> Known:
        return Known(
            asked=document.channel,
            usual=customer.channel if customer else None,
            standard=self._standard,
            on_network=on_network(document.receiver),
            recipient=_recipient(customer) if self._can_mail else None,
        )


async def customer_of_document(session: AsyncSession, document: Document) -> Customer | None:
    """The customer a document is for; None before any claim on them."""
    return await customer_at(session, document.tenant_id, document.receiver)


def _recipient(customer: Customer | None) -> str | None:
    return (customer.invoice_email or customer.email) if customer else None
