"""Where handlers find the services of validation."""

from typing import Final

from aiohttp import web

from gateway.validation.service import ValidationService

__all__ = ["VALIDATION"]

VALIDATION: Final = web.AppKey("validation", ValidationService)
