"""What kind of document this is: from the root element and the identifiers it declares.

Reads names only; it does not decide which rules apply (that is the registry's manifest) and
does not judge anything.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from lxml import etree

from schematron.finding import Document

__all__ = ["Recognised", "recognise"]

_CBC: Final = "{urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2}"
_RAM: Final = "{urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100}"
_RSM: Final = "{urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100}"
_UDT: Final = "{urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100}"
_UBL: Final = "urn:oasis:names:specification:ubl:schema:xsd:"


@dataclass(frozen=True, slots=True)
class _Kind:
    """A document type: short syntax name (None if no rules exist for it), name for people."""

    syntax: str | None
    title: str


@dataclass(frozen=True, slots=True)
class Recognised:
    """A document with the name of its type in words, for example ``FatturaPA invoice``."""

    document: Document
    title: str | None


_KINDS: Final[Mapping[str, _Kind]] = {
    f"{{{_UBL}Invoice-2}}Invoice": _Kind("ubl-invoice", "UBL 2.1 Invoice"),
    f"{{{_UBL}CreditNote-2}}CreditNote": _Kind("ubl-creditnote", "UBL 2.1 Credit Note"),
    f"{_RSM}CrossIndustryInvoice": _Kind("cii", "UN/CEFACT Cross Industry Invoice"),
    f"{{{_UBL}ApplicationResponse-2}}ApplicationResponse": _Kind(
        "ubl-applicationresponse", "UBL 2.1 Application Response"
    ),
    f"{{{_UBL}Order-2}}Order": _Kind(None, "UBL 2.1 Order"),
    f"{{{_UBL}OrderResponse-2}}OrderResponse": _Kind(None, "UBL 2.1 Order Response"),
    f"{{{_UBL}DespatchAdvice-2}}DespatchAdvice": _Kind(None, "UBL 2.1 Despatch Advice"),
    f"{{{_UBL}Reminder-2}}Reminder": _Kind(None, "UBL 2.1 Reminder"),
    f"{{{_UBL}Statement-2}}Statement": _Kind(None, "UBL 2.1 Statement"),
    f"{{{_UBL}Catalogue-2}}Catalogue": _Kind(None, "UBL 2.1 Catalogue"),
    "{urn:un:unece:uncefact:data:standard:CrossDomainAcknowledgementAndResponse:100}"
    "CrossDomainAcknowledgementAndResponse": _Kind(None, "UN/CEFACT life-cycle message (CDAR)"),
    "{urn:un:unece:uncefact:data:SCRDMCCBDACIOMessageStructure:100}"
    "SCRDMCCBDACIOMessageStructure": _Kind(None, "Order-X order"),
    "{urn:ferd:CrossIndustryDocument:invoice:1p0}CrossIndustryDocument": _Kind(
        None, "ZUGFeRD 1 invoice"
    ),
    "{http://ivaservizi.agenziaentrate.gov.it/docs/xsd/fatture/v1.2}FatturaElettronica": _Kind(
        None, "FatturaPA invoice"
    ),
    "{http://www.unece.org/cefact/namespaces/StandardBusinessDocumentHeader}"
    "StandardBusinessDocument": _Kind(None, "SBDH envelope around a document"),
}


def recognise(root: etree._Element) -> Recognised:
    """Read what a document says it is; unknown roots keep their name and have no syntax."""
    tag = etree.QName(root)
    kind = _KINDS.get(root.tag)
    if kind is None or kind.syntax is None:
        return Recognised(Document(root=tag.localname), kind.title if kind else None)
    read = _read_cii if kind.syntax == "cii" else _read_ubl
    return Recognised(read(root, kind.syntax, tag.localname), kind.title)


def _read_ubl(root: etree._Element, syntax: str, name: str) -> Document:
    return Document(
        syntax=syntax,
        root=name,
        customization=_text(root, f"{_CBC}CustomizationID"),
        profile=_text(root, f"{_CBC}ProfileID"),
        id=_text(root, f"{_CBC}ID"),
        issue_date=_date(_text(root, f"{_CBC}IssueDate")),
    )


def _read_cii(root: etree._Element, syntax: str, name: str) -> Document:
    context = f"{_RSM}ExchangedDocumentContext"
    header = f"{_RSM}ExchangedDocument"
    return Document(
        syntax=syntax,
        root=name,
        customization=_text(
            root, f"{context}/{_RAM}GuidelineSpecifiedDocumentContextParameter/{_RAM}ID"
        ),
        profile=_text(
            root, f"{context}/{_RAM}BusinessProcessSpecifiedDocumentContextParameter/{_RAM}ID"
        ),
        id=_text(root, f"{header}/{_RAM}ID"),
        issue_date=_date(_text(root, f"{header}/{_RAM}IssueDateTime/{_UDT}DateTimeString")),
    )


def _text(root: etree._Element, path: str) -> str | None:
    """Give the trimmed string value of the first match; comments inside do not split it."""
    element = root.find(path)
    if element is None:
        return None
    return str(element.xpath("string()")).strip() or None


def _date(text: str | None) -> date | None:
    """Read an ISO date (UBL) or CCYYMMDD (CII format 102); None if it is neither."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None
