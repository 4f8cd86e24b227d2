"""The only door through which foreign XML enters the product.

Refuses document types (and with them every entity trick), undeclared or exotic encodings,
oversized and over-deep input before a tree exists, and never touches the network. Everything
behind this door may treat the tree as plain elements and text.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from xml.parsers import expat

from lxml import etree

__all__ = ["Limits", "Part", "XmlRefused", "iterate", "parse"]

ENCODINGS: Final = frozenset(
    {"utf-8", "utf-16", "utf-16le", "utf-16be", "us-ascii", "ascii"}
    | {"iso-8859-1", "iso-8859-15", "windows-1252"}
)
LIBXML2_TEXT_LIMIT: Final = 10_000_000
_PROLOG_CHUNK: Final = 4096
_MAX_PROLOG: Final = 1024 * 1024
_STREAM_CHUNK: Final = 64 * 1024
_BOMS: Final = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_UTF32: Final = (
    b"\xff\xfe\x00\x00",
    b"\x00\x00\xfe\xff",
    b"<\x00\x00\x00",
    b"\x00\x00\x00<",
)
# "<?xm" in every EBCDIC code page.
_EBCDIC: Final = b"\x4c\x6f\xa7\x94"


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a document may be: bytes as received, nesting depth, and amount of markup.

    ``max_markup`` bounds the tags and ``max_attributes`` the attributes, because a tree of many
    tiny parts takes forty times the memory of its bytes. Four million tags suffice for some
    30,000 invoice lines, which have ten attributes each. ``max_attributes_each`` bounds those of
    one element: what validators do with them is quadratic.
    """

    max_bytes: int = 100 * 1024 * 1024
    max_depth: int = 100
    max_markup: int = 4_000_000
    max_attributes: int = 500_000
    max_attributes_each: int = 200


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


@dataclass(frozen=True, slots=True)
class Part:
    """One complete element of a document read as a stream, with the tags around it.

    ``path`` holds the tags from the root down to the parent, in Clark notation.
    """

    path: tuple[str, ...]
    element: etree._Element


class _PrologEnd(Exception):
    pass


def _doctype(line: int = 0, column: int = 0) -> XmlRefused:
    return XmlRefused(
        "XML-DOCTYPE",
        "The document carries a DOCTYPE declaration. Business documents need none; "
        "remove it and send the document again.",
        line=line,
        column=column,
    )


class _Prolog:
    """Reads up to the first element, in pieces: the declared encoding, and no DOCTYPE."""

    def __init__(self) -> None:
        self.declared: str | None = None
        self.ended = False
        self._expat = parser = expat.ParserCreate()
        parser.XmlDeclHandler = self._on_declaration
        parser.StartDoctypeDeclHandler = self._on_doctype
        parser.StartElementHandler = self._on_element

    def _on_declaration(self, _version: str, encoding: str | None, _standalone: int) -> None:
        self.declared = encoding

    def _on_doctype(self, *_: object) -> None:
        raise _doctype(self._expat.CurrentLineNumber, self._expat.CurrentColumnNumber + 1)

    def _on_element(self, _name: str, _attributes: dict[str, str]) -> None:
        raise _PrologEnd

    def feed(self, piece: bytes) -> None:
        """Read on; once ``ended`` there is nothing left to learn. Raises XmlRefused."""
        try:
            self._expat.Parse(piece, False)
        except _PrologEnd:
            self.ended = True
        except (expat.ExpatError, LookupError, ValueError) as error:
            if isinstance(error, XmlRefused):
                raise
            # libxml2 reads the same bytes next and words the fault with its position.
            self.ended = True


def _scan_prolog(data: bytes) -> str | None:
    """Read up to the first element and return the declared encoding; refuse a DOCTYPE."""
    prolog = _Prolog()
    # expat scans an unfinished token again with each piece it gets: pieces of one size would
    # make a long comment or tag cost the square of its length, doubling ones twice its length.
    start, size = 0, _PROLOG_CHUNK
    while start < len(data) and not prolog.ended:
        prolog.feed(data[start : start + size])
        start, size = start + size, size * 2
    return prolog.declared


