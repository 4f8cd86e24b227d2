"""Two access points in memory: a message there, a receipt or an error back."""

import base64
import gzip
import io
import json

import pytest
import xmlsec
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lxml import etree

from gateway.as4 import namespaces as ns
from gateway.as4.errors import NOT_SERVICED, EbmsCode, LocalAs4Error, PeerAs4Error
from gateway.as4.identifiers import INVOICE_RESPONSE, PROCESS_MLS, ParticipantId
from gateway.as4.incoming import MessageRefused, UnpackLimits, build_error, build_receipt, unpack
from gateway.as4.mime import MimeLimits, Part, write_multipart
from gateway.as4.namespaces import q
from gateway.as4.outgoing import Encoded, ErrorReceived, ReceiptReceived, read_answer
from ubl.safexml import parse

SOAP = "application/soap+xml;charset=UTF-8"


@pytest.fixture
def receipt_for(now, entropy):
    """Build the receipt for a received message with the seat it was encrypted for."""

    def build(received, seat, message_id="receipt-1@c3.example"):
        return build_receipt(
            received,
            message_id=message_id,
            now=now,
            key=seat.key,
            certificate=seat.certificate,
            entropy=entropy,
        )

    return build


@pytest.fixture
def judge(pki, now):
    """Read an answer as C2 does that sent ``wire``."""

    def read(wire, body, content_type=SOAP, **changes):
        known = {
            "message_id": wire.message.message_id,
            "references": wire.encoded.references,
            "recipient": pki.receiver.certificate,
            "now": now,
        }
        return read_answer(content_type=content_type, body=body, **(known | changes))

    return read


def refusal(receiver, body, content_type, limits=None) -> MessageRefused:
    with pytest.raises(MessageRefused) as caught:
        receiver.unpack(body, content_type, limits)
    return caught.value


def test_a_message_arrives_unchanged_and_is_acknowledged(
    wire, receiver, receipt_for, judge, pki, now
):
    received = receiver.unpack(wire.body, wire.content_type)
    assert received.message == wire.message
    assert received.signer == pki.sender.certificate
    assert received.recipient_certificate == pki.receiver.certificate
    assert received.sbd.read() == wire.sbd
    assert received.header.country_c1 == "BE"
    answer = judge(wire, receipt_for(received, pki.receiver))
    assert answer == ReceiptReceived("receipt-1@c3.example", now)


def test_what_the_receipt_repeats_is_what_was_signed(wire, receiver, receipt_for, pki):
    received = receiver.unpack(wire.body, wire.content_type)
    sent = [(item.uri, item.digest_b64) for item in wire.encoded.references]
    got = [(item.uri, base64.b64encode(item.digest).decode()) for item in received.references]
    assert got == sent
    assert len(sent) == 3
    receipt = parse(receipt_for(received, pki.receiver))
    repeated = receipt.findall(
        f".//{q(ns.EBBP, 'MessagePartNRInformation')}/{q(ns.DS, 'Reference')}"
    )
    canonical = [
        etree.tostring(item, method="c14n", exclusive=True, with_comments=False)
        for item in repeated
    ]
    assert canonical == [item.xml for item in received.references]


def test_libxmlsec_verifies_our_receipt(wire, receiver, receipt_for, pki):
    received = receiver.unpack(wire.body, wire.content_type)
    receipt = receipt_for(received, pki.receiver)
    assert _libxmlsec_accepts(receipt, pki.receiver)
    assert not _libxmlsec_accepts(receipt, pki.sender)
    changed = receipt.replace(b"receipt-1@", b"receipt-2@")
    assert not _libxmlsec_accepts(changed, pki.receiver)


def _libxmlsec_accepts(envelope: bytes, seat) -> bool:
    """Verify header and body signature with an implementation that is not ours."""
    root = etree.fromstring(envelope)
    xmlsec.tree.add_ids(root, ["Id"])
    context = xmlsec.SignatureContext()
    pem = seat.certificate.public_bytes(Encoding.PEM)
    context.key = xmlsec.Key.from_memory(pem, xmlsec.constants.KeyDataFormatCertPem)
    try:
        context.verify(root.find(f".//{q(ns.WSSE, 'Security')}/{q(ns.DS, 'Signature')}"))
    except xmlsec.Error:
        return False
    return True


