"""Our AS4 layer sends, phase4 receives: every answer is judged by our own read_answer."""

import http.client
import io
import json
import os
import re
import tempfile
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest

from gateway.as4.ebms import UserMessage
from gateway.as4.errors import PeerAs4Error
from gateway.as4.identifiers import BILLING_INVOICE, PROCESS_BILLING, ParticipantId
from gateway.as4.keys import SoftwareKey
from gateway.as4.outgoing import Encoded, ErrorReceived, ReceiptReceived, encode, read_answer
from gateway.as4.sbdh import MlsType, Sbdh, write

SENDER = ParticipantId.parse("iso6523-actorid-upis::0088:5400000000010")
RECEIVER = ParticipantId.parse("iso6523-actorid-upis::0088:5400000000027")
UBL_INVOICE = "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"


@dataclass(frozen=True)
class Prepared:
    """A message ready to be sent: its id, the document in it, and the request."""

    message_id: str
    sbd: bytes
    encoded: Encoded
    body: bytes


@pytest.fixture
def prepare(pki, invoice):
    """Make the request for an invoice to the Java peer, as our sending jobs do."""

    def make(*, signer=pki.ours, receiver=RECEIVER, payload=None, **header):
        sbd, body = io.BytesIO(), io.BytesIO()
        business = Sbdh(
            sender=SENDER,
            receiver=receiver,
            document_type=BILLING_INVOICE,
            process=PROCESS_BILLING,
            standard=UBL_INVOICE,
            type_version="2.1",
            type="Invoice",
            instance_identifier=str(uuid.uuid4()),
            created=datetime.now(UTC),
            country_c1="BE",
            **header,
        )
        write(business, io.BytesIO(payload or invoice()), sbd)
        message = UserMessage(
            message_id=f"{uuid.uuid4()}@gateway.example",
            timestamp=datetime.now(UTC),
            conversation_id=str(uuid.uuid4()),
            from_party="POP000001",
            to_party="POP000002",
            service=business.process,
            action=business.document_type,
            original_sender=business.sender,
            final_recipient=business.receiver,
            payload_id=f"{uuid.uuid4()}@gateway.example",
        )
        encoded = encode(
            message,
            io.BytesIO(sbd.getvalue()),
            key=SoftwareKey(signer.key),
            certificate=signer.certificate,
            recipient=pki.java.certificate,
            entropy=os.urandom,
            spool=tempfile.TemporaryFile,
            out=body,
        )
        return Prepared(message.message_id, sbd.getvalue(), encoded, body.getvalue())

    return make


@pytest.fixture
def post(java_receiver, pki):
    """Send a prepared request to the Java peer and judge its answer."""

    def send(prepared, *, body=None, chunked=False, signer_expected=pki.java):
        address = urlsplit(java_receiver.url)
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=120)
        data = prepared.body if body is None else body
        try:
            connection.request(
                "POST",
                address.path,
                body=iter([data[:1000], data[1000:]]) if chunked else data,
                headers={"Content-Type": prepared.encoded.content_type, "MIME-Version": "1.0"},
                encode_chunked=chunked,
            )
            response = connection.getresponse()
            answer = response.read()
        finally:
            connection.close()
        assert response.status == 200, answer
        return read_answer(
            content_type=response.headers["Content-Type"],
            body=answer,
            message_id=prepared.message_id,
            references=prepared.encoded.references,
            recipient=signer_expected.certificate,
            now=datetime.now(UTC),
        )

    return send


@pytest.mark.parametrize("chunked", [False, True], ids=["fixed length", "chunked"])
def test_the_document_arrives_and_the_receipt_holds(prepare, post, java_receiver, chunked):
    prepared = prepare()
    assert isinstance(post(prepared, chunked=chunked), ReceiptReceived)
    assert java_receiver.received(prepared.message_id) == prepared.sbd
    understood = java_receiver.understood(prepared.message_id)
    assert understood["sender"] == str(SENDER)
    assert understood["receiver"] == str(RECEIVER)
    assert understood["document_type"] == str(BILLING_INVOICE)
    assert understood["process"] == str(PROCESS_BILLING)
    assert (understood["from"], understood["to"]) == ("POP000001", "POP000002")
    assert understood["country_c1"] == "BE"


@pytest.mark.parametrize("megabytes", [0, 0.05, 5, 60])
def test_large_documents_arrive_byte_for_byte(
    prepare, post, java_receiver, invoice, case, megabytes
):
    prepared = prepare(payload=invoice(megabytes=megabytes))
    answer = post(prepared)
    same = java_receiver.received(prepared.message_id) == prepared.sbd
    case(
        f"ours → phase4, {megabytes or 0.005:g} MB",
        expected="ReceiptReceived, byte for byte",
        got=f"{type(answer).__name__}, {'byte for byte' if same else 'changed'}",
    )


def test_parallel_deliveries_do_not_mix(prepare, post, java_receiver, invoice):
    prepared = [prepare(payload=invoice(megabytes=0.05, number=number)) for number in range(40)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(post, prepared))
    assert all(isinstance(answer, ReceiptReceived) for answer in answers)
    assert [java_receiver.received(item.message_id) for item in prepared] == [
        item.sbd for item in prepared
    ]


