"""The hand-over of one process: which channels it has, who brings documents to the business."""

import importlib.util
from dataclasses import dataclass

from aiohttp import web

from gateway.assembly.platform import Platform
from gateway.core.clock import now
from gateway.core.jobs.registry import Registry
from gateway.exchange import delivery_keys as keys
from gateway.exchange import handover_job
from gateway.exchange.answer_outcome import Outcomes
from gateway.exchange.archive import Archive
from gateway.exchange.delivery_tables import Channel
from gateway.exchange.events import DocumentEvents
from gateway.exchange.handover import HandOvers
from gateway.exchange.handover_carriers import Carrier, FolderCarrier
from gateway.exchange.handover_policies import HandOverPolicies

__all__ = ["HandingOver", "handing_over_of", "register_handover", "serve_handover"]


@dataclass(frozen=True, slots=True)
class HandingOver:
    """What brings received documents to the business."""

    policies: HandOverPolicies
    handovers: HandOvers


def handing_over_of(
    platform: Platform, *, events: DocumentEvents, outcomes: Outcomes
) -> HandingOver:
    """Build it."""
    policies = HandOverPolicies(
        database=platform.database,
        carriers=_carriers(platform),
        vault=platform.vault,
        now=now,
    )
    return HandingOver(
        policies=policies,
        handovers=HandOvers(
            database=platform.database,
            queue=platform.queue,
            policies=policies,
            events=events,
            outcomes=outcomes,
            now=now,
        ),
    )


def serve_handover(application: web.Application, handing_over: HandingOver) -> None:
    """Give the handlers their services."""
    application[keys.HANDOVERS] = handing_over.handovers
    application[keys.HANDOVER_POLICIES] = handing_over.policies


def register_handover(
    registry: Registry, platform: Platform, archive: Archive, handing_over: HandingOver
) -> None:
    """Say how documents are handed over."""
    job = handover_job.HandOverJob(
        database=platform.database,
        archive=archive,
        policies=handing_over.policies,
        handovers=handing_over.handovers,
        now=now,
    )
    handover_job.register(registry, job, handing_over.handovers, now)


def _carriers(platform: Platform) -> dict[Channel, Carrier]:
    settings = platform.settings
    carriers: dict[Channel, Carrier] = {}
    if settings.delivery.handover_folder is not None:
        carriers[Channel.FOLDER] = FolderCarrier(settings.delivery.handover_folder)
    if importlib.util.find_spec("asyncssh") is not None:
        # Loaded only where the extra is installed: it takes long and is not everybody's.
        from gateway.exchange.handover_sftp import SftpCarrier  # noqa: PLC0415

        carriers[Channel.SFTP] = SftpCarrier(settings.stage, platform.vault)
    return carriers
