"""Where handlers find the services of the receivables."""

from typing import Final

from aiohttp import web

from gateway.core.clock import BusinessClock
from gateway.receivables.desk import Receivables

__all__ = ["BUSINESS", "RECEIVABLES"]

BUSINESS: Final = web.AppKey("business", BusinessClock)
RECEIVABLES: Final = web.AppKey("receivables", Receivables)
