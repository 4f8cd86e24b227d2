"""phase4 sends, our AS4 layer receives: a small C3 on loopback around unpack and build_receipt."""

import io
import os
import tempfile
import uuid
from datetime import UTC, datetime

import pytest
from lxml import etree

from gateway.as4.errors import NOT_SERVICED, EbmsCode, PeerAs4Error
from gateway.as4.identifiers import ParticipantId
from gateway.as4.incoming import (
    MessageRefused,
    UnpackLimits,
    build_error,
    build_receipt,
    unpack,
)
from gateway.as4.keys import SoftwareKey
from gateway.as4.sbdh import MlsType, extract
from gateway.network.pki import Purpose, TrustAnchors, verify_certificate
from ubl.safexml import parse

SERVED = ParticipantId.parse("iso6523-actorid-upis::0088:5400000000010")
HYBRID = "urn:peppol:doctype:pdf+xml"
FACTUR_X = "urn:cen.eu:en16931:2017#conformant#urn:peppol:france:billing:Factur-X:1.0"
PINT = "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2::Invoice##urn:peppol:pint:billing-1"


class C3:
    """Receives as an access point must: proves, remembers, acknowledges."""

    def __init__(self, pki):
        self.pair = (pki.ours.certificate, SoftwareKey(pki.ours.key))
        self.anchors = TrustAnchors(roots=(pki.root,), ap=(pki.ap_ca,), smp=())
        self.received = {}
        self.documents = {}
        self.receipts = {}
        self.bodies = []
        self.answers_to_lose = 0

    def __call__(self, request):
        self.bodies.append(request.body)
        try:
            answer = self.receive(request)
        except MessageRefused as refused:
            answer = self.refuse(refused, refused.ref_to_message_id)
        if self.answers_to_lose:
            self.answers_to_lose -= 1
            return None
        return 200, "application/soap+xml;charset=UTF-8", answer

    def receive(self, request):
        received = unpack(
            io.BytesIO(request.body),
            request.headers["content-type"],
            keys=[self.pair],
            verify_signer=self.verify_signer,
            limits=UnpackLimits(),
            spool=tempfile.TemporaryFile,
        )
        with received.sbd:
            document = received.sbd.read()
        message_id = received.message.message_id
        if received.header.receiver != SERVED:
            reason = PeerAs4Error(
                "TEST-NOT-SERVICED", "Not served.", ebms=EbmsCode.OTHER, detail=NOT_SERVICED
            )
            return self.refuse(reason, message_id)
        seen = (message_id, *(reference.digest for reference in received.references))
        if seen not in self.receipts:
            if message_id in self.received:
                reason = PeerAs4Error("TEST-KNOWN", "Known.", ebms=EbmsCode.DUPLICATE_DETECTED)
                return self.refuse(reason, message_id)
            certificate, key = self.pair
            self.received[message_id] = received
            self.documents[message_id] = document
            self.receipts[seen] = build_receipt(
                received,
                message_id=f"{uuid.uuid4()}@gateway.example",
                now=datetime.now(UTC),
                key=key,
                certificate=certificate,
                entropy=os.urandom,
            )
        return self.receipts[seen]

    def verify_signer(self, certificate):
        verdict = verify_certificate(
            certificate, anchors=self.anchors, purpose=Purpose.AP, at=datetime.now(UTC)
        )
        if verdict.code:
            raise PeerAs4Error(verdict.code, verdict.message, ebms=EbmsCode.FAILED_AUTHENTICATION)

    def refuse(self, reason, message_id):
        certificate, key = self.pair
        return build_error(
            [reason],
            ref_to_message_id=message_id,
            message_id=f"{uuid.uuid4()}@gateway.example",
            now=datetime.now(UTC),
            key=key,
            certificate=certificate,
            entropy=os.urandom,
        )


@pytest.fixture
def c3(pki):
    return C3(pki)


@pytest.fixture
def send(java_sender, order, serve, c3):
    """Let phase4 send to our C3; gives its report."""
    url = serve(c3) + "/as4"

    def ask(*, recipient="ours", **fields):
        return java_sender.ask(order(url, recipient=recipient, **fields))

    return ask


def business_document(c3, report):
    out = io.BytesIO()
    extract(io.BytesIO(c3.documents[report["message_id"]]), out)
    return out.getvalue()


def canonical(document):
    return etree.tostring(parse(document), method="c14n", exclusive=True)


def test_the_document_is_received_and_our_receipt_satisfies_phase4(send, c3, invoice):
    report = send()
    assert (report["result"], report["errors"]) == ("success", [])
    received = c3.received[report["message_id"]]
    assert received.header.receiver == SERVED
    assert received.message.from_party == "POP000002"
    assert received.message.compressed
    assert canonical(business_document(c3, report)) == canonical(invoice())


@pytest.mark.parametrize("megabytes", [0, 0.05, 5, 60])
def test_documents_of_any_size_arrive_whole(send, c3, invoice, case, tmp_path, megabytes):
    payload = tmp_path / "large.xml"
    payload.write_bytes(invoice(megabytes=megabytes))
    report = send(payload=str(payload))
    same = report["message_id"] in c3.documents and (
        canonical(business_document(c3, report)) == canonical(payload.read_bytes())
    )
    case(
        f"phase4 → ours, {megabytes or 0.005:g} MB",
        expected="success, whole",
        got=f"{report['result']}, {'whole' if same else 'not whole'}",
    )


