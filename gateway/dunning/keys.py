"""Where handlers find the service of dunning."""

from typing import Final

from aiohttp import web

from gateway.dunning.service import Dunning

__all__ = ["DUNNING"]

DUNNING: Final = web.AppKey("dunning", Dunning)
