"""Accepting a document from C1: durable first, then checked, then refused or on its way.

A submission under an ``Idempotency-Key`` happens once: the same key with the same bytes gives
the same answer again, with other bytes it is refused.
"""

import asyncio
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.exc import IntegrityError
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.access.principal import Principal
from gateway.access.service import audit
from gateway.core.clock import MachineClock
from gateway.core.database import Database
from gateway.core.errors import ErrorKind, GatewayError
from gateway.core.faults import Faults
from gateway.core.http import IDEMPOTENCY_CONFLICT
from gateway.core.ids import new_id
from gateway.core.jobs.queue import JobQueue
from gateway.core.spool import Spool
from gateway.exchange import timeline
from gateway.exchange.archive import Archive
from gateway.exchange.channels import Channel, on_network
from gateway.exchange.departure import Departure, Departures
from gateway.exchange.events import DocumentEvents
from gateway.exchange.facts import DOCUMENT_ADDRESS, InvoiceFacts
from gateway.exchange.intake import Intake, Origin, Taken
from gateway.exchange.outbound import enqueue_lookup
from gateway.exchange.own_pages import OwnFile
from gateway.exchange.ports import Bookkeeper, OtherChannels
from gateway.exchange.reading import DOCUMENT_KIND, OutgoingInvoice, read_outgoing_invoice
from gateway.exchange.states import BusinessState, NetworkState, PaymentState, TransportState
from gateway.exchange.tables import Direction, Document, IdempotencyKey, StoredBlob
from gateway.network.queries import own_participant
from gateway.validation.service import CheckOptions, ValidationService, require_verdict
from gateway.validation.tables import ValidationRun
from ubl.model import Invoice

__all__ = [
    "DOCUMENT_INVALID",
    "SENDER_NOT_YOURS",
    "ReportedError",
    "Submission",
    "Submitted",
]

DOCUMENT_INVALID: Final = ErrorKind("DOCUMENT-INVALID", "The document breaks rules", 422)
SENDER_NOT_YOURS: Final = ErrorKind(
    "SENDER-NOT-YOURS", "The sender is not a participant of this account", 403
)


class ReportedError(GatewayError):
    """A refusal that carries the validation report which explains it."""

    def __init__(
        self, kind: ErrorKind, message: str, *, report: dict[str, Any], **facts: str | int
    ) -> None:
        super().__init__(kind, message, **facts)
        self.report = report


@dataclass(frozen=True, slots=True)
class Submitted:
    """The answer to a submission: the document and the report it was judged by."""

    document: Document
    report: dict[str, Any]

    @property
    def refused(self) -> bool:
        """Whether the document broke rules and will not be sent."""
        return self.document.transport is TransportState.REFUSED


