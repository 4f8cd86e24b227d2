"""Documents for people: whatever came, as a page of HTML or sheets of PDF. Pure.

Functions of a module over bytes that give plain values, so that a large document is set in a
worker process. Judges nothing: a document that breaks rules is shown as it is.
"""

import dataclasses
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final
from urllib.parse import quote

from lxml import etree
from markupsafe import Markup

from gateway.conversion.reading import read_document
from gateway.core.errors import ErrorKind, GatewayError
from gateway.core.http import NOT_FOUND
from gateway.exchange.facts import reminder_facts
from ubl.localized import LANGUAGES
from ubl.mlr import MLR_CUSTOMIZATION, read_mlr
from ubl.model import AttachmentUnreadable, Invoice
from ubl.namespaces import document_namespace
from ubl.reminder import Reminder, ReminderRefused
from ubl.reminder_read import read_reminder
from ubl.reminder_view import ReminderView, reminder_view
from ubl.rendition.html import DocumentView, document_article, document_html
from ubl.rendition.papers import paper_pdf
from ubl.rendition.pdf import PdfUnset, render_invoice
from ubl.response import (
    MLS_ADDRESS_RULES,
    MLS_CUSTOMIZATION,
    InvoiceResponse,
    Mls,
    ResponseRefused,
    read_invoice_response,
    read_mls,
)
from ubl.response_view import ResponseView, invoice_response_view, mlr_view, mls_view
from ubl.safexml import XmlRefused, parse
from ubl.value_text import attachment_name
from ubl.view import invoice_view

__all__ = [
    "ATTACHMENT_DAMAGED",
    "LINES_AT_ONCE",
    "RENDITION_FORMAT",
    "RENDITION_UNREADABLE",
    "AttachedFile",
    "Order",
    "Rendition",
    "RenditionFormat",
    "Shown",
    "attached_file",
    "disposition",
    "named_in",
    "render_document",
    "show_document",
]

RENDITION_UNREADABLE: Final = ErrorKind(
    "RENDITION-UNREADABLE", "The document cannot be shown to people", 422
)
RENDITION_FORMAT: Final = ErrorKind(
    "RENDITION-FORMAT", "This document is not set in that format", 422
)
ATTACHMENT_DAMAGED: Final = ErrorKind(
    "ATTACHMENT-DAMAGED", "The file in the document cannot be handed out", 422
)
LINES_AT_ONCE: Final = 200
_ANSWER: Final = f"{{{document_namespace('ApplicationResponse')}}}ApplicationResponse"
_REMINDER: Final = f"{{{document_namespace('Reminder')}}}Reminder"
_CUSTOMIZATION: Final = (
    "{urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2}CustomizationID"
)
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._-]+")
_NAME_LENGTH: Final = 80

_Read = Invoice | Reminder | ResponseView


class RenditionFormat(StrEnum):
    """What a document is set as."""

    HTML = "html"
    PDF = "pdf"


@dataclass(frozen=True, slots=True)
class Order:
    """What is wanted: the format, the language, and the moment a PDF says it was made at."""

    format: RenditionFormat
    lang: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Rendition:
    """A document for people, as a file; ``file_name`` is safe to write to."""

    content: bytes
    media_type: str
    file_name: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A document as a console shows it.

    ``article`` is HTML. Of a long invoice it holds ``LINES_AT_ONCE`` lines from ``first``;
    ``lines`` is how many there are. ``reminder`` is the view of a reminder, which the console
    sets itself; ``article`` is empty then.
    """

    article: Markup
    first: int = 0
    lines: int = 0
    reminder: ReminderView | None = None


@dataclass(frozen=True, slots=True)
class AttachedFile:
    """A file that was inside an invoice; the name is the sender's, without path or controls."""

    content: bytes
    file_name: str


def render_document(content: bytes, order: Order, media_type: str = "") -> Rendition:
    """Set a document as a file of its own.

    Invoices and credit notes in any form that is converted here, Invoice Responses, MLS, MLR and
    reminders. Raises GatewayError RENDITION-UNREADABLE, RENDITION-FORMAT, and what reading an
    invoice raises.
    """
    found = _read(content, order.lang, media_type)
    view = _view(found, order.lang)
    name = _file_name(view.title, view.number)
    if order.format is RenditionFormat.HTML:
        return Rendition(document_html(view).encode(), "text/html", f"{name}.html")
    try:
        pdf = _pdf(found, order)
    except PdfUnset as error:
        raise GatewayError(RENDITION_FORMAT, str(error), cause=error.code) from None
    return Rendition(pdf, "application/pdf", f"{name}.pdf")


def _pdf(found: _Read, order: Order) -> bytes:
    if isinstance(found, Invoice):
        return render_invoice(found, locale=order.lang, created_at=order.at)
    view = reminder_view(found, locale=order.lang) if isinstance(found, Reminder) else found
    return paper_pdf(view, created_at=order.at)


