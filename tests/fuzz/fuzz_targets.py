"""What is fuzzed, and what must always hold: typed refusals only, and what is accepted is sound.

Each target takes bytes and returns whether they were accepted. Any exception but the refusals
named here is a finding; so is an accepted message that means something else.
"""

import contextlib
import io
from collections.abc import Callable, Iterator

import fuzz_seeds as seeds
from lxml import etree

from gateway.as4 import namespaces as ns
from gateway.as4.ebms import peek_message_id, read_payload, read_user_message
from gateway.as4.encryption import read_encryption
from gateway.as4.envelope import Envelope, read_envelope, unique_ids
from gateway.as4.errors import As4Error, PeerAs4Error
from gateway.as4.mime import MimeLimits, Part, read_parts, write_multipart
from gateway.as4.namespaces import q
from gateway.as4.outgoing import read_answer
from gateway.as4.sbdh import extract, read, read_header
from gateway.as4.signals import read_signal
from gateway.as4.wssec import verify
from gateway.network.errors import LookupFailed
from gateway.network.smp import (
    Redirect,
    ServiceMetadata,
    open_signed_metadata,
    read_metadata,
    read_service_group,
)
from gateway.network.smp_selection import select_document_type, select_endpoint
from ubl.safexml import Limits, XmlRefused, parse

LIMITS = Limits(max_bytes=1024 * 1024)
MIME_LIMITS = MimeLimits(max_parts=4, max_part_bytes=256 * 1024)
BOUNDARY = "a-boundary-that-no-mutation-guesses-7c1d"


def mime(data: bytes) -> bool:
    """Parts of a request; what was read can be written and read again, byte for byte."""
    head, _, body = data.partition(b"\n")
    try:
        parts = read_parts(
            io.BytesIO(body), head.decode("latin-1"), limits=MIME_LIMITS, spool=io.BytesIO
        )
    except PeerAs4Error:
        return False
    bodies = [part.body.read() for part in parts]
    out = io.BytesIO()
    plain = [
        Part.binary(content_type="a/b", content_id=None, body=io.BytesIO(one)) for one in bodies
    ]
    kind = write_multipart(plain, boundary=BOUNDARY, out=out)
    out.seek(0)
    again = read_parts(out, kind, limits=MIME_LIMITS, spool=io.BytesIO)
    assert [part.body.read() for part in again] == bodies
    return True


def sbdh(data: bytes) -> bool:
    """A business message; what is read can be taken out, and is XML if it is no wrapped file."""
    with contextlib.suppress(PeerAs4Error):
        read_header(io.BytesIO(data), limits=LIMITS)
    try:
        header = read(io.BytesIO(data), limits=LIMITS)
    except PeerAs4Error:
        return False
    out = io.BytesIO()
    try:
        payload = extract(io.BytesIO(data), out, limits=LIMITS)
    except PeerAs4Error as error:
        # Reading the header decodes no file; taking it out does.
        if error.code != "SBDH-PAYLOAD-BASE64":
            raise AssertionError(f"read but not taken out: {error.code}") from error
        return False
    if not payload.is_wrapped:
        try:
            root = parse(out.getvalue())
        except XmlRefused as error:
            # What libxml2 does not read in the envelope (a namespace that is no URI, too many
            # attributes) it need not read outside; only taking out must not break anything.
            if _readable(data):
                raise AssertionError(f"taken out but no XML: {error.message}") from error
            return True
        assert etree.QName(root).localname == header.type
        assert (etree.QName(root).namespace or "") == header.standard
    return True


def _readable(data: bytes) -> bool:
    try:
        parse(data)
    except XmlRefused:
        return False
    return True


_signed: set[bytes] = set()


def _canonical(envelope: Envelope) -> bytes:
    return bytes(
        etree.tostring(envelope.messaging, method="c14n", exclusive=True, with_comments=False)
    )


def _learn(data: bytes) -> None:
    """Remember what an honest signature covers: nothing else may ever verify."""
    try:
        envelope = read_envelope(data)
        verify(envelope)
    except As4Error:
        return
    _signed.add(_canonical(envelope))