def test_what_must_be_remembered_survives_a_restart(wire):
    stored = json.dumps(wire.encoded.to_json())
    assert Encoded.from_json(json.loads(stored)) == wire.encoded


@pytest.mark.parametrize(
    "data",
    [None, [], "x", {}, {"content_type": 1, "references": []}, {"content_type": "a"},
     {"content_type": "a", "references": [{"uri": "x"}]}, {"content_type": "a", "references": [1]}],
)  # fmt: skip
def test_stored_data_of_another_shape_is_refused(data):
    with pytest.raises(ValueError, match=r"Encoded\.to_json"):
        Encoded.from_json(data)


@pytest.mark.parametrize("filling", ["x" * 3_000_000, "&lt;" * 100_000])
def test_a_large_document_arrives(make_wire, make_sbd, receiver, filling):
    wire = make_wire(sbd=make_sbd(filling=f"<cbc:Note>{filling}</cbc:Note>"))
    limits = UnpackLimits(max_ratio=2000)
    received = receiver.unpack(wire.body, wire.content_type, limits)
    assert received.sbd.read() == wire.sbd


def test_both_keys_are_in_use_while_a_certificate_is_renewed(
    make_wire, make_receiver, pki, receipt_for, judge
):
    receiver = make_receiver(pki.renewed, pki.receiver)
    for seat in (pki.receiver, pki.renewed):
        wire = make_wire(recipient=seat)
        received = receiver.unpack(wire.body, wire.content_type)
        assert received.recipient_certificate == seat.certificate
        receipt = receipt_for(received, seat)
        assert judge(wire, receipt, recipient=seat.certificate)
        other = pki.renewed if seat is pki.receiver else pki.receiver
        with pytest.raises(ValueError, match="certificate the message was encrypted for"):
            receipt_for(received, other)


def test_a_message_for_another_access_point_is_refused(wire, make_receiver, pki):
    error = refusal(make_receiver(pki.renewed), wire.body, wire.content_type)
    assert (error.code, error.ebms) == (
        "AS4-ENCRYPTION-RECIPIENT",
        EbmsCode.FAILED_DECRYPTION,
    )
    assert error.ref_to_message_id == wire.message.message_id


def test_an_untrusted_signer_is_refused_before_anything_is_decrypted(forge, make_receiver, pki):
    def rename(envelope):
        party = envelope.messaging.find(f".//{q(ns.EB, 'From')}/{q(ns.EB, 'PartyId')}")
        party.text = "POP000303"

    wire = forge(signer=pki.stranger, edit=rename)
    # This receiver has no key at all: an attempt to decrypt would fail differently.
    error = refusal(make_receiver(), wire.body, wire.content_type)
    assert (error.code, error.ebms) == ("TEST-SIGNER-UNTRUSTED", EbmsCode.FAILED_AUTHENTICATION)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"sender": ParticipantId.of("0088:7300010000002")}, "AS4-SENDER-MISMATCH"),
        ({"receiver": ParticipantId.of("0192:991825828")}, "AS4-RECEIVER-MISMATCH"),
        ({"process": PROCESS_MLS}, "AS4-SERVICE-MISMATCH"),
    ],
)
def test_header_and_sbdh_must_agree(forge, make_wire, make_sbd, receiver, changes, code):
    sbd = make_sbd(**changes)
    wire = forge(sbd=sbd)
    error = refusal(receiver, wire.body, wire.content_type)
    assert (error.code, error.ebms) == (code, EbmsCode.OTHER)
    with pytest.raises(LocalAs4Error) as caught:
        make_wire(sbd=sbd)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"from_party": "POP000999"}, "AS4-FROM-MISMATCH"),
        ({"to_party": "POP000999"}, "AS4-TO-MISMATCH"),
        ({"action": INVOICE_RESPONSE}, "AS4-ACTION-MISMATCH"),
        ({"message_id": "has space"}, "AS4-MESSAGE-ID"),
        ({"conversation_id": ""}, "AS4-HEADER-VALUE"),
        ({"payload_id": "a b"}, "AS4-PAYLOAD-HREF"),
        ({"conversation_id": " c "}, "AS4-HEADER-LOSS"),
        ({"conversation_id": "a\x00b"}, "AS4-HEADER-LOSS"),
        ({"compressed": False}, "AS4-HEADER-LOSS"),
    ],
)
def test_we_never_send_what_would_be_refused(make_wire, make_message, changes, code):
    with pytest.raises(LocalAs4Error) as caught:
        make_wire(message=make_message(**changes))
    assert caught.value.code == code


