"""The Peppol business message envelope: the header that says who sends what to whom.

Writes and reads StandardBusinessDocument (Peppol Envelope Specification 2.0.2) around one
business document, as streams of bytes. The rules of the header are in ``sbdheader``.
"""

import codecs
import re
from collections.abc import Callable
from typing import BinaryIO, Final, NoReturn
from xml.sax.saxutils import escape, quoteattr

from gateway.as4.identifiers import ParticipantId
from gateway.as4.mimedecoding import Base64Decoder
from gateway.as4.sbdheader import (
    BINARY_CONTENT,
    HEADER_VERSION,
    TEXT_CONTENT,
    MlsType,
    Payload,
    Sbdh,
    check_agreement,
    check_country,
    header_of,
    local_refusal,
    payload_of,
    peer_refusal,
)
from gateway.as4.sbdscan import CHUNK, NAMESPACE, Found, Name, scan
from ubl.safexml import Limits, XmlRefused

__all__ = [
    "NAMESPACE",
    "MlsType",
    "Payload",
    "Sbdh",
    "check_consistency",
    "extract",
    "read",
    "read_header",
    "write",
]

_ENVELOPE: Final = Name(NAMESPACE, "StandardBusinessDocument")
_HEADER: Final = Name(NAMESPACE, "StandardBusinessDocumentHeader")
_PRINTABLE: Final = re.compile(r"[\x21-\x7e]{1,300}")


def check_consistency(header: Sbdh, payload: Payload) -> None:
    """Hold Standard, Type and TypeVersion against the document type and the business document.

    A document type without a root element (the hybrid PDF invoice) fixes the Standard only,
    and its payload comes in a wrapper. Raises PeerAs4Error with one of
    SBDH-STANDARD-MISMATCH, SBDH-TYPE-MISMATCH, SBDH-TYPE-VERSION-MISMATCH,
    SBDH-PAYLOAD-MISMATCH.
    """
    check_agreement(header, payload, peer_refusal)


def read_header(source: BinaryIO, *, limits: Limits | None = None) -> Sbdh:
    """Read the header alone, from an envelope or as a document of its own.

    Stops after the header, so nothing is known of the business document. Raises PeerAs4Error
    with a code that starts with ``SBDH-``.
    """
    try:
        found = scan(source, limits or Limits(), header_only=True)
    except XmlRefused as error:
        raise peer_refusal(error.code, error.message) from None
    if found.document_root != _HEADER:
        _check_envelope(found)
    return header_of(found)


def read(source: BinaryIO, *, limits: Limits | None = None) -> Sbdh:
    """Read and check a whole business message: header, business document, and that they agree.

    The source must be seekable; it is read once, in chunks. Raises PeerAs4Error (EBMS:0004)
    with a stable code that starts with ``SBDH-``.
    """
    try:
        found = scan(source, limits or Limits())
    except XmlRefused as error:
        raise peer_refusal(error.code, error.message) from None
    _check_envelope(found)
    header = header_of(found)
    check_consistency(header, payload_of(found, peer_refusal))
    return header


def _check_envelope(found: Found) -> None:
    if found.document_root != _ENVELOPE:
        raise peer_refusal(
            "ENVELOPE-MISSING",
            f"The message starts with {str(found.document_root)[:200]!r}. Wrap the business "
            "document in a StandardBusinessDocument.",
        )


