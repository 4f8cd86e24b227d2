"""What people and programs do about dispatches: send again, by another way, renew a link."""

from typing import Final
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.access.audit import audit
from gateway.access.principal import Principal
from gateway.core.clock import MachineClock
from gateway.core.database import Database
from gateway.core.errors import ErrorKind, GatewayError
from gateway.core.jobs.queue import JobQueue
from gateway.dispatch.channels import Channels, Sending, customer_of_document
from gateway.dispatch.choosing import Way
from gateway.dispatch.links import DispatchLinks
from gateway.dispatch.queries import dispatch_of
from gateway.dispatch.states import UNDER_WAY, DispatchState, Reason
from gateway.dispatch.steps import Steps, last_of
from gateway.dispatch.tables import Dispatch
from gateway.exchange import timeline
from gateway.exchange.channels import (
    CHANNEL_MISSING,
    DISPATCH_ADDRESS_MISSING,
    Channel,
    DispatchFormat,
    on_network,
)
from gateway.exchange.events import DocumentEvents
from gateway.exchange.outbound import enqueue_lookup
from gateway.exchange.ports import Bookkeeper
from gateway.exchange.queries import document_of
from gateway.exchange.states import TransportEvent, TransportState
from gateway.exchange.tables import Direction, Document, DocumentKind, EventGroup
from gateway.receivables.customers import LOCALES
from reminders.mail import Mailbox, MailRefused

__all__ = ["DispatchDesk"]

DISPATCH_NOT_NOW: Final = ErrorKind(
    "DISPATCH-NOT-NOW", "The document cannot be sent by another way now", 409
)
DISPATCH_EMAIL: Final = ErrorKind("DISPATCH-EMAIL", "This is no e-mail address", 422)
DISPATCH_LOCALE: Final = ErrorKind("DISPATCH-LOCALE", "Nothing is written in that language", 422)
DISPATCH_NO_LINK: Final = ErrorKind("DISPATCH-NO-LINK", "There is no link to renew", 409)

_POSSIBLE: Final = frozenset(
    {TransportState.DISPATCHING, TransportState.DISPATCHED, TransportState.FAILED}
)
_BILLS: Final = frozenset({DocumentKind.INVOICE, DocumentKind.CREDIT_NOTE})
_NO_LINK: Final = frozenset({DispatchState.READY, DispatchState.FAILED, DispatchState.WITHDRAWN})


