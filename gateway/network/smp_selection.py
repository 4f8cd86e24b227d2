"""Choosing where to send: the registration that fits, its endpoint, its certificate.

Pure: works on what smp has read and verified; whether to trust the certificate is for others.
Source: exchange facts 2.7 and 2.10.
"""

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509

from gateway.as4.agreement import common_name
from gateway.as4.identifiers import DocumentTypeId, ProcessId
from gateway.as4.xmldsig import load_certificate as load_der_certificate
from gateway.network.errors import (
    AP_CERTIFICATE,
    DOCUMENT_TYPE,
    ENDPOINT_ADDRESS,
    EXPIRED,
    NO_AS4_ENDPOINT,
    NOT_ACTIVE,
    PROCESS,
    LookupFailed,
)
from gateway.network.sml import is_web_address
from gateway.network.smp import PublishedEndpoint, ServiceGroup, ServiceMetadata

__all__ = [
    "TRANSPORT_PROFILE",
    "Endpoint",
    "load_certificate",
    "select_document_type",
    "select_endpoint",
]

TRANSPORT_PROFILE: Final = "peppol-transport-as4-v2_0"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where and for whom to encrypt: an active AS4 endpoint.

    ``seat_id`` is the certificate's common name, the receiver's ``To/PartyId``. ``revocation``
    says what was found about revocation once the certificate has been judged.
    """

    url: str
    certificate: x509.Certificate
    seat_id: str
    transport_profile: str
    activation: datetime | None
    expiry: datetime | None
    service_description: str
    technical_contact: str
    revocation: str = ""


def select_document_type(group: ServiceGroup, document_type: DocumentTypeId) -> DocumentTypeId:
    """The registration that takes this document type: itself, or the closest wildcard.

    Raises LookupFailed LOOKUP-DOCUMENT-TYPE. Source: PFUOI 4.3.0 as in exchange facts 2.7.
    """
    registered = frozenset(group.document_types)
    for candidate in document_type.wildcard_candidates():
        if candidate in registered:
            return candidate
    raise LookupFailed(
        DOCUMENT_TYPE,
        "The receiver is registered, but not for this document type. Send a type it accepts, or "
        "ask the receiver to register for this one.",
        participant=str(group.participant),
        document_type=str(document_type),
    )


def select_endpoint(
    metadata: ServiceMetadata,
    *,
    process: ProcessId,
    https_only: bool,
    at: datetime,
) -> Endpoint:
    """Choose the endpoint to send to now; its certificate is read, not judged.

    The process must be equal in scheme and value, the transport profile Peppol AS4 2.0, and
    ``at`` within activation and expiry; of several, the first published wins. ``https_only`` is
    off only where this instance talks to itself. Raises LookupFailed LOOKUP-PROCESS,
    LOOKUP-NO-AS4-ENDPOINT, LOOKUP-NOT-ACTIVE, LOOKUP-EXPIRED, LOOKUP-ENDPOINT-ADDRESS or
    LOOKUP-AP-CERTIFICATE.
    """
    chosen = _current(_as4_endpoints(metadata, process=process), at=at)
    if not is_web_address(chosen.url, https_only=https_only):
        raise LookupFailed(
            ENDPOINT_ADDRESS,
            "The receiver's endpoint address is not an https address that this gateway sends to. "
            "The receiver's provider has to correct its publication.",
            endpoint=chosen.url[:200],
        )
    certificate = load_certificate(chosen.certificate)
    if certificate is None:
        raise LookupFailed(
            AP_CERTIFICATE,
            "The receiver's access point publishes a certificate that cannot be read. Its "
            "provider has to correct the publication.",
            reason="CERT-UNREADABLE",
        )
    return Endpoint(
        url=chosen.url,
        certificate=certificate,
        seat_id=common_name(certificate) or "",
        transport_profile=chosen.transport_profile,
        activation=chosen.activation,
        expiry=chosen.expiry,
        service_description=chosen.service_description,
        technical_contact=chosen.technical_contact,
    )


def load_certificate(text: str) -> x509.Certificate | None:
    """Read base64 DER as found in SMPs, with or without PEM armour and line breaks.

    None when it is no certificate.
    """
    body = text.replace("-----BEGIN CERTIFICATE-----", "")
    body = body.replace("-----END CERTIFICATE-----", "")
    try:
        der = base64.b64decode("".join(body.split()), validate=True)
        return load_der_certificate(der)
    except (ValueError, binascii.Error):
        return None


def _as4_endpoints(metadata: ServiceMetadata, *, process: ProcessId) -> list[PublishedEndpoint]:
    same = [one for one in metadata.processes if one.process == process]
    facts = {
        "participant": str(metadata.participant),
        "document_type": str(metadata.document_type),
        "process": str(process),
    }
    if not same:
        raise LookupFailed(
            PROCESS,
            "The receiver accepts this document type, but not in this process. Use a process it "
            "has registered.",
            **facts,
        )
    endpoints = [
        endpoint
        for one in same
        for endpoint in one.endpoints
        if endpoint.transport_profile == TRANSPORT_PROFILE
    ]
    if not endpoints:
        raise LookupFailed(
            NO_AS4_ENDPOINT,
            f"The receiver has no endpoint with the transport profile {TRANSPORT_PROFILE}. Its "
            "provider has to publish one.",
            **facts,
        )
    return endpoints


def _current(endpoints: list[PublishedEndpoint], *, at: datetime) -> PublishedEndpoint:
    unexpired = [one for one in endpoints if one.expiry is None or at <= one.expiry]
    if not unexpired:
        raise LookupFailed(
            EXPIRED,
            "The receiver's endpoint has expired. Its provider has to renew the publication.",
            endpoint=endpoints[0].url[:200],
        )
    active = [one for one in unexpired if one.activation is None or one.activation <= at]
    if not active:
        raise LookupFailed(
            NOT_ACTIVE,
            "The receiver's endpoint becomes active later. Send again then.",
            endpoint=unexpired[0].url[:200],
            activation=f"{unexpired[0].activation:%Y-%m-%dT%H:%M:%SZ}",
        )
    return active[0]
