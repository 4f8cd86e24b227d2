"""The way to a gateway, as the network would be: it forwards, or misbehaves as it is told."""

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import aiohttp
from aiohttp import web
from yarl import URL

SOAP = "application/soap+xml;charset=UTF-8"


@dataclass(frozen=True, slots=True)
class Request:
    """One AS4 request as it passed the line."""

    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer on its way back."""

    status: int
    content_type: str
    body: bytes


Forward = Callable[[], Awaitable[Reply]]
Step = Callable[[Request, Forward], Awaitable[Reply | None]]
"""What the line does with one AS4 request; None cuts the connection without an answer."""


class Line:
    """The way to one gateway: forwards everything, unless a step is scripted for AS4."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self._http = http
        self._runner: web.AppRunner | None = None
        self._port = 0
        self.target = ""
        self.script: deque[Step] = deque()
        self.requests: list[Request] = []
        self.replies: list[Reply] = []
        self.smp_status: int | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    async def open(self) -> None:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", "/{rest:.*}", self._pass)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self._port = self._runner.addresses[0][1]

    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def once(self, step: Step) -> None:
        """Do this with the next AS4 request."""
        self.script.append(step)

    def cut(self) -> None:
        """Deliver the next AS4 request, but lose its answer."""

        async def step(_request: Request, forward: Forward) -> None:
            await forward()

        self.once(step)

    def answer(self, body: bytes, *, status: int = 200, content_type: str = SOAP) -> None:
        """Answer the next AS4 request without delivering it."""

        async def step(_request: Request, _forward: Forward) -> Reply:
            return Reply(status, content_type, body)

        self.once(step)

    def change(self, change: Callable[[bytes], bytes]) -> None:
        """Deliver the next AS4 request, but change its answer on the way back."""

        async def step(_request: Request, forward: Forward) -> Reply:
            reply = await forward()
            return replace(reply, body=change(reply.body))

        self.once(step)

    async def _pass(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        if request.path != "/as4":
            if self.smp_status is not None and request.path.startswith("/smp"):
                return web.Response(status=self.smp_status)
            return _response(await self._forward(request, body))
        seen = Request(request.headers.get("Content-Type", ""), body)
        self.requests.append(seen)

        async def forward() -> Reply:
            reply = await self._forward(request, body)
            self.replies.append(reply)
            return reply

        reply = await (self.script.popleft()(seen, forward) if self.script else forward())
        if reply is not None:
            return _response(reply)
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async def _forward(self, request: web.Request, body: bytes) -> Reply:
        async with self._http.request(
            request.method,
            URL(self.target + request.raw_path, encoded=True),
            data=body or None,
            headers={"Content-Type": request.headers.get("Content-Type", "text/plain")},
        ) as answer:
            return Reply(answer.status, answer.headers.get("Content-Type", ""), await answer.read())


def _response(reply: Reply) -> web.Response:
    headers = {"Content-Type": reply.content_type} if reply.content_type else {}
    return web.Response(status=reply.status, body=reply.body, headers=headers)
