"""What happens to a participant after it was registered: amended, suspended, removed, redirected.

Every change is bounded by the caller's tenant and written to the audit log in its transaction.
What a participant accepts is published by participants.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509
from sqlmodel import col, delete

from gateway.access.principal import Principal
from gateway.access.service import audit
from gateway.as4.identifiers import DocumentTypeId, ParticipantId
from gateway.core.alarms import clear_alarm
from gateway.core.database import Database
from gateway.core.errors import ErrorKind, GatewayError
from gateway.core.settings import Stage
from gateway.network import queries
from gateway.network.business_card import BusinessEntity
from gateway.network.identification_service import IDENTIFICATION_DUE
from gateway.network.participants import PUBLICATION_INVALID, PUBLICATION_UNKNOWN, require_own
from gateway.network.service import Network
from gateway.network.sml import is_web_address
from gateway.network.sml_registration import SmlRegistrar
from gateway.network.tables import (
    BusinessCardRow,
    Capability,
    Participant,
    PublishedRedirect,
)

__all__ = ["PARTICIPANT_TIMES", "Amendment", "ParticipantChanges", "Published"]

PARTICIPANT_TIMES: Final = ErrorKind(
    "PARTICIPANT-TIMES", "The participant would be served at no time", 422
)


@dataclass(frozen=True, slots=True)
class Amendment:
    """What is to be true of a participant; times are aware UTC, None is unbounded."""

    name: str
    country: str
    serves_from: datetime | None
    serves_until: datetime | None


@dataclass(frozen=True, slots=True)
class Published:
    """A participant with everything our SMP knows of it."""

    participant: Participant
    capabilities: Sequence[Capability]
    redirects: Sequence[PublishedRedirect]
    card: BusinessCardRow | None


class ParticipantChanges:
    """Changes participants of tenants."""

    def __init__(self, *, database: Database, network: Network, registrar: SmlRegistrar) -> None:
        self._database = database
        self._network = network
        self._registrar = registrar

    async def show(self, caller: Principal, participant: ParticipantId) -> Published:
        """One participant in full. Raises GatewayError PARTICIPANT-UNKNOWN."""
        async with self._database.read() as session:
            row = await require_own(session, caller.tenant_id, participant)
            return Published(
                row,
                await queries.capabilities(session, row),
                await queries.redirects(session, row),
                await session.get(BusinessCardRow, row.id),
            )

    async def amend(
        self, caller: Principal, participant: ParticipantId, wanted: Amendment
    ) -> Participant:
        """Change name, country and service times.

        Raises GatewayError PARTICIPANT-UNKNOWN or PARTICIPANT-TIMES.
        """
        start, end = wanted.serves_from, wanted.serves_until
        if start is not None and end is not None and end <= start:
            raise GatewayError(
                PARTICIPANT_TIMES, "The end of service must come after its beginning."
            )
        async with self._database.write() as session:
            row = await require_own(session, caller.tenant_id, participant)
            row.name, row.country = wanted.name, wanted.country
            row.serves_from, row.serves_until = start, end
            audit(session, caller, action="participant.amended", object=participant.value)
        return row

    async def suspend(
        self, caller: Principal, participant: ParticipantId, *, because: str
    ) -> Participant:
        """Keep a participant but serve it no longer; idempotent.

        ``because`` is for people, the first 300 characters are kept. Raises GatewayError
        PARTICIPANT-UNKNOWN.
        """
        async with self._database.write() as session:
            row = await require_own(session, caller.tenant_id, participant)
            if row.suspended_at is None:
                row.suspended_at = self._network.now()
                audit(session, caller, action="participant.suspended", object=participant.value)
            row.suspended_because = because[:300]
        return row

    async def resume(self, caller: Principal, participant: ParticipantId) -> Participant:
        """End a suspension; idempotent. Raises GatewayError PARTICIPANT-UNKNOWN."""
        async with self._database.write() as session:
            row = await require_own(session, caller.tenant_id, participant)
            if row.suspended_at is not None:
                row.suspended_at, row.suspended_because = None, ""
                audit(session, caller, action="participant.resumed", object=participant.value)
        return row

    async def remove(self, caller: Principal, participant: ParticipantId) -> None:
        """Remove a participant, what is published about it and its entry in the SML.

        Documents, identification records and moves stay. Raises GatewayError
        PARTICIPANT-UNKNOWN.
        """
        async with self._database.write() as session:
            row = await require_own(session, caller.tenant_id, participant)
            await self._registrar.removed(session, participant)
            for table in (Capability, PublishedRedirect, BusinessCardRow):
                await session.exec(delete(table).where(col(table.participant_id) == row.id))
            await session.delete(row)
            at = self._network.now()
            await clear_alarm(session, IDENTIFICATION_DUE, participant.value, at=at)
            audit(session, caller, action="participant.removed", object=participant.value)

    async def redirect(
        self,
        caller: Principal,
        participant: ParticipantId,
        document_type: DocumentTypeId,
        *,
        href: str,
        certificate_uid: str,
    ) -> PublishedRedirect:
        """Let another SMP answer for one document type, in place of what was published about it.

        Raises GatewayError PARTICIPANT-UNKNOWN or PUBLICATION-INVALID.
        """
        production = self._network.stage is Stage.PRODUCTION
        if not is_web_address(href, https_only=production):
            raise GatewayError(PUBLICATION_INVALID, "The redirect must lead to an https address.")
        try:
            x509.Name.from_rfc4514_string(certificate_uid)
        except ValueError:
            raise GatewayError(
                PUBLICATION_INVALID,
                "Give the subject name of the other SMP's certificate, such as "
                "CN=PSM000002,O=Example,C=BE.",
            ) from None
        async with self._database.write() as session:
            row = await require_own(session, caller.tenant_id, participant)
            for capability in await queries.capabilities(session, row, document_type):
                await session.delete(capability)
            for old in await queries.redirects(session, row, document_type):
                await session.delete(old)
            await session.flush()
            new = PublishedRedirect(
                tenant_id=row.tenant_id,
                participant_id=row.id,
                document_type=str(document_type),
                href=href,
                certificate_uid=certificate_uid,
                updated_at=self._network.now(),
            )
            session.add(new)
            audit(session, caller, action="redirect.published", object=participant.value)
        return new

    async def end_redirect(
        self, caller: Principal, participant: ParticipantId, document_type: DocumentTypeId
    ) -> None:
        """Redirect no longer.

        Raises GatewayError PARTICIPANT-UNKNOWN, or PUBLICATION-UNKNOWN where there is no redirect.
        """
        async with self._database.write() as session:
            row = await require_own(session, caller.tenant_id, participant)
            found = await queries.redirects(session, row, document_type)
            if not found:
                raise GatewayError(
                    PUBLICATION_UNKNOWN, "No redirect is published for this document type."
                )
            await session.delete(found[0])
            audit(session, caller, action="redirect.withdrawn", object=participant.value)

    async def set_card(
        self, caller: Principal, participant: ParticipantId, entities: Sequence[BusinessEntity]
    ) -> BusinessCardRow:
        """Publish the business card. Raises GatewayError PARTICIPANT-UNKNOWN."""
        plain = [one.model_dump(mode="json") for one in entities]
        async with self._database.write() as session:
            row = await require_own(session, caller.tenant_id, participant)
            card = await session.get(BusinessCardRow, row.id)
            if card is None:
                card = BusinessCardRow(
                    participant_id=row.id,
                    tenant_id=row.tenant_id,
                    entities=plain,
                    updated_at=self._network.now(),
                )
                session.add(card)
            card.entities, card.updated_at = plain, self._network.now()
            audit(session, caller, action="business-card.published", object=participant.value)
        return card

    async def withdraw_card(self, caller: Principal, participant: ParticipantId) -> None:
        """Show nothing to directories any more.

        Raises GatewayError PARTICIPANT-UNKNOWN, or PUBLICATION-UNKNOWN where there is no card.
        """
        async with self._database.write() as session:
            row = await require_own(session, caller.tenant_id, participant)
            card = await session.get(BusinessCardRow, row.id)
            if card is None:
                raise GatewayError(PUBLICATION_UNKNOWN, "There is no business card to withdraw.")
            await session.delete(card)
            audit(session, caller, action="business-card.withdrawn", object=participant.value)
