"""Everything that is kept about one document, gathered in one look at the database.

Rows only: what they point to is read afterwards, so that no transaction lasts as long as the
reading of large files.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.exchange.queries import (
    Dossier,
    attempts_of,
    dossier,
    receptions_of,
    transmissions_of,
)
from gateway.exchange.tables import Attempt, Document, Reception, StoredBlob, Transmission
from gateway.validation.tables import ValidationRun

__all__ = ["Case", "Journey", "case_of"]

_MAILS: Final = frozenset({"dispatch.sent", "dispatch.bounced"})
_FORMAT: Final = "format."


@dataclass(frozen=True, slots=True)
class Journey:
    """A document and the AS4 messages that carried it, with every try to send one."""

    document: Document
    transmissions: Sequence[Transmission]
    attempts: Mapping[UUID, Sequence[Attempt]]
    receptions: Sequence[Reception]

    def blob_ids(self) -> set[UUID]:
        """Everything these rows point to."""
        found: set[UUID | None] = {self.document.content_id}
        for sent in self.transmissions:
            found |= {sent.lookup_id, sent.envelope_id, sent.request_id, sent.receipt_id}
            found |= {one.answer_id for one in self.attempts[sent.id]}
        for received in self.receptions:
            found |= {received.request_id, received.envelope_id, received.receipt_id}
            found.add(received.revocation_id)
        return {one for one in found if one is not None}


@dataclass(frozen=True, slots=True)
class Case:
    """One document, its answers, timeline and report, and the blobs all of them point to.

    ``source`` is what was submitted where that is not what was sent. ``mails`` are the e-mails
    that carried it outside Peppol and those that came back, in order.
    """

    main: Journey
    answers: Sequence[Journey]
    timeline: Sequence[Mapping[str, Any]]
    source: UUID | None
    mails: Sequence[UUID]
    report: Mapping[str, Any] | None
    blobs: Mapping[UUID, StoredBlob]


async def case_of(session: AsyncSession, tenant_id: UUID, document_id: UUID) -> Case:
    """Gather a document of the tenant; raises GatewayError NOT-FOUND."""
    found = await dossier(session, tenant_id, document_id)
    main = Journey(
        document=found.document,
        transmissions=found.transmissions,
        attempts=_grouped(found.transmissions, found.attempts),
        receptions=found.receptions,
    )
    answers = [await _journey(session, one) for one in found.answers]
    mails = [
        one.evidence_id
        for one in found.events
        if one.kind in _MAILS and one.evidence_id is not None
    ]
    source = next((one.evidence_id for one in found.events if one.kind.startswith(_FORMAT)), None)
    report = None
    if found.document.validation_id is not None:
        report = (await session.get_one(ValidationRun, found.document.validation_id)).report
    return Case(
        main=main,
        answers=answers,
        timeline=_timeline(found),
        source=source,
        mails=mails,
        report=report,
        blobs=await _blobs(session, [main, *answers], [*mails, *filter(None, [source])]),
    )


async def _journey(session: AsyncSession, document: Document) -> Journey:
    transmissions = await transmissions_of(session, document.id)
    return Journey(
        document=document,
        transmissions=transmissions,
        attempts=_grouped(transmissions, await attempts_of(session, transmissions)),
        receptions=await receptions_of(session, document.id),
    )


def _grouped(
    transmissions: Sequence[Transmission], attempts: Sequence[Attempt]
) -> dict[UUID, list[Attempt]]:
    return {
        sent.id: [one for one in attempts if one.transmission_id == sent.id]
        for sent in transmissions
    }


def _timeline(found: Dossier) -> list[dict[str, Any]]:
    return [
        {"at": one.at.isoformat(), "group": one.group.value, "kind": one.kind, "facts": one.facts}
        for one in found.events
    ]


async def _blobs(
    session: AsyncSession, journeys: Sequence[Journey], mails: Sequence[UUID]
) -> dict[UUID, StoredBlob]:
    wanted = set(mails).union(*(one.blob_ids() for one in journeys))
    rows = await session.exec(select(StoredBlob).where(col(StoredBlob.id).in_(wanted)))
    return {row.id: row for row in rows}
