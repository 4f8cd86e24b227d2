"""Writing an invoice in a format somebody asks for: the XML, or a PDF that carries it. Pure.

Functions of a module over plain values, so that a large invoice is written in a worker process.
What the format cannot hold is found by reading back what was written (``ubl.invoice``), never
by a list kept by hand.
"""

import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from gateway.conversion.errors import (
    FORMAT_UNKNOWN,
    MODE_MISSING,
    OWN_PDF_REFUSED,
    UNWRITABLE,
    InvoiceRefused,
)
from gateway.conversion.reading import Source, read_document
from gateway.core.errors import GatewayError
from ubl.amounts import AmountUnreadable
from ubl.differences import Difference
from ubl.facturx import ATTACHMENT_REFUSED, FacturxRefused, OwnPdf, hybrid_pdf
from ubl.formats import FORMATS, Format, states_mode
from ubl.identifier_warnings import IdentifierWarning, identifier_warnings
from ubl.invoice import write_invoice
from ubl.json_text import shown
from ubl.model import Invoice
from ubl.pen import DocumentUnwritable
from ubl.rendition.pdf import PdfUnset
from ubl.safexml import XmlRefused
from ubl.totals import Discrepancy, check_totals, complete

__all__ = ["Converted", "Order", "convert_document", "format_named", "write_document"]

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]+")
_NAME: Final = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be written.

    ``computed``: sums and VAT that are missing are worked out first. ``bare``: the XML alone, also
    of a format that is a PDF. ``lang`` is the language of a PDF's pages; ``own_pdf`` are pages to
    use instead of ours, ``own_pdf_as`` how.
    """

    format: Format
    at: datetime
    computed: bool = False
    bare: bool = False
    lang: str = "en"
    own_pdf: bytes | None = None
    own_pdf_as: OwnPdf = OwnPdf.PAGES


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """A document that was written, and the account of it.

    ``invoice`` is what was written, with what was worked out. ``unread`` are the paths of the
    source that were not understood, ``lost`` what the format cannot hold as it was, ``added`` what
    it had to add, ``discrepancies`` where the invoice's sums are not what its parts give,
    ``slips`` identifiers that cannot be right.
    """

    content: bytes
    media_type: str
    file_name: str
    format: Format
    invoice: Invoice
    unread: tuple[str, ...]
    lost: tuple[Difference, ...]
    added: tuple[Difference, ...]
    discrepancies: tuple[Discrepancy, ...]
    slips: tuple[IdentifierWarning, ...]


def format_named(format_id: str) -> Format:
    """The format of that id; raises GatewayError CONVERSION-FORMAT."""
    try:
        return FORMATS[format_id]
    except KeyError:
        raise GatewayError(
            FORMAT_UNKNOWN,
            f"'{shown(format_id, longest=60)}' is no format. Known are {', '.join(FORMATS)}.",
        ) from None


def convert_document(content: bytes, media_type: str, order: Order) -> Converted:
    """Read a document and write it; sums that data left out are worked out.

    Raises what ``read_document`` and ``write_document`` raise.
    """
    read = read_document(content, media_type)
    if read.source is Source.JSON:
        order = replace(order, computed=True)
    return replace(write_document(read.invoice, order), unread=read.unread)


def write_document(invoice: Invoice, order: Order) -> Converted:
    """Write an invoice.

    Raises GatewayError CONVERSION-MODE for an invoice that does not state the invoicing mode its
    format wants, CONVERSION-UNWRITABLE for what no document can carry, and CONVERSION-OWN-PDF
    for pages that cannot carry the invoice.
    """
    if order.format.mode_required and not states_mode(invoice.business_process):
        raise GatewayError(
            MODE_MISSING,
            f"{order.format.title} wants the invoicing mode (BT-23), which only the seller knows: "
            "S1 for services, B1 for goods, M1 for both, and so on. Add it to the invoice.",
        )
    if order.computed:
        invoice = complete(invoice)
    try:
        written = write_invoice(invoice, order.format)
    except (DocumentUnwritable, AmountUnreadable, XmlRefused) as error:
        raise GatewayError(UNWRITABLE, str(error), cause=error.code) from None
    paged = order.format.attachment is not None and not order.bare
    return Converted(
        content=_with_pages(invoice, written.xml, order) if paged else written.xml,
        media_type=order.format.media_type if paged else "application/xml",
        file_name=_file_name(invoice, order.format, ".pdf" if paged else ".xml"),
        format=order.format,
        invoice=invoice,
        unread=(),
        lost=tuple(one for one in written.lost if not one.is_addition),
        added=tuple(one for one in written.lost if one.is_addition),
        discrepancies=check_totals(invoice),
        slips=identifier_warnings(invoice),
    )


def _with_pages(invoice: Invoice, xml: bytes, order: Order) -> bytes:
    try:
        return hybrid_pdf(
            invoice,
            xml,
            format=order.format,
            lang=order.lang,
            own_pdf=order.own_pdf,
            own_pdf_as=order.own_pdf_as,
            created_at=order.at,
        )
    except PdfUnset as error:
        raise GatewayError(
            UNWRITABLE,
            "The pages of the PDF could not be set. Ask for the XML, or leave out what is unusual "
            "in the texts of the invoice.",
            cause=error.code,
        ) from None
    except FacturxRefused as refused:
        if refused.code == ATTACHMENT_REFUSED:
            raise GatewayError(UNWRITABLE, refused.message, cause=refused.code) from None
        raise InvoiceRefused(
            OWN_PDF_REFUSED,
            refused.message,
            problems=[{"message": one} for one in refused.obstacles],
            cause=refused.code,
        ) from None


def _file_name(invoice: Invoice, wanted: Format, suffix: str) -> str:
    """A name that is safe on every system: the number of the invoice and the format."""
    number = _UNSAFE.sub("-", invoice.number or "").strip("-.")[:_NAME] or "invoice"
    return f"{number}-{wanted.id}{suffix}"
