"""Streaming reader of a Standard Business Document: where its parts lie, byte for byte.

Knows XML and the outer shape of the envelope, not the rules of its header. Memory stays fixed
whatever the size: the header is the only part that is kept. Hardened like ``ubl.safexml``:
document types are refused, depth, elements and size are capped, nothing is resolved or fetched.
"""

import codecs
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import BinaryIO, Final
from xml.parsers import expat

from ubl.safexml import ENCODINGS, Limits, XmlRefused

__all__ = ["NAMESPACE", "Found", "HeaderElement", "Name", "encoding_of", "scan"]

NAMESPACE: Final = "http://www.unece.org/cefact/namespaces/StandardBusinessDocumentHeader"
CHUNK: Final = 65536
_HEADER_BYTES: Final = 256 * 1024
_NAMES_KEPT: Final = 1024
# An unfinished token is read again with every chunk, so its length must be bounded.
_TOKEN_BYTES: Final = 1024 * 1024
# No XML document can hold this character, so it cannot be forged inside a namespace name.
_SEPARATOR: Final = "\x1f"
_XSI_TYPE: Final = "http://www.w3.org/2001/XMLSchema-instance"


@dataclass(frozen=True, slots=True)
class Name:
    """An expanded element name; ``namespace`` is empty where there is none."""

    namespace: str
    local: str

    def __str__(self) -> str:
        return f"{{{self.namespace}}}{self.local}"


@dataclass(slots=True)
class HeaderElement:
    """An element of the StandardBusinessDocumentHeader, with its text and child elements."""

    name: Name
    attributes: dict[str, str]
    text: str = ""
    children: list["HeaderElement"] = field(default_factory=list)

    def all(self, local: str) -> list["HeaderElement"]:
        """The children with this local name in the header's namespace, in order."""
        return [child for child in self.children if child.name == Name(NAMESPACE, local)]

    def first_text(self, local: str) -> str:
        """The text of the first such child without surrounding blanks; empty if absent."""
        found = self.all(local)
        return found[0].text.strip() if found else ""


@dataclass(slots=True)
class Found:
    """What a scan saw. Offsets count bytes of the source and are of an enveloped business
    document; ``end`` is past its last byte. ``bodies`` counts business documents, up to two.

    ``inherited`` are namespace declarations of the envelope that the business document uses
    (prefix, empty for the default, to namespace); ``root_tag`` is its name as written.
    """

    encoding: str = "utf-8"
    document_root: Name | None = None
    header: HeaderElement | None = None
    root: Name | None = None
    root_tag: str = ""
    root_attributes: dict[str, str] = field(default_factory=dict)
    start: int = 0
    end: int = 0
    bodies: int = 0
    inherited: dict[str, str] = field(default_factory=dict)


class _Enough(Exception):
    """A signal that ends the scan early; not an error."""


def encoding_of(start: bytes, declared: str | None) -> str:
    """The Python codec for a document that starts with these bytes and declares this encoding.

    A byte order mark, where there is one, is decoded as the character U+FEFF.

    Raises XmlRefused (XML-ENCODING) where mark and declaration contradict each other or the
    encoding is not among those the product reads.
    """
    name = (declared or "utf-8").lower()
    if name not in ENCODINGS:
        raise XmlRefused(
            "XML-ENCODING",
            f"The document declares the encoding {declared!r}, which is not accepted here. "
            "Save it as UTF-8 and send it again.",
        )
    if start.startswith((codecs.BOM_UTF16_LE, b"<\x00")):
        return "utf-16-le"
    if start.startswith((codecs.BOM_UTF16_BE, b"\x00<")):
        return "utf-16-be"
    if start.startswith(codecs.BOM_UTF8) and name != "utf-8":
        raise XmlRefused(
            "XML-ENCODING",
            f"The document starts with the mark of UTF-8 but declares {declared!r}. "
            "Correct the declaration and send it again.",
        )
    return name


def _expanded(name: str) -> tuple[Name, str]:
    """Take an expat name apart into the expanded name and its prefix (empty for none)."""
    parts = name.split(_SEPARATOR)
    if len(parts) == 1:
        return Name("", parts[0]), ""
    return Name(parts[0], parts[1]), parts[2] if len(parts) == 3 else ""


