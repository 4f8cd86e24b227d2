"""Drafts as a use case: begin, save, copy, throw away, send. The form is elsewhere."""

import asyncio
import base64
import json
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import delete
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.access.principal import Principal
from gateway.access.service import audit
from gateway.authoring.checking import Checked, check_draft, invoice_of
from gateway.authoring.errors import DRAFT_CHANGED, DRAFT_NOT_COPIED, DRAFT_SENT, DRAFT_TOO_LONG
from gateway.authoring.form import MAX_ROWS, Json
from gateway.authoring.starting import (
    blank,
    credit,
    duplicate,
    kind_of_type,
    named_seller,
    next_number,
)
from gateway.authoring.tables import Draft, Origin
from gateway.conversion.errors import NO_INVOICE, UNREADABLE
from gateway.conversion.service import Conversion
from gateway.core.clock import BusinessClock, MachineClock
from gateway.core.database import Database
from gateway.core.errors import GatewayError
from gateway.core.http import IDEMPOTENCY_CONFLICT, NOT_FOUND
from gateway.exchange.archive import Archive
from gateway.exchange.states import TransportState
from gateway.exchange.submission import Submission, Submitted
from gateway.exchange.tables import Direction, Document, DocumentKind, IdempotencyKey
from gateway.network.queries import participants
from gateway.receivables.tables import Customer
from ubl.model import Attachment, Buyer, Identifier, Invoice, Seller, SupportingDocument
from ubl.model_json import invoice_to_json
from ubl.totals import with_rate

__all__ = ["Drafts", "enclosed"]

_SCOPE: Final = "documents:send"
_BILLS: Final = (DocumentKind.INVOICE, DocumentKind.CREDIT_NOTE)
_JSON: Final = "application/json"
_SHOWN: Final = 100
_MOST_ENCLOSED: Final = 28 * 1024 * 1024
"""Two of the largest files: every save writes all of them anew."""
_ACCOUNTING: Final = "vat_in_accounting_currency"


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
        """The account's drafts, the one worked on last first; at most 100."""
        caller.require(_SCOPE)
        async with self._database.read() as session:
            found = await session.exec(
                select(Draft)
                .where(Draft.tenant_id == caller.tenant_id)
                .order_by(col(Draft.updated_at).desc(), col(Draft.id))
                .limit(_SHOWN)
            )
            return found.all()

    async def get(self, caller: Principal, draft_id: UUID) -> Draft:
        """One draft; raises GatewayError NOT-FOUND."""
        caller.require(_SCOPE)
        async with self._database.read() as session:
            return await _own(session, caller, draft_id)

    async def begin(self, caller: Principal) -> Draft:
        """An empty invoice, with the seller and the terms of the last one sent."""
        caller.require(_SCOPE)
        last = await self._last(caller, Document.kind == DocumentKind.INVOICE)
        invoice = blank(seller=await self._seller(caller), last=last, today=self._business.today())
        return await self._keep(caller, _draft(invoice), Origin.BLANK)

    async def copy(self, caller: Principal, document_id: UUID, *, crediting: bool) -> Draft:
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
        made = _draft(make(invoice, number=number, today=today))
        origin = Origin.CREDIT if crediting else Origin.COPY
        return await self._keep(caller, made, origin, document_id=document.id)

    async def take_over(
        self, caller: Principal, content: bytes, *, file_name: str, media_type: str
    ) -> Draft:
        """A draft from a file: an invoice in any format, or a PDF that goes with the invoice.

        Raises GatewayError DRAFT-TOO-LONG and what ``Conversion.read`` raises.
        """
        caller.require(_SCOPE)
        try:
            read = await self._conversion.read(content, media_type=media_type)
        except GatewayError as error:
            if error.kind not in (NO_INVOICE, UNREADABLE) or not content.startswith(b"%PDF-"):
                raise
            last = await self._last(caller, Document.kind == DocumentKind.INVOICE)
            seller = await self._seller(caller)
            start = _draft(blank(seller=seller, last=last, today=self._business.today()))
            start["supporting_documents"] = [enclosed(content, file_name, "application/pdf")]
            return await self._keep(caller, start, Origin.UPLOAD)
        return await self._keep(
            caller, _draft(read.invoice), Origin.UPLOAD, unread=list(read.unread)
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
                raise GatewayError(
                    DRAFT_CHANGED,
                    "The draft was saved on another page in the meantime. Open it again, or keep "
                    "what is on this page as a draft of its own.",
                    draft=str(draft_id),
                )
            draft.version += 1
            draft.tab = tab
            draft.wanted = wanted
            draft.updated_at = self._now()
            _hold(draft, held)
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

    async def send(self, caller: Principal, draft: Draft) -> Submitted:
        """Put the invoice on its way; the draft is gone then. Twice is once.

        One draft becomes one document, whichever page or process is faster; only what the rules
        refused may be corrected and sent again. Raises GatewayError DRAFT-SENT for a draft that
        was sent with other content, what ``Submission.submit`` raises, and JsonRefused for an
        unreadable draft.
        """
        content = await asyncio.to_thread(_submittable, draft.invoice)
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
            async with self._database.write() as session:
                await session.exec(delete(Draft).where(col(Draft.id) == draft.id))
        return submitted

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
            buyer = Buyer(name=customer.name, electronic_address=_endpoint(customer.participant))
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
        wanted: str = "auto",
    ) -> Draft:
        if len(held.get("lines", ())) > MAX_ROWS:
            raise GatewayError(
                DRAFT_TOO_LONG,
                f"The invoice has {len(held['lines'])} lines; a form holds {MAX_ROWS}. Send it as "
                "a file instead.",
            )
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
        _hold(draft, held)
        async with self._database.write() as session:
            session.add(draft)
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


