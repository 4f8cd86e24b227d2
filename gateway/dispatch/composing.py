"""The e-mail that carries a document, or leads to it: words, files, return path. Does no I/O."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from importlib import resources
from typing import Final

from babel.dates import format_date
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from gateway.core.errors import GatewayError
from gateway.dispatch.tables import Dispatch
from gateway.exchange.channels import DISPATCH_UNWRITABLE, DispatchFormat
from gateway.exchange.tables import Document
from reminders.mail import Mailbox, MailRefused, begin_mail, end_mail
from ubl.amounts import from_minor
from ubl.localized import Localized

__all__ = ["Letter", "Written", "compose", "file_stem", "message_id_of", "return_path_of"]

_BREAKS: Final = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]+")
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

    ``xml`` goes along only where the customer wants it beside the PDF. ``limit`` is how many
    octets of files an e-mail may carry; beyond, it only leads to them by ``url``.
    """

    dispatch: Dispatch
    document: Document
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
class _Message:
    """What the templates fill in."""

    language: str
    subject: str
    salutation: str
    lines: tuple[str, ...]
    open: str
    url: str
    until: str
    regards: str
    signature: str
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
    """Write the e-mail; raises GatewayError DISPATCH-UNWRITABLE for an address no server takes."""
    row = letter.dispatch
    files = _files(letter)
    attached = sum(len(one) for _, _, one in files) <= letter.limit
    message = _message(letter, attached=attached)
    message_id = message_id_of(row, letter.sender)
    try:
        mail = begin_mail(
            subject=message.subject,
            sender=_mailbox(letter.sender, letter.seller),
            recipient=_mailbox(row.recipient or "", letter.buyer),
            reply_to=_reply_to(letter),
            message_id=message_id,
            sent_at=letter.at,
            answers=None,
        )
    except MailRefused as refused:
        raise GatewayError(DISPATCH_UNWRITABLE, refused.message, fault=refused.code) from None
    templates = _templates()
    text = templates.get_template("mail.txt").render(m=message)
    mail.set_content(text, cte="quoted-printable")
    html = templates.get_template("mail.html").render(m=message)
    mail.add_alternative(html, subtype="html", cte="quoted-printable")
    for name, subtype, content in files if attached else ():
        mail.add_attachment(content, maintype="application", subtype=subtype, filename=name)
    end_mail(mail, locale=row.locale, message_id=message_id)
    return Written(mail.as_bytes(), message.subject, attached)


def _files(letter: Letter) -> list[tuple[str, str, bytes]]:
    stem = file_stem(letter.document.number)
    files = [(f"{stem}.pdf", "pdf", letter.pdf)]
    if letter.dispatch.format is DispatchFormat.XML:
        files.append((f"{stem}.xml", "xml", letter.xml))
    return files


def _message(letter: Letter, *, attached: bool) -> _Message:
    row, document = letter.dispatch, letter.document
    formats = Localized(row.locale)
    words = _words(formats.language)
    kind = document.kind.value
    total = "–"
    if document.amount_minor is not None and document.currency:
        total = formats.amount(from_minor(document.amount_minor, document.currency))
    facts = {"number": document.number, "seller": letter.seller, "total": total}
    lines = [words[f"{'attached' if attached else 'linked'}_{kind}"].format_map(facts)]
    if not attached:
        lines.append(words["too_large"])
    if document.due_date is not None and kind == "invoice":
        lines.append(words["due"].format(day=_day(document.due_date, row.locale)))
    if attached and row.format in _DATA_INSIDE:
        lines.append(words["data"])
    if attached and row.format is DispatchFormat.XML:
        lines.append(words["data_xml"])
    return _Message(
        language=formats.language,
        subject=_BREAKS.sub(" ", words[kind].format_map(facts)),
        salutation=words["salutation"],
        lines=tuple(lines),
        open=words["open"],
        url=letter.url,
        until=words["until"].format(day=_day(row.link_expires_at.date(), row.locale)),
        regards=words["regards"],
        signature=letter.seller,
        automatic=words["automatic"].format_map(facts),
    )


def _day(day: date, locale: str) -> str:
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
def _words(language: str) -> Mapping[str, str]:
    file = resources.files("gateway.dispatch").joinpath("texts", f"{language}.toml")
    return tomllib.loads(file.read_text("utf-8"))


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
