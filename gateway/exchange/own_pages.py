"""The seller's own PDF beside an invoice: its pages, or a file inside it; kept and found again."""

import base64
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.conversion.errors import OWN_PDF_REFUSED
from gateway.core.errors import GatewayError
from gateway.exchange.archive import Archive
from gateway.exchange.tables import DocumentPages
from ubl.facturx import OwnPdf
from ubl.formats import Format
from ubl.model import Attachment, Invoice, SupportingDocument

__all__ = ["OwnFile", "pages_of", "with_file"]

_PDF: Final = "application/pdf"
_HEAD: Final = 1024


@dataclass(frozen=True, slots=True)
class OwnFile:
    """A PDF of the seller's that came with an invoice.

    ``use`` says what becomes of it; None leaves that to the format: the pages of a Factur-X, a
    file inside every other document.
    """

    content: bytes
    file_name: str
    use: OwnPdf | None = None

    def checked(self) -> "OwnFile":
        """Itself; raises GatewayError CONVERSION-OWN-PDF for what is no PDF."""
        if b"%PDF-" not in self.content[:_HEAD]:
            raise GatewayError(
                OWN_PDF_REFUSED, "The part 'pdf' is no PDF. Send the pages of the invoice as PDF."
            )
        return self

    def use_in(self, chosen: Format) -> OwnPdf:
        """What becomes of it in a format.

        Raises GatewayError CONVERSION-OWN-PDF for pages of a format that has none.
        """
        has_pages = chosen.attachment is not None
        if self.use is None:
            return OwnPdf.PAGES if has_pages else OwnPdf.ATTACHMENT
        if self.use is OwnPdf.PAGES and not has_pages:
            raise GatewayError(
                OWN_PDF_REFUSED,
                f"{chosen.title} is XML and has no pages. Choose a format whose id starts with "
                "'facturx-', or let the PDF go along inside the invoice: pdf=attachment.",
                format=chosen.id,
            )
        return self.use


def with_file(invoice: Invoice, own: OwnFile) -> Invoice:
    """The invoice with the PDF among its supporting documents (BG-24)."""
    name = own.file_name or f"{invoice.number or 'invoice'}.pdf"
    document = SupportingDocument(
        reference=name[:100],
        attachment=Attachment(
            encoded=base64.b64encode(own.content).decode(), mime_type=_PDF, file_name=name[:200]
        ),
    )
    return replace(invoice, supporting_documents=(*invoice.supporting_documents, document))


async def pages_of(session: AsyncSession, archive: Archive, document_id: UUID) -> bytes | None:
    """The seller's pages of a document, None where there are none."""
    kept = await session.get(DocumentPages, document_id)
    return await archive.fetch(session, kept.blob_id) if kept is not None else None
