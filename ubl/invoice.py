"""Invoices in and out, whatever the syntax: the doors to the readers and writers.

What a document says beyond the model, and what a format cannot hold of the model, is told: the
first by the reader (``Reading.unread``), the second by reading back what was written.
"""

from lxml import etree

from ubl.cii.reader import CII_ROOT, read_cii
from ubl.reading import DocumentUnreadable, Reading
from ubl.ubl21.reader import KINDS, read_ubl

__all__ = ["read_invoice"]


def read_invoice(root: etree._Element) -> Reading:
    """Read an invoice or credit note, whatever prefixes it uses.

    Missing or unreadable values become None. Raises DocumentUnreadable for any other root.
    """
    if str(root.tag) in KINDS:
        return read_ubl(root)
    if str(root.tag) == CII_ROOT:
        return read_cii(root)
    raise DocumentUnreadable(
        "DOCUMENT-NOT-INVOICE",
        f"The document is '{etree.QName(root).localname}', not a UBL 2.1 Invoice or CreditNote "
        "and not a CII invoice. Check that the right file was sent.",
    )
