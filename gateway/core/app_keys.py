"""Where pages of every package find what the platform offers them."""

from typing import Final

from aiohttp import web

from gateway.core.database import Database

__all__ = ["DATABASE"]

DATABASE: Final = web.AppKey("platform_database", Database)
