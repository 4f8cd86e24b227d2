"""Where handlers find the service of drafts."""

from typing import Final

from aiohttp import web

from gateway.authoring.drafts import Drafts

__all__ = ["DRAFTS"]

DRAFTS: Final = web.AppKey("drafts", Drafts)
