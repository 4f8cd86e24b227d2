"""Where handlers find the services of dispatch."""

from typing import Final

from aiohttp import web

from gateway.core.token_buckets import TokenBuckets
from gateway.dispatch.bounces import Bounces
from gateway.dispatch.desk import DispatchDesk
from gateway.dispatch.downloads import Downloads
from gateway.dispatch.links import DispatchLinks
from gateway.dispatch.text_desk import TextDesk

__all__ = ["BOUNCES", "DESK", "DOWNLOADS", "DOWNLOAD_THROTTLE", "LINKS", "TEXTS"]

DESK: Final = web.AppKey("dispatch_desk", DispatchDesk)
LINKS: Final = web.AppKey("dispatch_links", DispatchLinks)
BOUNCES: Final = web.AppKey("dispatch_bounces", Bounces)
TEXTS: Final = web.AppKey("dispatch_texts", TextDesk)
DOWNLOADS: Final = web.AppKey("dispatch_downloads", Downloads)
DOWNLOAD_THROTTLE: Final = web.AppKey("download_throttle", TokenBuckets)
