"""Where handlers find the services of validation."""

from typing import Final

from aiohttp import web

from gateway.validation.orders import ValidationOrders
from gateway.validation.service import ValidationService

__all__ = ["ORDERS", "VALIDATION"]

VALIDATION: Final = web.AppKey("validation", ValidationService)
ORDERS: Final = web.AppKey("validation_orders", ValidationOrders)
