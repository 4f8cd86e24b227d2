"""E-mails as pages show them: head, plain text, and the HTML alone in a frame that can do nothing.

Reads an RFC 5322 message that this product wrote; what cannot be shown is left out.
"""

import base64
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage, Message
from email.policy import default
from typing import Final

from aiohttp import web

__all__ = ["Attachment", "MailView", "framed", "mail_view"]

_FRAME_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; "
    "base-uri 'none'; form-action 'none'; sandbox"
)
_NOTHING: Final = "<!doctype html><title>-</title>"


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with an e-mail; ``size`` in octets."""

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class MailView:
    """An e-mail taken apart. Pictures inside ``html`` are data addresses."""

    subject: str
    sender: str
    recipient: str
    text: str
    html: str
    attachments: tuple[Attachment, ...]


def mail_view(content: bytes) -> MailView:
    """Take an e-mail apart."""
    mail = message_from_bytes(content, policy=default)
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    return MailView(
        subject=str(mail.get("Subject", "")),
        sender=str(mail.get("From", "")),
        recipient=str(mail.get("To", "")),
        text=text.get_content() if text else "",
        html=_with_pictures(mail, html.get_content()) if html else "",
        attachments=tuple(
            Attachment(one.get_filename() or "", len(_octets(one)))
            for one in mail.iter_attachments()
            if one.get_filename()
        ),
    )


def _with_pictures(mail: EmailMessage, html: str) -> str:
    for part in mail.walk():
        name = str(part.get("Content-ID", "")).strip("<>")
        if name and part.get_content_maintype() == "image":
            picture = base64.b64encode(_octets(part)).decode("ascii")
            html = html.replace(f"cid:{name}", f"data:{part.get_content_type()};base64,{picture}")
    return html


def _octets(part: Message) -> bytes:
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def framed(html: str) -> web.Response:
    """An e-mail's HTML as a page of its own: no script, no form, nothing from elsewhere."""
    return web.Response(
        text=html or _NOTHING,
        content_type="text/html",
        headers={"Content-Security-Policy": _FRAME_POLICY, "X-Frame-Options": "SAMEORIGIN"},
    )
