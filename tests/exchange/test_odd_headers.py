"""A header with bytes that are no text costs neither a message nor its receipt."""

import asyncio
from io import BytesIO

import aiohttp

from gateway.core.faults import Faults
from gateway.core.patience import Patience
from gateway.core.settings import FaultSettings, Stage
from gateway.exchange.as4_client import As4Client


async def test_a_message_is_taken_whatever_its_content_type_says_besides(lite, make_invoice, forge):
    request = forge(make_invoice())
    host, port = lite.receiver.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = (
        f"POST /as4 HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n"
        f"Content-Length: {len(request.body)}\r\nContent-Type: {request.content_type}; x="
    )
    writer.write(head.encode() + b"\xff\r\n\r\n" + request.body)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    assert b"NonRepudiationInformation" in answer
    (reception,) = await lite.receiver.receptions()
    assert reception.content_type.startswith(request.content_type)


async def test_an_answer_is_text_whatever_its_content_type_says_besides():
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"message")
        writer.write(
            b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n"
            b"Content-Type: application/soap+xml; x=\xff\r\n\r\nok"
        )
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/as4"
    async with server, aiohttp.ClientSession() as session:
        patience = Patience(dns=5, connect=5, tls=5, send=5, wait=5, read=5)
        client = As4Client(session, Stage.TEST, Faults(FaultSettings()), patience)
        found = await client.post(url, content_type="text/plain", body=BytesIO(b"message"), size=7)
    assert found.content_type.startswith("application/soap+xml; x=")
    assert found.content_type.encode().decode() == found.content_type
