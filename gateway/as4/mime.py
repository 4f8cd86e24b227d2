"""multipart/related as AS4 uses it: one SOAP part, then attachments (SOAP with Attachments).

Reads and writes streams with fixed memory: parts go to spools, never to one large bytes object.
Knows nothing of what the parts mean.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO, Final

from gateway.as4.errors import EbmsCode, LocalAs4Error, PeerAs4Error
from gateway.as4.mimedecoding import Decoder, decoder_for

__all__ = ["SOAP_TYPE", "MimeLimits", "Part", "read_parts", "write_multipart"]

SOAP_TYPE: Final = "application/soap+xml"
_CHUNK: Final = 65536
_LINE: Final = b"\r\n"
_TOKEN: Final = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"  # noqa: S105 - a grammar, not a secret
_MEDIA_TYPE: Final = re.compile(rf"\s*({_TOKEN}/{_TOKEN})")
_PARAMETER: Final = re.compile(rf'\s*;\s*({_TOKEN})\s*=\s*("(?:[^"\\]|\\.)*"|[^\s;"]+)')
_HEADER: Final = re.compile(rf"({_TOKEN})[ \t]*:(.*)")
_BOUNDARY: Final = re.compile(r"[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]")
_HEADER_VALUE: Final = re.compile(r"[\x20-\x7e]+")


@dataclass(frozen=True, slots=True)
class MimeLimits:
    """How large a message may be: number of parts, bytes and number of the headers of one part
    (and of what precedes the first part), bytes of one decoded part."""

    max_parts: int = 16
    max_header_bytes: int = 16 * 1024
    max_header_count: int = 32
    max_part_bytes: int = 100 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a message.

    ``headers`` have lower-case names. ``content_id`` is without angle brackets, None if the part
    has none (phase4's SOAP part). ``content_type`` is the whole header value. ``body`` holds the
    decoded content and stands at its start.
    """

    headers: Mapping[str, str]
    content_id: str | None
    content_type: str
    body: BinaryIO

    @classmethod
    def binary(cls, *, content_type: str, content_id: str | None, body: BinaryIO) -> "Part":
        """A part to be sent as it is, with the headers of AS4 profile 2.0.3 and no others."""
        headers = {"content-type": content_type, "content-transfer-encoding": "binary"}
        if content_id is not None:
            headers["content-id"] = f"<{content_id}>"
        return cls(headers, content_id, content_type, body)


def _refused(code: str, message: str) -> PeerAs4Error:
    return PeerAs4Error(f"AS4-MIME-{code}", message, ebms=EbmsCode.MIME_INCONSISTENCY)


def _parameters(content_type: str, limits: MimeLimits) -> tuple[str, dict[str, str]]:
    """Take a Content-Type apart into the lower-case media type and its parameters."""
    start = _MEDIA_TYPE.match(content_type)
    if start is None or len(content_type) > limits.max_header_bytes:
        raise _refused("TYPE", "The Content-Type of the message cannot be read. Correct it.")
    found: dict[str, str] = {}
    position = start.end()
    while match := _PARAMETER.match(content_type, position):
        position = match.end()
        name, value = match[1].lower(), match[2]
        if name in found:
            raise _refused("TYPE", f"The Content-Type gives {name} twice. Give it once.")
        quoted = value.startswith('"')
        found[name] = re.sub(r"\\(.)", r"\1", value[1:-1]) if quoted else value
    if content_type[position:].strip(" \t\r\n;"):
        raise _refused("TYPE", "The parameters of the Content-Type cannot be read. Correct them.")
    return start[1].lower(), found