def test_we_send_no_payload_that_is_not_a_business_message(make_wire):
    with pytest.raises(LocalAs4Error) as caught:
        make_wire(sbd=b"<Invoice/>")
    assert caught.value.code == "SBDH-ENVELOPE-MISSING"


@pytest.mark.parametrize(
    ("side", "code"), [("From", "AS4-FROM-MISMATCH"), ("To", "AS4-TO-MISMATCH")]
)
def test_the_parties_must_be_those_of_the_certificates(forge, receiver, side, code):
    def edit(envelope):
        path = f".//{q(ns.EB, side)}/{q(ns.EB, 'PartyId')}"
        envelope.messaging.find(path).text = "POP000999"

    wire = forge(edit=edit)
    error = refusal(receiver, wire.body, wire.content_type)
    assert (error.code, error.ebms) == (code, EbmsCode.OTHER)


def test_payload_faults_have_their_codes(forge, receiver, make_sbd):
    cases = {
        "AS4-GZIP-BROKEN": (forge(content=b"no gzip at all"), EbmsCode.DECOMPRESSION_FAILURE),
        "AS4-GZIP-TRUNCATED": (
            forge(content=gzip.compress(make_sbd())[:-9]),
            EbmsCode.DECOMPRESSION_FAILURE,
        ),
        "AS4-GZIP-BOMB": (
            forge(content=gzip.compress(b" " * 20_000_000)),
            EbmsCode.DECOMPRESSION_FAILURE,
        ),
        "SBDH-ENVELOPE-MISSING": (
            forge(content=gzip.compress(b"<Invoice/>")),
            EbmsCode.OTHER,
        ),
        "AS4-PAYLOAD-DIGEST": (
            forge(signed_content=b"something else"),
            EbmsCode.FAILED_AUTHENTICATION,
        ),
    }
    for code, (wire, ebms) in cases.items():
        error = refusal(receiver, wire.body, wire.content_type)
        assert (error.code, error.ebms) == (code, ebms)
        assert error.ref_to_message_id == wire.message.message_id


def _without_compression(envelope):
    for element in envelope.messaging.iterfind(f".//{q(ns.EB, 'Property')}"):
        if element.get("name") == "CompressionType":
            element.getparent().remove(element)


def test_an_uncompressed_payload_is_read_as_it_was_signed(forge, receiver, make_sbd):
    sbd = make_sbd()
    canonical = etree.tostring(
        etree.ElementTree(etree.fromstring(sbd)), method="c14n", exclusive=True
    )
    plain = forge(edit=_without_compression, content=sbd)
    assert receiver.unpack(plain.body, plain.content_type).sbd.read() == sbd
    by_swa = forge(edit=_without_compression, content=sbd, signed_content=canonical)
    assert receiver.unpack(by_swa.body, by_swa.content_type).sbd.read() == canonical
    assert canonical != sbd
    for content in (sbd.replace(b"0042", b"0043"), b"no xml", b'<x xmlns="relative"/>'):
        changed = forge(edit=_without_compression, content=content, signed_content=canonical)
        error = refusal(receiver, changed.body, changed.content_type)
        assert error.code == "AS4-PAYLOAD-DIGEST"


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        (lambda bodies: bodies[:1], "AS4-PART-COUNT"),
        (lambda bodies: [*bodies, ("text/plain", "x", b"extra")], "AS4-PART-COUNT"),
        (lambda bodies: [bodies[0], (bodies[1][0], "other", bodies[1][2])], "AS4-PAYLOAD-MISMATCH"),
    ],
)
def test_a_message_has_one_soap_part_and_one_payload(forge, receiver, parts, code):
    wire = forge(parts=parts)
    error = refusal(receiver, wire.body, wire.content_type)
    assert (error.code, error.ebms) == (code, EbmsCode.MIME_INCONSISTENCY)


