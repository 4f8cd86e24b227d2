"""What a PDF carries: its embedded files and what its metadata claim.

Reads a hostile file without trusting it: nothing is repaired, every stream is unpacked under a
bound. Judges nothing: what the invoice data should be named and said of them is
``schematron.pdfcheck``'s affair.
"""

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import pikepdf
import pikepdf.settings
from lxml import etree

from schematron.pdfform import Fault, faults
from ubl.safexml import Limits, XmlRefused, parse

__all__ = ["Attachment", "Pdf", "PdfRefused", "Xmp", "is_pdf", "read"]

MAX_BYTES: Final = 100 * 1024 * 1024
MAX_UNPACKED: Final = 24 * 1024 * 1024
MAX_ATTACHMENTS: Final = 50
_MAX_NODES: Final = 100
_MAX_SECTIONS: Final = 50
# The file's own tables, which are unpacked by opening it: a megabyte names 200,000 objects.
_MAX_TABLE: Final = 1024 * 1024
_MAX_XMP: Final = 2 * 1024 * 1024
_HEADER_WITHIN: Final = 1024
# Names may be written with hexadecimal escapes. PDF/A forbids LZW (ISO 19005-1 §6.1.10), and it is
# the one filter whose output cannot be bounded here.
_LZW: Final = re.compile(rb"/(?:L|#4[cC])(?:Z|#5[aA])(?:W|#57)[D#\s/\]>]")
_SECTION: Final = re.compile(rb"/(?:X|#58)(?:R|#52)(?:e|#65)(?:f|#66)\b")
_STREAM: Final = re.compile(r"^stream <[^>]*>(?: \([^)]*\))?:? *")
_FILTERS: Final = frozenset({"/FlateDecode", "/ASCIIHexDecode", "/ASCII85Decode"})
_BROKEN: Final = (pikepdf.PdfError, pikepdf.ForeignObjectError, RecursionError)
_UNREADABLE: Final = (*_BROKEN, AttributeError, KeyError, TypeError, ValueError, IndexError)
_RDF: Final = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}Description"
_PDFA: Final = "{http://www.aiim.org/pdfa/ns/id/}"
# Factur-X 1.0, ZUGFeRD 2.0 (two spellings) and ZUGFeRD 1.0 extension schemas.
_INVOICE_SCHEMAS: Final = (
    "{urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#}",
    "{urn:zugferd:pdfa:CrossIndustryDocument:invoice:2p0#}",
    "{urn:cen.eu:en16931:2017:pdfa:CrossIndustryDocument:invoice:1p0#}",
    "{urn:ferd:pdfa:CrossIndustryDocument:invoice:1p0#}",
    "{urn:ferd:pdfa:invoice:rc#}",
)


class PdfRefused(ValueError):
    """The bytes are not a PDF that is read here.

    ``code`` is stable: PDF-DAMAGED, PDF-ENCRYPTED or PDF-TOO-LARGE; ``detail`` says what was met.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file embedded in a PDF.

    ``relationship`` is AFRelationship without its slash, None where absent; ``associated`` says
    that the catalogue's ``AF`` array names the file (ISO 19005-3 §6.8), ``listed`` that the name
    tree of embedded files does, which is where programs show it from.
    """

    name: str
    data: bytes
    relationship: str | None
    associated: bool
    listed: bool


@dataclass(frozen=True, slots=True)
class Xmp:
    """What the metadata claim: PDF/A part and conformance, and the Factur-X fields."""

    part: str | None = None
    conformance: str | None = None
    level: str | None = None
    file_name: str | None = None


@dataclass(frozen=True, slots=True)
class Pdf:
    """The parts of a PDF that matter to an electronic invoice.

    ``faults`` are those of PDF/A-3 that are certain; None where that could not be looked at.
    """

    attachments: tuple[Attachment, ...]
    xmp: Xmp | None
    faults: tuple[Fault, ...] | None = None


def is_pdf(data: bytes) -> bool:
    """Tell a PDF by its header, which may come after other bytes within the first kilobyte."""
    return b"%PDF-" in data[:_HEADER_WITHIN]


