"""Undoing the transfer encodings of MIME parts (RFC 2045 §6), piece by piece.

Strict: what a decoder would have to guess at is refused, since digests are taken over the
decoded content.
"""

import base64
import binascii
import re
from typing import BinaryIO, Final, Protocol

from gateway.as4.errors import EbmsCode, PeerAs4Error

__all__ = ["Base64Decoder", "Decoder", "decoder_for"]

_BLANKS: Final = bytes.maketrans(b"", b""), b" \t\r\n"
_QP_LINE_BYTES: Final = 65536
_QP_LINE: Final = re.compile(rb"(?:[\x09\x20-\x3c\x3e-\x7e]|=[0-9A-Fa-f]{2})*=?")


class Decoder(Protocol):
    """Takes encoded bytes as they arrive and writes the decoded ones."""

    def feed(self, data: bytes) -> None:
        """Take the next piece, of any length."""

    def close(self) -> None:
        """Say that there is no more; what is incomplete now is refused."""


def _refused(code: str, message: str) -> PeerAs4Error:
    return PeerAs4Error(f"AS4-MIME-{code}", message, ebms=EbmsCode.MIME_INCONSISTENCY)


class _Bounded:
    """The writing end: counts the decoded bytes and stops at the limit."""

    def __init__(self, out: BinaryIO, max_bytes: int) -> None:
        self._out = out
        self._max_bytes = max_bytes
        self._left = max_bytes

    def write(self, data: bytes) -> None:
        self._left -= len(data)
        if self._left < 0:
            raise _refused("PART-TOO-LARGE", f"A part has more than {self._max_bytes} bytes.")
        self._out.write(data)


class _Identity:
    """binary, 8bit and 7bit: the bytes as they are."""

    def __init__(self, out: _Bounded) -> None:
        self._out = out

    def feed(self, data: bytes) -> None:
        self._out.write(data)

    def close(self) -> None:
        """Nothing is ever held back."""


class Base64Decoder:
    """base64 in pieces; blanks and line ends between the letters are skipped.

    Raises ValueError for any other character, for letters after the padding and for an
    incomplete last group.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._ended = False

    def decode(self, data: bytes) -> bytes:
        """Decode as many whole groups of four letters as there are so far."""
        letters = self._rest + data.translate(*_BLANKS)
        whole = len(letters) - len(letters) % 4
        self._rest = letters[whole:]
        if self._ended and letters:
            raise ValueError("letters after the padding")
        self._ended = self._ended or letters[:whole].endswith(b"=")
        return base64.b64decode(letters[:whole], validate=True)

    def finish(self) -> None:
        """Refuse what is left of an incomplete group."""
        if self._rest:
            raise ValueError("the last group is incomplete")


class _Base64:
    def __init__(self, out: _Bounded) -> None:
        self._out = out
        self._decoder = Base64Decoder()

    def feed(self, data: bytes) -> None:
        try:
            decoded = self._decoder.decode(data)
        except ValueError:
            raise self._broken() from None
        self._out.write(decoded)

    def close(self) -> None:
        try:
            self._decoder.finish()
        except ValueError:
            raise self._broken() from None

    def _broken(self) -> PeerAs4Error:
        return _refused(
            "ENCODING", "A part is announced as base64 but is not. Encode it again, or send binary."
        )


class _QuotedPrintable:
    """quoted-printable, line by line; blanks at the end of a line do not count."""

    def __init__(self, out: _Bounded) -> None:
        self._out = out
        self._rest = b""

    def feed(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\r\n")
        for line in lines:
            self._line(line, b"\r\n")
        if len(self._rest) > _QP_LINE_BYTES:
            raise self._broken()

    def close(self) -> None:
        self._line(self._rest, b"")

    def _line(self, line: bytes, end: bytes) -> None:
        text = line.rstrip(b" \t")
        if not _QP_LINE.fullmatch(text):
            raise self._broken()
        soft = text.endswith(b"=")
        self._out.write(binascii.a2b_qp(text.removesuffix(b"=")) + (b"" if soft else end))

    def _broken(self) -> PeerAs4Error:
        return _refused(
            "ENCODING",
            "A part is announced as quoted-printable but is not. Encode it again, or send binary.",
        )


def decoder_for(encoding: str, out: BinaryIO, *, max_bytes: int) -> Decoder:
    """The decoder for a Content-Transfer-Encoding in lower case.

    Raises PeerAs4Error: AS4-MIME-ENCODING for one that does not exist; the decoder raises it for
    content that is not so encoded, and AS4-MIME-PART-TOO-LARGE past ``max_bytes``.
    """
    bounded = _Bounded(out, max_bytes)
    if encoding in ("binary", "8bit", "7bit"):
        return _Identity(bounded)
    if encoding == "base64":
        return _Base64(bounded)
    if encoding == "quoted-printable":
        return _QuotedPrintable(bounded)
    raise _refused(
        "ENCODING",
        f"The Content-Transfer-Encoding {encoding[:40]!r} is not known. Send binary.",
    )