def show_document(
    content: bytes, lang: str, first: int, attachments: str, due_dates: Mapping[str, date]
) -> Shown | None:
    """Set a document for the console; None for what people cannot be shown.

    Lines start at ``first``. ``attachments`` is the address files in the document are fetched
    below, by their place. ``due_dates`` are those of the invoices a reminder may name.
    """
    try:
        found = _read(content, lang)
    except GatewayError:
        return None
    if isinstance(found, Reminder):
        view = reminder_view(found, locale=lang, due_dates=due_dates)
        return Shown(Markup(), reminder=view)
    if not isinstance(found, Invoice):
        return Shown(document_article(found))
    lines = len(found.lines)
    start = first if first < lines else 0
    part = dataclasses.replace(found, lines=found.lines[start : start + LINES_AT_ONCE])
    shown = invoice_view(part, locale=lang)
    links = {one.index: f"{attachments}/{one.index}" for one in shown.attachments}
    return Shown(document_article(shown, links=links), start, lines)


def named_in(content: bytes) -> tuple[str, ...]:
    """List the numbers of the invoices a reminder is about; none of what cannot be read."""
    try:
        found = _read(content, LANGUAGES[0])
    except GatewayError:
        return ()
    return tuple(reminder_facts(found).invoices) if isinstance(found, Reminder) else ()


def attached_file(content: bytes, index: int) -> AttachedFile:
    """Take a file out of an invoice, by its place among the supporting documents.

    Raises GatewayError NOT-FOUND, ATTACHMENT-DAMAGED, and what reading an invoice raises.
    """
    documents = read_document(content).invoice.supporting_documents
    attachment = documents[index].attachment if index < len(documents) else None
    if attachment is None:
        raise GatewayError(NOT_FOUND, "The document has no file at that place.")
    name = attachment_name(attachment, documents[index].reference)
    try:
        return AttachedFile(attachment.content(), name or f"attachment-{index + 1}")
    except AttachmentUnreadable as error:
        raise GatewayError(ATTACHMENT_DAMAGED, error.message, cause=error.code) from None


def disposition(file_name: str, *, inline: bool = False) -> str:
    """Write a Content-Disposition for any name: in ASCII for the oldest, whole for the others."""
    plain = _NOT_IN_NAMES.sub("_", file_name)
    way = "inline" if inline else "attachment"
    return f"{way}; filename=\"{plain}\"; filename*=UTF-8''{quote(file_name, safe='')}"


def _read(content: bytes, lang: str, media_type: str = "") -> _Read:
    """Read any document people are shown: an invoice, a reminder, or the view of an answer."""
    root = _root(content)
    if root is None or root.tag not in (_ANSWER, _REMINDER):
        return read_document(content, media_type).invoice
    try:
        if root.tag == _REMINDER:
            return _reminder(content)
        return _answer(root, content, lang)
    except (ResponseRefused, ReminderRefused) as refused:
        raise GatewayError(RENDITION_UNREADABLE, str(refused)) from None


def _root(content: bytes) -> etree._Element | None:
    """The root of what is XML of itself; None for PDF, JSON, and what is read elsewhere."""
    try:
        return parse(content)
    except XmlRefused:
        return None


def _reminder(content: bytes) -> Reminder:
    """What a reminder says, whether it keeps its profile or not."""
    try:
        return read_reminder(content).reminder
    except ReminderRefused as refused:
        if refused.reminder is None:
            raise
        return refused.reminder


def _answer(root: etree._Element, content: bytes, lang: str) -> ResponseView:
    customization = (root.findtext(_CUSTOMIZATION) or "").strip()
    readers: tuple[tuple[str, Callable[[], ResponseView]], ...] = (
        (MLS_CUSTOMIZATION, lambda: mls_view(_mls(content), locale=lang)),
        (MLR_CUSTOMIZATION, lambda: mlr_view(read_mlr(content), locale=lang)),
    )
    for start, view in readers:
        if customization.startswith(start):
            return view()
    response: InvoiceResponse = read_invoice_response(content)
    return invoice_response_view(response, locale=lang)


def _mls(content: bytes) -> Mls:
    return read_mls(content, tolerate=MLS_ADDRESS_RULES)


def _view(found: _Read, lang: str) -> DocumentView:
    if isinstance(found, Invoice):
        return invoice_view(found, locale=lang)
    if isinstance(found, Reminder):
        return reminder_view(found, locale=lang)
    return found


def _file_name(title: str, number: str) -> str:
    name = _NOT_IN_NAMES.sub("-", f"{title} {number}").strip("-.")[:_NAME_LENGTH]
    return name or "document"
