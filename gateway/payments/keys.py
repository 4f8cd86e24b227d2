"""Where handlers find the services of paying."""

from typing import Final

from aiohttp import web

from gateway.payments.events import ProviderEvents
from gateway.payments.links import PaymentLinks
from gateway.payments.paying import Paying
from gateway.payments.throttle import Throttle

__all__ = ["LINKS", "PAYER_THROTTLE", "PAYING", "PROVIDER_EVENTS"]

LINKS: Final = web.AppKey("payment_links", PaymentLinks)
PAYER_THROTTLE: Final = web.AppKey("payer_throttle", Throttle)
PAYING: Final = web.AppKey("paying", Paying)
PROVIDER_EVENTS: Final = web.AppKey("provider_events", ProviderEvents)