def _check_encoding(data: bytes, declared: str | None) -> None:
    if data.startswith(_UTF32):
        declared = "UTF-32"
    if data.startswith(_EBCDIC):
        declared = "EBCDIC"
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


def _too_deep(limit: int, line: int = 0) -> XmlRefused:
    return XmlRefused(
        "XML-TOO-DEEP",
        f"Elements are nested more than {limit} deep. No business document needs that; "
        "check how the file was produced.",
        line=line,
    )


def _too_much_markup(limit: int) -> XmlRefused:
    return XmlRefused(
        "XML-TOO-LARGE",
        f"The content has more than {limit} tags or attributes. Split the document.",
    )


def _empty() -> XmlRefused:
    return XmlRefused("XML-EMPTY", "The content is empty. Check that the right file was sent.")


def _unreadable(error: etree.XMLSyntaxError) -> XmlRefused:
    line, column = error.position
    return XmlRefused(
        "XML-TOO-DEEP" if "depth" in str(error) else "XML-NOT-WELL-FORMED",
        f"The XML cannot be read: {error.msg}. Correct the file at this place.",
        line=line,
        column=column,
    )


@lru_cache(maxsize=8)
def _beyond(depth: int) -> etree.XPath:
    """Find an element nested deeper than allowed; libxml2 walks the levels itself."""
    return etree.XPath("/*" * (depth + 1) + "[1]")


@lru_cache(maxsize=8)
def _crowded(attributes: int) -> etree.XPath:
    return etree.XPath(f"//*[@*[{attributes + 1}]]")


@lru_cache(maxsize=8)
def _long_tag(attributes: int) -> re.Pattern[bytes]:
    """Find where a tag might hold more attributes than allowed: each takes four bytes or more."""
    return re.compile(rb"<[^<]{%d}" % (4 * attributes))


def _check_shape(root: etree._Element, data: bytes, limits: Limits) -> None:
    """Refuse a tree that is too deep, or in which one element has too many attributes."""
    deep = _beyond(limits.max_depth)(root)
    if isinstance(deep, list) and deep:
        raise _too_deep(limits.max_depth, _line(deep[0]))
    # The search is much cheaper than the count; in UTF-16 its byte may be part of a character.
    wide = data.startswith(_BOMS[1:]) or b"\x00" in data[:4]
    if not wide and not _long_tag(limits.max_attributes_each).search(data):
        return
    crowded = _crowded(limits.max_attributes_each)(root)
    if isinstance(crowded, list) and crowded:
        raise XmlRefused(
            "XML-TOO-LARGE",
            f"An element has more than {limits.max_attributes_each} attributes. No business "
            "document needs that; check how the file was produced.",
            line=_line(crowded[0]),
        )


def _line(element: object) -> int:
    line = element.sourceline if isinstance(element, etree._Element) else None
    return line if isinstance(line, int) else 0


def parse(data: bytes, limits: Limits | None = None) -> etree._Element:
    """Turn foreign bytes into an element tree, or say exactly why not.

    The byte limit is checked first, so nothing larger is ever copied. The returned root element
    keeps line numbers (``sourceline``). Raises XmlRefused.
    """
    limits = limits or Limits()
    if not data.strip(b" \t\r\n"):
        raise _empty()
    if len(data) > limits.max_bytes:
        raise XmlRefused(
            "XML-TOO-LARGE",
            f"The content has {len(data)} bytes; at most {limits.max_bytes} are accepted.",
        )
    if data.count(b"<") > limits.max_markup:
        raise _too_much_markup(limits.max_markup)
    if data.count(b"=") > limits.max_attributes:
        raise _too_much_markup(limits.max_attributes)
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
        raise _unreadable(error) from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise _doctype()
    _check_shape(root, data, limits)
    return root