def _submittable(held: Json) -> bytes:
    return json.dumps({"invoice": invoice_to_json(invoice_of(held))}).encode()


def _hold(draft: Draft, held: Json) -> None:
    """Put an invoice into its row; raises GatewayError DRAFT-TOO-LONG for too large enclosures."""
    size = sum(
        len((one.get("attachment") or {}).get("encoded") or "")
        for one in held.get("supporting_documents", ())
    )
    if size > _MOST_ENCLOSED:
        raise GatewayError(
            DRAFT_TOO_LONG,
            f"The enclosures have more than {_MOST_ENCLOSED // 1024 // 1024} MB together, counted "
            "as they are sent (Base64). Take some out, or send the invoice as a file.",
        )
    draft.invoice = held
    draft.number = str(held.get("number") or "")[:200]
    draft.buyer_name = str((held.get("buyer") or {}).get("name") or "")[:300]


def _draft(invoice: Invoice) -> Json:
    """An invoice as a draft holds it: without what is worked out and without its own currency."""
    held = invoice_to_json(with_rate(invoice))
    totals = {
        name: held["totals"][name]
        for name in ("paid", "rounding", _ACCOUNTING)
        if name in held.get("totals", {})
    }
    held.pop("totals", None)
    if totals:
        held["totals"] = totals
    found: Json = _without_currency(held, held.get("currency"))
    return found


def _without_currency(value: Any, currency: str | None, name: str = "") -> Any:
    if isinstance(value, list):
        return [_without_currency(one, currency) for one in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"value", "currency"} and value["currency"] == currency:
        return value if name == _ACCOUNTING else {"value": value["value"]}
    return {inner: _without_currency(one, currency, inner) for inner, one in value.items()}


def enclosed(content: bytes, file_name: str, media_type: str) -> Json:
    """A file as a supporting document (BG-24) of a draft."""
    document = SupportingDocument(
        reference=file_name[:100] or "1",
        attachment=Attachment(
            encoded=base64.b64encode(content).decode(),
            mime_type=media_type,
            file_name=file_name[:200] or None,
        ),
    )
    whole = Invoice(kind=kind_of_type(None), supporting_documents=(document,))
    first: Json = invoice_to_json(whole)["supporting_documents"][0]
    return first


def _endpoint(participant: str) -> Identifier | None:
    scheme, _, value = participant.rpartition("::")[2].partition(":")
    return Identifier(value, scheme) if value and scheme.isdigit() else None
