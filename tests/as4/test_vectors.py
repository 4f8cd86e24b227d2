"""Real messages and receipts of other access points, and messages others know to be wrong."""

import base64
import datetime
import io

import pytest
from cryptography.hazmat.primitives.serialization import pkcs12

from gateway.as4.agreement import common_name
from gateway.as4.ebms import check_structure, read_user_message
from gateway.as4.encryption import read_encryption
from gateway.as4.envelope import new_envelope, read_envelope, serialise, unique_ids
from gateway.as4.errors import As4Error, PeerAs4Error
from gateway.as4.identifiers import BILLING_INVOICE, PROCESS_BILLING, ParticipantId
from gateway.as4.incoming import MessageRefused, UnpackLimits, unpack
from gateway.as4.keys import SoftwareKey
from gateway.as4.mime import Part, write_multipart
from gateway.as4.outgoing import ErrorReceived, ReceiptReceived, SentReference, read_answer
from gateway.as4.signals import ErrorSignal, Receipt, read_signal, write_receipt
from gateway.as4.wssec import sign, verify

RECEIPTS = {
    "helger.as4in": ("3b3775c9-e88d-47f9-be5a-8e045ca2bc07@phase4", "POP000306"),
    "governikus.as4in": ("6b52b4c0-de6a-46b8-8286-27bac7d1a463@phase4", None),
    "dataport1-mustunderstand.as4in": (None, None),
}
OF_THAT_TIME = datetime.datetime(2022, 3, 8, tzinfo=datetime.UTC)


def sent(receipt: Receipt) -> list[SentReference]:
    return [
        SentReference(item.uri, base64.b64encode(item.digest).decode())
        for item in receipt.references
    ]


def test_the_real_user_message_is_read_and_its_signature_holds(vector_envelope):
    envelope = read_envelope(vector_envelope("phase4-user-message.as4"))
    verified = verify(envelope)
    assert common_name(verified.signer) == "POP000306"
    message = read_user_message(envelope.messaging)
    assert message.message_id == "17a7c374-efe3-41e2-ac0d-8a8f47529e47@phase4"
    assert message.timestamp == datetime.datetime(
        2026, 1, 29, 15, 39, 3, 805000, tzinfo=datetime.UTC
    )
    assert (message.from_party, message.to_party) == ("POP000306", "POP000306")
    assert (message.service, message.action) == (PROCESS_BILLING, BILLING_INVOICE)
    assert message.original_sender == ParticipantId.of("9915:phase4-test-sender")
    assert message.final_recipient == ParticipantId.of("9915:helger")
    assert message.compressed
    assert list(verified.attachments) == [message.payload_id]
    encryption = read_encryption(envelope, unique_ids(envelope.root))
    # That day the SMP still published the certificate of the older generation.
    assert common_name(encryption.recipient) == "POP000306"
    assert encryption.recipient != verified.signer
    assert (encryption.digest, encryption.mgf_digest) == ("sha256", "sha256")
    assert encryption.content_id == message.payload_id


def test_the_real_user_message_was_not_encrypted_for_us(vector_message, pki):
    content_type, body = vector_message
    judged = []
    with pytest.raises(MessageRefused) as caught:
        unpack(
            io.BytesIO(body),
            content_type,
            keys=[(pki.receiver.certificate, pki.receiver.key)],
            verify_signer=judged.append,
            limits=UnpackLimits(),
            spool=io.BytesIO,
        )
    assert caught.value.code == "AS4-ENCRYPTION-RECIPIENT"
    assert caught.value.ref_to_message_id == "17a7c374-efe3-41e2-ac0d-8a8f47529e47@phase4"
    assert [common_name(certificate) for certificate in judged] == ["POP000306"]


@pytest.mark.parametrize("name", RECEIPTS)
def test_real_receipts_are_accepted_for_what_they_acknowledge(vector_envelope, name):
    data = vector_envelope(name)
    envelope = read_envelope(data)
    receipt = read_signal(envelope.messaging)
    assert isinstance(receipt, Receipt)
    expected, seat = RECEIPTS[name]
    assert expected in (None, receipt.ref_to_message_id)
    signer = verify(envelope).signer
    assert seat in (None, common_name(signer))
    known = {
        "content_type": "application/soap+xml; charset=UTF-8",
        "message_id": receipt.ref_to_message_id,
        "references": sent(receipt),
        "recipient": signer,
        "now": OF_THAT_TIME,
    }
    answer = read_answer(body=data, **known)
    assert answer == ReceiptReceived(receipt.message_id, receipt.timestamp)
    changed = [SentReference(known["references"][0].uri, "AAAA"), *known["references"][1:]]
    with pytest.raises(PeerAs4Error) as caught:
        read_answer(body=data, **(known | {"references": changed}))
    assert caught.value.code == "AS4-RECEIPT-DIGEST"


