"""The documents our own SMP answers: ServiceGroup, and SignedServiceMetadata.

Pure: builds and signs XML from values; smp_api serves it. Element order follows the busdox
schema; ServiceDescription and TechnicalContactUrl are mandatory there. Source: SMP 1.4.0 as in
exchange facts 2.10.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from cryptography import x509
from lxml import etree

from gateway.as4.identifiers import DocumentTypeId, ParticipantId, ProcessId
from gateway.as4.keys import PrivateKey
from gateway.as4.xmldsig import sign_enveloped
from gateway.network.smp import (
    IDS_NAMESPACE,
    SMP_NAMESPACE,
    WSA_NAMESPACE,
    PublishedEndpoint,
    PublishedProcess,
    Redirect,
    ServiceMetadata,
)

__all__ = ["service_group", "signed_metadata", "signed_redirect"]

_PREFIXES: Final = {"smp": SMP_NAMESPACE, "id": IDS_NAMESPACE, "wsa": WSA_NAMESPACE}


def service_group(
    participant: ParticipantId, document_types: Iterable[DocumentTypeId], *, base_url: str
) -> bytes:
    """The list of what a participant accepts, each with its address below ``base_url``."""
    root = etree.Element(_smp("ServiceGroup"), nsmap=_PREFIXES)
    _identifier(root, "ParticipantIdentifier", participant)
    references = etree.SubElement(root, _smp("ServiceMetadataReferenceCollection"))
    for document_type in document_types:
        address = (
            f"{base_url.rstrip('/')}/{participant.percent_encoded}"
            f"/services/{document_type.percent_encoded}"
        )
        etree.SubElement(references, _smp("ServiceMetadataReference"), href=address)
    return _bytes(root)


def signed_metadata(
    metadata: ServiceMetadata, *, key: PrivateKey, certificate: x509.Certificate
) -> bytes:
    """What a participant publishes about one document type, signed as an SMP."""
    root = etree.Element(_smp("SignedServiceMetadata"), nsmap=_PREFIXES)
    information = etree.SubElement(
        etree.SubElement(root, _smp("ServiceMetadata")), _smp("ServiceInformation")
    )
    _identifier(information, "ParticipantIdentifier", metadata.participant)
    _identifier(information, "DocumentIdentifier", metadata.document_type)
    processes = etree.SubElement(information, _smp("ProcessList"))
    for process in metadata.processes:
        _process(processes, process)
    sign_enveloped(root, key=key, certificate=certificate)
    return _bytes(root)


def signed_redirect(redirect: Redirect, *, key: PrivateKey, certificate: x509.Certificate) -> bytes:
    """That another SMP answers for a document type, signed as an SMP."""
    root = etree.Element(_smp("SignedServiceMetadata"), nsmap=_PREFIXES)
    metadata = etree.SubElement(root, _smp("ServiceMetadata"))
    element = etree.SubElement(metadata, _smp("Redirect"), href=redirect.href)
    _leaf(element, _smp("CertificateUID"), redirect.certificate_uid)
    sign_enveloped(root, key=key, certificate=certificate)
    return _bytes(root)


def _process(parent: etree._Element, process: PublishedProcess) -> None:
    element = etree.SubElement(parent, _smp("Process"))
    _identifier(element, "ProcessIdentifier", process.process)
    endpoints = etree.SubElement(element, _smp("ServiceEndpointList"))
    for endpoint in process.endpoints:
        _endpoint(endpoints, endpoint)


def _endpoint(parent: etree._Element, endpoint: PublishedEndpoint) -> None:
    element = etree.SubElement(
        parent, _smp("Endpoint"), transportProfile=endpoint.transport_profile
    )
    reference = etree.SubElement(element, f"{{{WSA_NAMESPACE}}}EndpointReference")
    _leaf(reference, f"{{{WSA_NAMESPACE}}}Address", endpoint.url)
    _leaf(element, _smp("RequireBusinessLevelSignature"), "false")
    if endpoint.activation is not None:
        _leaf(element, _smp("ServiceActivationDate"), _moment(endpoint.activation))
    if endpoint.expiry is not None:
        _leaf(element, _smp("ServiceExpirationDate"), _moment(endpoint.expiry))
    _leaf(element, _smp("Certificate"), endpoint.certificate)
    _leaf(element, _smp("ServiceDescription"), endpoint.service_description)
    _leaf(element, _smp("TechnicalContactUrl"), endpoint.technical_contact)


def _identifier(
    parent: etree._Element, name: str, identifier: ParticipantId | DocumentTypeId | ProcessId
) -> None:
    element = etree.SubElement(parent, f"{{{IDS_NAMESPACE}}}{name}", scheme=identifier.scheme)
    element.text = identifier.value


def _leaf(parent: etree._Element, name: str, text: str) -> None:
    etree.SubElement(parent, name).text = text


def _smp(name: str) -> str:
    return f"{{{SMP_NAMESPACE}}}{name}"


def _moment(value: datetime) -> str:
    return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _bytes(root: etree._Element) -> bytes:
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")
