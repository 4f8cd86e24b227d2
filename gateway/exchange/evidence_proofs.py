"""What others said in an evidence bundle: authorities, SMP, OCSP and CRL. Pure.

Each check takes the bundle's files and one message of its manifest. What reading something that
is no evidence raises goes up to the caller.
"""

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from itertools import pairwise
from typing import Any, Final
from zipfile import ZipFile

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from gateway.core.errors import GatewayError
from gateway.exchange.evidence_files import BundleFiles
from gateway.network.crl import read_crl
from gateway.network.ocsp import read_ocsp_answer
from gateway.network.revocation import RevocationRefused, RevocationStatus
from gateway.network.smp import Redirect, open_signed_metadata, read_metadata

__all__ = ["Check", "certificate_checks", "revocation_checks", "smp_check"]

_MAX_ANSWER: Final = 32 * 1024 * 1024
_INDEX: Final = "revocation.json"


@dataclass(frozen=True, slots=True)
class Check:
    """One statement about the bundle, whether it holds, and why not where it does not."""

    subject: str
    statement: str
    holds: bool
    reason: str = ""


def certificate_checks(files: BundleFiles, message: Mapping[str, Any]) -> Iterator[Check]:
    """Both certificates were issued by the authorities beside them, and valid at the moment."""
    at = _moment(message)
    for role in ("own", "peer"):
        if message.get(f"{role}_issuers") is None:
            continue
        name = message[f"{role}_certificate"]
        certificate = x509.load_pem_x509_certificate(files.read(name))
        issuers = x509.load_pem_x509_certificates(files.read(message[f"{role}_issuers"]))
        holds = _is_chain([certificate, *issuers])
        yield Check(name, "was issued by the authorities beside it", holds)
        valid = certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc
        yield Check(name, "was valid at that moment", valid)


def _moment(message: Mapping[str, Any]) -> datetime:
    """When the message was taken; when it was made, where it never was."""
    stated = message.get("delivered_at") or message.get("received_at") or message["made_at"]
    return datetime.fromisoformat(stated)


def _is_chain(chain: list[x509.Certificate]) -> bool:
    """Whether each certificate was issued by the next, and the last by itself or nobody here."""
    try:
        for one, issuer in pairwise(chain):
            one.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return len(chain) > 1


def smp_check(
    files: BundleFiles, message: Mapping[str, Any], certificate: x509.Certificate
) -> Check:
    """An answer of the SMP is signed and publishes the receiver's certificate and address."""
    holds = any(
        _publishes(body, certificate, message["endpoint"])
        for name, body in _entries(files, message["lookup"])
        if name.endswith(".xml")
    )
    return Check(
        message["lookup"], "holds the SMP's signed answer with this address and certificate", holds
    )


def _publishes(body: bytes, certificate: x509.Certificate, url: str) -> bool:
    try:
        answer = read_metadata(open_signed_metadata(body))
    except GatewayError:
        return False  # what else was answered on the way
    if isinstance(answer, Redirect):
        return False
    return any(
        endpoint.url == url and _certificate(endpoint.certificate) == certificate
        for process in answer.processes
        for endpoint in process.endpoints
    )


def _certificate(published: str) -> x509.Certificate | None:
    text = "".join(line for line in published.splitlines() if not line.startswith("-----"))
    try:
        return x509.load_der_x509_certificate(base64.b64decode(text))
    except ValueError:
        return None


def _entries(files: BundleFiles, name: str) -> Iterator[tuple[str, bytes]]:
    """The files of a zip within the bundle."""
    with ZipFile(BytesIO(files.read(name))) as packed:
        for entry in packed.infolist():
            if entry.file_size > _MAX_ANSWER:
                raise ValueError(f"{entry.filename} in {name} is larger than it can be")
            yield entry.filename, packed.read(entry)


def revocation_checks(files: BundleFiles, message: Mapping[str, Any]) -> Iterator[Check]:
    """What an authority said about the peer's certificate is signed by it and says good."""
    name = message.get("revocation") or message.get("lookup")
    if name is None or message.get("peer_issuers") is None:
        return
    kept = dict(_entries(files, name))
    index = next((one for one in kept if one.rpartition("/")[2] == _INDEX), None)
    if index is None:
        return
    folder = index.removesuffix(_INDEX)
    peer = x509.load_pem_x509_certificate(files.read(message["peer_certificate"]))
    issuer, *_ = x509.load_pem_x509_certificates(files.read(message["peer_issuers"]))
    found = [
        _status(one, kept[folder + one["file"]], certificate=peer, issuer=issuer)
        for one in json.loads(kept[index])
    ]
    about_peer = [one for one in found if one is not None]
    holds = bool(about_peer) and all(one is RevocationStatus.GOOD for one in about_peer)
    yield Check(name, "holds the authority's signed word that the certificate was good", holds)


def _status(
    entry: Mapping[str, Any],
    body: bytes,
    *,
    certificate: x509.Certificate,
    issuer: x509.Certificate,
) -> RevocationStatus | None:
    """What one answer says about a certificate; None where it speaks of another one."""
    at = datetime.fromisoformat(entry["fetched_at"])
    try:
        if entry["kind"] == "ocsp":
            return read_ocsp_answer(body, certificate=certificate, issuer=issuer, at=at).status
        return read_crl(body, issuer=issuer, url=entry["url"], at=at).reading(certificate).status
    except RevocationRefused:
        return None
