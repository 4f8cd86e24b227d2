"""The mail server of the demonstration: takes every e-mail, delivers none, shows them all.

``python -m gateway.demo.mail_sink --smtp-port N --port N``: SMTP on one port, a page of what
came on the other. A peer of the gateway, in memory only; knows nothing of it.
"""

import argparse
import asyncio
import email
import email.policy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from html import escape
from typing import Any, Final

from aiohttp import web
from aiosmtpd.smtp import SMTP, Envelope

__all__ = ["Letter", "Sink", "pages"]

LOOPBACK: Final = "127.0.0.1"
_STYLE: Final = """
body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:760px;padding:24px;
color-scheme:light dark}h1{font-size:22px}ul{list-style:none;padding:0}
li{border-top:1px solid #8884;padding:12px 0}a{color:#2563eb}
dl{display:grid;grid-template-columns:max-content 1fr;gap:4px 16px}dt{opacity:.7}
dd{margin:0;overflow-wrap:anywhere}
iframe{width:100%;height:70vh;border:1px solid #8884;border-radius:8px;background:#fff}
.quiet{opacity:.7}"""


@dataclass(frozen=True, slots=True)
class Letter:
    """One e-mail as it came: the envelope's recipients, the bytes, and when."""

    recipients: tuple[str, ...]
    content: bytes
    at: datetime

    @property
    def message(self) -> EmailMessage:
        """The e-mail, read."""
        return email.message_from_bytes(self.content, policy=email.policy.default)

    def body(self, kind: str) -> str:
        """The text of one kind (plain or html); empty where there is none."""
        part = self.message.get_body((kind,))
        return str(part.get_content()) if part else ""

    def attachments(self) -> list[EmailMessage]:
        """What is attached, in order."""
        return [one for one in self.message.iter_attachments() if isinstance(one, EmailMessage)]


@dataclass(slots=True)
class Sink:
    """Every e-mail that came, oldest first; the handler of the SMTP side."""

    letters: list[Letter] = field(default_factory=list)

    async def handle_DATA(self, _server: SMTP, _session: Any, envelope: Envelope) -> str:
        """Keep one e-mail."""
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        self.letters.append(Letter(tuple(envelope.rcpt_tos), content, datetime.now(UTC)))
        return "250 kept"


_SINK: Final = web.AppKey("sink", Sink)


def pages(sink: Sink) -> web.Application:
    """What a visitor sees, and the same as JSON under ``/messages``."""
    app = web.Application()
    app[_SINK] = sink
    app.add_routes(
        [
            web.get("/", _list),
            web.get("/messages", _messages),
            web.get(r"/{number:\d{1,6}}", _show),
            web.get(r"/{number:\d{1,6}}/html", _html),
            web.get(r"/{number:\d{1,6}}/parts/{name}", _inline),
            web.get(r"/{number:\d{1,6}}/files/{at:\d{1,3}}", _attached),
        ]
    )
    return app


def _letter(request: web.Request) -> Letter:
    letters, number = request.app[_SINK].letters, int(request.match_info["number"])
    if not 1 <= number <= len(letters):
        raise web.HTTPNotFound
    return letters[number - 1]


async def _list(request: web.Request) -> web.Response:
    rows = [
        f'<li><a href="/{number}">{escape(str(one.message["Subject"]))}</a><br>'
        f'<span class="quiet">{escape(", ".join(one.recipients))} · '
        f"{one.at:%H:%M:%S} UTC</span></li>"
        for number, one in reversed(list(enumerate(request.app[_SINK].letters, start=1)))
    ]
    empty = "<p class=quiet>Nothing yet. Reminders and thank-you notes will appear here.</p>"
    return _page("E-mails of the demonstration", f"<ul>{''.join(rows)}</ul>" if rows else empty)


async def _show(request: web.Request) -> web.Response:
    one, number = _letter(request), request.match_info["number"]
    heads = "".join(
        f"<dt>{name}</dt><dd>{escape(str(one.message[name]))}</dd>"
        for name in ("From", "To", "Reply-To", "Subject", "Date")
        if one.message[name]
    )
    files = "".join(
        f'<li><a href="/{number}/files/{at}">{escape(part.get_filename() or "file")}</a> '
        f'<span class="quiet">{escape(part.get_content_type())}</span></li>'
        for at, part in enumerate(one.attachments())
    )
    return _page(
        str(one.message["Subject"]),
        f'<p><a href="/">All e-mails</a></p><dl>{heads}</dl><ul>{files}</ul>'
        f'<iframe src="/{number}/html" title="The e-mail" '
        'sandbox="allow-popups allow-top-navigation-by-user-activation"></iframe>',
    )


async def _html(request: web.Request) -> web.Response:
    one = _letter(request)
    text = one.body("html") or f"<pre>{escape(one.body('plain'))}</pre>"
    for part in one.message.walk():
        if name := str(part["Content-ID"] or "").strip("<>"):
            text = text.replace(f"cid:{name}", f"/{request.match_info['number']}/parts/{name}")
    return web.Response(
        text=text.replace("<head>", '<head><base target="_top">', 1), content_type="text/html"
    )


async def _inline(request: web.Request) -> web.Response:
    wanted = request.match_info["name"]
    for part in _letter(request).message.walk():
        if str(part["Content-ID"] or "").strip("<>") == wanted:
            return _bytes(part)
    raise web.HTTPNotFound


async def _attached(request: web.Request) -> web.Response:
    parts, at = _letter(request).attachments(), int(request.match_info["at"])
    if at >= len(parts):
        raise web.HTTPNotFound
    return _bytes(parts[at])


async def _messages(request: web.Request) -> web.Response:
    return web.json_response(
        [
            {
                "number": number,
                "to": list(one.recipients),
                "subject": str(one.message["Subject"]),
                "text": one.body("plain"),
                "attachments": [part.get_filename() for part in one.attachments()],
            }
            for number, one in enumerate(request.app[_SINK].letters, start=1)
        ]
    )


def _page(title: str, body: str) -> web.Response:
    return web.Response(
        text='<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style>"
        f"</head><body><h1>{escape(title)}</h1>{body}</body></html>",
        content_type="text/html",
    )


def _bytes(part: Any) -> web.Response:
    name = "".join(one for one in part.get_filename() or "file" if one.isalnum() or one in "._-")
    return web.Response(
        body=part.get_payload(decode=True) or b"",
        content_type=part.get_content_type(),
        headers={"Content-Disposition": f'inline; filename="{name}"'},
    )


async def serve(*, smtp_port: int, port: int) -> None:
    """Take e-mails and show them until cancelled."""
    sink = Sink()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(sink, enable_SMTPUTF8=True, ident="demonstration"), LOOPBACK, smtp_port
    )
    runner = web.AppRunner(pages(sink))
    await runner.setup()
    try:
        await web.TCPSite(runner, LOOPBACK, port).start()
        await asyncio.Event().wait()
    finally:
        server.close()
        await runner.cleanup()


def main() -> None:
    """Run the mail server from the command line."""
    parser = argparse.ArgumentParser(prog="python -m gateway.demo.mail_sink")
    parser.add_argument("--smtp-port", type=int, required=True)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    asyncio.run(serve(smtp_port=options.smtp_port, port=options.port))


if __name__ == "__main__":
    main()