def test_an_uncompressed_payload_is_accepted(send, c3, invoice):
    report = send(compress=False)
    assert (report["result"], report["errors"]) == ("success", [])
    assert not c3.received[report["message_id"]].message.compressed
    assert canonical(business_document(c3, report)) == canonical(invoice())


def test_binary_content_comes_out_as_it_was(send, c3, tmp_path):
    payload = tmp_path / "annex.pdf"
    payload.write_bytes(b"%PDF-1.7\n" + bytes(range(256)) * 40)
    report = send(
        payload=str(payload),
        binary=True,
        document_type=f"busdox-docid-qns::{HYBRID}##{FACTUR_X}::D22B",
        standard=HYBRID,
        type_version="0",
        type="factur-x",
    )
    assert (report["result"], report["errors"]) == ("success", [])
    out = io.BytesIO()
    content = extract(io.BytesIO(c3.documents[report["message_id"]]), out)
    assert content.media_type == "application/pdf"
    assert out.getvalue() == payload.read_bytes()


def test_the_wishes_for_a_message_level_status_are_read(send, c3):
    report = send(mls_to="iso6523-actorid-upis::0242:000002", mls_type="ALWAYS_SEND")
    assert report["result"] == "success"
    header = c3.received[report["message_id"]].header
    assert header.mls_to == ParticipantId.parse("iso6523-actorid-upis::0242:000002")
    assert header.mls_type is MlsType.ALWAYS_SEND


def test_a_document_type_of_the_wildcard_scheme_is_read(send, c3):
    document_type = f"peppol-doctype-wildcard::{PINT}@be-1::2.1"
    report = send(document_type=document_type)
    assert report["result"] == "success"
    assert str(c3.received[report["message_id"]].message.action) == document_type


def test_a_repeated_request_gets_the_receipt_of_the_first(send, c3):
    c3.answers_to_lose = 1
    report = send(retries=1)
    assert report["result"] == "success"
    first, second = c3.bodies
    assert first == second
    assert [receipt.decode() for receipt in c3.receipts.values()] == [report["answer"]]


def test_another_message_under_a_known_id_is_refused(send, c3):
    message_id = f"{uuid.uuid4()}@java.example"
    assert send(message_id=message_id)["result"] == "success"
    report = send(message_id=message_id)
    assert [error["code"] for error in report["errors"]] == ["EBMS:4001"]
    assert len(c3.receipts) == 1


@pytest.mark.parametrize(
    ("fields", "code", "detail"),
    [
        pytest.param(
            {"receiver": "iso6523-actorid-upis::0088:5400000000034"},
            "EBMS:0004",
            "PEPPOL:NOT_SERVICED",
            id="receiver not served",
        ),
        pytest.param({"key_store": "stranger.p12"}, "EBMS:0101", None, id="signer of another CA"),
        pytest.param({"key_store": "expired.p12"}, "EBMS:0101", None, id="expired signer"),
        pytest.param({"seat": "POP000009"}, "EBMS:0004", None, id="From is not the signer"),
        pytest.param({"recipient": "java"}, "EBMS:0102", None, id="encrypted for another"),
    ],
)
def test_phase4_reads_our_refusal(send, c3, case, request, fields, code, detail):
    report = send(**fields)
    found = report["errors"][0]
    assert found["ref"] == report["message_id"]
    assert detail in (None, found.get("detail"))
    case(
        f"phase4 → ours, {request.node.callspec.id}",
        expected=f"as4-error-msg-received, {code}, not taken",
        got=f"{report['result']}, {found['code']}, {'taken' if c3.received else 'not taken'}",
    )


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"cipher": "AES_256_GCM"}, id="AES-256"),
        pytest.param({"key_transport": "RSA_OAEP"}, id="OAEP with a SHA-1 mask"),
    ],
)
def test_what_older_senders_choose_is_read(send, c3, fields):
    report = send(**fields)
    assert (report["result"], report["errors"]) == ("success", [])
    assert report["message_id"] in c3.documents


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        pytest.param({"encryption_token": "ISSUER_SERIAL"}, "EBMS:0103", id="encryption token"),
        pytest.param({"signing_token": "ISSUER_SERIAL"}, "EBMS:0103", id="signing token"),
        pytest.param({"cipher": "AES_128_CBC"}, "EBMS:0102", id="CBC"),
        pytest.param({"key_transport": "RSA15"}, "EBMS:0102", id="PKCS 1.5 key transport"),
        pytest.param({"signature": "RSA_SHA_512"}, "EBMS:0101", id="signature algorithm"),
    ],
)
def test_what_the_profile_forbids_is_refused(send, c3, case, request, fields, code):
    report = send(**fields)
    case(
        f"phase4 → ours, {request.node.callspec.id}",
        expected=f"{code}, not taken",
        got=f"{report['errors'][0]['code']}, {'taken' if c3.documents else 'not taken'}",
    )
