"""From the bytes as received to the business document inside: PDF, envelopes, plain XML.

Says what was unwrapped and what was odd about it. Whatever cannot be opened ends in a note with a
code, never in an exception. Which rules apply, and whether the document is right, is decided
elsewhere.
"""

import copy
from binascii import a2b_base64
from dataclasses import dataclass, field
from typing import Final

from lxml import etree

from schematron import pdf, pdfcheck
from schematron.finding import Container, Layer, Severity
from schematron.kinds import file_title
from schematron.notes import Note
from schematron.recognition import Recognised, recognise
from ubl.safexml import Limits, XmlRefused, parse

__all__ = ["Contents", "open_document"]

MAX_NESTING: Final = 3
_STRETCH: Final = 4 * 1024 * 1024

_SBDH: Final = "{http://www.unece.org/cefact/namespaces/StandardBusinessDocumentHeader}"
_PACKED: Final = "{http://peppol.eu/xsd/ticc/envelope/1.0}"
_XHE: Final = "{http://docs.oasis-open.org/bdxr/ns/XHE/1/ExchangeHeaderEnvelope}"
_XHA: Final = "{http://docs.oasis-open.org/bdxr/ns/XHE/1/AggregateComponents}"
_SOAP: Final = (
    "{http://schemas.xmlsoap.org/soap/envelope/}",
    "{http://www.w3.org/2003/05/soap-envelope}",
)
# Beginnings of XML in one encoding or another; the last is "<?xm" in EBCDIC.
_XML: Final = (b"<", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\x00", b"\x4c\x6f\xa7\x94")


@dataclass(frozen=True, slots=True)
class Contents:
    """What was found inside, outermost container first.

    ``root`` is the business document as a tree of its own, None where none could be read;
    ``data`` are the bytes its lines count in, with ``skipped`` elements before it.
    """

    recognised: Recognised | None = None
    root: etree._Element | None = None
    data: bytes = b""
    skipped: int = 0
    title: str | None = None
    containers: tuple[Container, ...] = ()
    notes: tuple[Note, ...] = ()


@dataclass(slots=True)
class _Opening:
    """What is known so far; lives for one call."""

    limits: Limits
    containers: list[Container] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    title: str | None = None

    def unreadable(self, code: str, *, layer: Layer = Layer.INPUT, **words: str) -> None:
        self.notes.append(Note(code, Severity.FATAL, layer=layer, words=words))


def open_document(data: bytes, limits: Limits | None = None) -> Contents:
    """Unwrap what came and read the document inside; ``limits`` bound every XML on the way."""
    opening = _Opening(limits or Limits())
    found = _open(data, opening) or Contents()
    return Contents(
        recognised=found.recognised,
        root=found.root,
        data=found.data,
        skipped=found.skipped,
        title=opening.title,
        containers=tuple(opening.containers),
        notes=tuple(opening.notes),
    )


def _open(data: bytes, opening: _Opening) -> Contents | None:
    if len(opening.containers) > MAX_NESTING:
        opening.unreadable("INPUT-NESTED", limit=str(MAX_NESTING))
        return None
    if pdf.is_pdf(data) and not data.lstrip().startswith(b"<"):
        return _open_pdf(data, opening)
    try:
        whole = parse(data, opening.limits)
    except XmlRefused as error:
        _note_refused(data, error, opening)
        return None
    return _open_xml(whole, data, opening)


def _note_refused(data: bytes, error: XmlRefused, opening: _Opening) -> None:
    """Say why these bytes are no XML, or what they are instead."""
    start = data[:4096].lstrip()
    title = None if start.startswith(_XML) or not start else file_title(data)
    if start[:9].lower() == b"<!doctype" and start[9:20].strip()[:4].lower() == b"html":
        title = file_title(start)
    if title is not None:
        opening.title = title
        opening.unreadable("INPUT-NOT-XML", title=title)
        return
    opening.notes.append(
        Note(
            error.code,
            Severity.FATAL,
            line=error.line or None,
            column=error.column or None,
            words={"detail": error.message},
        )
    )


def _open_xml(whole: etree._Element, data: bytes, opening: _Opening) -> Contents | None:
    """Descend through envelopes to the document; a document that is none stays what it is."""
    current, skipped = whole, 0
    while True:
        envelope = _envelope(current)
        if envelope is None:
            break
        held, title, kind = envelope
        if len(held) != 1:
            _note_not_one(current, held, title, opening)
            return None
        inner = held[0]
        name = etree.QName(inner)
        opening.containers.append(Container(kind, title, name.localname[:200]))
        if len(opening.containers) > MAX_NESTING:
            opening.unreadable("INPUT-NESTED", limit=str(MAX_NESTING))
            return None
        if inner.tag in (f"{_PACKED}BinaryContent", f"{_PACKED}TextContent"):
            return _open_packed(inner, opening)
        skipped = _index(whole, inner)
        current = inner
    # A tree of its own, so that rules and paths see the document as the root.
    root = current if current is whole else copy.deepcopy(current)
    return Contents(recognised=recognise(root), root=root, data=data, skipped=skipped)


def _note_not_one(
    envelope: etree._Element, held: list[etree._Element], title: str, opening: _Opening
) -> None:
    """Say that an envelope is empty, or that nobody can know which of its documents is meant."""
    opening.title = recognise(envelope).title
    if held:
        opening.unreadable("INPUT-ENVELOPE-SEVERAL", title=title, count=str(len(held)))
    else:
        opening.unreadable("INPUT-ENVELOPE-EMPTY", title=title)


def _index(whole: etree._Element, inner: etree._Element) -> int:
    """Count the elements before ``inner`` in document order."""
    return next(n for n, element in enumerate(whole.iter(etree.Element)) if element is inner)


def _envelope(root: etree._Element) -> tuple[list[etree._Element], str, str] | None:
    """Give what an envelope holds, its name and its kind; None if this is no envelope."""
    if root.tag == f"{_SBDH}StandardBusinessDocument":
        header = f"{_SBDH}StandardBusinessDocumentHeader"
        return [child for child in _elements(root) if child.tag != header], "SBDH envelope", "sbdh"
    if root.tag == f"{_XHE}XHE":
        contents = root.findall(f"{_XHA}Payloads/{_XHA}Payload/{_XHA}PayloadContent")
        inner = [child for content in contents for child in _elements(content)]
        return inner, "XHE envelope", "xhe"
    for namespace in _SOAP:
        if root.tag == f"{namespace}Envelope":
            bodies = root.findall(f"{namespace}Body")
            return [child for body in bodies for child in _elements(body)], "SOAP envelope", "soap"
    return None


def _elements(parent: etree._Element) -> list[etree._Element]:
    return [child for child in parent if isinstance(child.tag, str)]


def _open_packed(packed: etree._Element, opening: _Opening) -> Contents | None:
    """Open what an envelope carries as text, or as base64 text (Peppol SBDH §5)."""
    # The plain way for the usual case: XPath would copy megabytes once more.
    text = str(packed.xpath("string()")) if len(packed) else packed.text or ""
    is_text = packed.tag == f"{_PACKED}TextContent"
    # Nobody reads the envelope any more, and its text may be most of what is in memory.
    packed.clear()
    if is_text:
        return _open(text.encode("utf-8"), opening)
    try:
        data = _decoded(text)
    except ValueError:
        opening.unreadable("INPUT-BASE64")
        return None
    del text
    return _open(data, opening)


def _decoded(text: str) -> bytes:
    """Decode base64 in stretches: an attachment of many megabytes is not copied as a whole."""
    parts, rest = [], b""
    for start in range(0, len(text), _STRETCH):
        piece = rest + text[start : start + _STRETCH].encode("ascii").translate(None, b" \t\r\n")
        whole = len(piece) - len(piece) % 4
        parts.append(a2b_base64(piece[:whole], strict_mode=True))
        rest = piece[whole:]
    if rest:
        raise ValueError("the last group of base64 is incomplete")
    return b"".join(parts)


def _open_pdf(data: bytes, opening: _Opening) -> Contents | None:
    try:
        content = pdf.read(data)
    except pdf.PdfRefused as error:
        opening.title = "PDF"
        opening.containers.append(Container("pdf", "PDF"))
        opening.unreadable(error.code, layer=Layer.PDF, detail=error.detail)
        return None
    attachment, others = pdfcheck.choose(content)
    opening.containers.append(Container("pdf", "PDF", attachment.name if attachment else None))
    if attachment is None:
        opening.title = "PDF without invoice data"
        names = ", ".join(item.name for item in content.attachments)
        code = "PDF-OTHER-FILES" if names else "PDF-NO-INVOICE"
        opening.unreadable(code, layer=Layer.PDF, names=names[:500])
        return None
    found = _open(attachment.data, opening)
    if found is not None and found.recognised is not None:
        opening.notes += pdfcheck.check(content, attachment, others, found.recognised.document)
    return found