class _Reader:
    """A window over the source in which lines and delimiters are searched."""

    def __init__(self, source: BinaryIO, boundary: str, limits: MimeLimits) -> None:
        self._source = source
        self._limits = limits
        self._dashes = b"--" + boundary.encode("ascii")
        self._delimiter = _LINE + self._dashes
        # The first delimiter may stand at the very start, without a line end before it.
        self._window = bytearray(_LINE)

    def _more(self) -> None:
        chunk = self._source.read(_CHUNK)
        if not chunk:
            raise _refused(
                "TRUNCATED",
                "The message ends before its closing boundary. Send it again in full.",
            )
        self._window += chunk

    def _need(self, count: int) -> None:
        while len(self._window) < count:
            self._more()

    def _take(self, count: int) -> bytes:
        taken = bytes(self._window[:count])
        del self._window[:count]
        return taken

    def content(self, write: Callable[[bytes], object]) -> None:
        """Pass everything up to the next delimiter to ``write`` and step over the delimiter."""
        keep = len(self._delimiter) - 1
        while (found := self._window.find(self._delimiter)) < 0:
            # The last bytes may be the start of a delimiter that the next chunk completes.
            if len(self._window) > keep:
                write(self._take(len(self._window) - keep))
            self._more()
        write(self._take(found))
        self._take(len(self._delimiter))

    def preamble(self) -> None:
        """Step over what precedes the first part; it may say anything, but not much."""
        seen = 0

        def count(data: bytes) -> None:
            nonlocal seen
            seen += len(data)
            if seen > self._limits.max_header_bytes:
                raise _refused("PREAMBLE", "Too many bytes precede the first boundary.")

        self.content(count)

    def closed(self) -> bool:
        """Say whether the delimiter just passed was the closing one; go to the next line."""
        self._need(2)
        if self._window.startswith(b"--"):
            return True
        if self._line(256).strip(b" \t"):
            raise _refused(
                "BOUNDARY",
                "A line begins with the boundary but goes on after it. Choose a boundary that "
                "occurs in no part.",
            )
        return False

    def _line(self, limit: int) -> bytes:
        while (end := self._window.find(_LINE, 0, limit + 2)) < 0:
            if len(self._window) >= limit + 2:
                raise _refused("HEADER", f"A header line is longer than {limit} bytes.")
            self._more()
        line = self._take(end)
        self._take(len(_LINE))
        return line

    def headers(self) -> dict[str, str]:
        """Read the header block of a part, with folded lines joined; names in lower case."""
        left = self._limits.max_header_bytes
        lines: list[str] = []
        while line := self._line(left):
            left -= len(line)
            # Every byte is a character here; what is allowed is decided right below.
            text = line.decode("latin-1")
            if text[0] in " \t" and lines:
                lines[-1] += " " + text.strip()
            else:
                lines.append(text)
            if len(lines) > self._limits.max_header_count:
                raise _refused("HEADER", "A part has too many headers.")
        found: dict[str, str] = {}
        for text in lines:
            match = _HEADER.fullmatch(text)
            if match is None or "\r" in text or "\x00" in text:
                raise _refused("HEADER", "A part has a header line that cannot be read.")
            name = match[1].lower()
            if name in found:
                raise _refused("HEADER", f"A part has the header {name} twice. Give it once.")
            found[name] = match[2].strip()
        return found

    def body(self, decoder: Decoder) -> None:
        """Decode the content of a part up to the next delimiter."""
        self._need(len(self._dashes))
        if self._window.startswith(self._dashes):
            # An empty part: the line end of its headers is also that of the delimiter.
            self._take(len(self._dashes))
        else:
            self.content(decoder.feed)
        decoder.close()


def read_parts(
    source: BinaryIO, content_type: str, *, limits: MimeLimits, spool: Callable[[], BinaryIO]
) -> list[Part]:
    """Take a multipart/related message apart; the first part is the SOAP envelope.

    ``content_type`` is the header of the HTTP request, ``spool`` makes a new writable, seekable
    file for each part. Transfer encodings binary, 8bit, 7bit, base64 and quoted-printable are
    undone. Lines end with CRLF. Raises PeerAs4Error (EBMS:0007) with a code that starts with
    ``AS4-MIME-``; all spools are closed then.
    """
    boundary, start = _check_type(content_type, limits)
    reader = _Reader(source, boundary, limits)
    parts: list[Part] = []
    bodies: list[BinaryIO] = []
    try:
        reader.preamble()
        while not reader.closed():
            if len(parts) == limits.max_parts:
                raise _refused("PARTS", f"The message has more than {limits.max_parts} parts.")
            headers = reader.headers()
            body = spool()
            bodies.append(body)
            encoding = headers.get("content-transfer-encoding", "7bit").lower()
            reader.body(decoder_for(encoding, body, max_bytes=limits.max_part_bytes))
            body.seek(0)
            parts.append(_part(headers, body))
        _check_parts(parts, start)
    except BaseException:  # also a reading that was cancelled: no body may stay open
        for body in bodies:
            with suppress(OSError):
                body.close()
        raise
    return parts