def test_base64_transfer_encoding_is_read(wire, receiver):
    head, _, rest = wire.body.rpartition(b"Content-Transfer-Encoding: binary")
    headers, _, tail = rest.partition(b"\r\n\r\n")
    secret, boundary, end = tail.rpartition(b"\r\n------=_Part_")
    body = b"".join(
        [head, b"Content-Transfer-Encoding: base64", headers, b"\r\n\r\n",
         base64.encodebytes(secret).replace(b"\n", b"\r\n"), boundary, end]
    )  # fmt: skip
    assert receiver.unpack(body, wire.content_type).sbd.read() == wire.sbd


@pytest.mark.parametrize("size", [0, 1, 100, 2000, 4000])
def test_a_truncated_message_is_refused(wire, receiver, size):
    error = refusal(receiver, wire.body[:size], wire.content_type)
    assert error.ebms is EbmsCode.MIME_INCONSISTENCY


def test_limits_are_kept(wire, receiver):
    tight = UnpackLimits(mime=MimeLimits(max_part_bytes=1000))
    assert refusal(receiver, wire.body, wire.content_type, tight).ebms.code == "EBMS:0007"
    small = UnpackLimits(max_document_bytes=100)
    assert refusal(receiver, wire.body, wire.content_type, small).code == "AS4-GZIP-TOO-LARGE"


def test_spools_are_closed_on_failure_and_only_the_document_is_left_on_success(wire, pki):
    opened: list[io.BytesIO] = []

    def spool():
        opened.append(io.BytesIO())
        return opened[-1]

    def attempt(body, verify_signer):
        opened.clear()
        return unpack(
            io.BytesIO(body),
            wire.content_type,
            keys=[(pki.receiver.certificate, pki.receiver.key)],
            verify_signer=verify_signer,
            limits=UnpackLimits(),
            spool=spool,
        )

    received = attempt(wire.body, lambda _: None)
    assert [item for item in opened if not item.closed] == [received.sbd]
    with pytest.raises(MessageRefused):
        attempt(wire.body.replace(b"conversation-1", b"conversation-2"), lambda _: None)
    assert opened
    assert all(item.closed for item in opened)

    def crash(_certificate):
        raise RuntimeError("the trust store is gone")

    with pytest.raises(RuntimeError, match="trust store"):
        attempt(wire.body, crash)
    assert all(item.closed for item in opened)


@pytest.mark.parametrize("token", [0, 1])
def test_a_broken_certificate_is_refused_wherever_it_breaks(wire, receiver, token):
    start = [i for i in range(len(wire.body)) if wire.body.startswith(b">MII", i)][token] + 1
    for index in range(start, start + 400, 3):
        changed = bytearray(wire.body)
        changed[index] ^= 0x1F
        error = refusal(receiver, bytes(changed), wire.content_type)
        assert error.ebms.code in ("EBMS:0009", "EBMS:0101", "EBMS:0102")


@settings(max_examples=200, deadline=None)
@given(position=st.floats(0, 1, exclude_max=True), mask=st.integers(1, 255))
@example(position=0.49436, mask=1)
@example(position=0.999, mask=1)
def test_no_changed_byte_ever_changes_what_is_received(same_wire, same_receiver, position, mask):
    changed = bytearray(same_wire.body)
    changed[int(position * len(changed))] ^= mask
    try:
        received = same_receiver.unpack(bytes(changed), same_wire.content_type)
    except MessageRefused:
        return
    assert received.message == same_wire.message
    assert received.sbd.read() == same_wire.sbd
    assert received.signer == same_receiver.pki.sender.certificate


