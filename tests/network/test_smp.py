"""What an SMP answers: read strictly, trusted only when signed, chosen by rule."""

import copy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
import xmlsec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from gateway.as4.identifiers import (
    BILLING_INVOICE,
    DOCTYPE_WILDCARD_SCHEME,
    PROCESS_BILLING,
    PROCESS_MLS,
    DocumentTypeId,
    ParticipantId,
    ProcessId,
)
from gateway.as4.xmldsig import sign_enveloped
from gateway.core.errors import Retry
from gateway.network.errors import LookupFailed
from gateway.network.pki import Purpose, TrustAnchors, verify_certificate
from gateway.network.smp import (
    PublishedEndpoint,
    PublishedProcess,
    Redirect,
    ServiceGroup,
    ServiceMetadata,
    open_signed_metadata,
    read_metadata,
    read_service_group,
    require_same,
    require_trusted,
)
from gateway.network.smp_documents import service_group, signed_metadata
from gateway.network.smp_selection import (
    TRANSPORT_PROFILE,
    load_certificate,
    select_document_type,
    select_endpoint,
)
from ubl.safexml import parse

RECEIVER = ParticipantId.of("0088:1234567890123")
DS = "{http://www.w3.org/2000/09/xmldsig#}"
SMP = "{http://busdox.org/serviceMetadata/publishing/1.0/}"

ANSWER = "LOOKUP-SMP-ANSWER"
SIGNATURE = "LOOKUP-SIGNATURE"
EXPIRED = "LOOKUP-EXPIRED"
EARLY = "LOOKUP-NOT-ACTIVE"
STRANGER = "LOOKUP-AP-CERTIFICATE"
OTHER_TRANSPORT = "LOOKUP-NO-AS4-ENDPOINT"

GROUPS = {
    "busdox-servicegroup-0192-991825827.xml": ("0192:991825827", 9),
    "busdox-servicegroup-9915-setcce-test.xml": ("9915:setcce-test", 1),
    "busdox-servicegroup-docslogistics.xml": ("9948:rs062525164", 25),
    "peppol-service-group.xml": ("9915:xxx", 0),
}
# Signed with SHA-1, every one of them. The code is what they lead to once signed as is due.
METADATA = {
    "busdox-servicemetadata-0192-12345678-1.xml": STRANGER,
    "busdox-servicemetadata-0192-12345678-2.xml": STRANGER,
    "busdox-servicemetadata-0192-12345678-3.xml": STRANGER,
    "busdox-servicemetadata-0192-923829644-1.xml": EXPIRED,
    "busdox-servicemetadata-0192-923829644-2.xml": STRANGER,
    "busdox-servicemetadata-0192-923829644-3.xml": EARLY,
    "busdox-servicemetadata-0192-98765432-1.xml": EXPIRED,
    "busdox-servicemetadata-0192-98765432-2.xml": EARLY,
    "busdox-servicemetadata-0192-98765432-3.xml": EXPIRED,
    "busdox-servicemetadata-0192-991825827.xml": EXPIRED,
    "busdox-servicemetadata-9908-12345678.xml": STRANGER,
    "busdox-servicemetadata-9908-923829644.xml": EXPIRED,
    "busdox-servicemetadata-9908-98765432.xml": EXPIRED,
    "busdox-servicemetadata-9933-061828591.xml": OTHER_TRANSPORT,
    "busdox-servicemetadata-redirect-0192-991825827.xml": None,
    "busdox-servicemetadata-redirected-0192-991825827.xml": EXPIRED,
    "peppol-doctype-wildcard-servicemetadata-9901-pint_c4_jp_sb.xml": STRANGER,
    "signed-service-metadata1.xml": OTHER_TRANSPORT,
    "signed-service-metadata2.xml": OTHER_TRANSPORT,
    "signed-service-metadata3-c14n-inclusive.xml": EXPIRED,
}
# Another specification, or no answer of an SMP at all.
FOREIGN = {
    "bdxr201407-servicegroup-9908-991825827.xml",
    "bdxr201407-servicemetadata-9908-810418052.xml",
    "bdxr201605-servicegroup-9908-991825827.xml",
    "peppol-business-card-v3.xml",
    "peppol-service-metadata.xml",
}


def failed(call, *arguments, **named) -> LookupFailed:
    with pytest.raises(LookupFailed) as caught:
        call(*arguments, **named)
    return caught.value


def sign(root: etree._Element, pair) -> bytes:
    sign_enveloped(root, key=pair.key, certificate=pair.certificate)
    return etree.tostring(root.getroottree())


