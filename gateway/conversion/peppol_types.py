"""Under which Peppol document type an invoice travels, by what it is. Pure.

Source: exchange facts 2.4: root namespace, root name, CustomizationID (BT-24) and the version of
the syntax; ``2.1`` for UBL, ``D16B`` for CII.
"""

from typing import Final

from gateway.as4.identifiers import DOCTYPE_SCHEME, DocumentTypeId
from ubl.formats import Format, Syntax
from ubl.model import DocumentKind

__all__ = ["document_type", "document_type_of"]

_UBL: Final = "urn:oasis:names:specification:ubl:schema:xsd"
_CII: Final = "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"
_ROOTS: Final = {
    (Syntax.UBL, DocumentKind.INVOICE): (f"{_UBL}:Invoice-2", "Invoice"),
    (Syntax.UBL, DocumentKind.CREDIT_NOTE): (f"{_UBL}:CreditNote-2", "CreditNote"),
    (Syntax.CII, DocumentKind.INVOICE): (_CII, "CrossIndustryInvoice"),
    (Syntax.CII, DocumentKind.CREDIT_NOTE): (_CII, "CrossIndustryInvoice"),
}


def document_type(namespace: str, root: str, specification: str) -> DocumentTypeId:
    """The document type of an XML document; raises IdentifierInvalid."""
    version = "D16B" if namespace == _CII else "2.1"
    return DocumentTypeId(DOCTYPE_SCHEME, f"{namespace}::{root}##{specification}::{version}")


def document_type_of(wanted: Format, kind: DocumentKind) -> DocumentTypeId:
    """The document type an invoice has once it is written in that format."""
    return document_type(*_ROOTS[wanted.syntax, kind], wanted.specification)