class _Base64Sink:
    """Writes what the text of a BinaryContent decodes to, as it arrives."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._decoder = Base64Decoder()

    def feed(self, text: str) -> None:
        try:
            self._out.write(self._decoder.decode(text.encode("ascii")))
        except ValueError:
            self._refuse()

    def close(self) -> None:
        try:
            self._decoder.finish()
        except ValueError:
            self._refuse()

    def _refuse(self) -> NoReturn:
        raise peer_refusal(
            "PAYLOAD-BASE64",
            "BinaryContent does not hold base64. Encode the file again and send it.",
        )


def extract(source: BinaryIO, out: BinaryIO, *, limits: Limits | None = None) -> Payload:
    """Write the business document of an envelope to ``out`` and say what it is.

    XML from a UTF-8 envelope is the exact bytes from its root's first to its last. Declarations
    that it inherits from the envelope are added to its root tag, and other encodings become
    UTF-8; nothing else changes. BinaryContent is decoded; TextContent is written as UTF-8.
    Whether the document agrees with the header is for ``read`` to say. Uses fixed memory.
    Raises PeerAs4Error; ``out`` may then hold a part and must be thrown away.
    """
    base64_sink = _Base64Sink(out)

    def on_body(root: Name, _attributes: dict[str, str]) -> Callable[[str], object] | None:
        if root == BINARY_CONTENT:
            return base64_sink.feed
        if root == TEXT_CONTENT:
            return lambda text: out.write(text.encode())
        return None

    try:
        found = scan(source, limits or Limits(), on_body=on_body)
    except XmlRefused as error:
        raise peer_refusal(error.code, error.message) from None
    base64_sink.close()
    _check_envelope(found)
    payload = payload_of(found, peer_refusal)
    if not payload.is_wrapped:
        _copy_xml(source, out, found)
    return payload


def _copy_xml(source: BinaryIO, out: BinaryIO, found: Found) -> None:
    decode = _decoder(found.encoding)
    source.seek(found.start)
    left = found.end - found.start
    if found.inherited:
        # The start tag begins with '<' and the name as written; declarations go right behind.
        length = len(f"<{found.root_tag}".encode(found.encoding))
        out.write(decode(source.read(length), False))
        left -= length
        for prefix, uri in sorted(found.inherited.items()):
            name = f"xmlns:{prefix}" if prefix else "xmlns"
            out.write(f" {name}={quoteattr(uri)}".encode())
    while left and (chunk := source.read(min(CHUNK, left))):
        left -= len(chunk)
        out.write(decode(chunk, not left))


def _decoder(encoding: str) -> Callable[[bytes, bool], bytes]:
    if encoding in ("utf-8", "us-ascii", "ascii"):
        return lambda chunk, _final: chunk
    decoder = codecs.getincrementaldecoder(encoding)()
    return lambda chunk, final: decoder.decode(chunk, final).encode()


def write(header: Sbdh, payload: BinaryIO, out: BinaryIO, *, limits: Limits | None = None) -> None:
    """Write the StandardBusinessDocument around a business document in XML, as UTF-8.

    The document is copied as it is, without byte order mark and XML declaration; other
    encodings become UTF-8. It must be seekable and is read twice, in chunks. Raises
    LocalAs4Error if it is not XML, or if header and document do not agree.
    """
    try:
        found = scan(payload, limits or Limits(), enveloped=False)
    except XmlRefused as error:
        raise local_refusal(f"PAYLOAD-{error.code}", error.message) from None
    check_country(header.country_c1, local_refusal)
    check_agreement(header, payload_of(found, local_refusal), local_refusal)
    for name, text in (
        ("INSTANCE-IDENTIFIER", header.instance_identifier),
        ("TYPE-VERSION", header.type_version),
        ("TYPE", header.type),
    ):
        if not _PRINTABLE.fullmatch(text):
            raise local_refusal(
                f"{name}-INVALID",
                "DocumentIdentification takes 1 to 300 visible US-ASCII characters for each of "
                "InstanceIdentifier, Type and TypeVersion.",
            )
    out.write(_opening(header).encode())
    _copy_without_declaration(payload, out, found.encoding)
    out.write(b"</sh:StandardBusinessDocument>")


def _copy_without_declaration(payload: BinaryIO, out: BinaryIO, encoding: str) -> None:
    decoder = codecs.getincrementaldecoder(encoding)()
    payload.seek(0)
    text = ""
    while chunk := payload.read(CHUNK):
        text = (text + decoder.decode(chunk)).removeprefix("\ufeff")
        if not text.startswith("<?xml") or "?>" in text:
            break
    if re.match(r"<\?xml\s", text):
        text = text.partition("?>")[2]
    out.write(text.encode())
    while chunk := payload.read(CHUNK):
        out.write(decoder.decode(chunk).encode())


def _element(name: str, text: str) -> str:
    return f"<sh:{name}>{escape(text)}</sh:{name}>"


def _scope(kind: str, value: str, scheme: str | None = None) -> str:
    identifier = "" if scheme is None else _element("Identifier", scheme)
    return (
        f"<sh:Scope>{_element('Type', kind)}{_element('InstanceIdentifier', value)}"
        f"{identifier}</sh:Scope>"
    )


def _party(name: str, participant: ParticipantId) -> str:
    return (
        f"<sh:{name}><sh:Identifier Authority={quoteattr(participant.scheme)}>"
        f"{escape(participant.value)}</sh:Identifier></sh:{name}>"
    )


def _opening(header: Sbdh) -> str:
    """Everything up to the business document. A prefix is used so that a document without
    namespace declarations of its own keeps its meaning inside."""
    created = header.created.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    document_type, process = header.document_type, header.process
    parts = [
        '<?xml version="1.0" encoding="UTF-8"?>\n',
        f"<sh:StandardBusinessDocument xmlns:sh={quoteattr(NAMESPACE)}>",
        "<sh:StandardBusinessDocumentHeader>",
        _element("HeaderVersion", HEADER_VERSION),
        _party("Sender", header.sender),
        _party("Receiver", header.receiver),
        "<sh:DocumentIdentification>",
        _element("Standard", header.standard),
        _element("TypeVersion", header.type_version),
        _element("InstanceIdentifier", header.instance_identifier),
        _element("Type", header.type),
        _element("CreationDateAndTime", created),
        "</sh:DocumentIdentification><sh:BusinessScope>",
        _scope("DOCUMENTID", document_type.value, document_type.scheme),
        _scope("PROCESSID", process.value, process.scheme),
        _scope("COUNTRY_C1", header.country_c1),
    ]
    if header.mls_to is not None:
        parts.append(_scope("MLS_TO", header.mls_to.value, header.mls_to.scheme))
    if header.mls_type is not None:
        parts.append(_scope("MLS_TYPE", header.mls_type.value))
    parts.append("</sh:BusinessScope></sh:StandardBusinessDocumentHeader>")
    return "".join(parts)