def test_the_altered_receipt_is_refused(vector_envelope):
    data = vector_envelope("dataport1.as4in")
    receipt = read_signal(read_envelope(data).messaging)
    good = verify(read_envelope(vector_envelope("dataport1-mustunderstand.as4in")))
    with pytest.raises(PeerAs4Error) as caught:
        read_answer(
            content_type="application/soap+xml",
            body=data,
            message_id=receipt.ref_to_message_id,
            references=sent(receipt),
            recipient=good.signer,
            now=OF_THAT_TIME,
        )
    assert (caught.value.code, caught.value.ebms.code) == ("AS4-SIGNATURE-DIGEST", "EBMS:0302")


def received_as(data: bytes, pki) -> tuple[str, str]:
    """How a request with this SOAP part and some attachment is refused."""
    out = io.BytesIO()
    parts = [
        Part.binary(content_type="application/soap+xml", content_id=None, body=io.BytesIO(data)),
        Part.binary(content_type="application/octet-stream", content_id="x", body=io.BytesIO()),
    ]
    content_type = write_multipart(parts, boundary="frontier", out=out)
    return refused(out.getvalue(), content_type, pki)


def refused(body: bytes, content_type: str, pki) -> tuple[str, str]:
    with pytest.raises(MessageRefused) as caught:
        unpack(
            io.BytesIO(body),
            content_type,
            keys=[(pki.receiver.certificate, pki.receiver.key)],
            verify_signer=lambda _: None,
            limits=UnpackLimits(),
            spool=io.BytesIO,
        )
    return caught.value.ebms.code, caught.value.code


MALFORMED = {
    "NoResponder.xml": ("EBMS:0009", "AS4-HEADER-STRUCTURE"),
    "PullPush.xml": ("EBMS:0009", "AS4-SOAP-VERSION"),
    "PushPull.xml": ("EBMS:0009", "AS4-SOAP-VERSION"),
    "TestReceipt11.xml": ("EBMS:0009", "AS4-SOAP-VERSION"),
    "TestReceipt12.xml": ("EBMS:0002", "AS4-SIGNAL-UNEXPECTED"),
    "ErrorMessage.xml": ("EBMS:0002", "AS4-SIGNAL-UNEXPECTED"),
    "ErrorMessageNoRefToMessageID.xml": ("EBMS:0002", "AS4-SIGNAL-UNEXPECTED"),
    "ErrorMessageWithFault.xml": ("EBMS:0002", "AS4-SIGNAL-UNEXPECTED"),
    "TwoUserMessages.xml": ("EBMS:0003", "AS4-USER-MESSAGE-MANY"),
    "UserMessageNoPartyID.xml": ("EBMS:0009", "AS4-PARTY-MISSING"),
    "WrongCompression.mime": ("EBMS:0003", "AS4-PAYLOAD-COMPRESSION"),
    "WrongSigningAlgorithm.xml": ("EBMS:0003", "AS4-PAYLOAD-HREF"),
    "WrongSigningDigestAlgorithm.xml": ("EBMS:0003", "AS4-PAYLOAD-HREF"),
}


def test_every_malformed_file_is_looked_at(vectors):
    files = {path.name for path in (vectors / "as4" / "malformed").iterdir()}
    assert files == {*MALFORMED, "peppol-expired-ap-cert-pw-peppol.p12"}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_requests_are_refused_with_the_right_code(vectors, pki, name):
    data = (vectors / "as4" / "malformed" / name).read_bytes()
    if name.endswith(".mime"):
        data = data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        head, _, body = data.partition(b"\r\n\r\n")
        content_type = head.partition(b"Content-Type:")[2].replace(b"\r\n\t", b"").decode()
        assert refused(body, content_type.strip(), pki) == MALFORMED[name]
    else:
        assert received_as(data, pki) == MALFORMED[name]


@pytest.mark.parametrize("name", ["WrongSigningAlgorithm.xml", "WrongSigningDigestAlgorithm.xml"])
def test_unknown_signature_algorithms_are_refused(vector_envelope, name):
    with pytest.raises(PeerAs4Error) as caught:
        verify(read_envelope(vector_envelope(f"malformed/{name}")))
    assert (caught.value.ebms.code, caught.value.code) == ("EBMS:0101", "AS4-DSIG-ALGORITHM")


@pytest.mark.parametrize(
    ("name", "ref", "code", "detail"),
    [
        (
            "ErrorMessage.xml",
            "ph-as4@42ec020f-9553-4b6d-ba8e-265cf1f6fd34",
            "EBMS:0001",
            "Although",
        ),
        ("ErrorMessageNoRefToMessageID.xml", "any", "EBMS:0001", "Although"),
        ("ErrorMessageWithFault.xml", "1234", "EBMS:0103", "java.lang.RuntimeException"),
    ],
)
def test_unsigned_errors_are_read_as_hints(vector_envelope, pki, now, name, ref, code, detail):
    answer = read_answer(
        content_type="application/soap+xml",
        body=vector_envelope(f"malformed/{name}"),
        message_id=ref,
        references=[],
        recipient=pki.receiver.certificate,
        now=now,
    )
    assert isinstance(answer, ErrorReceived)
    assert not answer.signed
    (error,) = answer.errors
    assert error.code == code
    assert error.severity == "failure"
    assert (error.detail or "").startswith(detail)


