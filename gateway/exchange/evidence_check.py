"""Verifies an evidence bundle: digests, signatures, and that the pieces speak of each other.

Pure: needs the bundle and nothing else. Whether a certificate was trusted at the time is for
the reader of the bundle; this proves that what it contains is unchanged and belongs together.
"""

import base64
import gzip
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import Any, Final
from zipfile import BadZipFile, ZipFile

from cryptography import x509

from gateway.as4.envelope import read_envelope
from gateway.as4.errors import As4Error
from gateway.as4.mime import MimeLimits, read_parts
from gateway.as4.outgoing import Encoded, ReceiptReceived, read_answer
from gateway.as4.sbdh import extract
from gateway.as4.wssec import verify
from gateway.exchange.evidence import FORMAT

__all__ = ["Check", "check_evidence"]

MAX_FILE_BYTES: Final = 512 * 1024 * 1024


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
        manifest = json.loads(files["manifest.json"])
        known = manifest["format"] == FORMAT
    except (BadZipFile, KeyError, ValueError, TypeError, OSError) as error:
        return [Check("bundle", "is a readable evidence bundle", False, str(error))]
    checks = [Check("bundle", f"has the format {FORMAT}", known)]
    checks += [_digest_check(files, name, entry) for name, entry in manifest["files"].items()]
    for message in _messages(manifest):
        try:
            checks += _message_checks(files, message)
        except (KeyError, ValueError, TypeError, As4Error, OSError, EOFError) as error:
            checks.append(
                Check(message.get("message_id", "message"), "can be verified", False, str(error))
            )
    return checks


def _read(bundle: bytes) -> dict[str, bytes]:
    with ZipFile(BytesIO(bundle)) as packed:
        if sum(one.file_size for one in packed.infolist()) > MAX_FILE_BYTES:
            raise ValueError("the bundle unpacks to more than an evidence bundle ever holds")
        return {name: packed.read(name) for name in packed.namelist()}


def _digest_check(files: Mapping[str, bytes], name: str, entry: Mapping[str, Any]) -> Check:
    present = files.get(name)
    holds = present is not None and hashlib.sha256(present).hexdigest() == entry["sha256"]
    return Check(name, "is the file the manifest lists", holds, "" if holds else "digest differs")


def _messages(manifest: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    answers = [one for answer in manifest["answers"] for one in answer["messages"]]
    return [*manifest["messages"], *answers]


def _message_checks(files: Mapping[str, bytes], message: Mapping[str, Any]) -> list[Check]:
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
    checks = [Check(name, "the request's signature holds over header and body", True)]
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
    same = gzip.decompress(payload) == files[message["envelope"]]
    checks.append(Check(name, "the payload is the envelope", same))
    if message["envelope"].count("/") == 1:
        checks.append(_content_check(files, message, name))
    if message["receipt"] is None:
        checks.append(Check(name, "a receipt is there", False, "not delivered, or not yet"))
    else:
        checks.append(_receipt_check(files, message, stated, own=False))
    return checks


def _content_check(files: Mapping[str, bytes], message: Mapping[str, Any], name: str) -> Check:
    """The envelope carries document.xml, apart from its XML declaration."""
    carried = BytesIO()
    extract(BytesIO(files[message["envelope"]]), carried)
    holds = files["document.xml"].strip().endswith(carried.getvalue().strip())
    return Check(name, "the envelope carries the document", holds)


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
