"""Verifies an evidence bundle: digests, signatures, and that the pieces speak of each other.

Pure: needs the bundle and nothing else, and fixed memory. Whether an authority was to be trusted
at the time is for the reader of the bundle; this proves that what it contains is unchanged and
belongs together.
"""

import base64
import hashlib
import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from gzip import GzipFile
from io import BytesIO
from lzma import LZMAError
from typing import Any, BinaryIO, Final
from zipfile import BadZipFile

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from lxml import etree

from gateway.as4.envelope import read_envelope
from gateway.as4.errors import As4Error
from gateway.as4.outgoing import Encoded, ReceiptReceived, read_answer
from gateway.as4.sbdh import extract
from gateway.as4.wssec import Verified, verify
from gateway.core.errors import GatewayError
from gateway.core.spool import Spool
from gateway.exchange.evidence import FORMAT
from gateway.exchange.evidence_bundle import MANIFEST, SUMS
from gateway.exchange.evidence_files import BundleFiles, read_manifest
from gateway.exchange.evidence_proofs import Check, certificate_checks, revocation_checks, smp_check
from gateway.exchange.wire_reading import soap_of_request
from gateway.network.revocation import RevocationRefused
from ubl.safexml import XmlRefused, parse

__all__ = ["Check", "check_evidence"]

_CHUNK: Final = 256 * 1024
_PROLOGUE: Final = 64 * 1024
_COMPARED: Final = 8 * 1024 * 1024
"""Up to this size two forms of one document are compared as XML, above byte by byte."""

_UNREADABLE: Final = (
    ArithmeticError,
    As4Error,
    AttributeError,
    BadZipFile,
    EOFError,
    GatewayError,
    LookupError,
    LZMAError,
    OSError,
    RevocationRefused,
    RuntimeError,
    TypeError,
    UnsupportedAlgorithm,
    ValueError,
    x509.InvalidVersion,
    zlib.error,
)
"""What reading something that is no evidence raises, in the libraries for zip, JSON and X.509."""


def check_evidence(bundle: bytes | BinaryIO) -> list[Check]:
    """Every check that can be made on a bundle, in reading order; never raises for a bad one.

    A file is read from its start and left open.
    """
    source = BytesIO(bundle) if isinstance(bundle, bytes) else bundle
    try:
        source.seek(0)
        with BundleFiles(source) as files:
            return _checks(files, read_manifest(files))
    except _UNREADABLE as error:
        return [Check("bundle", "is a readable evidence bundle", False, str(error))]


def _checks(files: BundleFiles, manifest: Mapping[str, Any]) -> list[Check]:
    listed = manifest["files"]
    unlisted = sorted(set(files.names) - listed.keys() - {MANIFEST})
    checks = [
        Check("bundle", f"has the format {FORMAT}", manifest["format"] == FORMAT),
        Check("bundle", "lists every file it holds", not unlisted, ", ".join(unlisted)[:200]),
    ]
    checks += [_digest_check(files, name, entry) for name, entry in listed.items()]
    if SUMS in listed:
        checks.append(_sums_check(files, listed))
    checks += _group_checks(files, manifest["messages"], document="document.xml")
    for answer in manifest["answers"]:
        checks += _group_checks(files, answer["messages"], document=answer["file"])
    return checks


def _digest_check(files: BundleFiles, name: str, entry: Mapping[str, Any]) -> Check:
    holds = name in files.names and _sha256(files, name) == entry.get("sha256")
    return Check(name, "is the file the manifest lists", holds, "" if holds else "digest differs")


def _sha256(files: BundleFiles, name: str) -> str:
    try:
        digest = hashlib.sha256()
        with files.open(name) as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
        return digest.hexdigest()
    except _UNREADABLE:
        return ""  # a damaged entry of the zip has no digest


def _sums_check(files: BundleFiles, listed: Mapping[str, Mapping[str, Any]]) -> Check:
    """The list for sha256sum says the same as the manifest."""
    expected = {f"{one.get('sha256')}  {name}" for name, one in listed.items() if name != SUMS}
    holds = set(files.read(SUMS).decode().splitlines()) == expected
    return Check(SUMS, "says the same as the manifest", holds)


def _group_checks(
    files: BundleFiles, messages: Sequence[Mapping[str, Any]], *, document: str
) -> list[Check]:
    """The messages that carried one document, and whether one of those sent was receipted.

    A message that was given up for another one has no receipt, and needs none.
    """
    checks: list[Check] = []
    for message in messages:
        try:
            checks += _message_checks(files, message, document=document)
        except _UNREADABLE as error:
            subject = str(message.get("message_id", "message"))
            checks.append(Check(subject, "can be verified", False, str(error)))
    sent = [one for one in messages if one.get("direction") != "in"]
    if sent:
        holds = any(one.get("receipt") is not None for one in sent)
        reason = "" if holds else "not delivered, or not yet"
        checks.append(Check(document, "a receipt is there", holds, reason))
    return checks


