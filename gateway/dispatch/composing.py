"""The e-mail that carries a document, or leads to it: words, files, return path. Does no I/O."""

import re
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Final

from babel.dates import format_date
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from gateway.core.errors import GatewayError
from gateway.dispatch.tables import Dispatch
from gateway.dispatch.wording import Told, Wording, labels, tell
from gateway.exchange.channels import DISPATCH_UNWRITABLE, DispatchFormat
from gateway.exchange.tables import Document
from reminders.mail import Mailbox, MailRefused, begin_mail, end_mail
from ubl.amounts import from_minor
from ubl.localized import Localized

__all__ = [
    "Letter",
    "Said",
    "Shown",
    "Written",
    "compose",
    "file_stem",
    "message_id_of",
    "return_path_of",
    "show",
]

_UNSAFE: Final = re.compile(r"[^0-9A-Za-z._-]+")
_DATA_INSIDE: Final = frozenset(
    {
        DispatchFormat.FACTURX,
        DispatchFormat.FACTURX_EXTENDED,
        DispatchFormat.FACTURX_XRECHNUNG,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """Everything an e-mail says and holds.

    ``wording`` is what it says, ours or the account's own. ``xml`` goes along only where the
    customer wants it beside the PDF. ``limit`` is how many octets of files an e-mail may carry;
    beyond, it only leads to them by ``url``.
    """

    dispatch: Dispatch
    document: Document
    wording: Wording
    seller: str
    buyer: str
    sender: str
    reply_to: str | None
    url: str
    pdf: bytes
    xml: bytes
    limit: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Written:
    """An e-mail ready for SMTP, its subject, and whether the files are in it."""

    content: bytes
    subject: str
    attached: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What the names of a text stand for, of one document to one buyer.

    ``locale`` is the reader's; ``total`` is written in it. ``until`` is the last day of the link
    ``url``. ``attached``: the files are in the e-mail, ``data_in_pdf`` and ``data_in_xml`` which of
    them hold data.
    """

    locale: str
    number: str
    seller: str
    buyer: str
    total: str
    issued: date | None
    due: date | None
    until: date
    url: str
    attached: bool
    data_in_pdf: bool
    data_in_xml: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """An e-mail as it is read: its subject, as plain text and as HTML."""

    subject: str
    text: str
    html: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Message:
    """What the templates fill in."""

    language: str
    told: Told
    seller: str
    open: str
    url: str
    until: str
    automatic: str


def message_id_of(row: Dispatch, sender: str) -> str:
    """The Message-ID of a dispatch, the same at every attempt."""
    return f"<{row.token}@{sender.rpartition('@')[2] or 'localhost'}>"


def return_path_of(row: Dispatch, address: str) -> str:
    """The envelope's sender: ``address`` with the dispatch's token as its sub-address."""
    local, _, domain = address.rpartition("@")
    return f"{local}+{row.token}@{domain}"


def file_stem(number: str) -> str:
    """A document's number as the name of its files."""
    return _UNSAFE.sub("-", number).strip("-.")[:60] or "document"


def compose(letter: Letter) -> Written:
    """Write the e-mail.

    Raises GatewayError DISPATCH-UNWRITABLE for an address no server takes, DISPATCH-TEXT for a
    wording that cannot be filled.
    """
    row = letter.dispatch
    files = _files(letter)
    attached = sum(len(one) for _, _, one in files) <= letter.limit
    shown = show(letter.wording, _said(letter, attached=attached))
    message_id = message_id_of(row, letter.sender)
    try:
        mail = begin_mail(
            subject=shown.subject,
            sender=_mailbox(letter.sender, letter.seller),
            recipient=_mailbox(row.recipient or "", letter.buyer),
            reply_to=_reply_to(letter),
            message_id=message_id,
            sent_at=letter.at,
            answers=None,
        )
    except MailRefused as refused:
        raise GatewayError(DISPATCH_UNWRITABLE, refused.message, fault=refused.code) from None
    mail.set_content(shown.text, cte="quoted-printable")
    mail.add_alternative(shown.html, subtype="html", cte="quoted-printable")
    for name, subtype, content in files if attached else ():
        mail.add_attachment(content, maintype="application", subtype=subtype, filename=name)
    end_mail(mail, locale=row.locale, message_id=message_id)
    return Written(mail.as_bytes(), shown.subject, attached)


def _files(letter: Letter) -> list[tuple[str, str, bytes]]:
    stem = file_stem(letter.document.number)
    files = [(f"{stem}.pdf", "pdf", letter.pdf)]
    if letter.dispatch.format is DispatchFormat.XML:
        files.append((f"{stem}.xml", "xml", letter.xml))
    return files


def show(wording: Wording, said: Said) -> Shown:
    """Put an e-mail into words; raises GatewayError DISPATCH-TEXT."""
    language = Localized(said.locale).language
    around = labels(language)
    told = tell(wording, _values(said))
    message = _Message(
        language=language,
        told=told,
        seller=said.seller,
        open=around["open"],
        url=said.url,
        until=around["until"].format(day=_day(said.until, said.locale)),
        automatic=around["automatic"].format(seller=said.seller),
    )
    templates = _templates()
    return Shown(
        subject=told.subject,
        text=templates.get_template("mail.txt").render(m=message),
        html=templates.get_template("mail.html").render(m=message),
    )


def _values(said: Said) -> dict[str, str | int]:
    """Every name of ``wording.NAMES``."""
    return {
        "number": said.number,
        "seller": said.seller,
        "buyer": said.buyer,
        "total": said.total,
        "issued": _day(said.issued, said.locale),
        "due": _day(said.due, said.locale),
        "until": _day(said.until, said.locale),
        "attached": int(said.attached),
        "data_in_pdf": int(said.data_in_pdf),
        "data_in_xml": int(said.data_in_xml),
    }


def _said(letter: Letter, *, attached: bool) -> Said:
    row, document = letter.dispatch, letter.document
    total = "–"
    if document.amount_minor is not None and document.currency:
        amount = from_minor(document.amount_minor, document.currency)
        total = Localized(row.locale).amount(amount)
    return Said(
        locale=row.locale,
        number=document.number,
        seller=letter.seller,
        buyer=letter.buyer,
        total=total,
        issued=document.issue_date,
        due=document.due_date,
        until=row.link_expires_at.date(),
        url=letter.url,
        attached=attached,
        data_in_pdf=attached and row.format in _DATA_INSIDE,
        data_in_xml=attached and row.format is DispatchFormat.XML,
    )


def _day(day: date | None, locale: str) -> str:
    if day is None:
        return ""
    return str(format_date(day, format="long", locale=locale.replace("-", "_")))


def _reply_to(letter: Letter) -> Mailbox | None:
    """Whom the buyer should ask, where the invoice names an address that works."""
    if not letter.reply_to:
        return None
    try:
        return _mailbox(letter.reply_to.strip(), letter.seller)
    except MailRefused:
        return None


def _mailbox(address: str, name: str) -> Mailbox:
    """A mailbox with as much of a name as a header can show; raises MailRefused."""
    shown = "".join(one if one.isprintable() else " " for one in name)
    return Mailbox(address, " ".join(shown.split()))


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("gateway.dispatch", "letters"),
        autoescape=select_autoescape(("html",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