def test_the_wishes_for_a_message_level_status_are_understood(prepare, post, java_receiver):
    status_to = ParticipantId.parse("iso6523-actorid-upis::0242:000001")
    prepared = prepare(mls_to=status_to, mls_type=MlsType.ALWAYS_SEND)
    assert isinstance(post(prepared), ReceiptReceived)
    understood = java_receiver.understood(prepared.message_id)
    assert understood["mls_to"] == status_to.value
    assert understood["mls_type"] == "ALWAYS_SEND"


def test_what_must_be_acknowledged_survives_storage(prepare, post):
    prepared = prepare()
    stored = Encoded.from_json(json.loads(json.dumps(prepared.encoded.to_json())))
    kept = Prepared(prepared.message_id, prepared.sbd, stored, prepared.body)
    assert isinstance(post(kept), ReceiptReceived)


def test_the_same_bytes_again_are_answered_as_a_duplicate(prepare, post):
    prepared = prepare()
    assert isinstance(post(prepared), ReceiptReceived)
    answer = post(prepared)
    assert isinstance(answer, ErrorReceived)
    assert answer.duplicate
    assert answer.signed


def test_an_encryption_key_without_token_goes_unnoticed(prepare, post, pki, java_receiver, case):
    """The profile asks for EBMS:0103, as we answer; phase4 4.5.4 decrypts and takes the message.

    The reference to the receiver's certificate is not signed, so it can be exchanged here.
    """
    prepared = prepare()
    issuer = pki.java.certificate.issuer.rfc4514_string()
    serial = (
        f'<ds:X509Data xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509IssuerSerial>'
        f"<ds:X509IssuerName>{issuer}</ds:X509IssuerName>"
        f"<ds:X509SerialNumber>{pki.java.certificate.serial_number}</ds:X509SerialNumber>"
        f"</ds:X509IssuerSerial></ds:X509Data>"
    )
    key = re.compile(rb"(<xenc:EncryptedKey.*?)<wsse:Reference [^>]*/>", re.DOTALL)
    body, count = key.subn(lambda found: found[1] + serial.encode(), prepared.body, count=1)
    answer = post(prepared, body=body)
    code = answer.errors[0].code if isinstance(answer, ErrorReceived) else "receipt"
    taken = java_receiver.received(prepared.message_id) is not None
    case(
        "ours → phase4, EncryptedKey without a token",
        expected="1 changed, receipt, taken",
        got=f"{count} changed, {code}, {'taken' if taken else 'not taken'}",
    )


def test_a_receipt_by_another_access_point_is_refused(prepare, post, pki):
    with pytest.raises(PeerAs4Error, match="AS4-RECEIPT-SIGNER"):
        post(prepare(), signer_expected=pki.stranger)


def test_a_receiver_that_is_not_served_is_told_apart(prepare, post):
    nobody = ParticipantId.parse("iso6523-actorid-upis::9915:nobody")
    answer = post(prepare(receiver=nobody))
    assert isinstance(answer, ErrorReceived)
    assert answer.not_serviced
    assert not answer.duplicate


def test_a_back_end_that_is_down_is_an_error_and_then_a_duplicate(prepare, post):
    """Phase4 remembers a MessageId before its handler runs: a duplicate proves no delivery."""
    broken = prepare(receiver=ParticipantId.parse("iso6523-actorid-upis::9915:fail"))
    first, second = post(broken), post(broken)
    assert [error.code for error in first.errors] == ["EBMS:0004"]
    assert (first.not_serviced, first.duplicate) == (False, False)
    assert second.duplicate


@pytest.mark.parametrize(
    ("signer", "detail"),
    [("stranger", "No trusted certs found"), ("expired", "certificate expired")],
)
def test_an_untrusted_signature_is_refused(prepare, post, pki, java_receiver, case, signer, detail):
    prepared = prepare(signer=getattr(pki, signer))
    answer = post(prepared)
    case(
        f"ours → phase4, signer {signer}",
        expected=f"EBMS:0102 {detail}, not taken",
        got=f"{answer.errors[0].code} {detail if detail in answer.errors[0].detail else '?'}, "
        f"{'taken' if java_receiver.received(prepared.message_id) else 'not taken'}",
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(b"5400000000027</", b"5400000000028</", id="header"),
        pytest.param(b"<ds:SignatureValue>", b"<ds:SignatureValue>AAAA", id="signature"),
        pytest.param(None, None, id="payload"),
    ],
)
def test_a_changed_message_is_refused(prepare, post, java_receiver, old, new):
    prepared = prepare()
    if old is None:
        middle = len(prepared.body) - 200
        changed = bytes([prepared.body[middle] ^ 1])
        body = prepared.body[:middle] + changed + prepared.body[middle + 1 :]
    else:
        assert old in prepared.body
        body = prepared.body.replace(old, new, 1)
    answer = post(prepared, body=body)
    assert isinstance(answer, ErrorReceived)
    assert [error.code for error in answer.errors] == ["EBMS:0102"]
    assert java_receiver.received(prepared.message_id) is None
