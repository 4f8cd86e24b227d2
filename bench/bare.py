"""The AS4 layer behind bare HTTP, in processes of its own: nothing is kept, nobody is looked up.

``python -m bench.bare receive`` answers messages with receipts; ``python -m bench.bare send`` sends
what it is told to. Each reads one JSON object a line and answers with one. What a gateway does
more than this is what being durable costs.
"""

import asyncio
import json
import os
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, cast

import aiohttp
from aiohttp import web
from cryptography import x509

from bench.wire_material import message_to, pair_from
from gateway.as4.incoming import UnpackLimits, build_receipt, unpack
from gateway.as4.outgoing import ReceiptReceived, encode, read_answer
from gateway.core.clock import now
from gateway.core.ids import new_id

_CHUNK = 256 * 1024
_SPOOL = 1024 * 1024


def main() -> None:
    """Do what the first argument says until standard input ends."""
    role = {"receive": _receive, "send": _send}[sys.argv[1]]
    asyncio.run(role(json.loads(sys.stdin.readline())))


def _spool() -> BinaryIO:
    return cast("BinaryIO", tempfile.SpooledTemporaryFile(max_size=_SPOOL))


def _say(**facts: Any) -> None:
    print(json.dumps(facts), flush=True)


async def _receive(order: dict[str, Any]) -> None:
    """Answer every message to the seat in ``certificate`` and ``key`` with its receipt."""
    certificate, key = pair_from(order)

    def answer(body: BinaryIO, content_type: str) -> bytes:
        received = unpack(
            body,
            content_type,
            keys=[(certificate, key)],
            verify_signer=lambda signer: None,
            limits=UnpackLimits(),
            spool=_spool,
        )
        received.sbd.close()
        return build_receipt(
            received,
            message_id=f"{new_id()}@bench.example",
            now=now(),
            key=key,
            certificate=certificate,
            entropy=os.urandom,
        )

    async def handle(request: web.Request) -> web.Response:
        with _spool() as body:
            async for chunk in request.content.iter_chunked(_CHUNK):
                body.write(chunk)
            body.seek(0)
            receipt = await asyncio.to_thread(answer, body, request.headers["Content-Type"])
        return web.Response(body=receipt, content_type="application/soap+xml")

    application = web.Application(client_max_size=1 << 30)
    application.router.add_post("/as4", handle)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", order["port"], reuse_port=True).start()
    _say(listening=order["port"])
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


async def _send(order: dict[str, Any]) -> None:
    """Send ``count`` messages, ``threads`` at once, for every line; verify each receipt."""
    certificate, key = pair_from(order)
    recipient = x509.load_pem_x509_certificate(Path(order["recipient"]).read_bytes())
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=300)) as http:
        while line := await asyncio.to_thread(sys.stdin.readline):
            burst = json.loads(line)
            document = Path(burst["payload"]).read_bytes()
            left, good = [None] * burst["count"], 0

            async def one_after_the_other(
                left: list[None] = left, document: bytes = document, url: str = burst["url"]
            ) -> int:
                done = 0
                while left:
                    left.pop()
                    out = _spool()
                    encoded, message_id = await asyncio.to_thread(write, document, out)
                    async with http.post(
                        url, data=out, headers={"Content-Type": encoded.content_type}
                    ) as answer:
                        body = await answer.read()
                        signal = read_answer(
                            content_type=answer.headers["Content-Type"],
                            body=body,
                            message_id=message_id,
                            references=encoded.references,
                            recipient=recipient,
                            now=now(),
                        )
                    done += isinstance(signal, ReceiptReceived)
                return done

            def write(document: bytes, out: BinaryIO) -> tuple[Any, str]:
                at: datetime = now()
                with _spool() as envelope:
                    message = message_to(document, envelope, certificate, recipient, at=at)
                    encoded = encode(
                        message,
                        envelope,
                        key=key,
                        certificate=certificate,
                        recipient=recipient,
                        entropy=os.urandom,
                        spool=_spool,
                        out=out,
                    )
                out.seek(0)
                return encoded, message.message_id

            began = time.monotonic()
            done = await asyncio.gather(*(one_after_the_other() for _ in range(burst["threads"])))
            good = sum(done)
            _say(seconds=time.monotonic() - began, good=good)


if __name__ == "__main__":
    main()
