"""What a download link opens: the document as PDF and as XML, and the note of how it was used.

A link is fetched by programs that look for malware as well as by people, and nobody can tell which;
it is opened only when somebody presses a button on its page. Nothing in an e-mail reports anything
by itself, so a buyer who reads the attachment only is never seen to have done so.
"""

from dataclasses import dataclass

from gateway.core.clock import MachineClock
from gateway.core.database import Database
from gateway.dispatch.links import DispatchLinks
from gateway.dispatch.states import DispatchEvent
from gateway.dispatch.steps import Steps
from gateway.dispatch.tables import Dispatch
from gateway.exchange.archive import Archive
from gateway.exchange.states import TransportState
from gateway.exchange.tables import Document, StoredBlob

__all__ = ["Downloads", "Opened"]


@dataclass(frozen=True, slots=True)
class Opened:
    """What a link leads to."""

    dispatch: Dispatch
    document: Document
    pdf: StoredBlob
    xml: StoredBlob


class Downloads:
    """The use cases of whoever holds a link."""

    def __init__(
        self,
        *,
        database: Database,
        archive: Archive,
        links: DispatchLinks,
        steps: Steps,
        now: MachineClock,
    ) -> None:
        self._database = database
        self._archive = archive
        self._links = links
        self._steps = steps
        self._now = now

    async def look(self, token: str) -> Opened | None:
        """What a token opens; None, with one and the same answer, where it opens nothing."""
        async with self._database.read() as session:
            row = await self._links.resolve(session, token)
            if row is None or row.pdf_id is None:
                return None
            document = await session.get_one(Document, row.document_id)
            if document.transport is TransportState.CANCELLED:
                return None
            return Opened(
                dispatch=row,
                document=document,
                pdf=await self._archive.row(session, row.pdf_id),
                xml=await self._archive.row(session, document.content_id),
            )

    async def fetched(self, dispatch: Dispatch) -> None:
        """Note that something asked for the link's address; only the first time says anything."""
        if dispatch.fetched_at is not None:
            return
        at = self._now()
        async with self._database.write() as session:
            document, row = await self._steps.locked(session, dispatch.id)
            if row.fetched_at is None:
                self._steps.fetched(session, document, row, at=at)

    async def opened(self, dispatch: Dispatch) -> None:
        """Note that somebody pressed a button of the page; only the first time says anything."""
        if dispatch.opened_at is not None:
            return
        at = self._now()
        async with self._database.write() as session:
            document, row = await self._steps.locked(session, dispatch.id)
            if row.opened_at is not None:
                return
            row.opened_at = at
            session.add(row)
            await self._steps.happen(session, document, row, DispatchEvent.OPENED, at=at)
