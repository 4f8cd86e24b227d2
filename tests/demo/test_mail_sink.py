"""The demonstration's mail server: takes what a real client sends and shows it without danger."""

import asyncio
import smtplib
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest
from aiosmtpd.smtp import SMTP

from gateway.demo.mail_sink import Letter, Sink, pages


def mail(subject="Reminder <script>alert(1)</script>", html="<head></head><p>Pay <b>now</b></p>"):
    message = EmailMessage()
    message["From"], message["To"] = "a@seller.example", "b@buyer.example"
    message["Subject"] = subject
    message.set_content("Pay now: https://pay.example/pay/x")
    message.add_alternative(html, subtype="html")
    message.add_attachment(b"%PDF-", maintype="application", subtype="pdf", filename="R-1.pdf")
    return message


@pytest.fixture
def sink():
    return Sink([Letter(("b@buyer.example",), mail().as_bytes(), datetime.now(UTC))])


async def test_what_a_client_sends_is_kept():
    sink = Sink()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(sink, enable_SMTPUTF8=True), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    def send():
        with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
            client.send_message(mail())

    await asyncio.to_thread(send)
    server.close()
    (letter,) = sink.letters
    assert letter.recipients == ("b@buyer.example",)
    assert [one.get_filename() for one in letter.attachments()] == ["R-1.pdf"]


async def test_the_list_and_the_letter_escape_what_came(sink, aiohttp_client):
    client = await aiohttp_client(pages(sink))
    for path in ("/", "/1"):
        text = await (await client.get(path)).text()
        assert "<script>" not in text
        assert "&lt;script&gt;" in text
    shown = await (await client.get("/1")).text()
    assert 'sandbox="allow-popups' in shown
    assert "<b>now</b>" in await (await client.get("/1/html")).text()
    file = await client.get("/1/files/0")
    assert (file.content_type, await file.read()) == ("application/pdf", b"%PDF-")


async def test_programs_read_the_same(sink, aiohttp_client):
    client = await aiohttp_client(pages(sink))
    (told,) = await (await client.get("/messages")).json()
    assert told["to"] == ["b@buyer.example"]
    assert told["attachments"] == ["R-1.pdf"]
    assert "https://pay.example/pay/x" in told["text"]


async def test_there_is_nothing_where_nothing_came(sink, aiohttp_client):
    client = await aiohttp_client(pages(sink))
    for path in ("/2", "/0", "/1/files/5", "/1/parts/none"):
        assert (await client.get(path)).status == 404
    empty = await aiohttp_client(pages(Sink()))
    assert "Nothing yet" in await (await empty.get("/")).text()