class DispatchDesk:
    """The use cases behind every door."""

    def __init__(
        self,
        *,
        database: Database,
        queue: JobQueue,
        channels: Channels,
        steps: Steps,
        links: DispatchLinks,
        events: DocumentEvents,
        books: Bookkeeper,
        now: MachineClock,
    ) -> None:
        self._database = database
        self._queue = queue
        self._channels = channels
        self._steps = steps
        self._links = links
        self._events = events
        self._books = books
        self._now = now

    async def send(
        self,
        caller: Principal,
        document_id: UUID,
        channel: Channel,
        *,
        recipient: str = "",
        locale: str | None = None,
        form: DispatchFormat | None = None,
    ) -> Document:
        """Send a document once more, by e-mail, by a link, or back to Peppol.

        What is left out is the customer's. Raises GatewayError NOT-FOUND, DISPATCH-NOT-NOW,
        DISPATCH-EMAIL, DISPATCH-LOCALE, DISPATCH-ADDRESS-MISSING or CHANNEL-MISSING.
        """
        caller.require("documents:send")
        sending = _sending(caller, channel, recipient=recipient, locale=locale, form=form)
        async with self._database.write() as session:
            document = await document_of(session, caller.tenant_id, document_id)
            await self._books.hold(session, document)
            await session.refresh(document, with_for_update=True)
            await _require_possible(session, document)
            was_failed = document.transport is TransportState.FAILED
            if channel is Channel.PEPPOL:
                await self._to_peppol(session, caller, document)
            else:
                await self._otherwise(session, document, sending)
            if was_failed:
                await self._books.reinstated(session, document, at=self._now())
            audit(
                session,
                caller,
                action="document.dispatched",
                object=str(document.id),
                number=document.number,
                channel=channel.value,
            )
        return document

    async def renew(self, caller: Principal, document_id: UUID, dispatch_id: UUID) -> Dispatch:
        """Make the link's address anew, with a fresh term; the old one opens nothing any more.

        Raises GatewayError NOT-FOUND or DISPATCH-NO-LINK.
        """
        caller.require("documents:send")
        async with self._database.write() as session:
            row = await dispatch_of(session, caller.tenant_id, document_id, dispatch_id)
            _, row = await self._steps.locked(session, row.id)
            if row.state in _NO_LINK or row.pdf_id is None:
                raise GatewayError(
                    DISPATCH_NO_LINK,
                    f"The dispatch stands at '{row.state}', so it has no link that works. Send "
                    "the document again.",
                    state=row.state.value,
                )
            row.link_version += 1
            row.link_expires_at = self._links.expiry()
            session.add(row)
            audit(session, caller, action="dispatch.link-renewed", object=str(row.id))
        return row

    async def _otherwise(self, session: AsyncSession, document: Document, sending: Sending) -> None:
        """Begin another dispatch; e-mail only where there is an address to write to."""
        customer = await customer_of_document(session, document)
        known = (customer.invoice_email or customer.email) if customer else None
        if sending.way.channel is Channel.EMAIL and not (sending.recipient or known):
            raise GatewayError(
                DISPATCH_ADDRESS_MISSING,
                "No e-mail address for invoices is known for this customer. Give one here, or "
                "enter it on the customer's page.",
            )
        await self._channels.begin(session, document, customer, sending, at=self._now())

    async def _to_peppol(
        self, session: AsyncSession, caller: Principal, document: Document
    ) -> None:
        """Look the buyer up once more; what fails there is given up, not sent otherwise again."""
        if not on_network(document.receiver):
            raise GatewayError(
                CHANNEL_MISSING,
                "The document names no electronic address of the buyer (BT-49), so Peppol cannot "
                "find it. Choose e-mail or a link.",
            )
        at = self._now()
        facts = {"code": document.failure_code or "", "who": caller.actor}
        document.channel = Channel.PEPPOL
        document.failure_code = document.failure_text = None
        document.sending_round += 1
        await self._events.step(session, document, TransportEvent.RESENT, facts, at=at)
        timeline.record(
            session, document, EventGroup.TRANSPORT, "document.resent", at=at, facts=facts
        )
        await enqueue_lookup(session, self._queue, document)


def _sending(
    caller: Principal,
    channel: Channel,
    *,
    recipient: str,
    locale: str | None,
    form: DispatchFormat | None,
) -> Sending:
    """What was asked for, if it can be done at all."""
    if channel is Channel.AUTO:
        raise GatewayError(CHANNEL_MISSING, "Choose e-mail, link or Peppol.")
    if locale is not None and locale not in LOCALES:
        raise GatewayError(DISPATCH_LOCALE, f"Choose one of: {', '.join(LOCALES)}.")
    return Sending(
        way=Way(channel, Reason.PERSON),
        recipient=_address(recipient) if recipient.strip() else None,
        locale=locale,
        format=form,
        actor=caller.actor,
    )


async def _require_possible(session: AsyncSession, document: Document) -> None:
    bill = document.direction is Direction.OUT and document.kind in _BILLS
    if not bill or document.transport not in _POSSIBLE:
        raise GatewayError(
            DISPATCH_NOT_NOW,
            f"The document stands at '{document.transport}'. Invoices and credit notes are sent "
            "by another way once they were given up, or were sent outside Peppol before.",
            state=document.transport.value,
        )
    last = await last_of(session, document.id)
    if last is not None and last.state in UNDER_WAY:
        raise GatewayError(
            DISPATCH_NOT_NOW,
            "It is on its way at this moment. Wait until that has ended and look again, or cancel "
            "the document.",
            state=last.state.value,
        )


def _address(recipient: str) -> str:
    try:
        return Mailbox(recipient.strip()).address
    except MailRefused as refused:
        raise GatewayError(DISPATCH_EMAIL, refused.message) from None