def _message_checks(
    files: BundleFiles, message: Mapping[str, Any], *, document: str
) -> list[Check]:
    name, received = message["message_id"], message["direction"] == "in"
    certificate = x509.load_pem_x509_certificate(files.read(message["peer_certificate"]))
    with files.open(message["request"]) as request:
        soap, _ = soap_of_request(request, message["content_type"])
    signed = verify(read_envelope(soap))
    stated = {one.uri: base64.b64encode(one.digest).decode() for one in signed.references}
    checks = [
        Check(name, "the request's signature holds over header and body", True),
        _content_check(files, message, document=document),
    ]
    if received:
        holds = signed.signer == certificate
        checks.append(Check(name, "the request is signed by the named sender", holds))
    else:
        listed = {one["uri"]: one["digest"] for one in message["references"]}
        holds = stated == listed
        checks.append(Check(name, "the request states the digests of the manifest", holds))
    checks += _payload_checks(files, message, signed)
    if message["receipt"] is not None:
        checks.append(_receipt_check(files, message, stated, own=received))
    checks += certificate_checks(files, message)
    if not received:
        checks.append(smp_check(files, message, certificate))
    checks += revocation_checks(files, message)
    return checks


def _payload_checks(
    files: BundleFiles, message: Mapping[str, Any], signed: Verified
) -> list[Check]:
    """What was signed is this payload, and the payload is the envelope."""
    name, payload, envelope = message["message_id"], message.get("payload"), message["envelope"]
    if payload is None:
        reason = "the key it was encrypted for is gone"
        return [Check(name, "the signed digest is that of the payload", False, reason)]
    digest = bytes.fromhex(_sha256(files, payload))
    holds = digest in signed.attachments.values()
    same = payload == envelope or _unpacks_to(files, payload, envelope)
    return [
        Check(name, "the signed digest is that of the payload", holds),
        Check(name, "the payload is the envelope", same),
    ]


def _unpacks_to(files: BundleFiles, payload: str, envelope: str) -> bool:
    with (
        files.open(payload) as packed,
        GzipFile(fileobj=packed) as unpacked,
        files.open(envelope) as plain,
    ):
        while True:
            expected = plain.read(_CHUNK)
            if unpacked.read(len(expected) or 1) != expected:
                return False
            if not expected:
                return True


def _content_check(files: BundleFiles, message: Mapping[str, Any], *, document: str) -> Check:
    """The envelope carries the document: the same XML, though perhaps in another encoding."""
    with Spool() as carried:
        with files.open(message["envelope"]) as envelope:
            extract(envelope, carried.binary)
        size = carried.tell()
        holds = _carries(files, document, carried, size)
    return Check(message["message_id"], "the envelope carries the document", holds)


def _carries(files: BundleFiles, document: str, carried: Spool, size: int) -> bool:
    if max(size, files.size(document)) <= _COMPARED:
        carried.seek(0)
        return _canonical(carried.read()) == _canonical(files.read(document))
    return _same_bytes(files, document, carried)


def _same_bytes(files: BundleFiles, document: str, carried: Spool) -> bool:
    """Whether a document is what was carried, but for its declaration and white space around."""
    carried.seek(0)
    beginning = carried.read(_PROLOGUE)
    with files.open(document) as file:
        start = file.read(2 * _PROLOGUE).find(beginning)
        if start < 0:
            return False
        file.seek(start + len(beginning))
        while chunk := carried.read(_CHUNK):
            if file.read(len(chunk)) != chunk:
                return False
        return not file.read(_PROLOGUE).strip()


def _canonical(document: bytes) -> bytes:
    try:
        return etree.tostring(parse(document), method="c14n", exclusive=True)
    except XmlRefused as refused:
        raise ValueError(refused.message) from None


def _receipt_check(
    files: BundleFiles,
    message: Mapping[str, Any],
    stated: Mapping[str, str],
    *,
    own: bool,
) -> Check:
    """The receipt is signed and repeats every digest; by the peer, or for received ones by us."""
    receipt = files.read(message["receipt"])
    signer = verify(read_envelope(receipt)).signer
    if not own:
        signer = x509.load_pem_x509_certificate(files.read(message["peer_certificate"]))
    encoded = Encoded.from_json(
        {
            "content_type": message["content_type"],
            "references": [{"uri": uri, "digest": digest} for uri, digest in stated.items()],
        }
    )
    moment = message["received_at"] if own else message["delivered_at"]
    answer = read_answer(
        content_type="application/soap+xml",
        body=receipt,
        message_id=message["message_id"],
        references=encoded.references,
        recipient=signer,
        now=datetime.fromisoformat(moment),
    )
    return Check(
        message["message_id"],
        "the receipt is signed and acknowledges every digest",
        isinstance(answer, ReceiptReceived),
    )