class Submission:
    """The use case of sending: every door (API, console, demo) comes through here."""

    def __init__(
        self,
        *,
        database: Database,
        archive: Archive,
        queue: JobQueue,
        validation: ValidationService,
        intake: Intake,
        books: Bookkeeper,
        channels: OtherChannels,
        departures: Departures,
        events: DocumentEvents,
        now: MachineClock,
        faults: Faults,
    ) -> None:
        self._database = database
        self._archive = archive
        self._queue = queue
        self._validation = validation
        self._intake = intake
        self._books = books
        self._channels = channels
        self._departures = departures
        self._events = events
        self._now = now
        self._faults = faults

    async def submit(
        self,
        caller: Principal,
        content: bytes | Spool,
        *,
        wanted: str = "",
        media_type: str = "",
        idempotency_key: str | None = None,
        file_name: str = "",
        channel: Channel | None = None,
        own: OwnFile | None = None,
    ) -> Submitted:
        """Take one invoice or credit note and put it on its way, or say why not.

        A spool stays the caller's. ``wanted`` is the format to send it in: an id, ``auto`` for
        what the receiver takes, or empty, which leaves XML as it is. ``channel`` is how this very
        document is to reach the buyer; without, the customer's holds. ``own`` is the seller's PDF
        of the invoice. A document that breaks rules is kept as refused, with its report. Raises
        GatewayError IDEMPOTENCY-CONFLICT, DOCUMENT-KIND, DOCUMENT-ADDRESS, SENDER-NOT-YOURS, or
        what reading, writing and checking raise.
        """
        caller.require("documents:send")
        with _spooled(content) as spool:
            wishes = _Wishes(
                fingerprint=await asyncio.to_thread(_fingerprint, spool, wanted, channel, own),
                key=idempotency_key,
                file_name=file_name,
                channel=channel,
            )
            if wishes.key and (known := await self._replay(caller, wishes.key, wishes.fingerprint)):
                return known
            taken = await self._intake.take(spool, wanted=wanted, media_type=media_type, own=own)
            return await self._take(caller, spool, wishes, taken)

    async def _take(
        self, caller: Principal, spool: Spool, wishes: "_Wishes", taken: Taken | None
    ) -> Submitted:
        """Accept what was submitted, or what was made of it and then kept beside it."""
        pages = await self._pages(caller, taken)
        if taken is None or taken.content is None:
            return await self._accept(caller, spool, wishes, Origin(taken, None, pages))
        source = await self._archive.keep(
            spool.binary,
            purpose="source",
            media_type=taken.source_type,
            tenant_id=caller.tenant_id,
        )
        with Spool() as made:
            await asyncio.to_thread(made.write, taken.content)
            made.seek(0)
            return await self._accept(caller, made, wishes, Origin(taken, source, pages))

    async def _pages(self, caller: Principal, taken: Taken | None) -> StoredBlob | None:
        if taken is None or taken.pages is None:
            return None
        return await self._archive.keep(
            taken.pages,
            purpose="pages",
            media_type="application/pdf",
            tenant_id=caller.tenant_id,
        )

    async def _accept(
        self, caller: Principal, spool: Spool, wishes: "_Wishes", origin: Origin
    ) -> Submitted:
        stored = await self._archive.keep(
            spool.binary,
            purpose="document",
            media_type="application/xml",
            tenant_id=caller.tenant_id,
        )
        self._faults.reach("blob-fsynced")
        run = await self._validation.check(
            caller.tenant_id,
            spool.content,
            file_name=wishes.file_name,
            options=CheckOptions(lang=caller.locale),
        )
        require_verdict(run)
        read = await self._read(spool, run)
        document = await self._draft(caller, read.facts, run, stored)
        document.channel = wishes.channel
        document.pdf_format = origin.taken.pdf_format if origin.taken is not None else None
        try:
            await self._save(
                caller,
                document,
                invoice=read.invoice,
                run=run,
                stored=stored,
                wishes=wishes,
                origin=origin,
                departure=await self._departure(document),
            )
        except IntegrityError:
            # Another request with the same key won the race; its answer is the answer.
            known = await self._replay(caller, wishes.key or "", wishes.fingerprint)
            if known is None:
                raise
            return known
        self._faults.reach("row-committed")
        return Submitted(document, run.report)

    async def _read(self, spool: Spool, run: ValidationRun) -> OutgoingInvoice:
        """Read who sends what to whom; what cannot be read has no row in the outbox."""
        if run.verdict == "undetermined":
            raise ReportedError(
                DOCUMENT_KIND,
                "No complete set of rules for this kind of document is known here, so it cannot "
                "be judged. Send it in another format: GET /v1/formats lists those known here.",
                report=run.report,
            )
        try:
            return await self._validation.read(spool.content, read_outgoing_invoice)
        except GatewayError as error:
            if error.kind not in (DOCUMENT_KIND, DOCUMENT_ADDRESS):
                raise
            raise ReportedError(error.kind, error.message, report=run.report) from None

    async def _replay(self, caller: Principal, key: str, fingerprint: str) -> Submitted | None:
        async with self._database.read() as session:
            known = await session.get(IdempotencyKey, (caller.tenant_id, key))
            if known is None:
                return None
            if known.fingerprint != fingerprint:
                raise GatewayError(
                    IDEMPOTENCY_CONFLICT,
                    f"The Idempotency-Key '{key}' already belongs to document "
                    f"{known.document_id} with other content. Use a fresh key for a new document.",
                    document=str(known.document_id),
                )
            document = await session.get_one(Document, known.document_id)
            run = await session.get_one(ValidationRun, document.validation_id)
            return Submitted(document, run.report)

    async def _draft(
        self, caller: Principal, facts: InvoiceFacts, run: ValidationRun, stored: StoredBlob
    ) -> Document:
        async with self._database.read() as session:
            sender = await own_participant(session, caller.tenant_id, facts.sender)
        if sender is None:
            raise GatewayError(
                SENDER_NOT_YOURS,
                f"The seller's address {facts.sender.value} is not one of this account's "
                "participants. Register it first, or correct the address in the document.",
                participant=facts.sender.value,
            )
        at = self._now()
        refused = not run.report["valid"]
        return Document(
            tenant_id=caller.tenant_id,
            direction=Direction.OUT,
            kind=facts.kind,
            number=facts.number,
            issue_date=facts.issue_date,
            due_date=facts.due_date,
            currency=facts.currency,
            amount_minor=facts.amount_minor,
            sender=str(facts.sender),
            sender_name=facts.sender_name,
            receiver=str(facts.receiver),
            receiver_name=facts.receiver_name,
            document_type=str(facts.document_type),
            process=str(facts.process),
            sbdh_id=str(new_id()),
            content_id=stored.id,
            validation_id=run.id,
            transport=TransportState.REFUSED if refused else TransportState.ACCEPTED,
            network=NetworkState.NONE,
            business=BusinessState.UNANSWERED,
            payment=PaymentState.NONE,
            failure_code=DOCUMENT_INVALID.code if refused else None,
            created_at=at,
            updated_at=at,
        )

    async def _save(
        self,
        caller: Principal,
        document: Document,
        *,
        invoice: Invoice,
        run: ValidationRun,
        stored: StoredBlob,
        wishes: "_Wishes",
        origin: Origin,
        departure: Departure | None,
    ) -> None:
        refused = document.transport is TransportState.REFUSED
        async with self._database.write() as session:
            session.add_all([run, stored, *origin.rows])
            await session.flush()
            session.add(document)
            await session.flush()
            if wishes.key:
                session.add(
                    IdempotencyKey(
                        tenant_id=caller.tenant_id,
                        key=wishes.key,
                        fingerprint=wishes.fingerprint,
                        document_id=document.id,
                        created_at=document.created_at,
                    )
                )
            origin.record(session, document)
            if refused:
                timeline.refused(session, document, run.report)
            else:
                timeline.accepted(session, document, run.report)
                await self._books.accepted(session, document, invoice)
            await self._events.entered(session, document, at=document.created_at)
            if not refused:
                await self._set_out(session, document, run, departure)
            audit(
                session,
                caller,
                action="document.refused" if refused else "document.accepted",
                object=str(document.id),
                number=document.number,
            )

    async def _departure(self, document: Document) -> Departure | None:
        """Where a document for Peppol goes, if that is remembered."""
        if (
            document.transport is TransportState.REFUSED
            or document.channel in (Channel.EMAIL, Channel.LINK)
            or not on_network(document.receiver)
        ):
            return None
        return await self._departures.remembered(document)

    async def _set_out(
        self,
        session: AsyncSession,
        document: Document,
        run: ValidationRun,
        departure: Departure | None,
    ) -> None:
        """Start the way of an accepted document, over Peppol or outside."""
        if await self._channels.at_once(session, document, at=document.created_at):
            return
        if not on_network(document.receiver):
            raise ReportedError(
                DOCUMENT_ADDRESS,
                "The electronic address of the buyer (BT-49) with its scheme is missing. Peppol "
                "delivers by this address; add it, or choose e-mail or a link as the channel.",
                report=run.report,
            )
        at = document.created_at
        if departure is None:
            await enqueue_lookup(session, self._queue, document)
        else:
            await self._departures.set_out(session, document, departure, since=at, at=at)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wishes:
    """What a caller says beside the document; ``fingerprint`` tells it from other requests."""

    fingerprint: str
    key: str | None
    file_name: str
    channel: Channel | None


@contextmanager
def _spooled(content: bytes | Spool) -> Iterator[Spool]:
    """The content as a spool; one that is handed in stays the caller's."""
    if isinstance(content, Spool):
        yield content
        return
    with Spool() as spool:
        spool.write(content)
        yield spool


def _fingerprint(spool: Spool, wanted: str, channel: Channel | None, own: OwnFile | None) -> str:
    """The SHA-256 of a submission, in hex: of its bytes, and of what is wanted beyond them."""
    spool.seek(0)
    digest = hashlib.file_digest(spool, "sha256").hexdigest()
    spool.seek(0)
    if own is not None:
        digest = f"{digest} {own.use or ''} {hashlib.sha256(own.content).hexdigest()}"
    if not wanted and channel is None and own is None:
        return digest
    return hashlib.sha256(f"{wanted} {channel or ''} {digest}".encode()).hexdigest()
