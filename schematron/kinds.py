"""Documents there are no rules for here, by name: what a sender gets told instead of a verdict.

Two tables: XML by root element and namespace, everything else by its first bytes. Names only;
nothing is opened, parsed or judged.
"""

import re
from typing import Final

from lxml import etree

__all__ = ["file_title", "foreign_title"]

_UBL: Final = re.compile(r"urn:oasis:names:specification:ubl:schema:xsd:([A-Z]\w*)-2")
_UBL_WORDS: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")

# Root name (None: any) and what the namespace starts with, to the name for people.
_ROOTS: Final = (
    ("FatturaElettronica", "http://ivaservizi.agenziaentrate.gov.it/", "FatturaPA invoice"),
    ("FatturaElettronica", "http://www.fatturapa.gov.it/", "FatturaPA invoice"),
    (
        "FatturaElettronicaSemplificata",
        "http://ivaservizi.agenziaentrate.gov.it/",
        "FatturaPA simplified invoice",
    ),
    ("Faktura", "http://crd.gov.pl/wzor/", "KSeF invoice (FA)"),
    ("Facturae", "http://www.facturae.", "Facturae invoice"),
    ("CrossIndustryDocument", "urn:ferd:CrossIndustryDocument:", "ZUGFeRD 1 invoice"),
    ("SCRDMCCBDACIOMessageStructure", "urn:un:unece:uncefact:data:", "Order-X order"),
    (
        "SCRDMCCBDACIDDAMessageStructure",
        "urn:un:unece:uncefact:data:",
        "UN/CEFACT despatch advice (Deliver-X)",
    ),
    ("Invoice", "http://www.ebinterface.at/schema/", "ebInterface invoice"),
    ("Invoice", "http://isdoc.cz/namespace/", "ISDOC invoice"),
    ("Invoice", "urn:sfti:documents:BasicInvoice:", "Svefaktura invoice"),
    ("Invoice", "urn:eslog:", "e-SLOG invoice"),
    ("Finvoice", "", "Finvoice invoice"),
    ("INVOICE_CENTER", "", "TEAPPSXML invoice"),
    ("E_Invoice", "", "E-arve (Estonian) invoice"),
    ("InvoiceData", "http://schemas.nav.gov.hu/", "NAV Online Számla invoice"),
    ("InvoicesDoc", "http://www.aade.gr/myDATA/", "myDATA invoices"),
    ("Comprobante", "http://www.sat.gob.mx/cfd/", "CFDI invoice"),
    ("nfeProc", "http://www.portalfiscal.inf.br/", "NF-e invoice"),
    ("NFe", "http://www.portalfiscal.inf.br/", "NF-e invoice"),
    ("Document", "urn:iso:std:iso:20022:tech:xsd:camt.", "ISO 20022 bank statement (camt)"),
    ("Document", "urn:iso:std:iso:20022:tech:xsd:pain.", "ISO 20022 payment order (pain)"),
    ("Document", "urn:iso:std:iso:20022:tech:xsd:", "ISO 20022 message"),
    (
        "StandardBusinessDocument",
        "http://www.unece.org/cefact/namespaces/",
        "SBDH envelope around a document",
    ),
    (
        "StandardBusinessDocumentHeader",
        "http://www.unece.org/cefact/namespaces/",
        "SBDH header without a document",
    ),
    ("XHE", "http://docs.oasis-open.org/bdxr/ns/XHE/", "XHE envelope around a document"),
    ("Envelope", "http://schemas.xmlsoap.org/soap/envelope/", "SOAP 1.1 message"),
    ("Envelope", "http://www.w3.org/2003/05/soap-envelope", "SOAP 1.2 message"),
    ("SignedServiceMetadata", "http://busdox.org/", "Peppol SMP service metadata"),
    ("ServiceGroup", "http://busdox.org/", "Peppol SMP service group"),
    ("TransactionStatisticsReport", "", "Peppol Transaction Statistics Report of another version"),
    ("EndUserStatisticsReport", "", "Peppol End User Statistics Report of another version"),
    ("schematron-output", "http://purl.oclc.org/dsdl/svrl", "Schematron validation report (SVRL)"),
    ("schema", "http://purl.oclc.org/dsdl/schematron", "Schematron rule file"),
    ("schema", "http://www.w3.org/2001/XMLSchema", "XML schema"),
    (None, "http://www.w3.org/1999/XSL/Transform", "XSLT stylesheet"),
    ("html", "", "web page (HTML)"),
    ("svg", "http://www.w3.org/2000/svg", "SVG image"),
    (None, "http://www.w3.org/2005/Atom", "Atom feed"),
    (None, "http://www.xbrl.org/", "XBRL report"),
)


