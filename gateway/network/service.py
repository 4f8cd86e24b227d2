"""The network as this instance stands on it: its keys, its trust anchors, whom it serves.

What sending and receiving need to know of the network comes from here.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from aiohttp import web
from cryptography import x509
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.as4.identifiers import ParticipantId, spid_of_seat
from gateway.as4.keys import PrivateKey
from gateway.core.clock import MachineClock
from gateway.core.errors import ErrorKind, GatewayError, Retry
from gateway.core.settings import Stage
from gateway.network import queries
from gateway.network.keys import KEYS_MISSING, FileKeys, KeyPair, KeyRing
from gateway.network.pki import Purpose, TrustAnchors, fingerprint, issued_for
from gateway.network.tables import Participant, Seat
from gateway.network.trust import Trust

__all__ = [
    "NETWORK",
    "PARTICIPANT_UNKNOWN",
    "SEAT_KEYS_UNUSABLE",
    "Network",
    "ServedParticipant",
    "served_by",
]

LOGGER: Final = logging.getLogger(__name__)

PARTICIPANT_UNKNOWN: Final = ErrorKind("PARTICIPANT-UNKNOWN", "There is no such participant", 404)
SEAT_KEYS_UNUSABLE: Final = ErrorKind(
    "SEAT-KEYS-UNUSABLE", "A seat's keys cannot be used now", 503, Retry.BACKOFF
)


@dataclass(frozen=True, slots=True)
class ServedParticipant:
    """A participant we serve: whose it is, where it is from, which seat speaks for it."""

    participant: ParticipantId
    tenant_id: UUID
    name: str
    country: str
    seat_id: str


def served_by(participant: ParticipantId, row: Participant | None) -> ServedParticipant | None:
    """Who serves a participant by its row; None without a row, or for one without a seat."""
    if row is None or row.seat_id is None:
        return None
    return ServedParticipant(
        participant=participant,
        tenant_id=row.tenant_id,
        name=row.name,
        country=row.country,
        seat_id=row.seat_id,
    )


class Network:
    """Keys, trust and addresses of one instance.

    ``as4_url`` is where peers post messages to us, ``smp_url`` where they ask our SMP; both
    without trailing slash. Which seats are access points and which one is the SMP follows from
    the authority that issued their certificates. ``trust`` judges the certificates of peers;
    without it their chain alone counts.
    """

    def __init__(
        self,
        *,
        anchors: TrustAnchors,
        keys: FileKeys,
        stage: Stage,
        as4_url: str,
        smp_url: str,
        now: MachineClock,
        trust: Trust | None = None,
    ) -> None:
        self.anchors = anchors
        self.trust = trust or Trust(anchors)
        self.stage = stage
        self.as4_url = as4_url
        self.smp_url = smp_url
        self.now = now
        self._keys = keys
        self._enrolled: frozenset[str] = frozenset()
        self._purposes: dict[x509.Certificate, Purpose | None] = {}

    def key_ring(self, seat_id: str) -> KeyRing:
        """The keys of one seat.

        A certificate of an authority that is not trusted here (of the next generation, or put
        there by mistake) decrypts, and waits beside one that is. Raises GatewayError KEYS-MISSING,
        KEYS-PERMISSIONS, KEYS-INVALID, KEYS-TOKEN-SETTINGS or KEYS-TOKEN.
        """
        ring = self._keys.ring(seat_id)
        strange = [one for one in ring.pairs if self.purpose_of(one.certificate) is None]
        if not strange or len(strange) == len(ring.pairs):
            return ring
        return replace(ring, held=ring.held | {fingerprint(one.certificate) for one in strange})

    def purpose_of(self, certificate: x509.Certificate) -> Purpose | None:
        """What a certificate of ours was issued for; None by an authority not trusted here."""
        if certificate not in self._purposes:
            self._purposes[certificate] = issued_for(certificate, self.anchors)
        return self._purposes[certificate]

    def require_keys(self, seat_id: str) -> None:
        """Tell a seat of ours whose keys are away from one that is not ours, which passes.

        Raises GatewayError SEAT-KEYS-UNUSABLE: what is addressed to it can be read later.
        """
        if seat_id not in self._enrolled and seat_id not in self._keys.seats():
            return
        try:
            self._keys.ring(seat_id)
        except GatewayError as error:
            raise GatewayError(
                SEAT_KEYS_UNUSABLE,
                f"The keys of the seat {seat_id} cannot be used at the moment. Send the same "
                "message again later.",
                seat=seat_id,
                reason=error.code,
            ) from error

    def start_keys(self, starts: Mapping[str, datetime]) -> None:
        """Take over from when certificates of our seats sign, by fingerprint (aware UTC)."""
        self._keys.start(starts)

    def all_seat_ids(self) -> tuple[str, ...]:
        """Every seat with a folder of keys here, whether they can be used or not, sorted."""
        return self._keys.seats()

    def seat_ids(self, purpose: Purpose) -> tuple[str, ...]:
        """The seats whose newest trusted certificate was issued for this purpose, sorted.

        A seat whose keys cannot be used is left out (an alarm tells of it): the others go on.
        """
        return tuple(one for one in self._keys.seats() if self._purpose(one) is purpose)

    def decryption_keys(self) -> tuple[tuple[x509.Certificate, PrivateKey], ...]:
        """Every key that a message to us may be encrypted for."""
        return tuple(
            pair
            for seat_id in self.seat_ids(Purpose.AP)
            for pair in self.key_ring(seat_id).decryption_keys()
        )

    def pair_of(self, certificate: x509.Certificate) -> KeyPair:
        """The pair with this certificate; a receipt is signed by the one a message was for.

        Raises GatewayError KEYS-MISSING when it is not (or no longer) ours.
        """
        for seat_id in self.seat_ids(Purpose.AP):
            pair = self.key_ring(seat_id).pair_of(certificate)
            if pair is not None:
                return pair
        raise GatewayError(
            KEYS_MISSING,
            "The key of the certificate a message was addressed to is not here any more. Keep an "
            "old key in its seat's folder for as long as an SMP may publish its certificate.",
            subject=certificate.subject.rfc4514_string(),
        )

    def any_signing(self, at: datetime) -> KeyPair:
        """A pair of any access point seat that may sign at ``at``; raises as `smp_signing`."""
        return self._first(Purpose.AP, at)

    def smp_signing(self, at: datetime) -> KeyPair:
        """The pair that signs our SMP's answers at machine time ``at``.

        Raises GatewayError KEYS-NOT-VALID-NOW, KEYS-MISSING where there is no such seat, and what
        `key_ring` does.
        """
        return self._first(Purpose.SMP, at)

    async def find_served(
        self, session: AsyncSession, participant: ParticipantId
    ) -> ServedParticipant | None:
        """Whom a receiver identifier belongs to; None answers PEPPOL:NOT_SERVICED.

        Our own table decides: no question to an SMP, so no outage elsewhere stops receiving.
        """
        row = await queries.served_participant(session, participant, at=self.now())
        return served_by(participant, row)

    async def served(self, session: AsyncSession, participant: ParticipantId) -> ServedParticipant:
        """A participant that must be ours. Raises GatewayError PARTICIPANT-UNKNOWN."""
        found = await self.find_served(session, participant)
        if found is None:
            raise GatewayError(
                PARTICIPANT_UNKNOWN,
                f"{participant.value} is not a participant that this gateway serves now. Register "
                "it, or end its suspension.",
                participant=str(participant),
            )
        return found

    async def enrol_seats(self, session: AsyncSession) -> None:
        """Write a row for every seat that has keys here and none yet; rows are never removed.

        A new seat's MLS address is its provider's own identifier (SPID).
        """
        known = {one.seat_id for one in await queries.seats(session)}
        for purpose in Purpose:
            for seat_id in set(self.seat_ids(purpose)) - known:
                spid = spid_of_seat(seat_id).value
                session.add(
                    Seat(
                        seat_id=seat_id,
                        purpose=purpose,
                        spid=spid,
                        mls_address=spid,
                        stage=self.stage,
                        created_at=self.now(),
                    )
                )
                known.add(seat_id)
        await session.flush()
        self._enrolled = frozenset(known)

    def _purpose(self, seat_id: str) -> Purpose | None:
        try:
            pairs = self._keys.ring(seat_id).pairs
        except GatewayError as error:
            LOGGER.warning("seat %s is left out: %s", seat_id, error)
            return None
        found = (self.purpose_of(one.certificate) for one in pairs)
        return next((one for one in found if one is not None), None)

    def _first(self, purpose: Purpose, at: datetime) -> KeyPair:
        failure = GatewayError(
            KEYS_MISSING,
            f"No seat here has a certificate of the {purpose.upper()} authority. Install one with "
            "its key.",
        )
        for seat_id in self.seat_ids(purpose):
            try:
                return self.key_ring(seat_id).signing(at)
            except GatewayError as error:
                failure = error
        raise failure


NETWORK: Final = web.AppKey("network", Network)
