"""What is right and wrong about a PDF as the wrapping of an electronic invoice.

Factur-X 1.0 / ZUGFeRD 2: name and relationship of the attachment, what the XMP metadata claim
and whether that agrees with the XML; certain faults of PDF/A-3. Conformance to PDF/A as a whole is
not checked here, and the notes say so.
"""

from typing import Final

from schematron.finding import Document, Layer, Severity
from schematron.notes import Note
from schematron.pdf import Attachment, Pdf, Xmp
from schematron.pdfform import CHECKS

__all__ = ["NAMES", "check", "choose"]

# In order of preference where a PDF carries several.
NAMES: Final = (
    "factur-x.xml",
    "xrechnung.xml",
    "zugferd-invoice.xml",
    "ZUGFeRD-invoice.xml",
    "order-x.xml",
    "cida.xml",
)
# Seen in the wild: invoice data under a name no receiver looks for.
_MISNAMED: Final = ("facturx.xml", "factur_x.xml", "zugferd.xml", "zugferd_001.xml", "invoice.xml")
_SUPPLEMENTARY: Final = ("Supplement",)
# EN 16931-ish guidelines by what they contain or end with, to the XMP conformance level.
_LEVELS: Final = (
    ("xrechnung", "XRECHNUNG"),
    (":extended", "EXTENDED"),
    (":minimum", "MINIMUM"),
    (":basicwl", "BASIC WL"),
    (":basic", "BASIC"),
    (":comfort", "COMFORT"),
    (":en16931", "EN 16931"),
    ("urn:cen.eu:en16931:2017", "EN 16931"),
)
_KNOWN_LEVELS: Final = frozenset(level for _, level in _LEVELS)
_DATA_ONLY: Final = ("MINIMUM", "BASIC WL")
_CONFORMANCES: Final = ("A", "B", "U")
_RELATIONSHIPS: Final = ("Alternative", "Data", "Source")


def choose(content: Pdf) -> tuple[Attachment | None, tuple[Attachment, ...]]:
    """Choose the attachment that is the invoice, and give the others that might be it too."""
    candidates = [item for name in NAMES for item in content.attachments if item.name == name]
    candidates += [
        item
        for item in content.attachments
        if item.name not in NAMES and item.name.lower() in (*NAMES, *_MISNAMED)
    ]
    if not candidates:
        candidates = [
            item
            for item in content.attachments
            if item.relationship not in _SUPPLEMENTARY and _is_xml(item.data)
        ]
    return (candidates[0] if candidates else None), tuple(candidates[1:])


def _is_xml(data: bytes) -> bool:
    start = data[:200].lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").replace(b"\x00", b"")
    return start.startswith(b"<")


def check(
    content: Pdf, attachment: Attachment, others: tuple[Attachment, ...], document: Document
) -> list[Note]:
    """List what is wrong or odd with the wrapping of a document, fatal where a receiver fails."""
    level = _level(document.customization)
    notes = _about_attachment(attachment, level)
    if others:
        names = ", ".join(item.name for item in others)
        notes.append(_warning("PDF-SEVERAL", name=attachment.name, others=names))
    namesakes = {item.data for item in (attachment, *others) if item.name == attachment.name}
    if len(namesakes) > 1:
        count = str(len(namesakes))
        notes.append(_fatal("PDF-AMBIGUOUS", name=attachment.name, count=count))
    return notes + _about_metadata(content, attachment, document, level)


def _level(customization: str | None) -> str | None:
    """Give the conformance level that belongs to a guideline (BT-24)."""
    text = (customization or "").lower()
    if "ctc-fr" in text:
        # The French extension has no conformance level of its own in the XMP schema.
        return None
    return next((level for mark, level in _LEVELS if mark in text), None)


def _about_attachment(attachment: Attachment, level: str | None) -> list[Note]:
    notes = []
    if attachment.name not in NAMES:
        notes.append(_warning("PDF-NAME", name=attachment.name, value=attachment.name))
    if not attachment.associated:
        notes.append(_warning("PDF-NOT-ASSOCIATED", name=attachment.name))
    if not attachment.listed:
        notes.append(_warning("PDF-NOT-LISTED", name=attachment.name))
    wanted = ("Data",) if level in _DATA_ONLY else _RELATIONSHIPS
    if attachment.relationship not in wanted:
        notes.append(
            _warning(
                "PDF-RELATIONSHIP",
                relationship=attachment.relationship or "-",
                wanted=" / ".join(wanted),
                value=attachment.relationship,
            )
        )
    return notes


def _about_metadata(
    content: Pdf, attachment: Attachment, document: Document, level: str | None
) -> list[Note]:
    xmp = content.xmp
    if xmp is None or xmp.part is None:
        return [_fatal("PDF-NOT-PDFA", claim="-")]
    claim = f"PDF/A-{xmp.part}{(xmp.conformance or '').lower()}"
    notes = []
    if xmp.part == "3":
        notes += _about_form(content, xmp, claim)
    elif xmp.part == "4" and (xmp.conformance or "").upper() == "F":
        notes.append(_pdf_note("PDF-A-NOT-CHECKED", Severity.INFORMATION, claim=claim))
    else:
        notes.append(_fatal("PDF-NOT-PDFA", claim=claim, value=claim))
    if xmp.level is None:
        notes.append(_fatal("PDF-XMP-MISSING"))
        return notes
    said = xmp.level.upper()
    if said not in _KNOWN_LEVELS:
        notes.append(_fatal("PDF-XMP-LEVEL-UNKNOWN", level=xmp.level, value=xmp.level))
    elif level is not None and said != level:
        guideline = document.customization or ""
        notes.append(
            _fatal(
                "PDF-XMP-LEVEL",
                level=xmp.level,
                guideline=guideline,
                wanted=level,
                value=xmp.level,
            )
        )
    if xmp.file_name is not None and xmp.file_name != attachment.name:
        notes.append(_warning("PDF-XMP-NAME", said=xmp.file_name, name=attachment.name))
    return notes


def _about_form(content: Pdf, xmp: Xmp, claim: str) -> list[Note]:
    """Say which faults of PDF/A-3 are certain, or that the few checks made here found none.

    Only warnings: what a receiver reads is the XML, and only a validator of PDF/A knows the rest.
    """
    if content.faults is None:
        return [_pdf_note("PDF-A-NOT-CHECKED", Severity.INFORMATION, claim=claim)]
    notes = [
        _warning(one.code, value=one.value or None, said=one.value or "-") for one in content.faults
    ]
    if (xmp.conformance or "") not in _CONFORMANCES:
        said = xmp.conformance or "-"
        notes.append(_warning("PDF-A-LEVEL", value=xmp.conformance, said=said))
    if not notes:
        count = str(len(CHECKS) + 1)
        notes.append(_pdf_note("PDF-A-NO-FAULT", Severity.INFORMATION, claim=claim, count=count))
    return notes


def _fatal(code: str, *, value: str | None = None, **words: str) -> Note:
    return _pdf_note(code, Severity.FATAL, value=value, **words)


def _warning(code: str, *, value: str | None = None, **words: str) -> Note:
    return _pdf_note(code, Severity.WARNING, value=value, **words)


def _pdf_note(code: str, severity: Severity, *, value: str | None = None, **words: str) -> Note:
    return Note(code, severity, layer=Layer.PDF, value=value, words=words)
