"""What was acknowledged but could not be routed still reaches the inbox, as it arrived.

The last resort of the routing job: a message that no attempt could read or judge is shown to the
business with the error, instead of lying where nobody looks.
"""

from datetime import datetime
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.core.jobs.backoff import JobError
from gateway.exchange import timeline
from gateway.exchange.states import BusinessState, NetworkState, PaymentState, TransportState
from gateway.exchange.tables import Direction, Document, DocumentKind, EventGroup, Reception

__all__ = ["salvage"]


async def salvage(
    session: AsyncSession, reception_id: UUID, error: JobError, *, at: datetime
) -> Document | None:
    """Put the received envelope into the inbox in the transaction that gives up routing it.

    None where its document is there already.
    """
    reception = await session.get_one(Reception, reception_id, with_for_update=True)
    if reception.document_id is not None:
        return None
    document = Document(
        tenant_id=reception.tenant_id,
        direction=Direction.IN,
        kind=DocumentKind.OTHER,
        number=reception.sbdh_id,
        sender=reception.sender,
        receiver=reception.receiver,
        document_type="",
        process="",
        sbdh_id=reception.sbdh_id,
        content_id=reception.envelope_id,
        transport=TransportState.RECEIVED,
        network=NetworkState.NONE,
        business=BusinessState.UNANSWERED,
        payment=PaymentState.NONE,
        failure_code=error.code,
        failure_text=error.text,
        created_at=at,
        updated_at=at,
    )
    session.add(document)
    await session.flush()
    reception.document_id = document.id
    timeline.record(
        session,
        document,
        EventGroup.TRANSPORT,
        "document.unrouted",
        at=at,
        facts={"code": error.code, "text": error.text, "message_id": reception.message_id},
        evidence_id=reception.receipt_id,
    )
    return document
