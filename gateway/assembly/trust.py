"""Whom this process trusts and how it keeps its own keys: built from the settings."""

import asyncio
from contextlib import AsyncExitStack
from typing import Final

import structlog
from aiohttp import web

from gateway.assembly.platform import Platform, ended
from gateway.core.clock import now
from gateway.core.jobs.registry import Registry
from gateway.core.metrics import Metrics
from gateway.core.settings import Stage
from gateway.exchange import as4_server
from gateway.network import expiry
from gateway.network.anchors import require_stage
from gateway.network.key_schedule import SCHEDULES, KeySchedules
from gateway.network.keys import FileKeys
from gateway.network.local_pki import ensure_test_pki
from gateway.network.pkcs11 import token_of
from gateway.network.pki import TrustAnchors
from gateway.network.revocation_check import RevocationCheck
from gateway.network.revocation_client import RevocationClient
from gateway.network.service import Network
from gateway.network.trust import Trust

__all__ = ["follow_keys", "network_of", "register_trust", "serve_trust", "trust_of"]

log = structlog.get_logger(__name__)

TEST_AP_SEAT: Final = "POP000001"
TEST_SMP_SEAT: Final = "PSM000001"
SMP_PATH: Final = "/smp"


def network_of(platform: Platform) -> Network:
    """The network by its settings; outside production a missing PKI is made for testing."""
    settings = platform.settings
    if settings.stage is not Stage.PRODUCTION and not settings.trust_dir.exists():
        ensure_test_pki(
            settings.data_dir / "pki", ap_seats=[TEST_AP_SEAT], smp_seats=[TEST_SMP_SEAT], at=now()
        )
        log.warning("network.local_pki_made", folder=str(settings.data_dir / "pki"))
    anchors = TrustAnchors.from_folder(settings.trust_dir)
    if settings.stage is Stage.PRODUCTION:
        require_stage((*anchors.roots, *anchors.ap, *anchors.smp), settings.stage)
    return Network(
        anchors=anchors,
        trust=trust_of(platform, anchors),
        keys=FileKeys(settings.keys_dir, token_of(settings.keys)),
        stage=settings.stage,
        as4_url=f"{settings.public_url}{as4_server.AS4_PATH}",
        smp_url=f"{settings.public_url}{SMP_PATH}",
        now=now,
    )


def trust_of(platform: Platform, anchors: TrustAnchors) -> Trust:
    """Judge certificates as the settings say: with revocation unless it is switched off."""
    settings = platform.settings.trust
    if settings.mode == "off":
        return Trust(anchors)
    client = RevocationClient(
        platform.http,
        stage=platform.settings.stage,
        timeout_s=settings.timeout_s,
        max_crl_bytes=settings.max_crl_bytes,
    )
    return Trust(
        anchors,
        RevocationCheck(
            database=platform.database,
            client=client,
            settings=settings,
            stage=platform.settings.stage,
        ),
    )


def serve_trust(
    application: web.Application, platform: Platform, network: Network, metrics: Metrics
) -> None:
    """Give the handlers the schedules of our keys, and the figures when certificates end."""
    application[SCHEDULES] = KeySchedules(database=platform.database, network=network)
    expiry.certificate_gauges(metrics, network)


async def follow_keys(application: web.Application, closing: AsyncExitStack) -> None:
    """Let our keys sign as decided, now and as decisions change, until closing."""
    schedules = application[SCHEDULES]
    await schedules.refresh()
    closing.push_async_callback(ended, asyncio.create_task(schedules.follow()))


def register_trust(registry: Registry, platform: Platform, network: Network) -> None:
    """Say how certificates are watched."""
    watch = expiry.TrustWatch(database=platform.database, network=network)
    expiry.register(registry, watch)
