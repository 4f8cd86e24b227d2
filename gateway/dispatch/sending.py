"""Sending one document outside Peppol, at most once unless a person says otherwise.

What the buyer reads is made and kept first. Then the mail server agrees to the recipient, the
facts are looked at for the last time with the document locked, and the dispatch is marked as going
out; only then the server gets the text. A dispatch found marked was cut off: nobody can know
whether it arrived.
"""

import asyncio
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.core.clock import MachineClock
from gateway.core.database import Database
from gateway.core.errors import GatewayError, Retry
from gateway.core.faults import Faults
from gateway.core.jobs.backoff import JobError, Ladder
from gateway.core.jobs.registry import JobContext
from gateway.core.mail import MAIL_UNKNOWN, Mailer
from gateway.core.settings import DispatchSettings, MailSettings
from gateway.dispatch.composing import Letter, Written, compose, return_path_of
from gateway.dispatch.links import DispatchLinks
from gateway.dispatch.parties import Parties, parties_of
from gateway.dispatch.ports import Renderings
from gateway.dispatch.queries import was_sent
from gateway.dispatch.states import DispatchEvent, DispatchState
from gateway.dispatch.steps import Steps
from gateway.dispatch.tables import Dispatch
from gateway.dispatch.text_desk import wording_of
from gateway.dispatch.wording import TextKind, Wording
from gateway.exchange.archive import Archive
from gateway.exchange.channels import Channel
from gateway.exchange.own_pages import pages_of
from gateway.exchange.states import TransportState
from gateway.exchange.tables import Document
from ubl.localized import Localized

__all__ = ["DISPATCH_PATIENCE", "SendJob", "give_up"]

DISPATCH_PATIENCE: Final = Ladder(
    steps=tuple(timedelta(minutes=one) for one in (1, 5, 15, 60)), patience=timedelta(days=2)
)
"""How long a mail server is asked again before a person has to see to it."""


