"""From when each certificate of our seats signs and is published: decided here, shared by all.

A renewed certificate decrypts as soon as its key is installed; it signs, and our SMP publishes
it, from the moment decided here. Every process of the instance follows the same decisions.
"""

import asyncio
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog
from aiohttp import web
from cryptography import x509
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import select

from gateway.access.audit import record
from gateway.core.database import Database
from gateway.core.errors import ErrorKind, GatewayError
from gateway.network.keys import KeyPair
from gateway.network.pki import fingerprint
from gateway.network.service import Network
from gateway.network.trust_tables import KeySchedule

__all__ = ["CERTIFICATE_UNKNOWN", "KEY_SCHEDULE_INVALID", "SCHEDULES", "KeySchedules"]

log = structlog.get_logger(__name__)

CERTIFICATE_UNKNOWN: Final = ErrorKind(
    "CERTIFICATE-UNKNOWN", "The seat has no such certificate", 404
)
KEY_SCHEDULE_INVALID: Final = ErrorKind(
    "KEY-SCHEDULE-INVALID", "The certificate cannot sign from then on", 422
)

_FOLLOW_S: Final = 30.0


class KeySchedules:
    """Reads and changes the decisions; one object per process."""

    def __init__(self, *, database: Database, network: Network) -> None:
        self._database = database
        self._network = network

    async def refresh(self) -> None:
        """Make this process act by the decisions in the database."""
        async with self._database.read() as session:
            rows = (await session.exec(select(KeySchedule))).all()
        self._network.start_keys({row.fingerprint: row.signs_from for row in rows})

    async def follow(self) -> None:
        """Refresh twice a minute until cancelled; what other processes decide arrives so."""
        while True:
            await asyncio.sleep(_FOLLOW_S)
            try:
                await self.refresh()
            except SQLAlchemyError:
                log.warning("keys.schedule_not_read", exc_info=True)

    async def decide(
        self,
        seat_id: str,
        certificate: str,
        signs_from: datetime,
        *,
        tenant_id: UUID,
        actor: str,
    ) -> KeyPair:
        """Let the certificate with this fingerprint sign from then on (aware UTC).

        The one that started last signs, so an earlier certificate is taken back into use by
        giving it a later start. Raises GatewayError CERTIFICATE-UNKNOWN or
        KEY-SCHEDULE-INVALID, and what `FileKeys.ring` does.
        """
        pair = self._pair(seat_id, certificate)
        await self.announce(seat_id, pair.certificate, signs_from, tenant_id=tenant_id, actor=actor)
        await self.refresh()
        return pair

    async def announce(
        self,
        seat_id: str,
        certificate: x509.Certificate,
        signs_from: datetime,
        *,
        tenant_id: UUID,
        actor: str,
    ) -> None:
        """Decide about a certificate that is not installed yet, so that it waits from the start.

        Raises GatewayError KEY-SCHEDULE-INVALID.
        """
        start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        if not start <= signs_from < end:
            raise GatewayError(
                KEY_SCHEDULE_INVALID,
                f"The certificate is valid from {start:%Y-%m-%d %H:%M}Z to {end:%Y-%m-%d %H:%M}Z. "
                "Choose a moment in between.",
                seat=seat_id,
            )
        key = fingerprint(certificate)
        now = self._network.now()
        async with self._database.write() as session:
            found = await session.exec(
                select(KeySchedule).where(KeySchedule.fingerprint == key).with_for_update()
            )
            row = found.first()
            if row is None:
                row = KeySchedule(
                    seat_id=seat_id,
                    fingerprint=key,
                    signs_from=signs_from,
                    set_by=actor[:200],
                    set_at=now,
                )
                session.add(row)
            else:
                row.signs_from, row.set_by, row.set_at = signs_from, actor[:200], now
            record(
                session,
                tenant_id=tenant_id,
                actor=actor,
                action="seat.certificate-scheduled",
                object=seat_id,
                facts={"fingerprint": key, "signs_from": signs_from.isoformat()},
                at=now,
            )

    def _pair(self, seat_id: str, certificate: str) -> KeyPair:
        for pair in self._network.key_ring(seat_id).pairs:
            if fingerprint(pair.certificate) == certificate:
                return pair
        raise GatewayError(
            CERTIFICATE_UNKNOWN,
            f"The seat {seat_id} has no certificate with this fingerprint here. Its folder shows "
            "which ones there are.",
            seat=seat_id,
        )


SCHEDULES: Final = web.AppKey("key schedules", KeySchedules)
