"""The only door through which foreign XML enters the product.

Refuses document types (and with them every entity trick), undeclared or exotic encodings,
oversized and over-deep input before a tree exists, and never touches the network. Everything
behind this door may treat the tree as plain elements and text.
"""

from dataclasses import dataclass
from typing import Final
from xml.parsers import expat

from lxml import etree

__all__ = ["Limits", "XmlRefused", "parse"]

ENCODINGS: Final = frozenset(
    {"utf-8", "utf-16", "utf-16le", "utf-16be", "us-ascii", "ascii"}
    | {"iso-8859-1", "iso-8859-15", "windows-1252"}
)
LIBXML2_TEXT_LIMIT: Final = 10_000_000
_PROLOG_CHUNK: Final = 4096
_BOMS: Final = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_UTF32: Final = (
    b"\xff\xfe\x00\x00",
    b"\x00\x00\xfe\xff",
    b"<\x00\x00\x00",
    b"\x00\x00\x00<",
)


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a document may be: bytes as received, nesting depth, and amount of markup.

    ``max_markup`` bounds tags and attributes each, because a tree of many tiny elements takes
    forty times the memory of its bytes. Four million suffice for some 30,000 invoice lines.
    """

    max_bytes: int = 100 * 1024 * 1024
    max_depth: int = 100
    max_markup: int = 4_000_000


class XmlRefused(ValueError):
    """The bytes are not XML that this product reads.

    ``code`` is stable: XML-EMPTY, XML-TOO-LARGE, XML-DOCTYPE, XML-ENCODING, XML-TOO-DEEP or
    XML-NOT-WELL-FORMED. ``line`` and ``column`` count from 1 and are 0 where unknown.
    """

    def __init__(self, code: str, message: str, *, line: int = 0, column: int = 0) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.line = line
        self.column = column


class _PrologEnd(Exception):
    pass


def _scan_prolog(data: bytes) -> str | None:
    """Read up to the first element and return the declared encoding; refuse a DOCTYPE."""
    declared: list[str | None] = [None]

    def on_declaration(_version: str, encoding: str | None, _standalone: int) -> None:
        declared[0] = encoding

    def on_doctype(*_: object) -> None:
        raise XmlRefused(
            "XML-DOCTYPE",
            "The document carries a DOCTYPE declaration. Business documents need none; "
            "remove it and send the document again.",
            line=parser.CurrentLineNumber,
            column=parser.CurrentColumnNumber + 1,
        )

    def on_element(_name: str, _attributes: dict[str, str]) -> None:
        raise _PrologEnd

    parser = expat.ParserCreate()
    parser.XmlDeclHandler = on_declaration
    parser.StartDoctypeDeclHandler = on_doctype
    parser.StartElementHandler = on_element
    try:
        # expat scans an unfinished token again with each piece it gets: pieces of one size would
        # make a long comment or tag cost the square of its length, doubling ones twice its length.
        start, size = 0, _PROLOG_CHUNK
        while start < len(data):
            parser.Parse(data[start : start + size], False)
            start, size = start + size, size * 2
    except _PrologEnd:
        pass
    except (expat.ExpatError, LookupError, ValueError) as error:
        if isinstance(error, XmlRefused):
            raise
        # libxml2 reads the same bytes next and words the fault with its position.
    return declared[0]


def _check_encoding(data: bytes, declared: str | None) -> None:
    if data.startswith(_UTF32):
        declared = "UTF-32"
    if declared is not None and declared.lower() not in ENCODINGS:
        raise XmlRefused(
            "XML-ENCODING",
            f"The document has the encoding '{declared}', which is not accepted here. "
            "Save it as UTF-8 and send it again.",
            line=1,
            column=1,
        )
    starts_like_xml = data.lstrip(b" \t\r\n").startswith(b"<") or data.startswith(_BOMS)
    utf16_without_mark = data[:2] in (b"<\x00", b"\x00<")
    if not starts_like_xml and not utf16_without_mark:
        raise XmlRefused(
            "XML-NOT-WELL-FORMED",
            "The content is not XML: it does not start with '<'. Check that the right file "
            "was sent.",
            line=1,
            column=1,
        )


def _check_depth(root: etree._Element, limit: int) -> None:
    depth = 0
    for event, element in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        if depth > limit:
            raise XmlRefused(
                "XML-TOO-DEEP",
                f"Elements are nested more than {limit} deep. No business document needs that; "
                "check how the file was produced.",
                line=int(element.sourceline or 0),
            )


def parse(data: bytes, limits: Limits | None = None) -> etree._Element:
    """Turn foreign bytes into an element tree, or say exactly why not.

    The byte limit is checked first, so nothing larger is ever copied. The returned root element
    keeps line numbers (``sourceline``). Raises XmlRefused.
    """
    limits = limits or Limits()
    if not data.strip():
        raise XmlRefused("XML-EMPTY", "The content is empty. Check that the right file was sent.")
    if len(data) > limits.max_bytes:
        raise XmlRefused(
            "XML-TOO-LARGE",
            f"The content has {len(data)} bytes; at most {limits.max_bytes} are accepted.",
        )
    if max(data.count(b"<"), data.count(b"=")) > limits.max_markup:
        raise XmlRefused(
            "XML-TOO-LARGE",
            f"The content has more than {limits.max_markup} tags or attributes. Split the "
            "document.",
        )
    _check_encoding(data, _scan_prolog(data))
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        # libxml2 refuses text over 10 MB unless told otherwise; an embedded PDF is such a text.
        huge_tree=len(data) > LIBXML2_TEXT_LIMIT,
    )
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        line, column = error.position
        too_deep = "depth" in str(error)
        raise XmlRefused(
            "XML-TOO-DEEP" if too_deep else "XML-NOT-WELL-FORMED",
            f"The XML cannot be read: {error.msg}. Correct the file at this place.",
            line=line,
            column=column,
        ) from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise XmlRefused(
            "XML-DOCTYPE",
            "The document carries a DOCTYPE declaration. Business documents need none; "
            "remove it and send the document again.",
        )
    _check_depth(root, limits.max_depth)
    return root