class _Scanner:
    """One pass over one document; the handlers below are called by expat."""

    def __init__(
        self,
        limits: Limits,
        *,
        enveloped: bool,
        header_only: bool,
        on_body: Callable[[Name, dict[str, str]], Callable[[str], object] | None] | None,
    ) -> None:
        self.found = Found()
        self._limits = limits
        self._enveloped = enveloped
        self._header_only = header_only
        self._on_body = on_body
        self._depth = 0
        self._elements = 0
        self._open: list[HeaderElement] = []
        self._body_depth = 0
        self._outer: dict[str, str] = {}
        self._inner: dict[str, int] = {}
        # Element names of the body that cannot inherit: nearly all, and they repeat.
        self._own_names: set[str] = set()
        self._head = b""
        self._header_start = 0
        self._body_just_ended = False
        self.parser = expat.ParserCreate(namespace_separator=_SEPARATOR)
        self.parser.namespace_prefixes = True
        self.parser.XmlDeclHandler = self._declaration
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.parser.StartNamespaceDeclHandler = self._namespace
        self.parser.EndNamespaceDeclHandler = self._namespace_end
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end

    def refuse(self, code: str, message: str) -> XmlRefused:
        return XmlRefused(
            code,
            message,
            line=self.parser.CurrentLineNumber,
            column=self.parser.CurrentColumnNumber + 1,
        )

    def run(self, source: BinaryIO) -> Found:
        source.seek(0)
        total = 0
        try:
            while chunk := source.read(CHUNK):
                if total == 0:
                    self._head = chunk[:4]
                    self.found.encoding = encoding_of(self._head, None)
                total += len(chunk)
                if total > self._limits.max_bytes:
                    raise XmlRefused(
                        "XML-TOO-LARGE",
                        f"The content has more than {self._limits.max_bytes} bytes; more are "
                        "not accepted.",
                    )
                self.parser.Parse(chunk, False)
                self._bound_token(total)
            if total == 0:
                raise XmlRefused("XML-EMPTY", "The content is empty. Send the document again.")
            self.parser.Parse(b"", True)
        except _Enough:
            pass
        except expat.ExpatError as error:
            raise self.refuse(
                "XML-NOT-WELL-FORMED",
                f"The XML cannot be read: {expat.ErrorString(error.code)} at line "
                f"{error.lineno}. Correct the document and send it again.",
            ) from None
        return self.found

    def _bound_token(self, total: int) -> None:
        if total - self.parser.CurrentByteIndex > _TOKEN_BYTES + CHUNK:
            raise self.refuse(
                "XML-TOKEN-TOO-LONG",
                "A tag, comment or attribute is too long. Business documents carry long content "
                "as element text.",
            )
        if self._open and total - self._header_start > _HEADER_BYTES + CHUNK:
            raise self.refuse(
                "XML-TOO-LARGE",
                f"The StandardBusinessDocumentHeader is longer than {_HEADER_BYTES} bytes.",
            )

    def _declaration(self, _version: str, encoding: str | None, _standalone: int) -> None:
        self.found.encoding = encoding_of(self._head, encoding)

    def _doctype(self, *_: object) -> None:
        raise self.refuse(
            "XML-DOCTYPE",
            "The document carries a DOCTYPE declaration. Business documents need none; "
            "remove it and send the document again.",
        )

    def _namespace(self, prefix: str | None, uri: str | None) -> None:
        if self._enveloped and self._depth == 0:
            self._outer[prefix or ""] = uri or ""
        else:
            self._inner[prefix or ""] = self._inner.get(prefix or "", 0) + 1

    def _namespace_end(self, prefix: str | None) -> None:
        if self._depth > 0:
            left = self._inner.pop(prefix or "", 0) - 1
            if left > 0:
                self._inner[prefix or ""] = left

    def _start(self, expat_name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > self._limits.max_depth:
            raise self.refuse(
                "XML-TOO-DEEP",
                f"Elements are nested more than {self._limits.max_depth} deep. No business "
                "document needs that; check how the file was produced.",
            )
        self._elements += 1
        if self._elements > self._limits.max_markup:
            # Tiny elements shrink to nothing on the wire and take a microsecond each here.
            raise self.refuse(
                "XML-TOO-LARGE",
                f"The content has more than {self._limits.max_markup} elements. Split the "
                "document.",
            )
        if self._body_depth:
            if attributes or expat_name not in self._own_names:
                self._note_prefixes(expat_name, attributes)
            return
        self._mark_end()
        name, prefix = _expanded(expat_name)
        if self._depth == 1:
            self.found.document_root = name
        if self._open or self._starts_header(name):
            self._start_header_element(name, attributes)
        elif self._depth == (2 if self._enveloped else 1):
            self._start_body(name, prefix, attributes)
            self._note_prefixes(expat_name, attributes)

    def _starts_header(self, name: Name) -> bool:
        """A header is the first child of the envelope, or the whole of a bare header."""
        is_header = name == Name(NAMESPACE, "StandardBusinessDocumentHeader")
        first = self.found.header is None and self.found.bodies == 0
        return self._enveloped and is_header and first and self._depth <= 2

    def _start_header_element(self, name: Name, attributes: dict[str, str]) -> None:
        plain = {key: value for key, value in attributes.items() if _SEPARATOR not in key}
        element = HeaderElement(name, plain)
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.found.header = element
            self._header_start = self.parser.CurrentByteIndex
            self._listen(self._header_text)
        self._open.append(element)

    def _header_text(self, text: str) -> None:
        self._open[-1].text += text

    def _start_body(self, name: Name, prefix: str, attributes: dict[str, str]) -> None:
        self.found.bodies += 1
        self._body_depth = self._depth
        if self.found.bodies > 1:
            raise _Enough
        self.found.root = name
        self.found.root_tag = f"{prefix}:{name.local}" if prefix else name.local
        self.found.root_attributes = attributes
        self.found.start = self.parser.CurrentByteIndex
        if self._on_body is not None:
            self._listen(self._on_body(name, attributes))

    def _note_prefixes(self, name: str, attributes: dict[str, str]) -> None:
        if name not in self._own_names:
            prefix = _expanded(name)[1]
            if _SEPARATOR in name and prefix in self._outer:
                self._note_prefix(prefix)
            elif len(self._own_names) < _NAMES_KEPT:
                self._own_names.add(name)
        for key, value in attributes.items():
            if _SEPARATOR in key:
                expanded, prefix = _expanded(key)
                self._note_prefix(prefix)
                if expanded == Name(_XSI_TYPE, "type"):
                    self._note_prefix(value.strip().rpartition(":")[0])

    def _note_prefix(self, prefix: str) -> None:
        if prefix in self._outer and prefix not in self._inner:
            self.found.inherited[prefix] = self._outer[prefix]

    def _end(self, _name: str) -> None:
        self._depth -= 1
        if self._body_depth:
            if self._depth < self._body_depth:
                self._end_body()
            return
        self._mark_end()
        if self._open:
            self._open.pop()
            if not self._open:
                self._listen(None)
                if self._header_only:
                    raise _Enough

    def _end_body(self) -> None:
        self._body_depth = 0
        self._listen(None)
        self._body_just_ended = True
        self.parser.CharacterDataHandler = self._mark_end
        self.parser.DefaultHandler = self._mark_end

    def _listen(self, handler: Callable[[str], object] | None) -> None:
        """Send character data to a handler, in larger pieces, or to none."""
        self.parser.buffer_text = handler is not None
        self.parser.CharacterDataHandler = handler

    def _mark_end(self, _text: str = "") -> None:
        """Note the end of the business document: where whatever follows it begins."""
        if self._body_just_ended:
            self._body_just_ended = False
            self.found.end = self.parser.CurrentByteIndex


def scan(
    source: BinaryIO,
    limits: Limits,
    *,
    enveloped: bool = True,
    header_only: bool = False,
    on_body: Callable[[Name, dict[str, str]], Callable[[str], object] | None] | None = None,
) -> Found:
    """Read a document once from its start and report where header and business document lie.

    With ``enveloped`` false the whole source is the business document. ``header_only`` stops
    after the header. ``on_body`` is told the business document's root as it begins and may
    return a function that then receives its character data. The source must be seekable.
    Raises XmlRefused; whether the shape found is allowed is for the caller to judge.
    """
    scanner = _Scanner(limits, enveloped=enveloped, header_only=header_only, on_body=on_body)
    return scanner.run(source)
