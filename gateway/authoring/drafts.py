"""Drafts as a use case: begin, save, copy, throw away, send. The form is elsewhere."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final, cast
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute, defer
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.access.principal import Principal
from gateway.access.service import audit
from gateway.authoring.checking import Checked, check_draft
from gateway.authoring.errors import (
    DRAFT_NOT_COPIED,
    DRAFT_SENT,
    DraftChanged,
    DraftNotReady,
)
from gateway.authoring.form import Json
from gateway.authoring.holding import buyer_address, enclosed, hold, shaped, submittable, typed
from gateway.authoring.starting import (
    blank,
    credit,
    duplicate,
    kind_of_type,
    named_seller,
    next_number,
)
from gateway.authoring.tables import Draft, DraftKey, Once, Origin
from gateway.conversion.choosing import AUTO
from gateway.conversion.errors import NO_INVOICE, UNREADABLE
from gateway.conversion.reading import ReadDocument
from gateway.conversion.service import Conversion
from gateway.conversion.writing import format_named
from gateway.core.clock import BusinessClock, MachineClock
from gateway.core.database import Database
from gateway.core.errors import GatewayError
from gateway.core.http import IDEMPOTENCY_CONFLICT, NOT_FOUND
from gateway.core.ids import new_id
from gateway.exchange.archive import Archive
from gateway.exchange.states import TransportState
from gateway.exchange.submission import Submission, Submitted
from gateway.exchange.tables import Direction, Document, DocumentKind, IdempotencyKey
from gateway.network.queries import participants
from gateway.receivables.tables import Customer
from ubl.model import Buyer, Identifier, Invoice, Seller
from ubl.model_json import invoice_to_json

__all__ = ["Drafts"]

_SCOPE: Final = "documents:send"
_BILLS: Final = (DocumentKind.INVOICE, DocumentKind.CREDIT_NOTE)
_JSON: Final = "application/json"
_SHOWN: Final = 100
# A list of drafts with enclosures would be gigabytes.
_HEADS: Final = tuple(
    defer(cast("InstrumentedAttribute[Any]", one), raiseload=True)
    for one in (Draft.invoice, Draft.unread)
)


class Drafts:
    """The use case of writing an invoice by hand."""

    def __init__(
        self,
        *,
        database: Database,
        archive: Archive,
        conversion: Conversion,
        submission: Submission,
        business: BusinessClock,
        now: MachineClock,
    ) -> None:
        self._database = database
        self._archive = archive
        self._conversion = conversion
        self._submission = submission
        self._business = business
        self._now = now

    async def all(self, caller: Principal) -> Sequence[Draft]:
        """The account's drafts without what is in them, worked on last first; at most 100."""
        caller.require(_SCOPE)
        async with self._database.read() as session:
            found = await session.exec(
                select(Draft)
                .where(Draft.tenant_id == caller.tenant_id)
                .order_by(col(Draft.updated_at).desc(), col(Draft.id))
                .limit(_SHOWN)
                .options(*_HEADS)
            )
            return found.all()

    async def page(self, caller: Principal, *, before: UUID | None, limit: int) -> Sequence[Draft]:
        """Up to ``limit`` drafts without what is in them, the newest first; after ``before``."""
        caller.require(_SCOPE)
        query = select(Draft).where(Draft.tenant_id == caller.tenant_id).options(*_HEADS)
        if before is not None:
            query = query.where(col(Draft.id) < before)
        async with self._database.read() as session:
            return (await session.exec(query.order_by(col(Draft.id).desc()).limit(limit))).all()

    async def get(self, caller: Principal, draft_id: UUID) -> Draft:
        """One draft; raises GatewayError NOT-FOUND."""
        caller.require(_SCOPE)
        async with self._database.read() as session:
            return await _own(session, caller, draft_id)

    async def begun(self, caller: Principal, once: Once) -> Draft | None:
        """What was begun under this key before, None for a new one.

        Raises GatewayError IDEMPOTENCY-CONFLICT where it began another draft, and NOT-FOUND where
        the draft was sent or thrown away since.
        """
        caller.require(_SCOPE)
        async with self._database.read() as session:
            known = await session.get(DraftKey, (caller.tenant_id, once.key))
            if known is None:
                return None
            if known.fingerprint != once.fingerprint:
                raise GatewayError(
                    IDEMPOTENCY_CONFLICT,
                    f"The Idempotency-Key '{once.key}' already began draft {known.draft_id} from "
                    "something else. Use a fresh key for a new draft.",
                    draft=str(known.draft_id),
                )
            return await _own(session, caller, known.draft_id)

    async def begin(self, caller: Principal, *, once: Once | None = None) -> Draft:
        """An empty invoice, with the seller and the terms of the last one sent.

        ``once`` makes the same request again give the same draft, here and in ``copy`` and
        ``take_over``; they raise what ``begun`` raises.
        """
        caller.require(_SCOPE)
        last = await self._last(caller, Document.kind == DocumentKind.INVOICE)
        invoice = blank(seller=await self._seller(caller), last=last, today=self._business.today())
        return await self._keep(caller, shaped(invoice), Origin.BLANK, once=once)

    async def copy(
        self,
        caller: Principal,
        document_id: UUID,
        *,
        crediting: bool,
        once: Once | None = None,
    ) -> Draft:
        """A copy of an invoice that was sent, or a credit note for it.

        Raises GatewayError NOT-FOUND, DRAFT-NOT-COPIED for any other document, and
        DRAFT-TOO-LONG.
        """
        caller.require(_SCOPE)
        async with self._database.read() as session:
            document = await session.get(Document, document_id)
        if document is None or document.tenant_id != caller.tenant_id:
            raise GatewayError(NOT_FOUND, "There is no such document in this account.")
        copied = (DocumentKind.INVOICE,) if crediting else _BILLS
        if document.direction is not Direction.OUT or document.kind not in copied:
            raise GatewayError(
                DRAFT_NOT_COPIED,
                "Only an invoice this account sent can be credited or sent again as a new one.",
            )
        invoice = await self._read(document)
        kind = DocumentKind.CREDIT_NOTE if crediting else document.kind
        last = await self._last(caller, Document.kind == kind) or await self._last(
            caller, Document.kind == DocumentKind.INVOICE
        )
        make, today = (credit if crediting else duplicate), self._business.today()
        number = next_number(last.number if last else None)
        made = shaped(make(invoice, number=number, today=today))
        origin = Origin.CREDIT if crediting else Origin.COPY
        return await self._keep(caller, made, origin, document_id=document.id, once=once)

    async def take_over(
        self,
        caller: Principal,
        content: bytes,
        *,
        file_name: str,
        media_type: str,
        once: Once | None = None,
    ) -> Draft:
        """A draft from a file: an invoice in any format, or a PDF that goes with the invoice.

        Raises GatewayError DRAFT-TOO-LONG, DRAFT-KIND, and what ``Conversion.read`` raises.
        """
        caller.require(_SCOPE)
        try:
            read = await self._conversion.read(content, media_type=media_type)
        except GatewayError as error:
            if error.kind not in (NO_INVOICE, UNREADABLE) or not content.startswith(b"%PDF-"):
                raise
            last = await self._last(caller, Document.kind == DocumentKind.INVOICE)
            seller = await self._seller(caller)
            start = shaped(blank(seller=seller, last=last, today=self._business.today()))
            start["supporting_documents"] = [enclosed(content, file_name, "application/pdf")]
            return await self._keep(caller, start, Origin.UPLOAD, once=once)
        return await self._keep(
            caller,
            shaped(typed(read.invoice)),
            Origin.UPLOAD,
            unread=list(read.unread),
            wanted=_wanted(read) or AUTO,
            once=once,
        )

    async def replace(
        self, caller: Principal, draft_id: UUID, content: bytes, *, version: int
    ) -> Draft:
        """Put an invoice as JSON in the place of what a draft holds.

        The format stays as it is where the JSON names none. Raises GatewayError DRAFT-CHANGED
        where ``version`` is not the one kept, DRAFT-TOO-LONG, DRAFT-KIND and INVOICE-JSON.
        """
        known = await self.get(caller, draft_id)
        read = await self._conversion.read(content, media_type=_JSON)
        return await self.save(
            caller,
            draft_id,
            version=version,
            tab=f"program:{new_id()}",
            held=shaped(typed(read.invoice)),
            wanted=_wanted(read) or known.wanted,
        )

    async def save(
        self, caller: Principal, draft_id: UUID, *, version: int, tab: str, held: Json, wanted: str
    ) -> Draft:
        """Keep what a page holds; raises GatewayError DRAFT-CHANGED where another was faster.

        A page may save again what it saved itself, whichever of its answers it saw.
        """
        caller.require(_SCOPE)
        async with self._database.write() as session:
            draft = await _own(session, caller, draft_id, locked=True)
            if draft.version != version and draft.tab != tab:
                # What is told of the other version has to outlive the transaction.
                session.expunge(draft)
                raise DraftChanged(draft, held)
            hold(draft, held)
            draft.version += 1
            draft.tab = tab
            draft.wanted = wanted
            draft.updated_at = self._now()
            session.add(draft)
        return draft

    async def keep_apart(
        self, caller: Principal, draft_id: UUID, *, held: Json, wanted: str
    ) -> Draft:
        """Keep what a page holds as a new draft, beside the one that others changed."""
        known = await self.get(caller, draft_id)
        return await self._keep(
            caller, held, Origin.CONFLICT, document_id=known.document_id, wanted=wanted
        )

    async def discard(self, caller: Principal, draft_id: UUID) -> None:
        """Throw a draft away; raises GatewayError NOT-FOUND."""
        caller.require(_SCOPE)
        async with self._database.write() as session:
            draft = await _own(session, caller, draft_id, locked=True)
            await session.exec(delete(Draft).where(col(Draft.id) == draft.id))
            audit(session, caller, action="draft.discarded", object=str(draft_id))

    async def check(self, caller: Principal, draft: Draft, *, lang: str) -> Checked:
        """What the draft comes to, and what is wrong with it."""
        return await check_draft(self._conversion, caller.tenant_id, draft, lang=lang)

    async def issue(self, caller: Principal, draft: Draft, *, lang: str) -> Submitted:
        """Send a draft the rules allow to be sent.

        Raises DraftNotReady (GatewayError DRAFT-NOT-READY) for any other, what kept it from being
        judged, and what ``send`` raises.
        """
        checked = await self.check(caller, draft, lang=lang)
        if checked.failure is not None:
            raise checked.failure
        if not checked.valid:
            raise DraftNotReady(checked)
        return await self.send(caller, draft)

    async def issued(self, caller: Principal, draft_id: UUID) -> Document | None:
        """The document a draft became; None where it was not sent."""
        caller.require(_SCOPE)
        async with self._database.read() as session:
            found = await session.exec(
                select(Document)
                .join(IdempotencyKey, col(Document.id) == col(IdempotencyKey.document_id))
                .where(
                    IdempotencyKey.tenant_id == caller.tenant_id,
                    col(IdempotencyKey.key).startswith(f"draft:{draft_id}:"),
                    Document.transport != TransportState.REFUSED,
                )
                .limit(1)
            )
            return found.first()

    async def send(self, caller: Principal, draft: Draft) -> Submitted:
        """Put the invoice on its way; the draft is gone then. Twice is once.

        One draft becomes one document, whichever page or process is faster; only what the rules
        refused may be corrected and sent again. What somebody saved while it was sent stays.
        Raises GatewayError DRAFT-SENT for a draft that was sent with other content, what
        ``Submission.submit`` raises, and JsonRefused for an unreadable draft.
        """
        content = await asyncio.to_thread(submittable, draft.invoice)
        try:
            submitted = await self._submission.submit(
                caller,
                content,
                wanted=draft.wanted,
                media_type=_JSON,
                idempotency_key=await self._key(caller, draft),
                file_name=f"{draft.number or 'invoice'}.json",
            )
        except GatewayError as error:
            if error.kind is not IDEMPOTENCY_CONFLICT:
                raise
            raise GatewayError(
                DRAFT_SENT,
                "This draft was sent already, with other content. Look in the outbox; to send what "
                "is here as another invoice, keep it as a draft of its own and change its number.",
                **error.facts,
            ) from None
        if not submitted.refused:
            await self._remove(draft)
        return submitted

    async def _remove(self, sent: Draft) -> None:
        """Take away what was sent; an invoice that is another by now is somebody's work."""
        async with self._database.write() as session:
            kept = await session.get(Draft, sent.id, with_for_update=True)
            if kept is not None and kept.invoice == sent.invoice:
                await session.delete(kept)

    async def _key(self, caller: Principal, draft: Draft) -> str:
        """The key of the draft's next submission: another one only after a refusal."""
        start = f"draft:{draft.id}:"
        async with self._database.read() as session:
            found = await session.exec(
                select(func.count())
                .select_from(IdempotencyKey)
                .join(Document, col(Document.id) == col(IdempotencyKey.document_id))
                .where(
                    IdempotencyKey.tenant_id == caller.tenant_id,
                    col(IdempotencyKey.key).startswith(start),
                    Document.transport == TransportState.REFUSED,
                )
            )
            return f"{start}{found.one()}"

    async def customers(self, caller: Principal) -> Sequence[Customer]:
        """Whom the account invoiced before, by name; at most 100."""
        caller.require(_SCOPE)
        async with self._database.read() as session:
            found = await session.exec(
                select(Customer)
                .where(Customer.tenant_id == caller.tenant_id)
                .order_by(col(Customer.name), col(Customer.id))
                .limit(_SHOWN)
            )
            return found.all()

    async def buyer(self, caller: Principal, customer_id: UUID) -> Json:
        """A customer as buyer (BG-7), as the last invoice to it said.

        Raises GatewayError NOT-FOUND.
        """
        caller.require(_SCOPE)
        async with self._database.read() as session:
            customer = await session.get(Customer, customer_id)
        if customer is None or customer.tenant_id != caller.tenant_id:
            raise GatewayError(NOT_FOUND, "There is no such customer in this account.")
        last = await self._last(caller, Document.receiver == customer.participant)
        buyer = last.buyer if last is not None else None
        if buyer is None:
            buyer = Buyer(
                name=customer.name, electronic_address=buyer_address(customer.participant)
            )
        held: Json = invoice_to_json(Invoice(kind=kind_of_type(None), buyer=buyer))["buyer"]
        return held

    async def _seller(self, caller: Principal) -> Seller | None:
        async with self._database.read() as session:
            found = await participants(session, caller.tenant_id, after=None, limit=1)
        if not found:
            return None
        own = found[0]
        scheme, _, value = own.value.partition(":")
        return named_seller(own.name, own.country, Identifier(value, scheme))

    async def _last(self, caller: Principal, narrowed: Any) -> Invoice | None:
        """The invoice sent last that fits, None without one or where it cannot be read."""
        async with self._database.read() as session:
            found = await session.exec(
                select(Document)
                .where(
                    Document.tenant_id == caller.tenant_id,
                    Document.direction == Direction.OUT,
                    col(Document.kind).in_(_BILLS),
                    narrowed,
                )
                .order_by(col(Document.created_at).desc(), col(Document.id).desc())
                .limit(1)
            )
            document = found.first()
        if document is None:
            return None
        try:
            return await self._read(document)
        except GatewayError:
            return None

    async def _read(self, document: Document) -> Invoice:
        async with self._database.read() as session:
            content = await self._archive.fetch(session, document.content_id)
        return (await self._conversion.read(content)).invoice

    async def _keep(
        self,
        caller: Principal,
        held: Json,
        origin: Origin,
        *,
        document_id: UUID | None = None,
        unread: list[str] | None = None,
        wanted: str = AUTO,
        once: Once | None = None,
    ) -> Draft:
        if once is not None and (known := await self.begun(caller, once)):
            return known
        at = self._now()
        draft = Draft(
            tenant_id=caller.tenant_id,
            origin=origin,
            document_id=document_id,
            invoice={},
            wanted=wanted,
            unread=unread or [],
            created_by=caller.actor[:300],
            created_at=at,
            updated_at=at,
        )
        hold(draft, held)
        try:
            async with self._database.write() as session:
                session.add(draft)
                if once is not None:
                    session.add(
                        DraftKey(
                            tenant_id=caller.tenant_id,
                            key=once.key,
                            fingerprint=once.fingerprint,
                            draft_id=draft.id,
                            created_at=at,
                        )
                    )
        except IntegrityError:
            # Another request with the same key was faster; its draft is the draft.
            known = await self.begun(caller, once) if once is not None else None
            if known is None:
                raise
            return known
        return draft


async def _own(
    session: AsyncSession, caller: Principal, draft_id: UUID, *, locked: bool = False
) -> Draft:
    query = select(Draft).where(Draft.id == draft_id, Draft.tenant_id == caller.tenant_id)
    draft = (await session.exec(query.with_for_update() if locked else query)).first()
    if draft is None:
        raise GatewayError(
            NOT_FOUND, "There is no such draft; it was sent or thrown away. Look in the outbox."
        )
    return draft


def _wanted(read: ReadDocument) -> str:
    """The format the JSON asks for, empty without; raises GatewayError CONVERSION-FORMAT."""
    if read.wanted not in ("", AUTO):
        format_named(read.wanted)
    return read.wanted