class SendJob:
    """One attempt at one dispatch."""

    def __init__(
        self,
        *,
        database: Database,
        archive: Archive,
        renderings: Renderings,
        mailer: Mailer,
        links: DispatchLinks,
        steps: Steps,
        mail: MailSettings,
        settings: DispatchSettings,
        now: MachineClock,
        faults: Faults,
    ) -> None:
        self._database = database
        self._archive = archive
        self._renderings = renderings
        self._mailer = mailer
        self._links = links
        self._steps = steps
        self._mail = mail
        self._settings = settings
        self._now = now
        self._faults = faults

    async def __call__(self, job: JobContext) -> None:
        """Send the document, offer its link, or find that it must not go."""
        dispatch_id = UUID(job.payload["dispatch_id"])
        async with self._database.read() as session:
            row = await session.get_one(Dispatch, dispatch_id)
        if row.state is DispatchState.SENDING:
            await self._cut_off(job, row)
            return
        if row.state is not DispatchState.READY:
            return
        try:
            row = await self._prepared(row)
            if row.channel is Channel.LINK:
                await self._end(job, row, DispatchEvent.OFFERED, None)
            else:
                await self._send(job, row)
        except GatewayError as error:
            await self._not_taken(job, row, error)
        self._faults.reach("mail-ended")

    async def _prepared(self, row: Dispatch) -> Dispatch:
        """The row with what the buyer gets, made once and the same at every attempt."""
        if row.pdf_id is not None and (row.content_id is not None or row.channel is Channel.LINK):
            return row
        async with self._database.read() as session:
            document = await session.get_one(Document, row.document_id)
            stored = await self._archive.row(session, document.content_id)
            url = await self._links.url(session, row)
            wording = await self._wording(session, row, document)
            pages = await pages_of(session, self._archive, document.id)
        content = await self._archive.read(stored)
        pdf = await self._renderings.pdf(content, form=row.format, locale=row.locale, pages=pages)
        kept = [
            await self._archive.keep(
                pdf,
                purpose="rendition",
                media_type="application/pdf",
                tenant_id=row.tenant_id,
            )
        ]
        written: Written | None = None
        if row.channel is Channel.EMAIL:
            parties = await asyncio.to_thread(parties_of, content, document)
            letter = self._letter(
                row, document, parties, wording=wording, url=url, pdf=pdf, xml=content
            )
            written = await asyncio.to_thread(compose, letter)
            kept.append(
                await self._archive.keep(
                    written.content,
                    purpose="mail",
                    media_type="message/rfc822",
                    tenant_id=row.tenant_id,
                )
            )
        async with self._database.write() as session:
            _, row = await self._steps.locked(session, row.id)
            if row.pdf_id is None:
                session.add_all(kept)
                await session.flush()
                row.pdf_id = kept[0].id
                if written is not None:
                    row.content_id, row.subject = kept[1].id, written.subject
                session.add(row)
        return row

    async def _wording(self, session: AsyncSession, row: Dispatch, document: Document) -> Wording:
        kind = TextKind.of(document.kind.value, again=await was_sent(session, row))
        language = Localized(row.locale).language
        return await wording_of(session, row.tenant_id, kind, language)

    def _letter(
        self,
        row: Dispatch,
        document: Document,
        parties: Parties,
        *,
        wording: Wording,
        url: str,
        pdf: bytes,
        xml: bytes,
    ) -> Letter:
        return Letter(
            dispatch=row,
            document=document,
            wording=wording,
            seller=parties.seller,
            buyer=parties.buyer,
            reply_to=parties.reply_to,
            sender=self._mail.sender,
            url=url,
            pdf=pdf,
            xml=xml,
            limit=self._settings.max_attachment_bytes,
            at=row.created_at,
        )

    async def _send(self, job: JobContext, row: Dispatch) -> None:
        if row.content_id is None or row.recipient is None:
            raise AssertionError("an e-mail goes out only once it is written")
        async with self._database.read() as session:
            stored = await self._archive.row(session, row.content_id)
        body = await self._archive.read(stored)
        sender = self._mail.sender
        if self._settings.return_path:
            sender = return_path_of(row, self._settings.return_path)
        async with self._mailer.open(sender=sender, recipient=row.recipient) as envelope:
            self._faults.reach("mail-agreed")
            if not await self._mark(row):
                return
            self._faults.reach("mail-marked")
            await envelope.hand_over(body)
            self._faults.reach("mail-taken")
            await self._end(job, row, DispatchEvent.ACCEPTED, None)

    async def _mark(self, before: Dispatch) -> bool:
        """Decide for the last time, and write down that the server is about to get the text."""
        async with self._database.write() as session:
            document, row = await self._steps.locked(session, before.id)
            if row.state is not DispatchState.READY:
                return False
            if document.transport is TransportState.DISPATCHING:
                return await self._happen(session, document, row, DispatchEvent.HANDING_OVER)
            await self._happen(session, document, row, DispatchEvent.WITHDRAWN)
            return False

    async def _happen(
        self, session: AsyncSession, document: Document, row: Dispatch, event: DispatchEvent
    ) -> bool:
        return await self._steps.happen(session, document, row, event, at=self._now())

    async def _not_taken(self, job: JobContext, row: Dispatch, error: GatewayError) -> None:
        """Write down what an error means; one worth another attempt is raised after that."""
        if error.code == MAIL_UNKNOWN.code:
            await self._end(job, row, DispatchEvent.CUT_OFF, error)
        elif error.retry is Retry.NO:
            await self._end(job, row, DispatchEvent.REFUSED, error)
        else:
            async with self._database.write() as session:
                document, row = await self._steps.locked(session, row.id)
                fault = JobError(error.code, error.message)
                await self._steps.happen(
                    session, document, row, DispatchEvent.DEFERRED, at=self._now(), fault=fault
                )
                row.failure_code, row.failure_text = error.code, error.message
                session.add(row)
            raise error

    async def _cut_off(self, job: JobContext, row: Dispatch) -> None:
        error = GatewayError(
            MAIL_UNKNOWN,
            "The gateway stopped while the mail server had this message. It may have gone out: "
            "look there, and send it again only if it did not.",
        )
        await self._end(job, row, DispatchEvent.CUT_OFF, error)

    async def _end(
        self,
        job: JobContext,
        before: Dispatch,
        event: DispatchEvent,
        error: GatewayError | None,
    ) -> None:
        """Write how it ended together with the end of the job."""
        at = self._now()
        async with self._database.write() as session:
            await job.fence(session)
            document, row = await self._steps.locked(session, before.id)
            if event is DispatchEvent.ACCEPTED:
                row.sent_at = at
                row.failure_code = row.failure_text = None
                session.add(row)
            if event is DispatchEvent.OFFERED and document.transport is not (
                TransportState.DISPATCHING
            ):
                event = DispatchEvent.WITHDRAWN
            fault = JobError(error.code, error.message) if error else None
            # An early bounce, or somebody who opened it, may have said more already.
            await self._steps.happen(
                session,
                document,
                row,
                event,
                at=at,
                fault=fault,
                evidence_id=row.content_id if event is DispatchEvent.ACCEPTED else None,
            )


async def give_up(
    session: AsyncSession, steps: Steps, dispatch_id: UUID, error: JobError, *, now: MachineClock
) -> None:
    """End a dispatch whose job is given up: never taken, or, found half sent, unknown."""
    document, row = await steps.locked(session, dispatch_id)
    event = DispatchEvent.CUT_OFF if row.state is DispatchState.SENDING else DispatchEvent.REFUSED
    await steps.happen(session, document, row, event, at=now(), fault=error)
