"""Where handlers find the services of delivery and hand-over."""

from typing import Final

from aiohttp import web

from gateway.exchange.delivery_desk import DeliveryDesk
from gateway.exchange.delivery_policies import DeliveryPolicies
from gateway.exchange.handover import HandOvers
from gateway.exchange.handover_policies import HandOverPolicies

__all__ = ["DELIVERY_DESK", "DELIVERY_POLICIES", "HANDOVERS", "HANDOVER_POLICIES"]

DELIVERY_DESK: Final = web.AppKey("delivery_desk", DeliveryDesk)
DELIVERY_POLICIES: Final = web.AppKey("delivery_policies", DeliveryPolicies)
HANDOVERS: Final = web.AppKey("handovers", HandOvers)
HANDOVER_POLICIES: Final = web.AppKey("handover_policies", HandOverPolicies)
