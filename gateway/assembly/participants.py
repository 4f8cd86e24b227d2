"""Participants of one process: registering, publishing, identifying, moving, and their jobs."""

from dataclasses import dataclass

from aiohttp import web
from cryptography import x509

from gateway.assembly.platform import Platform, locator_of
from gateway.core.clock import now
from gateway.core.jobs.registry import Registry
from gateway.core.settings import Settings, Stage
from gateway.network import (
    identification_service,
    participant_keys,
    publication_changes,
    sml_registration,
    smp_api,
    spid_check,
)
from gateway.network.api import PARTICIPANTS
from gateway.network.identification import read_rules
from gateway.network.identification_service import Identifications
from gateway.network.participant_changes import ParticipantChanges
from gateway.network.participant_moves import ParticipantMoves
from gateway.network.participants import Participants
from gateway.network.pki import Purpose
from gateway.network.publication_changes import PublicationChanges
from gateway.network.service import Network
from gateway.network.sml_client import SML_MANAGEMENT, SmlAddress, SmlClient, TlsProvider
from gateway.network.sml_registration import SmlRegistrar
from gateway.network.smp_client import Lookup
from gateway.network.smp_server import SmpServer
from gateway.network.spid_check import SpidCheck

__all__ = [
    "Registrations",
    "register_participants",
    "registrations_of",
    "serve_participants",
]


@dataclass(frozen=True, slots=True)
class Registrations:
    """What registers participants, publishes them and knows who stands behind them."""

    platform: Platform
    network: Network
    participants: Participants
    registrar: SmlRegistrar
    identifications: Identifications
    changes: ParticipantChanges
    publications: PublicationChanges
    moves: ParticipantMoves
    spid_check: SpidCheck


def registrations_of(platform: Platform, network: Network, lookup: Lookup) -> Registrations:
    """Build them; raises GatewayError IDENTIFICATION-FILE."""
    settings, database = platform.settings, platform.database
    chosen = settings.participants
    registrar = SmlRegistrar(
        database=database,
        queue=platform.queue,
        client=_sml_client(platform, network) if chosen.sml else None,
        smp_url=network.smp_url,
        smp_ip=chosen.smp_ip,
        now=now,
    )
    identifications = Identifications(
        database=database,
        rules=read_rules(settings.config_dir),
        required=_identification_required(settings),
        business=platform.business,
        now=now,
    )
    return Registrations(
        platform=platform,
        network=network,
        participants=Participants(
            database=database, network=network, directory=registrar, gate=identifications
        ),
        registrar=registrar,
        identifications=identifications,
        changes=ParticipantChanges(database=database, network=network, registrar=registrar),
        publications=PublicationChanges(database=database, network=network, queue=platform.queue),
        moves=ParticipantMoves(
            database=database,
            registrar=registrar,
            locator=locator_of(settings),
            smp_url=network.smp_url,
            now=now,
        ),
        spid_check=SpidCheck(database=database, network=network, lookup=lookup),
    )


def _identification_required(settings: Settings) -> bool:
    wanted = settings.participants.identification
    in_production = settings.stage is Stage.PRODUCTION
    return wanted == "always" or (wanted == "production" and in_production)


def _sml_client(platform: Platform, network: Network) -> SmlClient:
    settings = platform.settings

    def signer() -> tuple[str, x509.Certificate]:
        pair = network.smp_signing(now())
        for seat_id in network.seat_ids(Purpose.SMP):
            if network.key_ring(seat_id).pair_of(pair.certificate) is not None:
                return seat_id, pair.certificate
        raise AssertionError("a pair that signs belongs to a seat")

    stage = Stage.PRODUCTION if settings.stage is Stage.PRODUCTION else Stage.TEST
    return SmlClient(
        session=platform.http,
        tls=TlsProvider(
            smp=signer, folder=settings.keys_dir, ca_file=settings.participants.sml_ca_file
        ),
        address=SmlAddress(
            url=settings.participants.sml_url or SML_MANAGEMENT[stage],
            smp_id=settings.participants.smp_id,
            stage=settings.stage,
            timeout_s=settings.participants.sml_timeout_s,
        ),
    )


def serve_participants(application: web.Application, parts: Registrations) -> None:
    """Give the handlers their services."""
    application[PARTICIPANTS] = parts.participants
    application[participant_keys.CHANGES] = parts.changes
    application[participant_keys.IDENTIFICATIONS] = parts.identifications
    application[participant_keys.MOVES] = parts.moves
    application[participant_keys.PUBLICATION_CHANGES] = parts.publications
    application[participant_keys.REGISTRAR] = parts.registrar
    application[smp_api.SMP_SERVER] = SmpServer(
        database=parts.platform.database, network=parts.network
    )


def register_participants(registry: Registry, parts: Registrations) -> None:
    """Say who keeps the SML, the changes, the identifications and our own SPID in view."""
    zone = parts.platform.settings.time_zone
    sml_registration.register_jobs(registry, parts.registrar)
    publication_changes.register_jobs(registry, parts.publications)
    identification_service.register_jobs(registry, parts.identifications, zone=zone)
    spid_check.register_jobs(registry, parts.spid_check)
