"""One file for people and programs: an invoice as PDF/A-3b with its XML inside.

Factur-X 1.0 and ZUGFeRD 2, profiles MINIMUM to EXTENDED and XRECHNUNG. The pages are made from
the invoice, or are the seller's own where that PDF can truthfully become PDF/A-3b. Takes
computing time: call it in a thread or a worker process.
"""

import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import Final

import pikepdf

from ubl.facturx.archivable import approve, foreign, opened, prepared
from ubl.facturx.container import (
    EmbeddedFile,
    Relationship,
    embed,
    replace_metadata,
    unembed,
    written,
)
from ubl.facturx.errors import ATTACHMENT_REFUSED, FacturxRefused
from ubl.facturx.metadata import InvoiceMetadata, with_invoice
from ubl.formats import Format, Profile
from ubl.model import Invoice
from ubl.model.references import AttachmentUnreadable
from ubl.rendition.pdf import render_invoice
from ubl.safexml import XmlRefused

__all__ = ["OwnPdf", "hybrid_pdf"]

_XML: Final = "text/xml"
_LEVELS: Final = {
    Profile.MINIMUM: "MINIMUM",
    Profile.BASIC_WL: "BASIC WL",
    Profile.BASIC: "BASIC",
    Profile.EN16931: "EN 16931",
    Profile.XRECHNUNG: "XRECHNUNG",
    Profile.EXTENDED: "EXTENDED",
}
_XRECHNUNG: Final = "xrechnung.xml"
_VERSION: Final = "1.0"
_XRECHNUNG_VERSION: Final = "3.0"
# With less than the lines of the invoice the XML is no full alternative of the pages.
_DATA_ONLY: Final = frozenset({Profile.MINIMUM, Profile.BASIC_WL})
# Names that receivers take for the invoice itself.
_INVOICE_NAMES: Final = frozenset(
    {"factur-x.xml", _XRECHNUNG, "zugferd-invoice.xml", "order-x.xml", "cida.xml"}
)
_NAME_LENGTH: Final = 100
_UNFIT: Final = re.compile(r'[\x00-\x1f\x7f<>:"|?*\u200b-\u200f\u202a-\u202e\u2066-\u2069]')


class OwnPdf(StrEnum):
    """What becomes of the seller's own PDF: the pages themselves, or a file beside made ones."""

    PAGES = "pages"
    ATTACHMENT = "attachment"


def hybrid_pdf(
    invoice: Invoice,
    xml: bytes,
    *,
    format: Format,
    lang: str,
    created_at: datetime,
    own_pdf: bytes | None = None,
    own_pdf_as: OwnPdf = OwnPdf.PAGES,
) -> bytes:
    """Make a Factur-X file: PDF/A-3b with ``xml`` inside, and the invoice's attachments.

    ``xml`` is the invoice in CII as ``format`` has it; ``lang`` is the language of made pages
    (en, fr, nl, de, fr_BE ...), ``created_at`` timezone-aware. The same input gives the same
    bytes. Raises FacturxRefused, and LanguageUnknown and PdfUnset for made pages.
    """
    label = _metadata(format)
    data_only = format.profile in _DATA_ONLY
    invoice_file = EmbeddedFile(
        name=label.file_name,
        content=xml,
        mime_type=_XML,
        relationship=Relationship.DATA if data_only else Relationship.ALTERNATIVE,
        description=f"{format.title}, {invoice.number or ''}".rstrip(", "),
    )
    if own_pdf is not None and own_pdf_as is OwnPdf.PAGES:
        with foreign(), prepared(own_pdf) as pdf:
            _fill(pdf, invoice_file, _supporting(invoice, None), created_at)
            approve(written(pdf))
            return _labelled(pdf, label, created_at)
    beside = own_pdf if own_pdf_as is OwnPdf.ATTACHMENT else None
    pages = render_invoice(invoice, locale=lang, created_at=created_at, enclosed=True)
    with pikepdf.open(io.BytesIO(pages)) as pdf:
        _fill(pdf, invoice_file, _supporting(invoice, beside), created_at)
        return _labelled(pdf, label, created_at)


def _fill(
    pdf: pikepdf.Pdf,
    invoice_file: EmbeddedFile,
    others: Iterable[EmbeddedFile],
    created_at: datetime,
) -> None:
    """Put the invoice in, in the place of any other, and further files under free names."""
    unembed(pdf, _INVOICE_NAMES)
    taken = {*_INVOICE_NAMES, *(name.lower() for name in pdf.attachments)}
    embed(pdf, invoice_file, changed_at=created_at)
    for file in others:
        name = _free_name(file.name, taken)
        embed(pdf, replace(file, name=name), changed_at=created_at)


def _metadata(format: Format) -> InvoiceMetadata:
    level = _LEVELS.get(format.profile)
    if format.attachment is None or level is None:
        raise FacturxRefused(
            "FACTURX-FORMAT",
            f"'{format.id}' is no Factur-X or ZUGFeRD format. Choose one that starts with "
            "'facturx-'.",
        )
    if format.attachment == _XRECHNUNG:
        return InvoiceMetadata(file_name=_XRECHNUNG, level=level, version=_XRECHNUNG_VERSION)
    return InvoiceMetadata(file_name=format.attachment, level=level, version=_VERSION)


def _labelled(pdf: pikepdf.Pdf, label: InvoiceMetadata, created_at: datetime) -> bytes:
    """Say in the metadata what the file holds, and write it."""
    packet = pdf.Root.get("/Metadata")
    content = packet.read_bytes() if isinstance(packet, pikepdf.Stream) else b""
    try:
        replace_metadata(pdf, with_invoice(content, label, changed_at=created_at))
    except XmlRefused as error:
        raise FacturxRefused(
            "FACTURX-PDF-DAMAGED", f"The metadata of the PDF cannot be read: {error}"
        ) from None
    return written(pdf)


def _supporting(invoice: Invoice, beside: bytes | None) -> Iterator[EmbeddedFile]:
    """Give the seller's own PDF and the files of the invoice (BT-125)."""
    if beside is not None:
        with opened(beside):
            pass
        yield EmbeddedFile(
            name=f"{invoice.number or 'invoice'}.pdf",
            content=beside,
            mime_type="application/pdf",
            relationship=Relationship.SUPPLEMENT,
            description=f"{invoice.number or ''} (PDF)".strip(),
        )
    for document in invoice.supporting_documents:
        attachment = document.attachment
        if attachment is None:
            continue
        try:
            content = attachment.content()
        except AttachmentUnreadable as error:
            raise FacturxRefused(ATTACHMENT_REFUSED, error.message) from None
        name = attachment.file_name or document.reference or "attachment"
        yield EmbeddedFile(
            name=name,
            content=content,
            mime_type=attachment.mime_type or "",
            relationship=Relationship.SUPPLEMENT,
            description=document.description or document.reference or name,
        )


def _free_name(wanted: str, taken: set[str]) -> str:
    """Give a name without path that no other file has, however it is written."""
    name = _UNFIT.sub("", re.split(r"[/\\]", wanted)[-1]).strip(" .") or "attachment"
    stem, dot, suffix = name.rpartition(".")
    if not dot or len(suffix) > 10:
        stem, suffix = name, ""
    ending = f".{suffix}" if suffix else ""
    found, number = f"{stem[:_NAME_LENGTH]}{ending}", 1
    while found.lower() in taken:
        number += 1
        found = f"{stem[:_NAME_LENGTH]}-{number}{ending}"
    taken.add(found.lower())
    return found