def unsigned(data: bytes) -> etree._Element:
    root = parse(data)
    for signature in root.findall(f"{DS}Signature"):
        root.remove(signature)
    return root


def certificate_text(certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()


def endpoint(pki, **changed) -> PublishedEndpoint:
    values = {
        "transport_profile": TRANSPORT_PROFILE,
        "url": "https://ap.example/as4",
        "certificate": certificate_text(pki.ap_pair.certificate),
        "activation": None,
        "expiry": None,
        "service_description": "Fictional access point",
        "technical_contact": "https://ap.example/contact",
    }
    return PublishedEndpoint(**(values | changed))


def metadata(*endpoints: PublishedEndpoint, process: ProcessId = PROCESS_BILLING):
    processes = (PublishedProcess(process=process, endpoints=endpoints),)
    return ServiceMetadata(participant=RECEIVER, document_type=BILLING_INVOICE, processes=processes)


@dataclass(frozen=True)
class Read:
    content: ServiceMetadata | Redirect
    signer: x509.Certificate


def read_signed_metadata(data: bytes, *, anchors: TrustAnchors, at: datetime) -> Read:
    """The steps of the reader without its requests."""
    answer = open_signed_metadata(data)
    verdict = verify_certificate(answer.signer, anchors=anchors, purpose=Purpose.SMP, at=at)
    require_trusted(verdict, purpose=Purpose.SMP)
    return Read(read_metadata(answer), answer.signer)


def choose(pki, what: ServiceMetadata, *, process=PROCESS_BILLING, https_only=True, at=None):
    at = at or pki.now
    found = select_endpoint(what, process=process, https_only=https_only, at=at)
    verdict = verify_certificate(found.certificate, anchors=pki.anchors, purpose=Purpose.AP, at=at)
    require_trusted(verdict, purpose=Purpose.AP)
    return found


def test_every_vector_is_accounted_for(vectors) -> None:
    assert {one.name for one in (vectors / "smp").iterdir()} == {*GROUPS, *METADATA, *FOREIGN}


@pytest.mark.parametrize(("name", "expected"), GROUPS.items())
def test_real_service_groups(vectors, name, expected) -> None:
    value, count = expected
    data = (vectors / "smp" / name).read_bytes()
    group = read_service_group(data, participant=ParticipantId.of(value))
    assert len(group.document_types) == count
    other = failed(read_service_group, data, participant=RECEIVER)
    assert (other.code, other.retry) == ("LOOKUP-MISMATCH", Retry.NO)


@pytest.mark.parametrize("name", sorted(FOREIGN))
def test_documents_of_other_specifications(pki, vectors, name) -> None:
    data = (vectors / "smp" / name).read_bytes()
    assert failed(read_service_group, data, participant=RECEIVER).code == ANSWER
    assert failed(read_signed_metadata, data, anchors=pki.anchors, at=pki.now).code == ANSWER


@pytest.mark.parametrize(("name", "expected"), METADATA.items())
def test_real_metadata_is_refused_for_sha1_and_understood_otherwise(
    pki, vectors, name, expected
) -> None:
    data = (vectors / "smp" / name).read_bytes()
    error = failed(read_signed_metadata, data, anchors=pki.anchors, at=pki.now)
    assert (error.code, error.facts["reason"]) == (SIGNATURE, "DSIG-ALGORITHM")
    renewed = sign(unsigned(data), pki.smp_pair)
    read = read_signed_metadata(renewed, anchors=pki.anchors, at=pki.now)
    assert read.signer == pki.smp_pair.certificate
    if isinstance(read.content, Redirect):
        assert expected is None
        assert read.content.href.startswith("http://test-smp2.difi.no/iso6523")
        assert read.content.certificate_uid.endswith("CN=PNO000179")
        return
    process = read.content.processes[0].process
    assert failed(choose, pki, read.content, process=process).code == expected


def test_what_we_publish_reads_back(pki) -> None:
    start, end = pki.now - timedelta(minutes=30), pki.now + timedelta(minutes=30)
    published = metadata(endpoint(pki, activation=start, expiry=end))
    data = signed_metadata(published, key=pki.smp_pair.key, certificate=pki.smp_pair.certificate)
    read = read_signed_metadata(data, anchors=pki.anchors, at=pki.now)
    assert isinstance(read.content, ServiceMetadata)
    require_same(read.content, participant=RECEIVER, document_type=BILLING_INVOICE)
    found = choose(pki, read.content)
    assert found.url == "https://ap.example/as4"
    assert found.certificate == pki.ap_pair.certificate
    assert found.seat_id == pki.ap_seat
    assert (found.activation, found.expiry) == (start, end)
    assert found.technical_contact == "https://ap.example/contact"
    for start_code, moment in ((EARLY, start), (EXPIRED, end)):
        choose(pki, read.content, at=moment)
        beyond = moment + timedelta(seconds=-1 if start_code == EARLY else 1)
        assert failed(choose, pki, read.content, at=beyond).code == start_code


def test_our_group_reads_back() -> None:
    types = (
        BILLING_INVOICE,
        DocumentTypeId(DOCTYPE_WILDCARD_SCHEME, "urn:x::Invoice##urn:peppol:pint@jp-1*::2.1"),
        DocumentTypeId("busdox-docid-qns", ["urn:peppol:doctype:pdf+xml##urn:a/b%2F", "c"][0]),
    )
    data = service_group(RECEIVER, types, base_url="https://smp.example/smp/")
    assert read_service_group(data, participant=RECEIVER).document_types == types
    href = parse(data).find(f".//{SMP}ServiceMetadataReference").get("href")
    assert href.startswith(
        "https://smp.example/smp/iso6523-actorid-upis%3A%3A0088%3A1234567890123/services/"
        "busdox-docid-qns%3A%3Aurn%3Aoasis"
    )


def tampered(data: bytes, how) -> bytes:
    root = parse(data)
    how(root)
    return etree.tostring(root.getroottree())


def set_url(root: etree._Element) -> None:
    root.find(".//{*}Address").text = "https://evil.example/as4"


def drop_signature(root: etree._Element) -> None:
    root.remove(root.find(f"{DS}Signature"))


def second_signature(root: etree._Element) -> None:
    root.append(copy.deepcopy(root.find(f"{DS}Signature")))


def wrap(root: etree._Element) -> None:
    """The classic: the signed part moved aside, a forged one in its place."""
    original = root.find(f"{SMP}ServiceMetadata")
    forged = copy.deepcopy(original)
    forged.find(".//{*}Address").text = "https://evil.example/as4"
    root.replace(original, forged)
    etree.SubElement(root, f"{SMP}Extension").append(original)


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        (set_url, "DSIG-DIGEST"),
        (drop_signature, "DSIG-MISSING"),
        (second_signature, "DSIG-MANY"),
        (wrap, "DSIG-DIGEST"),
    ],
)
def test_tampering(pki, how, reason) -> None:
    data = signed_metadata(
        metadata(endpoint(pki)), key=pki.smp_pair.key, certificate=pki.smp_pair.certificate
    )
    error = failed(read_signed_metadata, tampered(data, how), anchors=pki.anchors, at=pki.now)
    assert (error.code, error.facts["reason"]) == (SIGNATURE, reason)