def _change(receipt: bytes, old: bytes, new: bytes) -> bytes:
    assert old in receipt
    return receipt.replace(old, new)


def test_a_receipt_that_proves_nothing_is_refused(
    wire, make_wire, make_message, receiver, receipt_for, judge, pki, now
):
    received = receiver.unpack(wire.body, wire.content_type)
    receipt = receipt_for(received, pki.receiver)
    other = make_wire(message=make_message(message_id="other@ap.example"))
    other_receipt = receipt_for(receiver.unpack(other.body, other.content_type), pki.receiver)
    late = pki.receiver.certificate.not_valid_after_utc.replace(year=2035)
    start, end = receipt.index(b"<wsse:Security "), receipt.index(b"</wsse:Security>") + 16
    cases = {
        "AS4-RECEIPT-OTHER-MESSAGE": lambda: judge(wire, other_receipt),
        "AS4-RECEIPT-DIGEST": lambda: judge(wire, other_receipt, message_id="other@ap.example"),
        "AS4-RECEIPT-SIGNER": lambda: judge(wire, receipt, recipient=pki.renewed.certificate),
        "AS4-RECEIPT-EXPIRED": lambda: judge(wire, receipt, now=late),
        "AS4-SIGNATURE-COUNT": lambda: judge(wire, receipt[:start] + receipt[end:]),
        "AS4-SIGNATURE-DIGEST": lambda: judge(wire, _change(receipt, b"receipt-1@", b"receipt-2@")),
        "AS4-DSIG-VALUE": lambda: judge(
            wire, _change(receipt, b"<ds:SignatureValue>", b"<ds:SignatureValue>AAAA")
        ),
        "AS4-XML-NOT-WELL-FORMED": lambda: judge(wire, receipt[:-5]),
        "AS4-ANSWER-TYPE": lambda: judge(wire, b"<html/>", "text/html"),
        "AS4-SOAP-VERSION": lambda: judge(wire, b"<html/>", "text/xml"),
        "AS4-MIME-BOUNDARY": lambda: judge(wire, receipt, "multipart/related"),
    }
    for code, attempt in cases.items():
        with pytest.raises(PeerAs4Error) as caught:
            attempt()
        assert (caught.value.code, caught.value.ebms) == (code, EbmsCode.INVALID_RECEIPT)
    with pytest.raises(PeerAs4Error):
        judge(wire, receipt, references=())


def test_a_receipt_may_come_as_mime(wire, receiver, receipt_for, judge, pki):
    receipt = receipt_for(receiver.unpack(wire.body, wire.content_type), pki.receiver)
    out = io.BytesIO()
    part = Part.binary(content_type=SOAP, content_id="root", body=io.BytesIO(receipt))
    content_type = write_multipart([part], boundary="b", out=out)
    assert isinstance(judge(wire, out.getvalue(), content_type), ReceiptReceived)


@pytest.fixture
def error_answer(now, entropy):
    def build(error, seat, *, ref="8f3d2c1e-0000-4000-8000-000000000001@ap.example"):
        return build_error(
            [error],
            ref_to_message_id=ref,
            message_id="error-1@c3.example",
            now=now,
            key=seat.key if seat else None,
            certificate=seat.certificate if seat else None,
            entropy=entropy,
        )

    return build


def test_a_refusal_travels_back_as_a_signed_error(wire, receiver, judge, error_answer, pki):
    tampered = wire.body.replace(b"conversation-1", b"conversation-2")
    error = refusal(receiver, tampered, wire.content_type)
    assert error.ref_to_message_id == wire.message.message_id
    answer = judge(wire, error_answer(error, pki.receiver, ref=error.ref_to_message_id))
    assert isinstance(answer, ErrorReceived)
    assert answer.signed
    assert not answer.duplicate
    assert not answer.not_serviced
    (read,) = answer.errors
    assert read.code == "EBMS:0101"
    assert read.severity == "failure"
    assert read.short_description == "FailedAuthentication"
    assert read.category == "Processing"
    assert read.description == f"{error.code}: {error.message}"
    assert read.ref_to_message_in_error == wire.message.message_id


