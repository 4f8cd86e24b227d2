"""Replacing a certificate or an address wherever our SMP publishes it, at one moment.

A capability without a certificate of its own follows its seat's key by itself; this is for those
that name another access point. A change is looked at first (preview), then written down with its
moment, and applied once by a job.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from cryptography import x509
from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.access.principal import Principal
from gateway.access.service import audit
from gateway.core.database import Database
from gateway.core.errors import ErrorKind, GatewayError
from gateway.core.http import NOT_FOUND
from gateway.core.jobs.queue import JobQueue
from gateway.core.jobs.registry import JobContext, Registry
from gateway.core.settings import Stage
from gateway.network.participants import PUBLICATION_INVALID
from gateway.network.pki import Purpose, fingerprint
from gateway.network.registration_states import ChangeState
from gateway.network.service import Network
from gateway.network.sml import is_web_address
from gateway.network.tables import Capability, Participant, PublicationChange

__all__ = [
    "CERTIFICATE",
    "CHANGE_APPLIED",
    "ENDPOINT",
    "Affected",
    "PublicationChanges",
    "Replacement",
    "register_jobs",
]

APPLY: Final = "network.publication-change"
CERTIFICATE: Final = "certificate"
ENDPOINT: Final = "endpoint"
_SHOWN: Final = 500

CHANGE_APPLIED: Final = ErrorKind("PUBLICATION-CHANGE-OVER", "The change is over", 409)


@dataclass(frozen=True, slots=True)
class Replacement:
    """What replaces what: certificates as fingerprint and PEM, endpoints as addresses."""

    what: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Affected:
    """Something published that a change reaches."""

    capability: Capability
    participant: Participant


class PublicationChanges:
    """Bulk changes of what is published; the operator's reach every account."""

    def __init__(self, *, database: Database, network: Network, queue: JobQueue) -> None:
        self._database = database
        self._network = network
        self._queue = queue

    async def certificate(self, old: str, new_pem: str) -> Replacement:
        """A replacement of certificates; ``old`` is a PEM or a SHA-256 fingerprint.

        Raises GatewayError PUBLICATION-INVALID for what is no access point's certificate here.
        """
        if "BEGIN CERTIFICATE" in old:
            old = fingerprint(_read_pem(old))
        new = _read_pem(new_pem)
        judgement = await self._network.trust.judge(new, purpose=Purpose.AP, at=self._network.now())
        verdict = judgement.verdict
        if not verdict.ok:
            raise _invalid(f"The new certificate is refused: {verdict.message} ({verdict.code})")
        plain = old.replace(":", "").replace(" ", "").lower()
        if plain == fingerprint(new).replace(":", "").lower():
            raise _invalid("Old and new certificate are the same.")
        return Replacement(CERTIFICATE, plain, new_pem)

    def endpoint(self, old: str, new: str) -> Replacement:
        """A replacement of addresses. Raises GatewayError PUBLICATION-INVALID."""
        if not is_web_address(new, https_only=self._network.stage is Stage.PRODUCTION):
            raise _invalid("The new endpoint must be an https address.")
        if old == new:
            raise _invalid("Old and new address are the same.")
        return Replacement(ENDPOINT, old, new)

    async def preview(
        self, caller: Principal, replacement: Replacement, *, everywhere: bool
    ) -> Sequence[Affected]:
        """The first 500 publications the change would reach now; nothing is changed.

        ``everywhere`` looks through all accounts: whoever calls makes sure that an operator asks.
        """
        async with self._database.read() as session:
            tenant = None if everywhere else caller.tenant_id
            return await _affected(session, tenant, replacement)

    async def schedule(
        self,
        caller: Principal,
        replacement: Replacement,
        *,
        everywhere: bool,
        effective_at: datetime | None,
    ) -> PublicationChange:
        """Write the change down; a job applies it at ``effective_at`` (aware), at once without.

        ``everywhere`` reaches all accounts: whoever calls makes sure that an operator asks.
        """
        at = self._network.now()
        row = PublicationChange(
            tenant_id=caller.tenant_id,
            everywhere=everywhere,
            what=replacement.what,
            old=replacement.old,
            new=replacement.new,
            state=ChangeState.SCHEDULED,
            effective_at=effective_at or at,
            asked_by=caller.actor,
            created_at=at,
            updated_at=at,
        )
        async with self._database.write() as session:
            session.add(row)
            audit(
                session,
                caller,
                action=f"{row.what}-change.scheduled",
                object=str(row.id),
                old=row.old[:200],
                effective_at=row.effective_at.isoformat(),
            )
            await session.flush()
            await self._queue.enqueue(
                session,
                kind=APPLY,
                payload={"change_id": str(row.id)},
                run_at=effective_at,
                dedupe_key=f"{APPLY}:{row.id}",
            )
        return row

    async def page(self, caller: Principal, *, limit: int = 50) -> Sequence[PublicationChange]:
        """The account's changes, newest first."""
        async with self._database.read() as session:
            found = await session.exec(
                select(PublicationChange)
                .where(PublicationChange.tenant_id == caller.tenant_id)
                .order_by(col(PublicationChange.id).desc())
                .limit(limit)
            )
            return found.all()

    async def cancel(self, caller: Principal, change_id: UUID) -> PublicationChange:
        """Call a change off before its moment.

        Raises GatewayError NOT-FOUND or PUBLICATION-CHANGE-OVER.
        """
        async with self._database.write() as session:
            row = await session.get(PublicationChange, change_id, with_for_update=True)
            if row is None or row.tenant_id != caller.tenant_id:
                raise GatewayError(NOT_FOUND, "No change of this account has that id.")
            if row.state is not ChangeState.SCHEDULED:
                raise GatewayError(CHANGE_APPLIED, f"The change is {row.state.value} already.")
            row.state, row.updated_at = ChangeState.CANCELLED, self._network.now()
            audit(session, caller, action=f"{row.what}-change.cancelled", object=str(row.id))
        return row

    async def __call__(self, context: JobContext) -> None:
        """Apply one change, once."""
        async with self._database.write() as session:
            row = await session.get(
                PublicationChange, UUID(context.payload["change_id"]), with_for_update=True
            )
            if row is not None and row.state is ChangeState.SCHEDULED:
                tenant = None if row.everywhere else row.tenant_id
                replacement = Replacement(row.what, row.old, row.new)
                reached = await _affected(session, tenant, replacement, limit=None)
                for one in reached:
                    if row.what == CERTIFICATE:
                        one.capability.certificate_pem = row.new
                    else:
                        one.capability.endpoint_url = row.new
                    one.capability.updated_at = self._network.now()
                row.state, row.affected = ChangeState.APPLIED, len(reached)
                row.updated_at = self._network.now()
            await context.fence(session)