def read(data: bytes) -> Pdf:
    """Read the embedded files and the metadata of a PDF; raises PdfRefused."""
    if len(data) > MAX_BYTES:
        raise PdfRefused("PDF-TOO-LARGE", f"{len(data)} bytes, at most {MAX_BYTES}")
    if _LZW.search(data):
        raise PdfRefused("PDF-TOO-LARGE", "packed by LZW, which PDF/A forbids")
    sections = sum(1 for _ in _SECTION.finditer(data))
    if sections > _MAX_SECTIONS:
        raise PdfRefused("PDF-TOO-LARGE", f"{sections} cross-reference sections")
    _bound(_MAX_TABLE)
    try:
        with pikepdf.open(
            io.BytesIO(data),
            attempt_recovery=False,
            suppress_warnings=True,
            inherit_page_attributes=False,
        ) as pdf:
            if pdf.is_encrypted:
                raise PdfRefused("PDF-ENCRYPTED", "encrypted with an empty password")
            return Pdf(tuple(_attachments(pdf)), _xmp(pdf), _faults(pdf))
    except pikepdf.PasswordError:
        raise PdfRefused("PDF-ENCRYPTED", "a password is needed") from None
    except _BROKEN as error:
        if "limit exceeded" in str(error):
            raise PdfRefused("PDF-TOO-LARGE", _reason(error)) from None
        raise PdfRefused("PDF-DAMAGED", _reason(error)) from None
    except _UNREADABLE as error:
        if isinstance(error, PdfRefused):
            raise
        # An object is of another kind than its place in the file demands.
        raise PdfRefused("PDF-DAMAGED", _reason(error)) from None


def _faults(pdf: pikepdf.Pdf) -> tuple[Fault, ...] | None:
    """Look at the form of PDF/A; a page that cannot be read is no reason to refuse the invoice."""
    try:
        return faults(pdf)
    except (*_UNREADABLE, ArithmeticError):
        return None


def _bound(limit: int) -> None:
    """Let no stream unpack to more bytes; process-wide, as qpdf has it.

    Without it a small crafted stream unpacks to gigabytes.
    """
    pikepdf.settings.set_qpdf_limits(
        flate_max_memory=limit,
        png_max_memory=limit,
        tiff_max_memory=limit,
        run_length_max_memory=limit,
        max_stream_filters=3,
        doc_max_warnings=100,
        parser_max_container_size=1_000_000,
    )


def _reason(error: Exception) -> str:
    text = _STREAM.sub("", " ".join(str(error).split()))
    return text[:200] or type(error).__name__


def _attachments(pdf: pikepdf.Pdf) -> Iterator[Attachment]:
    """Yield the files of the name tree and of the ``AF`` array, each once."""
    listed = list(_listed(pdf))
    associated = _dictionaries(_items(pdf.Root.get("/AF")))
    of_array = {stream.objgen for spec in associated for stream in _streams(spec)}
    of_tree = {stream.objgen for spec in listed for stream in _streams(spec)}
    seen: set[object] = set()
    room = MAX_UNPACKED
    for spec in [*listed, *associated]:
        for stream in _streams(spec):
            key = stream.objgen
            if key in seen:
                continue
            seen.add(key)
            if len(seen) > MAX_ATTACHMENTS:
                raise PdfRefused("PDF-TOO-LARGE", f"more than {MAX_ATTACHMENTS} embedded files")
            name = _name(spec)
            data = _unpacked(stream, room) if _interesting(name) else b""
            room -= len(data)
            yield Attachment(
                name=name,
                data=data,
                relationship=_relationship(spec),
                associated=key in of_array,
                listed=key in of_tree,
            )


def _interesting(name: str) -> bool:
    """Tell whether a file may be invoice data: pictures and spreadsheets need no unpacking."""
    return name.lower().endswith(".xml") or "." not in name


def _listed(pdf: pikepdf.Pdf) -> Iterator[pikepdf.Dictionary]:
    """Walk the name tree of embedded files without trusting its shape."""
    names = pdf.Root.get("/Names")
    top = names.get("/EmbeddedFiles") if isinstance(names, pikepdf.Dictionary) else None
    waiting = [top] if top is not None else []
    visited: set[object] = set()
    nodes = 0
    while waiting:
        node = waiting.pop()
        if not isinstance(node, pikepdf.Dictionary):
            continue
        nodes += 1
        if nodes > _MAX_NODES:
            raise PdfRefused("PDF-TOO-LARGE", f"more than {_MAX_NODES} nodes in the name tree")
        if node.is_indirect:
            if node.objgen in visited:
                continue
            visited.add(node.objgen)
        pairs = _items(node.get("/Names"), limit=2 * _MAX_NODES)
        yield from _dictionaries(pairs[1::2])
        waiting.extend(reversed(_dictionaries(_items(node.get("/Kids")))))


