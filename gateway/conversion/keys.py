"""Where handlers find the service of conversion."""

from typing import Final

from aiohttp import web

from gateway.conversion.service import Conversion

__all__ = ["CONVERSION"]

CONVERSION: Final = web.AppKey("conversion", Conversion)
