"""The timeline of a document: what happened, when, and the evidence for it.

Each function records one kind of entry in the transaction that makes it true. ``kind`` is a
stable word that the console translates; ``facts`` fill the sentence.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.exchange.tables import Document, Event, EventGroup

__all__ = ["accepted", "record", "refused"]


def record(
    session: AsyncSession,
    document: Document,
    group: EventGroup,
    kind: str,
    *,
    at: datetime,
    facts: Mapping[str, Any] | None = None,
    evidence_id: UUID | None = None,
) -> None:
    """Add one entry to a document's timeline, in the caller's transaction.

    ``kind`` is a stable name (``mls.received``) that the console words, ``at`` machine time,
    ``facts`` plain JSON values (amounts in minor units), ``evidence_id`` the blob that proves it.
    """
    session.add(
        Event(
            tenant_id=document.tenant_id,
            document_id=document.id,
            group=group,
            kind=kind,
            facts=dict(facts or {}),
            evidence_id=evidence_id,
            at=at,
        )
    )


def accepted(session: AsyncSession, document: Document, report: Mapping[str, Any]) -> None:
    """The document was checked, found valid and taken for delivery."""
    _judged(session, document, "document.accepted", report)


def refused(session: AsyncSession, document: Document, report: Mapping[str, Any]) -> None:
    """The document was checked and will not be sent."""
    _judged(session, document, "document.refused", report)


def _judged(
    session: AsyncSession, document: Document, kind: str, report: Mapping[str, Any]
) -> None:
    record(
        session,
        document,
        EventGroup.TRANSPORT,
        kind,
        at=document.created_at,
        facts={
            "fatal": report["counts"]["fatal"],
            "warnings": report["counts"]["warning"],
            "rulesets": [one["id"] for one in report["rulesets"]],
        },
    )
