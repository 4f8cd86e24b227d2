"""The reference SMP client of phase4's family asks for what our SMP publishes."""

import base64
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives import serialization

from gateway.as4.identifiers import BILLING_INVOICE, PROCESS_BILLING, DocumentTypeId, ParticipantId
from gateway.as4.keys import SoftwareKey
from gateway.network.smp import (
    PublishedEndpoint,
    PublishedProcess,
    Redirect,
    ServiceMetadata,
)
from gateway.network.smp_documents import service_group, signed_metadata, signed_redirect

PARTICIPANT = ParticipantId.parse("iso6523-actorid-upis::0088:5400000000010")
ENDPOINT = "https://ap.example/as4"
PINT = "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2::Invoice##urn:peppol:pint:billing-1"


@pytest.fixture
def endpoint(pki):
    """An endpoint of ours as our tables would publish it, fields to be replaced."""

    def make(**fields):
        der = pki.ours.certificate.public_bytes(serialization.Encoding.DER)
        values = {
            "transport_profile": "peppol-transport-as4-v2_0",
            "url": ENDPOINT,
            "certificate": base64.b64encode(der).decode(),
            "activation": None,
            "expiry": None,
            "service_description": "Access point",
            "technical_contact": "mailto:operator@ap.example",
        }
        return PublishedEndpoint(**{**values, **fields})

    return make


@pytest.fixture
def publish(serve, pki):
    """Serve one participant's metadata as our SMP does; gives the address of the SMP."""

    def start(endpoint, *, document_type=BILLING_INVOICE, signer=pki.smp, change=lambda body: body):
        metadata = ServiceMetadata(
            PARTICIPANT, document_type, (PublishedProcess(PROCESS_BILLING, (endpoint,)),)
        )
        signed = signed_metadata(
            metadata, key=SoftwareKey(signer.key), certificate=signer.certificate
        )
        pages = {}

        def answer(request):
            if request.path in pages:
                return 200, "text/xml; charset=UTF-8", pages[request.path]
            return 404, "text/plain", b"not found"

        url = serve(answer)
        home = f"/{quote(str(PARTICIPANT), safe='')}"
        pages[home] = service_group(PARTICIPANT, [document_type], base_url=url)
        pages[f"{home}/services/{quote(str(document_type), safe='')}"] = change(signed)
        return url

    return start


@pytest.fixture
def ask(java_smp_client):
    def send(smp, *, document_type=BILLING_INVOICE, participant=PARTICIPANT):
        return java_smp_client.ask(
            {
                "smp": smp,
                "receiver": str(participant),
                "document_type": str(document_type),
                "process": str(PROCESS_BILLING),
            }
        )

    return send


def test_the_endpoint_is_found_and_the_signature_accepted(publish, endpoint, ask):
    published = endpoint(
        activation=datetime.now(UTC) - timedelta(days=1),
        expiry=datetime.now(UTC) + timedelta(days=1),
    )
    assert ask(publish(published)) == {"url": ENDPOINT, "certificate": published.certificate}


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"transport_profile": "busdox-transport-as2-ver1p0"}, id="not AS4"),
        pytest.param({"expiry": datetime(2026, 1, 1, tzinfo=UTC)}, id="expired"),
    ],
)
def test_an_endpoint_of_no_use_is_not_found(publish, endpoint, ask, fields):
    assert ask(publish(endpoint(**fields))) == {"nothing": "no usable endpoint"}


def test_a_wildcard_registration_serves_its_specialisations(publish, endpoint, ask):
    registered = DocumentTypeId("peppol-doctype-wildcard", f"{PINT}*::2.1")
    smp = publish(endpoint(), document_type=registered)
    asked = DocumentTypeId("peppol-doctype-wildcard", f"{PINT}@be-1::2.1")
    assert ask(smp, document_type=asked)["url"] == ENDPOINT


@pytest.fixture
def redirect(serve, pki):
    """Serve nothing but a redirect; gives the address of that SMP."""

    def start(target, *, signed_by):
        path = (
            f"/{quote(str(PARTICIPANT), safe='')}/services/{quote(str(BILLING_INVOICE), safe='')}"
        )
        uid = signed_by.certificate.subject.rfc4514_string()
        body = signed_redirect(
            Redirect(target + path, uid),
            key=SoftwareKey(pki.smp.key),
            certificate=pki.smp.certificate,
        )
        return serve(
            lambda request: (
                (200, "text/xml; charset=UTF-8", body)
                if request.path == path
                else (404, "text/plain", b"not found")
            )
        )

    return start


@pytest.mark.parametrize(
    ("announced", "expected"),
    [("smp", ENDPOINT), ("java", "SMPClientException")],
    ids=["right signer", "another signer"],
)
def test_one_redirect_is_followed_to_the_signer_it_names(
    publish, endpoint, ask, redirect, pki, case, announced, expected
):
    smp = redirect(publish(endpoint()), signed_by=getattr(pki, announced))
    answer = ask(smp)
    case(
        f"phase4 SMP client → ours, redirect, {announced} announced",
        expected=expected,
        got=answer.get("url") or answer.get("exception") or str(answer),
    )


def test_an_unknown_participant_is_not_found(publish, endpoint, ask):
    nobody = ParticipantId.parse("iso6523-actorid-upis::0088:5400000000034")
    assert ask(publish(endpoint()), participant=nobody) == {"nothing": "not published"}


def test_a_changed_answer_is_refused(publish, endpoint, ask):
    smp = publish(endpoint(), change=lambda body: body.replace(b"ap.example/as4", b"ap.example/x"))
    assert ask(smp)["exception"] == "SMPClientBadResponseException"


def test_a_signer_of_another_ca_is_refused(publish, endpoint, ask, pki):
    answer = ask(publish(endpoint(), signer=pki.stranger))
    assert answer["exception"] == "SMPClientBadResponseException"
