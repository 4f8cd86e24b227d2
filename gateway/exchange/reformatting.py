"""Another format for a receiver who is on Peppol, but not for the document as it stands.

Asks what the receiver is registered for, writes the document in the best of our formats among that,
and takes it only if it is still the same invoice, valid by every rule, and the receiver has an
endpoint for it. Decides nothing about documents whose sender wants Peppol as submitted or nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.as4.identifiers import DocumentTypeId, ParticipantId
from gateway.conversion.accounts import account_of
from gateway.conversion.choosing import Reason, fitting
from gateway.conversion.loss import essential
from gateway.conversion.outcome import Outcome, outcome_of
from gateway.conversion.reading import ReadDocument
from gateway.conversion.service import Conversion
from gateway.core.clock import MachineClock
from gateway.core.database import Database
from gateway.core.errors import GatewayError, Retry
from gateway.exchange import timeline
from gateway.exchange.archive import Archive
from gateway.exchange.facts import InvoiceFacts
from gateway.exchange.format_facts import LISTED, format_facts
from gateway.exchange.reading import read_outgoing_invoice
from gateway.exchange.tables import Document, EventGroup, StoredBlob
from gateway.network.smp_client import Found, Lookup
from gateway.validation.service import ValidationService
from gateway.validation.tables import ValidationRun
from ubl.formats import Format

__all__ = ["Reformatting", "Rewritten"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewritten:
    """A document in another format, judged, and where its receiver takes it.

    ``told`` is what the timeline keeps of it.
    """

    content: StoredBlob
    run: ValidationRun
    facts: InvoiceFacts
    told: Mapping[str, Any]
    found: Found

    async def take_over(self, session: AsyncSession, document: Document) -> None:
        """Put it in place of what was submitted, which stays as evidence of the timeline entry."""
        session.add_all([self.content, self.run])
        await session.flush()
        timeline.record(
            session,
            document,
            EventGroup.TRANSPORT,
            "format.instead",
            at=self.content.created_at,
            facts=self.told,
            evidence_id=document.content_id,
        )
        document.content_id = self.content.id
        document.validation_id = self.run.id
        document.document_type = str(self.facts.document_type)
        document.process = str(self.facts.process)
        session.add(document)


class Reformatting:
    """Finds another format for one document."""

    def __init__(
        self,
        *,
        database: Database,
        archive: Archive,
        conversion: Conversion,
        validation: ValidationService,
        lookup: Lookup,
        now: MachineClock,
    ) -> None:
        self._database = database
        self._archive = archive
        self._conversion = conversion
        self._validation = validation
        self._lookup = lookup
        self._now = now

    async def find(self, document: Document, refused: GatewayError) -> Rewritten | None:
        """The document in a format its receiver takes; None where there is none.

        ``refused`` is why it cannot go as it is. Raises LookupFailed where the network did not
        say, what reading and checking raise while the workers are busy, and BLOB-MISSING.
        """
        receiver = ParticipantId.parse(document.receiver)
        as_it_is = DocumentTypeId.parse(document.document_type)
        async with self._database.read() as session:
            content = await self._archive.fetch(session, document.content_id)
        try:
            registered = await self._lookup.registrations(receiver, at=self._now())
            others = [one for one in registered if one != as_it_is]
            if not others:
                return None
            read = await self._conversion.read(content)
        except GatewayError as failure:
            if failure.retry is Retry.NO:
                # Whatever cannot be put into another format still has its other channels.
                return None
            raise
        for wanted in fitting(read.invoice.kind, others):
            found = await self._in(document, read, wanted, refused)
            if found is not None:
                return found
        return None

    async def _in(
        self, document: Document, read: ReadDocument, wanted: Format, refused: GatewayError
    ) -> Rewritten | None:
        """The document in one format, None where it would not be the same invoice, or not valid."""
        try:
            converted = await self._conversion.write(
                read.invoice, wanted.id, complete=False, bare=True
            )
            if essential(converted.lost):
                return None
            facts = (await self._validation.read(converted.content, read_outgoing_invoice)).facts
            found = await self._lookup.find(
                facts.receiver, facts.document_type, facts.process, at=self._now()
            )
        except GatewayError as failure:
            if failure.retry is Retry.NO:
                return None
            raise
        run = await self._validation.check(document.tenant_id, converted.content)
        if outcome_of(wanted, run.report) is not Outcome.VALID:
            return None
        account = account_of(replace(converted, unread=read.unread), lang="en", most=LISTED)
        told = format_facts(read, wanted, Reason.REGISTERED, account)
        return Rewritten(
            content=await self._archive.keep(
                converted.content,
                purpose="document",
                media_type="application/xml",
                tenant_id=document.tenant_id,
            ),
            run=run,
            facts=facts,
            told=told | {"code": refused.code, "text": refused.message},
            found=found,
        )
