"""A reminder as an e-mail: plain text, HTML with the payment code inside, letter and UBL attached.

Builds the message only. Who sends it, when, and what comes back is not known here.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from functools import cache
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from reminders.content import ReminderContent
from ubl.qr import qr_png

__all__ = ["MailRefused", "Mailbox", "begin_mail", "end_mail", "mail_templates", "reminder_mail"]

MAX_ADDRESS: Final = 254
_ADDRESS = re.compile(r"[^\s@<>()\[\]\\,;:\"\x00-\x1f\x7f]+@[^\s@<>()\[\]\\,;:\"\x00-\x1f\x7f]+")
_UNSAFE = re.compile(r"[^0-9A-Za-z._-]+")
_MESSAGE_ID = re.compile(r"<[!-;=?A-~]+@[!-;=?A-~]+>")


class MailRefused(ValueError):
    """The e-mail cannot be made.

    ``code`` is stable: MAIL-ADDRESS, MAIL-NAME or MAIL-MESSAGE-ID.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An e-mail address and, where known, the name shown beside it. Raises MailRefused."""

    address: str
    name: str = ""

    def __post_init__(self) -> None:
        """Refuse what would break a header or reach nobody."""
        is_plain = self.address.isascii() and len(self.address) <= MAX_ADDRESS
        if not is_plain or not _ADDRESS.fullmatch(self.address):
            message = (
                f"'{self.address[:60]}' is no e-mail address that every mail server takes. Correct "
                "it; write a domain with accents in its xn-- form."
            )
            raise MailRefused("MAIL-ADDRESS", message)
        if not self.name.isprintable():
            message = "The name beside an e-mail address has a line break or control character."
            raise MailRefused("MAIL-NAME", message)

    def header(self) -> Address:
        """Return the form headers take."""
        return Address(display_name=self.name, addr_spec=self.address)


def reminder_mail(
    content: ReminderContent,
    *,
    sender: Mailbox,
    recipient: Mailbox,
    reply_to: Mailbox | None = None,
    message_id: str,
    sent_at: datetime,
    letter: bytes | None = None,
    ubl: bytes | None = None,
    answers: str | None = None,
) -> EmailMessage:
    """Make the e-mail of a reminder, ready for SMTP.

    ``message_id`` is ``<left@right>``, given by the caller so that a repeated attempt sends the
    same message; ``answers`` is the message id of the reminder before, which threads them.
    ``letter`` is a PDF, ``ubl`` the UBL Reminder. ``sent_at`` is timezone-aware. Raises
    MailRefused.
    """
    mail = begin_mail(
        subject=content.subject,
        sender=sender,
        recipient=recipient,
        reply_to=reply_to,
        message_id=message_id,
        sent_at=sent_at,
        answers=answers,
    )
    _write_bodies(mail, content, message_id)
    _attach(mail, content, letter, ubl)
    end_mail(mail, locale=content.locale, message_id=message_id)
    return mail


def begin_mail(
    *,
    subject: str,
    sender: Mailbox,
    recipient: Mailbox,
    reply_to: Mailbox | None,
    message_id: str,
    sent_at: datetime,
    answers: str | None,
) -> EmailMessage:
    """Begin an e-mail that is sent automatically: its headers, without a body. Raises MailRefused.

    The arguments are those of ``reminder_mail``.
    """
    for identifier in (message_id, answers):
        if identifier is not None and not _MESSAGE_ID.fullmatch(identifier):
            message = "A message id has the form <left@right>, in ASCII without spaces."
            raise MailRefused("MAIL-MESSAGE-ID", message)
    mail = EmailMessage(policy=SMTP)
    mail["From"] = _address(sender)
    mail["To"] = _address(recipient)
    if reply_to is not None:
        mail["Reply-To"] = _address(reply_to)
    mail["Subject"] = subject
    mail["Date"] = format_datetime(sent_at)
    mail["Message-ID"] = message_id
    if answers is not None:
        mail["In-Reply-To"] = answers
        mail["References"] = answers
    mail["Auto-Submitted"] = "auto-generated"
    return mail


def end_mail(mail: EmailMessage, *, locale: str, message_id: str) -> None:
    """Finish an e-mail whose bodies are written, so that the same call gives the same bytes."""
    # Last, because headers of that kind move into the first part when a second is added.
    mail["Content-Language"] = locale.replace("_", "-")
    digest = hashlib.sha256(message_id.encode("ascii")).hexdigest()[:24]
    parts = (part for part in mail.walk() if part.is_multipart())
    for position, part in enumerate(parts, start=1):
        part.set_boundary(f"=_{position}_{digest}")


def _address(mailbox: Mailbox) -> Address:
    try:
        return mailbox.header()
    except ValueError:
        message = f"'{mailbox.address[:60]}' is no e-mail address. Correct it at the customer."
        raise MailRefused("MAIL-ADDRESS", message) from None


def _write_bodies(mail: EmailMessage, content: ReminderContent, message_id: str) -> None:
    mail.set_content(
        mail_templates().get_template("mail.txt").render(c=content), cte="quoted-printable"
    )
    qr_id = "" if content.qr is None else "qr." + message_id.strip("<>")
    html = mail_templates().get_template("mail.html").render(c=content, qr_id=qr_id)
    mail.add_alternative(html, subtype="html", cte="quoted-printable")
    if content.qr is None:
        return
    body = mail.get_body(("html",))
    if not isinstance(body, EmailMessage):
        raise AssertionError("the HTML part was just added")
    body.add_related(
        qr_png(content.qr),
        maintype="image",
        subtype="png",
        cid=f"<{qr_id}>",
        filename="payment.png",
        disposition="inline",
    )


def _attach(
    mail: EmailMessage, content: ReminderContent, letter: bytes | None, ubl: bytes | None
) -> None:
    name = _UNSAFE.sub("-", content.document).strip("-.")[:60] or "reminder"
    if letter is not None:
        mail.add_attachment(letter, maintype="application", subtype="pdf", filename=f"{name}.pdf")
    if ubl is not None:
        mail.add_attachment(ubl, maintype="application", subtype="xml", filename=f"{name}.xml")


@cache
def mail_templates() -> Environment:
    """The templates of e-mails; what they fill in is escaped in HTML."""
    return Environment(
        loader=PackageLoader("reminders", "templates"),
        autoescape=select_autoescape(("html",)),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
