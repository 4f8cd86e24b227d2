"""From what C1 submits to the document that is sent: read, put into a format, accounted for.

An XML document that names no format stays as it is, byte for byte. Everything else (JSON, a PDF
with data, a document whose format the receiver is to choose, one that is to hold the seller's own
PDF) is written here, and what was submitted is kept beside it.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.as4.identifiers import IdentifierInvalid, ParticipantId
from gateway.conversion.accounts import account_of, loss
from gateway.conversion.choosing import AUTO, PREFERENCES, Choice, Reason, choose
from gateway.conversion.errors import (
    FORMAT_UNKNOWN,
    JSON_INVALID,
    OWN_PDF_REFUSED,
    TOO_MUCH_LOST,
    InvoiceRefused,
)
from gateway.conversion.loss import essential
from gateway.conversion.reading import ReadDocument, Source
from gateway.conversion.service import Conversion
from gateway.conversion.writing import Converted, format_named
from gateway.core.clock import MachineClock
from gateway.core.errors import GatewayError
from gateway.core.spool import Spool
from gateway.exchange import timeline
from gateway.exchange.format_facts import LISTED, format_facts
from gateway.exchange.own_pages import OwnFile, with_file
from gateway.exchange.tables import Document, DocumentPages, EventGroup, StoredBlob
from gateway.network.errors import NO_SMP_SERVICE, NOT_REGISTERED, LookupFailed
from gateway.network.smp_client import Lookup
from ubl.facturx import OwnPdf
from ubl.formats import FORMATS, Format
from ubl.json_text import MAX_PROBLEMS
from ubl.localized import Localized
from ubl.model import Invoice
from ubl.totals import gaps

__all__ = ["Intake", "Origin", "Taken"]

_JSON: Final = "application/json"
_PDF: Final = "application/pdf"
_NOT_ON_NETWORK: Final = (NOT_REGISTERED, NO_SMP_SERVICE)
_HEAD: Final = 1024


@dataclass(frozen=True, slots=True)
class Taken:
    """What will be sent in place of what was submitted, and why.

    ``content`` None means as submitted. ``source_type`` is the media type of what was submitted;
    ``facts`` are JSON values: the format, why it was chosen, and the account of the conversion.
    ``pdf_format`` is the Factur-X format that was asked for, ``pages`` the PDF it is to show.
    """

    content: bytes | None
    source_type: str
    facts: Mapping[str, Any]
    pdf_format: str | None = None
    pages: bytes | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the bytes of a document come from: ``source`` is what was submitted in their place.

    ``pages`` is the seller's own PDF.
    """

    taken: Taken | None
    source: StoredBlob | None
    pages: StoredBlob | None = None

    @property
    def rows(self) -> tuple[StoredBlob, ...]:
        """What is to be saved with the document."""
        return tuple(one for one in (self.source, self.pages) if one is not None)

    def record(self, session: AsyncSession, document: Document) -> None:
        """Keep whose pages it has, and tell in the timeline which format was chosen and why."""
        if self.taken is None:
            return
        if self.pages is not None:
            session.add(DocumentPages(document_id=document.id, blob_id=self.pages.id))
        timeline.record(
            session,
            document,
            EventGroup.TRANSPORT,
            f"format.{self.taken.facts['reason']}",
            at=document.created_at,
            facts=self.taken.facts,
            evidence_id=self.source.id if self.source is not None else None,
        )


