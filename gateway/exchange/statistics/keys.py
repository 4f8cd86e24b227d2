"""Where handlers find the services of statistics."""

from typing import Final

from aiohttp import web

from gateway.exchange.statistics.sending import Reporting
from gateway.exchange.statistics.service import Statistics

__all__ = ["REPORTING", "STATISTICS"]

STATISTICS: Final = web.AppKey("statistics", Statistics)
REPORTING: Final = web.AppKey("reporting", Reporting)
