"""Invoices in and out, whatever the syntax: the doors to the readers and writers.

What a document says beyond the model, and what a format cannot hold of the model, is told: the
first by the reader (``Reading.unread``), the second by reading back what was written.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from lxml import etree

from ubl.cii.reader import CII_ROOT, cii_invoice, read_cii
from ubl.cii.writer import write_cii
from ubl.differences import Difference, differences
from ubl.formats import Format, Syntax
from ubl.model import Invoice
from ubl.profiles import held_by
from ubl.reading import DocumentUnreadable, Reading
from ubl.ubl21.reader import KINDS, read_ubl, ubl_invoice
from ubl.ubl21.writer import write_ubl

__all__ = ["Written", "read_invoice", "write_invoice"]

_Writer = Callable[[Invoice], etree._Element]
_Reader = Callable[[etree._Element], Invoice]

_BINDINGS: Final = MappingProxyType[Syntax, tuple[_Writer, _Reader]](
    {Syntax.UBL: (write_ubl, ubl_invoice), Syntax.CII: (write_cii, cii_invoice)}
)


@dataclass(frozen=True, slots=True)
class Written:
    """An invoice as a document, and what the document does not say as the invoice does.

    ``xml`` is UTF-8 and the same for the same invoice. ``lost`` is found by reading the document
    back, so it also names what the format had to add.
    """

    xml: bytes
    lost: tuple[Difference, ...]


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


def write_invoice(invoice: Invoice, wanted: Format) -> Written:
    """Write an invoice in a format, which also decides what it says of itself (BT-24, BT-23).

    Raises DocumentUnwritable and AmountUnreadable for values no XML document can carry, and
    XmlRefused (XML-TOO-DEEP) for lines nested deeper than this product reads.
    """
    stated = replace(
        invoice,
        specification=wanted.specification,
        business_process=wanted.business_process or invoice.business_process,
    )
    held = held_by(stated, wanted.profile, syntax=wanted.syntax)
    write, read_back = _BINDINGS[wanted.syntax]
    root = write(held)
    lost = differences(stated, read_back(root))
    xml = etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)
    return Written(xml, lost)
