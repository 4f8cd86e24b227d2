"""What kind of document this is: from the root element and the identifiers it declares.

Reads names only; it does not decide which rules apply (that is the registry's manifest) and
does not judge anything. Kinds that have no rules here are named by ``schematron.kinds``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from lxml import etree

from schematron.finding import Document
from schematron.kinds import foreign_title

__all__ = ["MAX_NAME", "Recognised", "recognise"]

_CAC: Final = "{urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2}"
_CBC: Final = "{urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2}"
_RAM: Final = "{urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100}"
_UDT: Final = "{urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100}"
_UBL: Final = "urn:oasis:names:specification:ubl:schema:xsd:"
_UNCEFACT: Final = "urn:un:unece:uncefact:data:standard:"

# What XML calls so: an identifier with another kind of space is another identifier.
_WHITE_SPACE: Final = " \t\r\n"
# What a document quotes of itself ends up in reports and tables; nobody names a party longer.
MAX_NAME: Final = 300


@dataclass(frozen=True, slots=True)
class Recognised:
    """A document with the name of its type in words, for example ``FatturaPA invoice``.

    ``title`` is None where not even the type is known.
    """

    document: Document
    title: str | None


@dataclass(frozen=True, slots=True)
class _Kind:
    """A document type there may be rules for: short syntax name, name for people, its reader."""

    syntax: str
    title: str
    read: Callable[[etree._Element], Document]


def recognise(root: etree._Element) -> Recognised:
    """Read what a document says it is; unknown roots keep their name and have no syntax."""
    kind = _KINDS.get(str(root.tag))
    if kind is None:
        name = etree.QName(root).localname[:MAX_NAME]
        title = foreign_title(root)
        return Recognised(Document(root=name, title=title), title)
    read = kind.read(root)
    title = _title(kind, read)
    document = Document(
        syntax=kind.syntax,
        root=etree.QName(root).localname,
        customization=read.customization,
        profile=read.profile,
        id=read.id,
        issue_date=read.issue_date,
        title=title,
        sender=read.sender,
    )
    return Recognised(document, title)


def _title(kind: _Kind, document: Document) -> str:
    """Name the message where one syntax serves several, else the syntax."""
    for syntax, words, title in _SPECIAL:
        said = (document.customization or "", document.profile or "")
        if kind.syntax == syntax and any(word in text for word in words for text in said):
            return title
    return kind.title


# Several messages share a syntax: told apart by what CustomizationID or ProfileID contains.
_SPECIAL: Final = (
    (
        "ubl-applicationresponse",
        ("poacc:trns:invoice_response:", "poacc:bis:invoice_response:"),
        "Peppol Invoice Response",
    ),
    (
        "ubl-applicationresponse",
        ("poacc:trns:mlr:", "poacc:bis:mlr:"),
        "Peppol Message Level Response",
    ),
    ("ubl-applicationresponse", ("peppol:edec:mls",), "Peppol Message Level Status"),
    ("ubl-invoice", (":ehf:reminder:",), "EHF Reminder (UBL Invoice)"),
    ("ubl-invoice", ("poacc:selfbilling:",), "UBL 2.1 self-billed Invoice"),
    ("ubl-creditnote", ("poacc:selfbilling:",), "UBL 2.1 self-billed Credit Note"),
)


def _ubl(party: str) -> Callable[[etree._Element], Document]:
    """Make the reader of a UBL document whose sender stands at ``party``."""

    def read(root: etree._Element) -> Document:
        return Document(
            customization=_text(root, f"{_CBC}CustomizationID"),
            profile=_text(root, f"{_CBC}ProfileID"),
            id=_text(root, f"{_CBC}ID"),
            issue_date=_date(_text(root, f"{_CBC}IssueDate")),
            sender=_first(root, party, _UBL_NAMES),
        )

    return read


_UBL_NAMES: Final = (
    f"{_CAC}PartyLegalEntity/{_CBC}RegistrationName",
    f"{_CAC}PartyName/{_CBC}Name",
    f"{_CBC}EndpointID",
    f"{_CAC}PartyIdentification/{_CBC}ID",
)
_SUPPLIER: Final = f"{_CAC}AccountingSupplierParty/{_CAC}Party"


def _exchanged(message: str, parties: tuple[str, ...]) -> Callable[[etree._Element], Document]:
    """Make the reader of a UN/CEFACT message whose sender stands at one of ``parties``."""
    rsm = f"{{{_UNCEFACT}{message}:100}}"
    context, header = f"{rsm}ExchangedDocumentContext", f"{rsm}ExchangedDocument"
    places = tuple(party.replace("rsm:", rsm).replace("ram:", _RAM) for party in parties)

    def read(root: etree._Element) -> Document:
        guideline = f"{_RAM}GuidelineSpecifiedDocumentContextParameter/{_RAM}ID"
        process = f"{_RAM}BusinessProcessSpecifiedDocumentContextParameter/{_RAM}ID"
        names = (_first(root, place, _CII_NAMES) for place in places)
        return Document(
            customization=_text(root, f"{context}/{guideline}"),
            profile=_text(root, f"{context}/{process}"),
            id=_text(root, f"{header}/{_RAM}ID"),
            issue_date=_date(_text(root, f"{header}/{_RAM}IssueDateTime/{_UDT}DateTimeString")),
            sender=next((name for name in names if name), None),
        )

    return read


_CII_NAMES: Final = (
    f"{_RAM}Name",
    f"{_RAM}GlobalID",
    f"{_RAM}ID",
    f"{_RAM}URIUniversalCommunication/{_RAM}URIID",
)


def _statistics(root: etree._Element) -> Document:
    """Read a Peppol statistics report: it has a period and a reporter, no number and no date."""
    own = f"{{{etree.QName(root).namespace}}}"
    return Document(
        customization=_text(root, f"{own}CustomizationID"),
        profile=_text(root, f"{own}ProfileID"),
        sender=_text(root, f"{own}Header/{own}ReporterID"),
    )


_KINDS: Final[Mapping[str, _Kind]] = {
    f"{{{_UBL}Invoice-2}}Invoice": _Kind("ubl-invoice", "UBL 2.1 Invoice", _ubl(_SUPPLIER)),
    f"{{{_UBL}CreditNote-2}}CreditNote": _Kind(
        "ubl-creditnote", "UBL 2.1 Credit Note", _ubl(_SUPPLIER)
    ),
    f"{{{_UBL}ApplicationResponse-2}}ApplicationResponse": _Kind(
        "ubl-applicationresponse", "UBL 2.1 Application Response", _ubl(f"{_CAC}SenderParty")
    ),
    f"{{{_UBL}Reminder-2}}Reminder": _Kind("ubl-reminder", "UBL 2.1 Reminder", _ubl(_SUPPLIER)),
    f"{{{_UBL}Statement-2}}Statement": _Kind("ubl-statement", "UBL 2.1 Statement", _ubl(_SUPPLIER)),
    f"{{{_UNCEFACT}CrossIndustryInvoice:100}}CrossIndustryInvoice": _Kind(
        "cii",
        "UN/CEFACT Cross Industry Invoice",
        _exchanged(
            "CrossIndustryInvoice",
            (
                "rsm:SupplyChainTradeTransaction/ram:ApplicableHeaderTradeAgreement/"
                "ram:SellerTradeParty",
            ),
        ),
    ),
    f"{{{_UNCEFACT}CrossDomainAcknowledgementAndResponse:100}}"
    "CrossDomainAcknowledgementAndResponse": _Kind(
        "cdar",
        "UN/CEFACT life-cycle message (CDAR)",
        _exchanged(
            "CrossDomainAcknowledgementAndResponse",
            (
                "rsm:ExchangedDocument/ram:IssuerTradeParty",
                "rsm:ExchangedDocument/ram:SenderTradeParty",
            ),
        ),
    ),
    "{urn:fdc:peppol:transaction-statistics-report:1.0}TransactionStatisticsReport": _Kind(
        "tsr", "Peppol Transaction Statistics Report", _statistics
    ),
    "{urn:fdc:peppol:end-user-statistics-report:1.1}EndUserStatisticsReport": _Kind(
        "eusr", "Peppol End User Statistics Report", _statistics
    ),
}


def _first(root: etree._Element, place: str, names: tuple[str, ...]) -> str | None:
    """Give the first text under ``place`` that is not empty."""
    party = root.find(place)
    if party is None:
        return None
    texts = (_text(party, name) for name in names)
    return next((text for text in texts if text), None)


def _text(root: etree._Element, path: str) -> str | None:
    """Give the trimmed string value of the first match; comments inside do not split it."""
    element = root.find(path)
    if element is None:
        return None
    text = str(element.xpath("string()")).strip(_WHITE_SPACE)
    return text[:MAX_NAME] or None


def _date(text: str | None) -> date | None:
    """Read an ISO date (UBL), also with a time zone, or CCYYMMDD with more behind it (CII)."""
    if not text:
        return None
    digits = text[:8] if text[:8].isdigit() else text[:10]
    try:
        return date.fromisoformat(digits)
    except ValueError:
        return None
