"""A network that misbehaves: stands in front of an access point and mistreats what passes.

What happens to each request is drawn from a seeded dice. The proxy understands HTTP just enough
to know where a request ends; bodies pass as they are, or wilfully not.
"""

import asyncio
import random
import re
import threading
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

__all__ = ["FaultyNetwork"]

CLIENT_PATIENCE_S: Final = 3
_HEAD_END: Final = b"\r\n\r\n"
_KEPT: Final = 8
_CONVERSATION: Final = re.compile(rb"ConversationId>([^<]+)<")

Weights: Final = {
    "pass": 40,
    "refuse": 8,
    "cut request": 8,
    "cut after request": 10,
    "cut before receipt": 10,
    "cut receipt": 6,
    "delay": 6,
    "too late": 2,
    "duplicate": 6,
    "twice at once": 4,
    "garble": 4,
    "replay": 4,
}


class Gone(Exception):
    """The connection was ended, by the client or on purpose."""


class FaultyNetwork:
    """One misbehaving way to one address, in a thread of its own.

    ``done`` counts what was done to requests. ``calm`` lets everything pass from now on.
    """

    def __init__(self, port: int, *, seed: int) -> None:
        self.done: Counter[str] = Counter()
        self.calm = False
        self._upstream = port
        self._dice = random.Random(seed)
        self._earlier: list[bytes] = []
        self._garbled: set[bytes] = set()
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._treatments: dict[str, Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]] = {
            "pass": self._pass,
            "cut request": self._cut_request,
            "cut after request": self._cut_after_request,
            "cut before receipt": self._cut_before_receipt,
            "cut receipt": self._cut_receipt,
            "delay": self._delay,
            "too late": self._too_late,
            "duplicate": self._duplicate,
            "twice at once": self._twice_at_once,
            "garble": self._garble,
            "replay": self._replay,
        }

    def open(self) -> int:
        """Start; returns the port to publish."""
        self._thread.start()
        starting = asyncio.run_coroutine_threadsafe(self._listen(), self._loop)
        return starting.result(60)

    def close(self) -> None:
        """Stop and forget what is under way."""
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _listen(self) -> int:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=1 << 20)
        return int(self._server.sockets[0].getsockname()[1])

    async def _stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        with suppress(Gone, ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            fate = self._draw()
            self.done[fate] += 1
            if fate != "refuse":
                await self._treatments[fate](await _read_message(reader), writer)
        writer.transport.abort() if self._dice.random() < 0.5 else writer.close()
        self._tasks.discard(task)

    def _draw(self) -> str:
        if self.calm:
            return "pass"
        return self._dice.choices(list(Weights), list(Weights.values()))[0]

    async def _ask(self, request: bytes) -> bytes:
        """Hand a request on, on a connection of its own; the whole answer."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._upstream)
        try:
            writer.write(request)
            await writer.drain()
            return await _read_message(reader)
        finally:
            writer.close()

    async def _pass(self, request: bytes, client: asyncio.StreamWriter) -> None:
        client.write(await self._ask(request))
        await client.drain()
        self._remember(request)

    def _remember(self, request: bytes) -> None:
        self._earlier.append(request)
        del self._earlier[:-_KEPT]

    async def _cut_request(self, request: bytes, client: asyncio.StreamWriter) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", self._upstream)
        writer.write(request[: self._dice.randrange(len(request))])
        await writer.drain()
        writer.transport.abort()

    async def _cut_after_request(self, request: bytes, client: asyncio.StreamWriter) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", self._upstream)
        writer.write(request)
        await writer.drain()
        client.transport.abort()
        await asyncio.sleep(self._dice.random())
        writer.transport.abort()

    async def _cut_before_receipt(self, request: bytes, client: asyncio.StreamWriter) -> None:
        await self._ask(request)
        client.transport.abort()

    async def _cut_receipt(self, request: bytes, client: asyncio.StreamWriter) -> None:
        answer = await self._ask(request)
        client.write(answer[: self._dice.randrange(1, len(answer))])
        await client.drain()

    async def _delay(self, request: bytes, client: asyncio.StreamWriter) -> None:
        await asyncio.sleep(self._dice.uniform(0.1, 0.8) * CLIENT_PATIENCE_S)
        await self._pass(request, client)

    async def _too_late(self, request: bytes, client: asyncio.StreamWriter) -> None:
        await asyncio.sleep(CLIENT_PATIENCE_S + 1)
        await self._pass(request, client)

    async def _duplicate(self, request: bytes, client: asyncio.StreamWriter) -> None:
        await self._ask(request)
        await self._pass(request, client)

    async def _twice_at_once(self, request: bytes, client: asyncio.StreamWriter) -> None:
        first, second = await asyncio.gather(self._ask(request), self._ask(request))
        client.write(self._dice.choice((first, second)))
        await client.drain()

    async def _garble(self, request: bytes, client: asyncio.StreamWriter) -> None:
        """Change one byte of the body: the signature must notice. Once for each document.

        Refused twice, a document rightly counts as refused; its conversation is its identity.
        """
        conversation = _CONVERSATION.search(request)
        known = conversation[1] if conversation else b""
        if known in self._garbled:
            return await self._pass(request, client)
        self._garbled.add(known)
        place = self._dice.randrange(request.index(_HEAD_END) + len(_HEAD_END), len(request))
        changed = bytes((request[place] ^ (1 << self._dice.randrange(8)),))
        client.write(await self._ask(request[:place] + changed + request[place + 1 :]))
        await client.drain()

    async def _replay(self, request: bytes, client: asyncio.StreamWriter) -> None:
        """Deliver, and then something of earlier again that nobody asked for."""
        await self._pass(request, client)
        await self._ask(self._dice.choice(self._earlier))


async def _read_message(reader: asyncio.StreamReader) -> bytes:
    """One HTTP message, by its Content-Length; ours never come chunked."""
    head = await reader.readuntil(_HEAD_END)
    length = next(
        (
            int(line.split(b":", 1)[1])
            for line in head.lower().split(b"\r\n")
            if line.startswith(b"content-length:")
        ),
        0,
    )
    return head + await reader.readexactly(length)