def ebms(data: bytes) -> bool:
    """Envelope and security header; a signature holds only over what was signed."""
    try:
        envelope = read_envelope(data)
    except PeerAs4Error:
        return False
    peek_message_id(envelope.messaging)
    if not _signed:
        for one in (*ebms_seeds(), *seeds.published("ebms")):
            _learn(one)
    for reader in (_user_message, _payload, _signal, _encryption, _answer):
        try:
            reader(envelope, data)
        except PeerAs4Error:
            continue
    try:
        verify(envelope)
    except PeerAs4Error:
        return False
    assert _canonical(envelope) in _signed, "a signature holds over what nobody signed"
    return True


def _user_message(envelope: Envelope, _data: bytes) -> None:
    read_user_message(envelope.messaging)


def _payload(envelope: Envelope, _data: bytes) -> None:
    for user in envelope.messaging.iterfind(q(ns.EB, "UserMessage")):
        read_payload(user)


def _signal(envelope: Envelope, _data: bytes) -> None:
    read_signal(envelope.messaging)


def _encryption(envelope: Envelope, _data: bytes) -> None:
    read_encryption(envelope, unique_ids(envelope.root))


def _answer(_envelope: Envelope, data: bytes) -> None:
    read_answer(
        content_type="application/soap+xml",
        body=data,
        message_id="1@ap.example",
        references=(),
        recipient=seeds.seat("POP000202").certificate,
        now=seeds.NOW,
    )


def smp(data: bytes) -> bool:
    """Answers of an SMP: groups, signed metadata, redirects, and the choice among endpoints."""
    accepted = False
    try:
        group = read_service_group(data, participant=seeds.RECEIVER)
        accepted = True
        select_document_type(group, seeds.BILLING_INVOICE)
    except LookupFailed:
        pass
    try:
        answer = open_signed_metadata(data)
        metadata = read_metadata(answer)
        accepted = True
        if isinstance(metadata, ServiceMetadata):
            select_endpoint(metadata, process=seeds.PROCESS_BILLING, https_only=True, at=seeds.NOW)
    except LookupFailed:
        pass
    _unsigned(data)
    return accepted


def _unsigned(data: bytes) -> None:
    """Read metadata as if its signature held: the reader itself must stand anything too."""
    from gateway.network.smp import SignedAnswer

    try:
        root = parse(data, LIMITS)
    except XmlRefused:
        return
    try:
        metadata = read_metadata(SignedAnswer(seeds.seat("PSM000001").certificate, root))
        if not isinstance(metadata, Redirect):
            select_endpoint(metadata, process=seeds.PROCESS_BILLING, https_only=False, at=seeds.NOW)
    except LookupFailed:
        pass


def ebms_seeds() -> Iterator[bytes]:
    one = seeds.exchange()
    yield from (one.soap, one.receipt, one.error)


TARGETS: dict[str, Callable[[bytes], bool]] = {
    "mime": mime,
    "sbdh": sbdh,
    "ebms": ebms,
    "smp": smp,
}
OWN_SEEDS: dict[str, Callable[[], Iterator[bytes]]] = {
    "mime": seeds.mime_messages,
    "sbdh": seeds.envelopes,
    "ebms": ebms_seeds,
    "smp": seeds.smp_answers,
}
WORDS: dict[str, tuple[bytes, ...]] = {
    "mime": (b"\r\n--", b"--\r\n", b"\r\n\r\n", b"base64", b"quoted-printable", b"Content-ID: <"),
    "sbdh": (
        b"<!DOCTYPE a>",
        b"<![CDATA[",
        b"]]>",
        b"&amp;",
        b"&#0;",
        b"<?xml version=",
        b"xmlns:",
    ),
    "ebms": (
        b"wsu:Id=",
        b'URI="#',
        b"cid:",
        b"<!--",
        b"-->",
        b"&#13;",
        b"xmlns:wsu=",
        b"PrefixList=",
    ),
    "smp": (b"<!DOCTYPE a>", b"Redirect", b'URI=""', b"0000-00-00T", b"+14:00", b"-----BEGIN"),
}
