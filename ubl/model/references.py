"""What an invoice points at: earlier invoices, supporting documents and their contents."""

import base64
import binascii
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Final

from ubl.model.terms import SyntaxOnly, Term, TermByGroup

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
    """A document that backs the invoice, inside it or at an address (EN 16931 BG-24).

    Factur-X EXTENDED lets a line have such documents too (BG-X-3).
    """

    reference: Annotated[
        str | None,
        TermByGroup(
            {"BG-24": "BT-122", "BG-X-3": "BT-X-27"}, "Identifier of the supporting document."
        ),
    ] = None
    description: Annotated[
        str | None,
        TermByGroup({"BG-24": "BT-123", "BG-X-3": "BT-X-299"}, "What the document is."),
    ] = None
    location: Annotated[
        str | None,
        TermByGroup(
            {"BG-24": "BT-124", "BG-X-3": "BT-X-28"},
            "Address (URL) where the document can be fetched.",
        ),
    ] = None
    attachment: Annotated[
        Attachment | None,
        TermByGroup(
            {"BG-24": "BT-125", "BG-X-3": "BT-X-31"}, "The document itself, inside the invoice."
        ),
    ] = None
    issue_date: Annotated[
        date | None,
        TermByGroup({"BG-24": "BT-X-149", "BG-X-3": "BT-X-33"}, "Day the document was issued."),
    ] = None
    type_code: Annotated[
        str | None,
        TermByGroup(
            {"BG-X-3": "BT-X-30"},
            "Type of the document: a code of UNTDID 1001. On the invoice it is 916 unless given.",
        ),
    ] = None
    reference_type: Annotated[
        str | None,
        TermByGroup(
            {"BG-X-3": "BT-X-32"}, "What the identifier identifies: a code of UNTDID 1153."
        ),
    ] = None
    line: Annotated[
        str | None,
        TermByGroup({"BG-X-3": "BT-X-29"}, "Line of the document that is meant."),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PrecedingInvoice:
    """An earlier invoice this one corrects, credits or follows (EN 16931 BG-3)."""

    number: Annotated[str | None, Term("BT-25", "Number of the preceding invoice.")] = None
    issue_date: Annotated[date | None, Term("BT-26", "Issue date of the preceding invoice.")] = None
    type_code: Annotated[
        str | None,
        Term(
            "BT-X-555",
            "Type of the preceding invoice: a code of UNTDID 1001.",
            also="EXT-FR-FE-02",
        ),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Free text on the invoice, with its subject where given (EN 16931 BG-1)."""

    subject_code: Annotated[
        str | None,
        TermByGroup({"BG-1": "BT-21"}, "Subject of the note: a code of UNTDID 4451."),
    ] = None
    text: Annotated[str | None, TermByGroup({"BG-1": "BT-22"}, "The note itself.")] = None
    content_code: Annotated[
        str | None, TermByGroup({"BG-1": "BT-X-5"}, "Agreed code that stands for the text.")
    ] = None