def _check_type(content_type: str, limits: MimeLimits) -> tuple[str, str | None]:
    media_type, parameters = _parameters(content_type, limits)
    if media_type != "multipart/related":
        raise _refused("TYPE", f"The message is {media_type[:80]!r}. Send it as multipart/related.")
    if parameters.get("type", SOAP_TYPE).lower() != SOAP_TYPE:
        raise _refused(
            "TYPE", f"The type of the first part must be {SOAP_TYPE}, which is SOAP 1.2."
        )
    boundary = parameters.get("boundary", "")
    if not _BOUNDARY.fullmatch(boundary):
        raise _refused(
            "BOUNDARY", "The Content-Type has no valid boundary. Give one of 1 to 70 characters."
        )
    return boundary, parameters.get("start")


def _bare(content_id: str) -> str:
    """A Content-ID without the angle brackets, which some senders leave out."""
    bracketed = content_id.startswith("<") and content_id.endswith(">")
    return content_id[1:-1] if bracketed else content_id


def _part(headers: dict[str, str], body: BinaryIO) -> Part:
    content_id = _bare(headers["content-id"]) if "content-id" in headers else None
    return Part(headers, content_id, headers.get("content-type", "text/plain"), body)


def _check_parts(parts: Sequence[Part], start: str | None) -> None:
    if not parts:
        raise _refused("PARTS", "The message has no parts. Send a SOAP envelope first.")
    known = [part.content_id for part in parts if part.content_id is not None]
    if "" in known or len(set(known)) != len(known):
        raise _refused("CONTENT-ID", "Two parts have the same Content-ID, or one is empty.")
    if start is not None and parts[0].content_id not in (None, _bare(start.strip())):
        raise _refused("START", "The start parameter must name the first part of the message.")


def write_multipart(parts: Sequence[Part], *, boundary: str, out: BinaryIO) -> str:
    """Write the parts, the SOAP envelope first, and return the Content-Type of the whole.

    Bodies are copied from where they stand, with Content-Transfer-Encoding binary; of the
    headers only Content-Type and Content-ID are sent. The boundary is the caller's to choose at
    random. Raises LocalAs4Error: AS4-MIME-BOUNDARY if it is not allowed or occurs in a body,
    AS4-MIME-HEADER for a header value that would break the message.
    """
    if not _BOUNDARY.fullmatch(boundary):
        raise _unsendable("BOUNDARY", "A boundary has 1 to 70 characters of RFC 2046.")
    dashes = b"--" + boundary.encode("ascii")
    for part in parts:
        lines = [f"Content-Type: {part.content_type}", "Content-Transfer-Encoding: binary"]
        if part.content_id is not None:
            lines.append(f"Content-ID: <{part.content_id}>")
        if not all(_HEADER_VALUE.fullmatch(line) for line in lines):
            raise _unsendable("HEADER", "A header of a part holds control characters.")
        out.write(dashes + _LINE + "\r\n".join(lines).encode("ascii") + _LINE)
        _copy_body(part.body, out, _LINE + dashes)
        out.write(_LINE)
    out.write(dashes + b"--" + _LINE)
    return f'multipart/related; type="{SOAP_TYPE}"; boundary="{boundary}"'


def _copy_body(body: BinaryIO, out: BinaryIO, delimiter: bytes) -> None:
    # The empty line that ends the headers may itself be the line end of a delimiter.
    out.write(_LINE)
    tail = _LINE
    while chunk := body.read(_CHUNK):
        if delimiter in tail + chunk:
            raise _unsendable("BOUNDARY", "The boundary occurs in a part. Choose another one.")
        tail = (tail + chunk)[-(len(delimiter) - 1) :]
        out.write(chunk)


def _unsendable(code: str, message: str) -> LocalAs4Error:
    return LocalAs4Error(f"AS4-MIME-{code}", message, ebms=EbmsCode.MIME_INCONSISTENCY)