def test_libxmlsec_verifies_our_error(error_answer, pki):
    error = PeerAs4Error("AS4-X", "nö\x00t good", ebms=EbmsCode.OTHER)
    assert _libxmlsec_accepts(error_answer(error, pki.receiver), pki.receiver)


def test_not_serviced_and_duplicate_are_told_apart(wire, judge, error_answer, pki):
    not_serviced = PeerAs4Error(
        "AS4-NOT-SERVICED", "Unknown here.", ebms=EbmsCode.OTHER, detail=NOT_SERVICED
    )
    answer = judge(wire, error_answer(not_serviced, pki.receiver))
    assert (answer.not_serviced, answer.duplicate) == (True, False)
    assert answer.errors[0].detail == NOT_SERVICED
    for duplicate in (
        PeerAs4Error("AS4-DUPLICATE", "Known.", ebms=EbmsCode.DUPLICATE_DETECTED),
        PeerAs4Error("X", "This is a Duplicate message.", ebms=EbmsCode.OTHER),
    ):
        answer = judge(wire, error_answer(duplicate, pki.receiver))
        assert (answer.not_serviced, answer.duplicate) == (False, True)
    unread = PeerAs4Error("AS4-ID-DUPLICATE", "No.", ebms=EbmsCode.FAILED_AUTHENTICATION)
    assert not judge(wire, error_answer(unread, pki.receiver)).duplicate


def test_an_error_is_a_hint_unless_the_receiver_signed_it(wire, judge, error_answer, pki):
    error = PeerAs4Error("AS4-X", "No.", ebms=EbmsCode.OTHER)
    assert judge(wire, error_answer(error, pki.receiver)).signed
    unsigned = error_answer(error, None)
    assert b"Security" not in unsigned
    assert not judge(wire, unsigned).signed
    assert not judge(wire, error_answer(error, pki.stranger)).signed
    changed = _change(error_answer(error, pki.receiver), b"EBMS:0004", b"EBMS:0003")
    answer = judge(wire, changed)
    assert not answer.signed
    assert answer.errors[0].code == "EBMS:0003"


def test_an_error_about_another_message_is_no_answer(wire, judge, error_answer, pki):
    error = PeerAs4Error("AS4-X", "No.", ebms=EbmsCode.OTHER)
    with pytest.raises(PeerAs4Error) as caught:
        judge(wire, error_answer(error, pki.receiver, ref="other@ap.example"))
    assert caught.value.code == "AS4-ANSWER-OTHER-MESSAGE"
    assert judge(wire, error_answer(error, pki.receiver, ref=None)).signed


def test_an_error_signal_needs_an_error(now, entropy):
    with pytest.raises(ValueError, match="at least one"):
        build_error(
            [],
            ref_to_message_id=None,
            message_id="x",
            now=now,
            key=None,
            certificate=None,
            entropy=entropy,
        )


@pytest.fixture(scope="module")
def same_receipt(same_wire, same_receiver, pki):
    received = same_receiver.unpack(same_wire.body, same_wire.content_type)
    return build_receipt(
        received,
        message_id="receipt-1@c3.example",
        now=same_wire.message.timestamp,
        key=pki.receiver.key,
        certificate=pki.receiver.certificate,
        entropy=lambda size: b"\x07" * size,
    )


@pytest.mark.parametrize("mask", [1, 0x1F])
def test_no_byte_of_a_receipt_can_be_changed_unnoticed(same_wire, same_receipt, pki, now, mask):
    accepted = []
    for index in range(0, len(same_receipt), 11):
        changed = bytearray(same_receipt)
        changed[index] ^= mask
        try:
            answer = read_answer(
                content_type=SOAP,
                body=bytes(changed),
                message_id=same_wire.message.message_id,
                references=same_wire.encoded.references,
                recipient=pki.receiver.certificate,
                now=now,
            )
        except PeerAs4Error:
            continue
        accepted.append(answer)
    assert set(accepted) <= {ReceiptReceived("receipt-1@c3.example", now)}
