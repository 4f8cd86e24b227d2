"""What reading an invoice gives, whatever syntax it was written in."""

from dataclasses import dataclass

from ubl.model import Invoice

__all__ = ["DocumentUnreadable", "Reading"]


class DocumentUnreadable(ValueError):
    """The document is no invoice or credit note in a syntax that is read here.

    ``code`` is stable: DOCUMENT-NOT-INVOICE.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Reading:
    """An invoice as read, and the paths of what the document says beyond the model.

    ``unread`` also lists values that are there but cannot be read, such as an amount ``1,5``.
    Paths are absolute XPath, with this product's prefixes whatever the document uses (cbc, cac
    and ext in UBL; rsm, ram, udt and qdt in CII).
    """

    invoice: Invoice
    unread: tuple[str, ...]