def test_the_newer_receipt_is_read_and_its_signature_judged(vector_envelope):
    envelope = read_envelope(vector_envelope("malformed/TestReceipt12.xml"))
    receipt = read_signal(envelope.messaging)
    assert receipt.ref_to_message_id == "035e0a83-6dc5-427b-bcee-483475c65153@phase4"
    assert len(receipt.references) == 3
    assert common_name(verify(envelope).signer) is not None


def test_a_receipt_by_an_expired_access_point_is_refused(vectors, entropy, now):
    path = vectors / "as4" / "malformed" / "peppol-expired-ap-cert-pw-peppol.p12"
    key, certificate, _ = pkcs12.load_key_and_certificates(path.read_bytes(), b"peppol")
    assert certificate.not_valid_after_utc < now
    envelope = new_envelope(messaging_id="m", body_id="b")
    reference = sign(
        new_envelope(messaging_id="m", body_id="b"),
        key=SoftwareKey(key),
        certificate=certificate,
        entropy=entropy,
    )[0]
    known = SentReference(reference.uri, base64.b64encode(reference.digest_value).decode())
    signed = new_envelope(messaging_id="m", body_id="b")
    sign(signed, key=SoftwareKey(key), certificate=certificate, entropy=entropy)
    received = verify(read_envelope(serialise(signed))).references
    write_receipt(envelope.messaging, Receipt("r@x", now, "m@x", received))
    sign(envelope, key=SoftwareKey(key), certificate=certificate, entropy=entropy)

    def judge(moment):
        return read_answer(
            content_type="application/soap+xml",
            body=serialise(envelope),
            message_id="m@x",
            references=[known],
            recipient=certificate,
            now=moment,
        )

    assert isinstance(judge(certificate.not_valid_after_utc), ReceiptReceived)
    with pytest.raises(PeerAs4Error) as caught:
        judge(now)
    assert caught.value.code == "AS4-RECEIPT-EXPIRED"


FRAGMENTS = {
    "soap11test/BundledMessage.xml": "EBMS:0002 AS4-SIGNAL-UNEXPECTED",
    "soap11test/EmptyMessaging.xml": "EBMS:0009 AS4-HEADER-STRUCTURE",
    "soap11test/ErrorMessage.xml": "errors EBMS:0001 EBMS:0101",
    "soap11test/MessageInfoIDMissing.xml": "EBMS:0009 AS4-HEADER-STRUCTURE",
    "soap11test/MessageInfoImaginaryTimestamp.xml": "EBMS:0009 AS4-HEADER-TIMESTAMP",
    "soap11test/MessageInfoMissing.xml": "EBMS:0009 AS4-HEADER-STRUCTURE",
    "soap11test/NoMessaging.xml": "EBMS:0009 AS4-SOAP-VERSION",
    "soap11test/PullRequest.xml": "EBMS:0002 AS4-SIGNAL-UNEXPECTED",
    "soap11test/ReceiptMessage.xml": "receipt for uiopfdsmnf4898965563434@a.example.com, 2 parts",
    "soap11test/UserMessage-no-soap.xml": "EBMS:0009 AS4-SOAP-VERSION",
    "soap11test/UserMessage.xml": "EBMS:0004 AS4-PARTY-TYPE",
    "soap11test/UserMessageResponse.xml": "EBMS:0004 AS4-PARTY-TYPE",
    "soap12test/PullRequest12.xml": "EBMS:0009 AS4-XML-NOT-WELL-FORMED",
    "soap12test/UserMessage12.xml": "EBMS:0004 AS4-PARTY-TYPE",
    "soap12test/UserMessageWithCompressedPayload12.xml": "EBMS:0009 AS4-XML-NOT-WELL-FORMED",
    "soap12test/test-2023-03-15.xml": "message 49267c79-d822-45d9-aa91-c57b3ca508db",
}


def outcome(data: bytes) -> str:
    try:
        messaging = read_envelope(data).messaging
        try:
            signal = read_signal(messaging)
        except PeerAs4Error:
            check_structure(messaging)
            return f"message {read_user_message(messaging).message_id}"
    except As4Error as error:
        return f"{error.ebms.code} {error.code}"
    if isinstance(signal, ErrorSignal):
        return " ".join(["errors", *(error.code for error in signal.errors)])
    return f"receipt for {signal.ref_to_message_id}, {len(signal.references)} parts"


def test_every_fragment_reads_as_expected(vectors):
    folder = vectors / "as4" / "fragments"
    found = {}
    for path in folder.rglob("*.xml"):
        data = path.read_bytes()
        name = path.relative_to(folder).as_posix()
        if name.startswith("soap11") and b":Envelope" in data:
            assert outcome(data) == "EBMS:0009 AS4-SOAP-VERSION"
            data = data.replace(
                b"http://schemas.xmlsoap.org/soap/envelope/",
                b"http://www.w3.org/2003/05/soap-envelope",
            )
        found[name] = outcome(data)
    assert found == FRAGMENTS
