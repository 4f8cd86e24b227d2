"""Reading an invoice out of whatever somebody has: JSON, UBL, CII, an envelope, a PDF. Pure.

Functions of a module over bytes that give plain values: a large document is read in a worker
process. Judges nothing; what cannot be read is an error, what was not understood is listed.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from lxml import etree

from gateway.as4.identifiers import DocumentTypeId, IdentifierInvalid
from gateway.conversion.errors import JSON_INVALID, NO_INVOICE, UNREADABLE, InvoiceRefused
from gateway.conversion.peppol_types import document_type
from gateway.core.errors import GatewayError
from schematron import texts
from schematron.container import Contents, open_document
from schematron.finding import Severity
from ubl.formats import Format, Syntax, format_of
from ubl.invoice import read_invoice
from ubl.json_text import JsonRefused, parse_json
from ubl.model import Invoice
from ubl.model_json import invoice_from_json
from ubl.reading import DocumentUnreadable

__all__ = ["ReadDocument", "Source", "read_document"]

JSON: Final = "application/json"
_UBL: Final = "urn:oasis:names:specification:ubl:schema:xsd:"
_WRAPPED: Final = frozenset({"invoice", "format"})


class Source(StrEnum):
    """What the invoice was read from."""

    XML = "xml"
    PDF = "pdf"
    JSON = "json"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadDocument:
    """An invoice as it came.

    ``unread`` are the paths of what the document says beyond the model. ``format`` is the one it
    names itself by (None for another), ``document_type`` what it travels as on Peppol (None where
    it cannot), ``wanted`` the format the JSON asks for (empty without).
    ``inner`` is the XML document inside a PDF or an envelope, None where it came bare or as JSON.
    ``pdf`` holds a PDF as it came, for whoever wants to keep its pages.
    """

    invoice: Invoice
    unread: tuple[str, ...]
    source: Source
    format: Format | None = None
    document_type: DocumentTypeId | None = None
    wanted: str = ""
    inner: bytes | None = None
    pdf: bytes | None = None


def read_document(content: bytes, media_type: str = "") -> ReadDocument:
    """Read the invoice in ``content``; ``media_type`` as its sender named it, may be empty.

    Raises GatewayError CONVERSION-UNREADABLE, CONVERSION-NO-INVOICE or INVOICE-JSON.
    """
    if media_type == JSON or content[:64].lstrip().startswith(b"{"):
        return _read_json(content)
    contents = open_document(content)
    root = contents.root
    if root is None:
        raise _refused(contents)
    try:
        reading = read_invoice(root)
    except DocumentUnreadable as error:
        raise GatewayError(NO_INVOICE, error.message) from None
    is_pdf = any(one.kind == "pdf" for one in contents.containers)
    return ReadDocument(
        invoice=reading.invoice,
        unread=reading.unread,
        source=Source.PDF if is_pdf else Source.XML,
        format=_format(root, reading.invoice),
        document_type=_document_type(root, reading.invoice),
        inner=_bytes_of(root) if contents.containers else None,
        pdf=content if is_pdf else None,
    )


def _bytes_of(root: etree._Element) -> bytes:
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True)


def _format(root: etree._Element, invoice: Invoice) -> Format | None:
    syntax = Syntax.UBL if str(root.tag).startswith("{" + _UBL) else Syntax.CII
    return format_of(syntax, invoice.specification, business_process=invoice.business_process)


def _document_type(root: etree._Element, invoice: Invoice) -> DocumentTypeId | None:
    name = etree.QName(root)
    try:
        return document_type(name.namespace or "", name.localname, invoice.specification or "")
    except IdentifierInvalid:
        return None


def _refused(contents: Contents) -> GatewayError:
    """Why no document could be found inside, in the words of the validation report."""
    fatal = [note for note in contents.notes if note.severity is Severity.FATAL]
    for note in fatal:
        wording = texts.require(note.code, lang="en", **note.words)
        sentences = " ".join(one for one in (wording.message, wording.hint) if one)
        return GatewayError(UNREADABLE, sentences, cause=note.code)
    return GatewayError(UNREADABLE, "No document could be found in what was sent.")


def _read_json(content: bytes) -> ReadDocument:
    try:
        value, wanted = _unwrapped(parse_json(content))
        invoice = invoice_from_json(value)
    except JsonRefused as refused:
        problems = [
            {"code": one.code, "pointer": one.pointer, "term": one.term, "message": one.advice}
            for one in refused.problems
        ]
        first = refused.problems[0]
        raise InvoiceRefused(
            JSON_INVALID,
            f"{len(problems)} place(s) of the JSON cannot be taken over. First, at "
            f"'{first.pointer}': {first.advice}",
            problems=problems,
        ) from None
    return ReadDocument(invoice=invoice, unread=(), source=Source.JSON, wanted=wanted)


def _unwrapped(value: object) -> tuple[object, str]:
    """The invoice and the format asked for, where the JSON names both."""
    if not isinstance(value, dict) or "invoice" not in value or not value.keys() <= _WRAPPED:
        return value, ""
    wanted = value.get("format", "")
    if not isinstance(wanted, str):
        raise GatewayError(JSON_INVALID, "'format' is the id of a format, or \"auto\", as a text.")
    return value["invoice"], wanted