def _items(value: object, *, limit: int = _MAX_NODES) -> list[pikepdf.Object]:
    """Give the items of an array, none for anything else; raises PdfRefused over the limit."""
    if not isinstance(value, pikepdf.Array):
        return []
    if len(value) > limit:
        raise PdfRefused("PDF-TOO-LARGE", f"a list of {len(value)} embedded files")
    return [value[number] for number in range(len(value))]


def _dictionaries(items: list[pikepdf.Object]) -> list[pikepdf.Dictionary]:
    return [item for item in items if isinstance(item, pikepdf.Dictionary)]


def _streams(spec: pikepdf.Dictionary) -> list[pikepdf.Stream]:
    """Give the content of a file: one stream, or two where its two names lead to different ones."""
    files = spec.get("/EF")
    if not isinstance(files, pikepdf.Dictionary):
        return []
    found = (files.get("/UF"), files.get("/F"))
    return [stream for stream in found if isinstance(stream, pikepdf.Stream)]


def _relationship(spec: pikepdf.Dictionary) -> str | None:
    value = spec.get("/AFRelationship")
    return str(value).removeprefix("/") if value is not None else None


def _name(spec: pikepdf.Dictionary) -> str:
    value = spec.get("/UF", spec.get("/F"))
    return str(value)[:200] if value is not None else ""


def _unpacked(stream: pikepdf.Stream, room: int) -> bytes:
    """Give a stream's content, at most ``room`` bytes; raises PdfRefused."""
    filters = stream.get("/Filter")
    names = (
        [str(item) for item in _items(filters)]
        if isinstance(filters, pikepdf.Array)
        else [str(filters)]
        if filters is not None
        else []
    )
    odd = [name for name in names if name not in _FILTERS]
    if odd:
        raise PdfRefused("PDF-DAMAGED", f"an embedded file is packed by {', '.join(odd)}"[:200])
    _bound(room)
    try:
        content = stream.read_bytes()
    except pikepdf.PdfError as error:
        if "limit exceeded" in str(error):
            raise _too_large() from None
        raise PdfRefused("PDF-DAMAGED", _reason(error)) from None
    finally:
        _bound(_MAX_TABLE)
    if len(content) > room:
        raise _too_large()
    return content


def _too_large() -> PdfRefused:
    return PdfRefused(
        "PDF-TOO-LARGE", f"an embedded file unpacks to more than {MAX_UNPACKED} bytes"
    )


def _xmp(pdf: pikepdf.Pdf) -> Xmp | None:
    """Read the metadata stream; None where there is none that can be read."""
    stream = pdf.Root.get("/Metadata")
    if not isinstance(stream, pikepdf.Stream):
        return None
    data = _unpacked(stream, MAX_UNPACKED).strip(b" \t\r\n\x00")
    try:
        root = parse(data, Limits(max_bytes=_MAX_XMP))
    except XmlRefused:
        return None
    found = dict(_properties(root))
    return Xmp(
        part=found.get(f"{_PDFA}part"),
        conformance=found.get(f"{_PDFA}conformance"),
        level=_of_invoice(found, "ConformanceLevel"),
        file_name=_of_invoice(found, "DocumentFileName"),
    )


def _properties(root: etree._Element) -> Iterator[tuple[str, str]]:
    """Yield the simple properties, written as elements or as attributes."""
    for description in root.iter(_RDF):
        yield from ((str(key), str(value).strip()) for key, value in description.attrib.items())
        for child in description:
            if isinstance(child.tag, str) and len(child) == 0:
                yield child.tag, (child.text or "").strip()


def _of_invoice(found: dict[str, str], field: str) -> str | None:
    values = (found.get(f"{schema}{field}") for schema in _INVOICE_SCHEMAS)
    return next((value for value in values if value is not None), None)
