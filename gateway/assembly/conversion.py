"""Conversion of one process: built once, used by every door."""

from aiohttp import web

from gateway.assembly.platform import Platform
from gateway.conversion.keys import CONVERSION
from gateway.conversion.service import Conversion
from gateway.core.clock import now
from gateway.validation.service import ValidationService

__all__ = ["conversion_of", "serve_conversion"]


def conversion_of(platform: Platform, validation: ValidationService) -> Conversion:
    """Build it."""
    return Conversion(validation=validation, pool=platform.pool, now=now)


def serve_conversion(application: web.Application, conversion: Conversion) -> None:
    """Give the handlers the service."""
    application[CONVERSION] = conversion