def test_only_an_smp_of_this_stage_may_sign(pki) -> None:
    def read(pair, *, anchors=None, at=None) -> LookupFailed:
        data = signed_metadata(metadata(endpoint(pki)), key=pair.key, certificate=pair.certificate)
        return failed(read_signed_metadata, data, anchors=anchors or pki.anchors, at=at or pki.now)

    by_access_point = read(pki.ap_pair)
    assert by_access_point.code == "LOOKUP-SMP-CERTIFICATE"
    assert by_access_point.facts["reason"] == "CERT-WRONG-CA"
    later = datetime(2030, 1, 1, tzinfo=UTC)
    assert read(pki.smp_pair, at=later).facts["reason"] == "CERT-EXPIRED"
    undecided = read(pki.smp_pair, anchors=TrustAnchors((), (), ()))
    assert (undecided.code, undecided.retry) == ("LOOKUP-CERTIFICATE-UNDECIDED", Retry.BACKOFF)


def test_an_independent_implementation_verifies_what_we_sign(pki) -> None:
    data = signed_metadata(
        metadata(endpoint(pki)), key=pki.smp_pair.key, certificate=pki.smp_pair.certificate
    )
    root = etree.fromstring(data)
    der = pki.smp_pair.certificate.public_bytes(Encoding.DER)

    def verify() -> None:
        context = xmlsec.SignatureContext()
        context.key = xmlsec.Key.from_memory(der, xmlsec.constants.KeyDataFormatCertDer)
        context.verify(root.find(f"{DS}Signature"))

    verify()
    root.find(".//{*}Address").text = "https://evil.example/as4"
    with pytest.raises(xmlsec.VerificationError):
        verify()


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_changed_byte_changes_what_is_read(pki, data) -> None:
    original = signed_metadata(
        metadata(endpoint(pki)), key=pki.smp_pair.key, certificate=pki.smp_pair.certificate
    )
    position = data.draw(st.integers(0, len(original) - 1))
    byte = data.draw(st.integers(0, 255))
    changed = original[:position] + bytes([byte]) + original[position + 1 :]
    good = read_signed_metadata(original, anchors=pki.anchors, at=pki.now)
    try:
        read = read_signed_metadata(changed, anchors=pki.anchors, at=pki.now)
    except LookupFailed:
        return
    assert read == good


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_answered_by_a_typed_failure(pki, data) -> None:
    assert failed(read_signed_metadata, data, anchors=pki.anchors, at=pki.now).code == ANSWER
    assert failed(read_service_group, data, participant=RECEIVER).code == ANSWER