class Intake:
    """Decides in which form a submitted invoice is sent."""

    def __init__(self, *, conversion: Conversion, lookup: Lookup, now: MachineClock) -> None:
        self._conversion = conversion
        self._lookup = lookup
        self._now = now

    async def take(
        self, spool: Spool, *, wanted: str, media_type: str, own: OwnFile | None = None
    ) -> Taken | None:
        """Put what was submitted into the format ``wanted`` (an id, ``auto``, or empty).

        Empty is ``auto`` for JSON and PDF, and as it is for XML: None. ``own`` is the seller's
        PDF. Raises GatewayError INVOICE-JSON for data that no totals follow from,
        CONVERSION-LOSS for a format that cannot hold what the invoice must say,
        CONVERSION-OWN-PDF for a PDF that cannot be what it is to be, and what reading and writing
        raise.
        """
        content = await asyncio.to_thread(lambda: spool.content)
        source_type = await asyncio.to_thread(_type_of, spool, media_type)
        if own is None and not wanted and source_type not in (_JSON, _PDF):
            return None
        if wanted not in ("", AUTO):
            format_named(wanted)
        read = await self._conversion.read(content, media_type=source_type)
        if own is not None:
            return await self._taken_with(read, own.checked(), wanted, source_type)
        choice = await self._choice(read, wanted or read.wanted or AUTO)
        if choice.format is None or choice.format == read.format:
            return _as_it_is(read, read.format, choice.reason, source_type)
        return await self._converted(read, choice.format, choice.reason, source_type)

    async def _taken_with(
        self, read: ReadDocument, own: OwnFile, wanted: str, source_type: str
    ) -> Taken:
        """The invoice with the seller's PDF: as its pages, or as a file inside it."""
        if read.source is Source.PDF:
            raise GatewayError(
                OWN_PDF_REFUSED,
                "The invoice is a PDF already. Send its data as XML or JSON in the part 'file' and "
                "the pages in the part 'pdf', or the PDF alone.",
            )
        if read.source is Source.XML and not wanted:
            choice = Choice(_own_format(read), Reason.ASKED)
        else:
            choice = await self._choice(read, wanted or read.wanted or AUTO)
        chosen = choice.format or read.format or FORMATS[PREFERENCES[0]]
        if own.use_in(chosen) is OwnPdf.ATTACHMENT:
            read = replace(read, invoice=with_file(read.invoice, own))
            return await self._converted(read, chosen, choice.reason, source_type)
        # Whether the pages can carry the data is known only by trying.
        await self._conversion.write(
            read.invoice, chosen.id, complete=read.source is Source.JSON, own_pdf=own.content
        )
        if chosen == read.format:
            taken = _as_it_is(read, chosen, choice.reason, source_type)
        else:
            taken = await self._converted(read, chosen, choice.reason, source_type)
        return replace(taken, pages=own.content)

    async def _choice(self, read: ReadDocument, wanted: str) -> Choice:
        if wanted != AUTO:
            return Choice(format_named(wanted), Reason.ASKED)
        receiver = _receiver(read.invoice)
        fallback = FORMATS[PREFERENCES[0]]
        as_it_is = None if read.source is Source.XML else read.format or fallback
        if receiver is None:
            return Choice(as_it_is, Reason.NOT_ON_NETWORK)
        try:
            registered = await self._lookup.registrations(receiver, at=self._now())
        except LookupFailed as failure:
            if failure.kind in _NOT_ON_NETWORK:
                return Choice(as_it_is, Reason.NOT_ON_NETWORK)
            return Choice(fallback, Reason.UNKNOWN)
        return choose(read.invoice.kind, read.document_type, registered)

    async def _converted(
        self, read: ReadDocument, wanted: Format, reason: Reason, source_type: str
    ) -> Taken:
        converted = await self._conversion.write(
            read.invoice, wanted.id, complete=read.source is Source.JSON, bare=True
        )
        if read.source is Source.JSON:
            _require_sums(converted.invoice)
        _require_whole(converted)
        account = account_of(replace(converted, unread=read.unread), lang="en", most=LISTED)
        facts = format_facts(read, wanted, reason, account)
        return Taken(converted.content, source_type, facts, _pdf_format(wanted))


def _as_it_is(read: ReadDocument, sent: Format | None, reason: Reason, source_type: str) -> Taken:
    return Taken(read.inner, source_type, format_facts(read, sent, reason), _pdf_format(sent))


def _pdf_format(sent: Format | None) -> str | None:
    return sent.id if sent is not None and sent.attachment is not None else None


def _own_format(read: ReadDocument) -> Format:
    """The format an XML document names itself by; raises GatewayError CONVERSION-FORMAT."""
    if read.format is None:
        raise GatewayError(
            FORMAT_UNKNOWN,
            "A PDF goes into an invoice by writing it anew, and the format this one names is not "
            "written here. Say which it is to be: format=peppol-bis-3, for instance.",
        )
    return read.format


def _type_of(spool: Spool, media_type: str) -> str:
    """What was submitted by its beginning; a caller's label is believed for JSON only."""
    spool.seek(0)
    head = spool.read(_HEAD)
    spool.seek(0)
    if media_type == _JSON or head.lstrip().startswith(b"{"):
        return _JSON
    return _PDF if b"%PDF-" in head else "application/xml"


def _receiver(invoice: Invoice) -> ParticipantId | None:
    """Whom the network would be asked about; None for a buyer without an electronic address."""
    address = invoice.buyer.electronic_address if invoice.buyer else None
    if address is None or not address.scheme:
        return None
    try:
        return ParticipantId.of(f"{address.scheme}:{address.value}")
    except IdentifierInvalid:
        return None


def _require_sums(invoice: Invoice) -> None:
    """Refuse data that no total follows from, naming what is missing; raises InvoiceRefused."""
    missing = gaps(invoice)
    if not missing:
        return
    raise InvoiceRefused(
        JSON_INVALID,
        f"{len(missing)} thing(s) are missing to make an invoice of the JSON. First, at "
        f"'{missing[0].pointer}': {missing[0].advice}",
        problems=[
            {
                "code": "JSON-INCOMPLETE",
                "pointer": one.pointer,
                "term": one.term,
                "message": one.advice,
            }
            for one in missing[:MAX_PROBLEMS]
        ],
    )


def _require_whole(converted: Converted) -> None:
    """Refuse to send another invoice than the one submitted; raises InvoiceRefused."""
    gone = essential(converted.lost)
    if not gone:
        return
    terms = ", ".join(dict.fromkeys(one.term or one.path for one in gone))
    raise InvoiceRefused(
        TOO_MUCH_LOST,
        f"{converted.format.title} cannot hold {terms[:300]} as the invoice says it. Choose a "
        "format that holds more, or change the invoice.",
        problems=[loss(one, Localized("en")) for one in gone[:LISTED]],
        format=converted.format.id,
    )
