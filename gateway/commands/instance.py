"""Opening this instance's gateway for a command; what keeps it closed is told in a sentence."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from gateway.app import Gateway, open_gateway
from gateway.commands.settings import explained
from gateway.core.settings import Settings

__all__ = ["opened"]


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Gateway]:
    """The gateway of these settings; raises Unusable where it cannot be opened."""
    async with AsyncExitStack() as closing:
        with explained("the data folder (data_dir)"):
            gateway = await closing.enter_async_context(open_gateway(settings))
        yield gateway