def edit(path: str, change):
    def run(root: etree._Element) -> None:
        for element in root.findall(path):
            change(element)

    return run


def remove(element: etree._Element) -> None:
    element.getparent().remove(element)


def double(element: etree._Element) -> None:
    element.addnext(copy.deepcopy(element))


def say(text: str):
    return lambda element: setattr(element, "text", text)


def comment(element: etree._Element) -> None:
    """A comment is not signed: it must not be able to cut a value short."""
    text = element.text
    element.text = text[:12]
    note = etree.Comment("x")
    note.tail = text[12:]
    element.insert(0, note)


@pytest.mark.parametrize(
    "how",
    [
        edit(".//{*}ServiceInformation", remove),
        edit(".//{*}ServiceInformation", double),
        edit(".//{*}ServiceMetadata", remove),
        edit(".//{*}ServiceMetadata", double),
        edit(".//{*}ParticipantIdentifier", remove),
        edit(".//{*}ParticipantIdentifier", double),
        edit(".//{*}ParticipantIdentifier", say("no icd")),
        edit(".//{*}DocumentIdentifier", say("")),
        edit(".//{*}ProcessList", remove),
        edit(".//{*}ProcessIdentifier", remove),
        edit(".//{*}ServiceEndpointList", remove),
        edit(".//{*}EndpointReference", remove),
        edit(".//{*}Address", double),
        edit(".//{*}Address", comment),
        edit(".//{*}Certificate", remove),
        edit(".//{*}ServiceActivationDate", say("tomorrow")),
        edit(".//{*}ServiceActivationDate", say("0001-01-01T00:00:00+14:00")),
        edit(".//{*}ServiceActivationDate", double),
        edit(".//{*}ServiceInformation", lambda one: setattr(one, "tag", f"{SMP}Other")),
    ],
)
def test_signed_answers_that_make_no_sense(pki, how) -> None:
    built = signed_metadata(
        metadata(endpoint(pki, activation=pki.now)),
        key=pki.smp_pair.key,
        certificate=pki.smp_pair.certificate,
    )
    root = unsigned(built)
    how(root)
    data = sign(root, pki.smp_pair)
    error = failed(read_signed_metadata, data, anchors=pki.anchors, at=pki.now)
    assert (error.code, error.retry) == (ANSWER, Retry.NO)


@pytest.mark.parametrize(
    "data",
    [b"", b"<html/>", b"not found", b"<!DOCTYPE x []><x/>", b"<a>" * 100],
)
def test_answers_that_are_no_smp_documents(pki, data) -> None:
    assert failed(read_service_group, data, participant=RECEIVER).code == ANSWER
    assert failed(read_signed_metadata, data, anchors=pki.anchors, at=pki.now).code == ANSWER


def test_dates_without_zone_are_utc(pki) -> None:
    root = unsigned(
        signed_metadata(
            metadata(endpoint(pki, activation=pki.now)),
            key=pki.smp_pair.key,
            certificate=pki.smp_pair.certificate,
        )
    )
    edit(".//{*}ServiceActivationDate", say(" 2026-11-22T12:00:00 "))(root)
    read = read_signed_metadata(sign(root, pki.smp_pair), anchors=pki.anchors, at=pki.now)
    assert read.content.processes[0].endpoints[0].activation == pki.now


def test_the_process_must_be_the_one_asked_for(pki) -> None:
    what = metadata(endpoint(pki))
    assert failed(choose, pki, what, process=PROCESS_MLS).code == "LOOKUP-PROCESS"
    other_case = ProcessId(PROCESS_BILLING.scheme, PROCESS_BILLING.value.upper())
    assert failed(choose, pki, what, process=other_case).code == "LOOKUP-PROCESS"


