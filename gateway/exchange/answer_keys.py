"""Where handlers find the services of answers."""

from typing import Final

from aiohttp import web

from gateway.exchange.answer_outcome import Outcomes

__all__ = ["OUTCOMES"]

OUTCOMES: Final = web.AppKey("outcomes", Outcomes)
