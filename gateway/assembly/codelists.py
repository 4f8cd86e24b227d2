"""Code lists of one process: read at the start, asked by API and pages."""

from aiohttp import web

from gateway.assembly.checks import Checks
from gateway.assembly.platform import Platform
from gateway.conversion.codelist_service import CODE_LISTS, CodeListService
from gateway.conversion.codelists import read_code_lists

__all__ = ["serve_code_lists"]


def serve_code_lists(application: web.Application, platform: Platform, checks: Checks) -> None:
    """Give the handlers the lists; raises GatewayError CODE-LISTS-FILE."""
    application[CODE_LISTS] = CodeListService(
        store=read_code_lists(platform.settings.config_dir),
        library=checks.library,
        today=platform.business,
    )