def test_the_first_current_endpoint_wins(pki) -> None:
    old = endpoint(pki, url="https://old.example", expiry=pki.now - timedelta(days=1))
    other = endpoint(
        pki, url="https://as2.example", transport_profile="busdox-transport-as2-ver2p0"
    )
    current = endpoint(pki, url="https://current.example")
    future = endpoint(pki, url="https://future.example", activation=pki.now + timedelta(days=1))
    assert choose(pki, metadata(future, old, other, current)).url == "https://current.example"


@pytest.mark.parametrize(
    "url",
    ["http://ap.example/as4", "https://user@ap.example", "mailto:a@b", "", "https://a b", "/as4"],
)
def test_endpoint_addresses_that_are_not_allowed(pki, url) -> None:
    error = failed(choose, pki, metadata(endpoint(pki, url=url)))
    assert error.code == "LOOKUP-ENDPOINT-ADDRESS"


def test_plain_http_outside_production(pki) -> None:
    what = metadata(endpoint(pki, url="http://127.0.0.1:8080/as4"))
    assert choose(pki, what, https_only=False).url == "http://127.0.0.1:8080/as4"


def test_certificates_of_the_endpoint(pki) -> None:
    def reason(certificate: str) -> str:
        error = failed(choose, pki, metadata(endpoint(pki, certificate=certificate)))
        assert error.code == "LOOKUP-AP-CERTIFICATE"
        return str(error.facts["reason"])

    assert reason("blacert") == "CERT-UNREADABLE"
    assert reason("") == "CERT-UNREADABLE"
    assert reason(certificate_text(pki.smp_pair.certificate)) == "CERT-WRONG-CA"
    expired = pki.issue(
        not_before=pki.now - timedelta(minutes=2), not_after=pki.now - timedelta(minutes=1)
    )
    assert reason(certificate_text(expired)) == "CERT-EXPIRED"


def test_certificates_in_every_form_seen_in_smps(pki) -> None:
    pem = certificate_text(pki.ap_pair.certificate)
    bare = "".join(pem.splitlines()[1:-1])
    forms = [pem, bare, pem.replace("\n", "\r\n"), f"\n    {bare[:60]}\n    {bare[60:]}\n"]
    assert {load_certificate(one) for one in forms} == {pki.ap_pair.certificate}


PINT = "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2::Invoice##urn:peppol:pint:billing"


def wildcard(customization: str) -> DocumentTypeId:
    return DocumentTypeId(DOCTYPE_WILDCARD_SCHEME, f"{PINT}{customization}::2.1")


@pytest.mark.parametrize(
    ("asked", "registered", "chosen"),
    [
        ("-1@jp-1", ["-1@jp-1", "-1@jp-1*", "-1*"], "-1@jp-1"),
        ("-1@jp-1", ["-1*", "-1@jp-1*"], "-1@jp-1*"),
        ("-1@jp-1@x", ["-1*", "-1@jp-1*"], "-1@jp-1*"),
        ("-1@jp-1", ["-1*"], "-1*"),
        ("-1@jp-1", ["-1@sg-1*", "-2*", "-1"], None),
        ("-1@jp-1", [], None),
    ],
)
def test_the_closest_wildcard_registration(asked, registered, chosen) -> None:
    types = tuple(wildcard(one) for one in registered)
    group = ServiceGroup(participant=RECEIVER, document_types=types)
    if chosen is None:
        error = failed(select_document_type, group, wildcard(asked))
        assert (error.code, error.retry) == ("LOOKUP-DOCUMENT-TYPE", Retry.NO)
    else:
        assert select_document_type(group, wildcard(asked)) == wildcard(chosen)


def test_exact_types_never_match_a_wildcard() -> None:
    exact = DocumentTypeId("busdox-docid-qns", wildcard("-1").value)
    group = ServiceGroup(participant=RECEIVER, document_types=(wildcard("-1*"), wildcard("-1")))
    assert failed(select_document_type, group, exact).code == "LOOKUP-DOCUMENT-TYPE"


def test_answers_about_somebody_else(pki) -> None:
    what = metadata(endpoint(pki))
    other = ParticipantId.of("0088:9999999999999")
    for named in (
        {"participant": other, "document_type": BILLING_INVOICE},
        {"participant": RECEIVER, "document_type": wildcard("-1")},
    ):
        assert failed(require_same, what, **named).code == "LOOKUP-MISMATCH"
