"""What an invoice points at: earlier invoices, supporting documents and their contents."""

import base64
import binascii
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Final

from ubl.model.terms import SyntaxOnly, Term

__all__ = [
    "Attachment",
    "AttachmentUnreadable",
    "Note",
    "PrecedingInvoice",
    "SupportingDocument",
]

DEFAULT_ATTACHMENT_LIMIT: Final = 50 * 1024 * 1024
_WHITE_SPACE: Final = str.maketrans("", "", " \t\r\n")


class AttachmentUnreadable(ValueError):
    """The embedded file cannot be handed out.

    ``code`` is stable: ATTACHMENT-TOO-LARGE or ATTACHMENT-NOT-BASE64.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file inside the invoice (EN 16931 BT-125).

    The content stays in the base64 text of the document until someone asks for it, so that
    showing an invoice does not cost the memory of its attachments twice.
    """

    encoded: str
    mime_type: Annotated[str | None, SyntaxOnly("Media type of the file (EN 16931 BT-125-1).")] = (
        None
    )
    file_name: Annotated[
        str | None,
        SyntaxOnly(
            "Name of the file as the sender gave it (EN 16931 BT-125-2); never a path to write to."
        ),
    ] = None

    def content(self, *, max_bytes: int = DEFAULT_ATTACHMENT_LIMIT) -> bytes:
        """Decode the file. Raises AttachmentUnreadable before anything too large is decoded."""
        text = self.encoded.translate(_WHITE_SPACE)
        size = len(text) // 4 * 3 - text[-2:].count("=")
        if size > max_bytes:
            raise AttachmentUnreadable(
                "ATTACHMENT-TOO-LARGE",
                f"The attachment has {size} bytes; at most {max_bytes} are handed out. Ask the "
                "sender for a smaller file.",
            )
        try:
            return base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            raise AttachmentUnreadable(
                "ATTACHMENT-NOT-BASE64",
                "The attachment is damaged: its content is not base64. Ask the sender for the "
                "file.",
            ) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class SupportingDocument:
    """A document that backs the invoice, inside it or at an address (EN 16931 BG-24)."""

    reference: Annotated[str | None, Term("BT-122", "Identifier of the supporting document.")] = (
        None
    )
    description: Annotated[str | None, Term("BT-123", "What the document is.")] = None
    location: Annotated[
        str | None, Term("BT-124", "Address (URL) where the document can be fetched.")
    ] = None
    attachment: Annotated[
        Attachment | None, Term("BT-125", "The document itself, inside the invoice.")
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PrecedingInvoice:
    """An earlier invoice this one corrects, credits or follows (EN 16931 BG-3)."""

    number: Annotated[str | None, Term("BT-25", "Number of the preceding invoice.")] = None
    issue_date: Annotated[date | None, Term("BT-26", "Issue date of the preceding invoice.")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Free text on the invoice, with its subject where given (EN 16931 BG-1)."""

    subject_code: Annotated[
        str | None, Term("BT-21", "Subject of the note: a code of UNTDID 4451.")
    ] = None
    text: Annotated[str | None, Term("BT-22", "The note itself.")] = None