def iterate(chunks: Iterable[bytes], *, depth: int, limits: Limits | None = None) -> Iterator[Part]:
    """Read foreign bytes as a stream and hand out every complete element at one depth.

    The root has depth 1. What is handed out is emptied once the next part is asked for, so
    memory holds one such element, not the document. An element above that depth is handed out
    when it ends, with its attributes and text but without the children that went before.
    ``limits.max_markup`` bounds one part, ``limits.max_bytes`` the whole. Refuses what `parse`
    refuses; since the end is read last, parts may come before the refusal. Raises XmlRefused.
    """
    limits = limits or Limits()
    parser = etree.XMLPullParser(
        events=("start", "end"),
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        # Nobody reads them here, and a flood of them would weigh on memory uncounted.
        remove_comments=True,
        remove_pis=True,
    )
    walk = _Walk(depth, limits)
    try:
        for piece in _checked_pieces(chunks, limits):
            parser.feed(piece)
            yield from walk.parts(parser)
        parser.close()
    except etree.XMLSyntaxError as error:
        raise _unreadable(error) from None
    yield from walk.parts(parser)


def _checked_pieces(chunks: Iterable[bytes], limits: Limits) -> Iterator[bytes]:
    """Hold the bytes back until the prolog is known to be harmless; then pass them on.

    A large chunk is cut up, so that the parser never runs far ahead of the checks.
    """
    prolog, held, fed, total = _Prolog(), bytearray(), 0, 0
    for chunk in chunks:
        for start in range(0, len(chunk), _STREAM_CHUNK):
            piece = chunk[start : start + _STREAM_CHUNK]
            total += len(piece)
            if total > limits.max_bytes or (not prolog.ended and total > _MAX_PROLOG):
                raise XmlRefused(
                    "XML-TOO-LARGE",
                    f"The content has more than {limits.max_bytes} bytes, or more than "
                    f"{_MAX_PROLOG} before its first element. Split the document.",
                )
            if prolog.ended:
                yield piece
                continue
            held += piece
            # Doubling, for expat scans an unfinished token again with each piece it gets.
            if len(held) >= 2 * fed:
                prolog.feed(bytes(held[fed:]))
                fed = len(held)
            if prolog.ended:
                _check_encoding(bytes(held), prolog.declared)
                yield bytes(held)
    if prolog.ended:
        return
    if not held.strip(b" \t\r\n"):
        raise _empty()
    prolog.feed(bytes(held[fed:]))
    _check_encoding(bytes(held), prolog.declared)
    yield bytes(held)


class _Walk:
    """Where the stream stands, and what it may not exceed."""

    def __init__(self, depth: int, limits: Limits) -> None:
        self._depth = depth
        self._limits = limits
        self._path: list[str] = []
        self._markup = 0

    def parts(self, parser: etree.XMLPullParser) -> Iterator[Part]:
        for event, element in parser.read_events():
            if not isinstance(element, etree._Element):
                continue
            if event == "start":
                self._enter(element)
                continue
            level = len(self._path)
            self._path.pop()
            if level <= self._depth:
                yield Part(tuple(self._path), element)
                self._markup = 0
                _forget(element)

    def _enter(self, element: etree._Element) -> None:
        if not self._path and element.getroottree().docinfo.internalDTD is not None:
            raise _doctype()
        self._path.append(str(element.tag))
        self._markup += 1 + len(element.attrib)
        if len(self._path) > self._limits.max_depth:
            raise _too_deep(self._limits.max_depth)
        if self._markup > self._limits.max_markup:
            raise _too_much_markup(self._limits.max_markup)


def _forget(element: etree._Element) -> None:
    """Free what was handed out, and what came before it beside it."""
    parent = element.getparent()
    if parent is None:
        return
    element.clear()
    for sibling in element.itersiblings(preceding=True):
        parent.remove(sibling)