def foreign_title(root: etree._Element) -> str | None:
    """Name an XML document of a foreign kind for people, or None if not even that is known."""
    tag = etree.QName(root)
    namespace = tag.namespace or ""
    ubl = _UBL.fullmatch(namespace)
    if ubl is not None and ubl[1] == tag.localname:
        return f"UBL 2 {_UBL_WORDS.sub(' ', tag.localname)}"
    for name, start, title in _ROOTS:
        if name in (None, tag.localname) and namespace.startswith(start):
            return title
    return None


# The first bytes, to the name for people; the first that fits.
_MAGIC: Final = (
    (b"\x89PNG\r\n\x1a\n", "PNG image"),
    (b"\xff\xd8\xff", "JPEG image"),
    (b"GIF8", "GIF image"),
    (b"II*\x00", "TIFF image"),
    (b"MM\x00*", "TIFF image"),
    (b"BM", "BMP image"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old Office file or Outlook message"),
    (b"\x1f\x8b", "gzip archive"),
    (b"BZh", "bzip2 archive"),
    (b"\xfd7zXZ\x00", "xz archive"),
    (b"7z\xbc\xaf\x27\x1c", "7-Zip archive"),
    (b"Rar!", "RAR archive"),
    (b"%!PS", "PostScript file"),
    (b"{\\rtf", "RTF document"),
    (b"-----BEGIN ", "PEM file (certificate, key or signature)"),
    (b"MZ", "Windows program"),
    (b"\x7fELF", "Linux program"),
)
_ZIP: Final = b"PK\x03\x04"
_ZIPPED: Final = (
    (b"word/", "Word document"),
    (b"xl/", "Excel workbook"),
    (b"ppt/", "PowerPoint presentation"),
    (b"application/vnd.oasis.opendocument.text", "OpenDocument text"),
    (b"application/vnd.oasis.opendocument.spreadsheet", "OpenDocument spreadsheet"),
)
_SIGNED_DATA: Final = bytes.fromhex("06092a864886f70d010702")
_TEXTS: Final = (
    (rb"UN[AB][^A-Za-z0-9]|UNH\+", "EDIFACT interchange"),
    (rb"ISA[*|~]", "ANSI X12 interchange"),
    (rb"\{1:F|:20:", "SWIFT bank statement (MT940)"),
    (rb"[{\[]", "JSON file"),
    (
        rb"(?:From|To|Date|Subject|Received|Return-Path|MIME-Version|Message-ID|Delivered-To"
        rb"|Content-Type): ",
        "e-mail",
    ),
    (rb"<!doctype html|<html", "web page (HTML)"),
)
_SEPARATORS: Final = (b";", b"\t", b",", b"|")
_LOOK: Final = 4096


def file_title(data: bytes) -> str | None:
    """Name a file that is no XML by its first bytes, or None where nothing fits.

    Looks at 4 kB, of a zip archive also at the names at its end.
    """
    start = data[:_LOOK]
    if start.startswith(_ZIP):
        return _zip_title(start + data[-_LOOK:])
    for magic, title in _MAGIC:
        if start.startswith(magic) and not (len(magic) <= 2 and _is_text(start)):
            return title
    if start[:1] == b"\x30" and _SIGNED_DATA in start[:64]:
        return "signed file (PKCS #7, .p7m)"
    return _text_title(start) if _is_text(start) else None


def _zip_title(ends: bytes) -> str:
    for mark, title in _ZIPPED:
        if mark in ends:
            return title
    return "zip archive"


def _is_text(start: bytes) -> bool:
    """Tell whether nothing in these bytes is impossible in a plain text."""
    return bool(start.strip()) and not re.search(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]", start)


def _text_title(start: bytes) -> str:
    body = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    for pattern, title in _TEXTS:
        if re.match(pattern, body, re.IGNORECASE):
            return title
    return "CSV table" if _is_table(body.splitlines()[:3]) else "plain text file"


def _is_table(lines: list[bytes]) -> bool:
    """Tell whether the first lines have the same number of separators, at least two."""
    counts = ([line.count(separator) for line in lines] for separator in _SEPARATORS)
    return len(lines) > 1 and any(min(row) >= 2 and len(set(row)) == 1 for row in counts)