async def _affected(
    session: AsyncSession,
    tenant_id: UUID | None,
    replacement: Replacement,
    *,
    limit: int | None = _SHOWN,
) -> Sequence[Affected]:
    query = (
        select(Capability, Participant)
        .join(Participant, col(Participant.id) == col(Capability.participant_id))
        .order_by(col(Participant.id), col(Capability.id))
    )
    if tenant_id is not None:
        query = query.where(Capability.tenant_id == tenant_id)
    if replacement.what == ENDPOINT:
        query = query.where(Capability.endpoint_url == replacement.old)
        found = await session.exec(query.limit(limit))
        return [Affected(*one) for one in found.all()]
    # A PEM has no one spelling, so the fingerprints of the few distinct ones are compared.
    distinct = await session.exec(
        select(Capability.certificate_pem)
        .where(func.length(Capability.certificate_pem) > 0)
        .distinct()
    )
    same = [
        one
        for one in distinct.all()
        if one is not None and _plain_fingerprint(one) == replacement.old
    ]
    found = await session.exec(query.where(col(Capability.certificate_pem).in_(same)).limit(limit))
    return [Affected(*one) for one in found.all()]


def _plain_fingerprint(pem: str) -> str:
    certificate = x509.load_pem_x509_certificate(pem.encode())
    return fingerprint(certificate).replace(":", "").lower()


def _read_pem(text: str) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(text.encode())
    except ValueError:
        raise _invalid("The certificate is not readable PEM.") from None


def _invalid(fault: str) -> GatewayError:
    return GatewayError(PUBLICATION_INVALID, fault)


def register_jobs(registry: Registry, changes: PublicationChanges) -> None:
    """Say who applies changes at their moment."""
    registry.add(APPLY, changes)
