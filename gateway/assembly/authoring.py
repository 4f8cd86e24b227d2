"""Authoring of one process: the drafts of invoices, built once for the pages."""

from aiohttp import web

from gateway.assembly.platform import Platform
from gateway.authoring.drafts import Drafts
from gateway.authoring.keys import DRAFTS
from gateway.conversion.keys import CONVERSION
from gateway.core.clock import now
from gateway.exchange.keys import ARCHIVE, SUBMISSION

__all__ = ["serve_authoring"]


def serve_authoring(application: web.Application, platform: Platform) -> None:
    """Build the service of drafts and give it to the handlers; the exchange is served already."""
    application[DRAFTS] = Drafts(
        database=platform.database,
        archive=application[ARCHIVE],
        conversion=application[CONVERSION],
        submission=application[SUBMISSION],
        business=platform.business,
        now=now,
    )
