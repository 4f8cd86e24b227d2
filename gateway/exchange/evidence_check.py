"""Verifies an evidence bundle: digests, signatures, and that the pieces speak of each other.

Pure: needs the bundle and nothing else. Whether a certificate was trusted at the time is for
the reader of the bundle; this proves that what it contains is unchanged and belongs together.
"""

import base64
import hashlib
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from gzip import GzipFile
from io import BytesIO
from lzma import LZMAError
from typing import Any, Final
from zipfile import BadZipFile, ZipFile

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from lxml import etree

from gateway.as4.envelope import read_envelope
from gateway.as4.errors import As4Error
from gateway.as4.mime import MimeLimits, read_parts
from gateway.as4.outgoing import Encoded, ReceiptReceived, read_answer
from gateway.as4.sbdh import extract
from gateway.as4.wssec import verify
from gateway.exchange.evidence import FORMAT
from ubl.safexml import parse

__all__ = ["Check", "check_evidence"]

MAX_FILE_BYTES: Final = 512 * 1024 * 1024
MANIFEST: Final = "manifest.json"

_UNREADABLE: Final = (
    ArithmeticError,
    As4Error,
    AttributeError,
    BadZipFile,
    EOFError,
    LookupError,
    LZMAError,
    OSError,
    RuntimeError,
    TypeError,
    UnsupportedAlgorithm,
    ValueError,
    x509.InvalidVersion,
    zlib.error,
)
"""What reading something that is no evidence raises, in the libraries for zip, JSON and X.509."""


@dataclass(frozen=True, slots=True)
class Check:
    """One statement about the bundle, whether it holds, and why not where it does not."""

    subject: str
    statement: str
    holds: bool
    reason: str = ""


def check_evidence(bundle: bytes) -> list[Check]:
    """Every check that can be made on a bundle, in reading order; never raises for a bad one."""
    try:
        files = _read(bundle)
        manifest = _manifest(files)
    except _UNREADABLE as error:
        return [Check("bundle", "is a readable evidence bundle", False, str(error))]
    unlisted = sorted(files.keys() - manifest["files"].keys() - {MANIFEST})
    checks = [
        Check("bundle", f"has the format {FORMAT}", manifest["format"] == FORMAT),
        Check("bundle", "lists every file it holds", not unlisted, ", ".join(unlisted)[:200]),
    ]
    checks += [_digest_check(files, name, entry) for name, entry in manifest["files"].items()]
    checks += _group_checks(files, manifest["messages"], document="document.xml")
    for answer in manifest["answers"]:
        checks += _group_checks(files, answer["messages"], document=answer["file"])
    return checks


def _read(bundle: bytes) -> dict[str, bytes]:
    with ZipFile(BytesIO(bundle)) as packed:
        names = packed.namelist()
        if sum(one.file_size for one in packed.infolist()) > MAX_FILE_BYTES:
            raise ValueError("the bundle unpacks to more than an evidence bundle ever holds")
        if len(set(names)) != len(names):
            raise ValueError("the bundle holds two files of one name")
        return {name: packed.read(name) for name in names}


def _manifest(files: Mapping[str, bytes]) -> dict[str, Any]:
    """The manifest, its shape checked as deep as the checks rely on it; raises ValueError."""
    manifest = json.loads(files[MANIFEST])
    _require(isinstance(manifest, dict), "the manifest is no object")
    listed, answers = manifest.get("files"), manifest.get("answers")
    _require(isinstance(listed, dict), "the manifest lists no files")
    _require(all(isinstance(one, dict) for one in listed.values()), "a file is not described")
    _require(isinstance(answers, list), "the manifest lists no answers")
    _require(all(isinstance(one, dict) for one in answers), "an answer is not described")
    for holder in (manifest, *answers):
        messages = holder.get("messages")
        _require(isinstance(messages, list), "the manifest lists no messages")
        _require(all(isinstance(one, dict) for one in messages), "a message is not described")
    _require(all(isinstance(one.get("file"), str) for one in answers), "an answer names no file")
    return {"format": manifest.get("format"), **manifest}


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ValueError(otherwise)


def _digest_check(files: Mapping[str, bytes], name: str, entry: Mapping[str, Any]) -> Check:
    present = files.get(name)
    holds = present is not None and hashlib.sha256(present).hexdigest() == entry.get("sha256")
    return Check(name, "is the file the manifest lists", holds, "" if holds else "digest differs")


def _group_checks(
    files: Mapping[str, bytes], messages: Sequence[Mapping[str, Any]], *, document: str
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
    files: Mapping[str, bytes], message: Mapping[str, Any], *, document: str
) -> list[Check]:
    name = message["message_id"]
    certificate = x509.load_pem_x509_certificate(files[message["peer_certificate"]])
    parts = read_parts(
        BytesIO(files[message["request"]]),
        message["content_type"],
        limits=MimeLimits(),
        spool=BytesIO,
    )
    request = read_envelope(parts[0].body.read())
    signed = verify(request)
    stated = {one.uri: base64.b64encode(one.digest).decode() for one in signed.references}
    checks = [
        Check(name, "the request's signature holds over header and body", True),
        _content_check(files, message, document=document),
    ]
    if message["direction"] == "in":
        holds = signed.signer == certificate
        checks.append(Check(name, "the request is signed by the named sender", holds))
        checks.append(_receipt_check(files, message, stated, own=True))
        return checks
    listed = {one["uri"]: one["digest"] for one in message["references"]}
    checks.append(Check(name, "the request states the digests of the manifest", stated == listed))
    payload = files[message["payload"]]
    digest = hashlib.sha256(payload).digest()
    checks.append(
        Check(
            name, "the signed digest is that of the payload", digest in signed.attachments.values()
        )
    )
    same = _unpacked(payload, size=len(files[message["envelope"]])) == files[message["envelope"]]
    checks.append(Check(name, "the payload is the envelope", same))
    if message["receipt"] is not None:
        checks.append(_receipt_check(files, message, stated, own=False))
    return checks


def _unpacked(payload: bytes, *, size: int) -> bytes:
    """The payload decompressed, one byte more than ``size`` at most."""
    with GzipFile(fileobj=BytesIO(payload)) as packed:
        return packed.read(size + 1)


def _content_check(
    files: Mapping[str, bytes], message: Mapping[str, Any], *, document: str
) -> Check:
    """The envelope carries the document: the same XML, though perhaps in another encoding."""
    carried = BytesIO()
    extract(BytesIO(files[message["envelope"]]), carried)
    holds = _canonical(carried.getvalue()) == _canonical(files[document])
    return Check(message["message_id"], "the envelope carries the document", holds)


def _canonical(document: bytes) -> bytes:
    return etree.tostring(parse(document), method="c14n", exclusive=True)


def _receipt_check(
    files: Mapping[str, bytes],
    message: Mapping[str, Any],
    stated: Mapping[str, str],
    *,
    own: bool,
) -> Check:
    """The receipt is signed and repeats every digest; by the peer, or for received ones by us."""
    receipt = files[message["receipt"]]
    signer = verify(read_envelope(receipt)).signer
    if not own:
        signer = x509.load_pem_x509_certificate(files[message["peer_certificate"]])
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
