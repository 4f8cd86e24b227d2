"""The ebMS header: what is written reads back the same, and every violation has its code."""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from gateway.as4 import namespaces as ns
from gateway.as4.ebms import (
    UserMessage,
    check_structure,
    peek_message_id,
    read_user_message,
    write_user_message,
)
from gateway.as4.envelope import (
    new_envelope,
    read_envelope,
    read_timestamp,
    serialise,
    write_timestamp,
)
from gateway.as4.errors import EbmsCode, PeerAs4Error
from gateway.as4.identifiers import DocumentTypeId, ParticipantId, ProcessId
from gateway.as4.namespaces import q
from gateway.as4.signals import (
    ErrorSignal,
    Receipt,
    ReceivedReference,
    SignalError,
    read_signal,
    write_error,
    write_receipt,
)
from ubl.safexml import parse

MOMENT = datetime.datetime(2026, 5, 4, 12, 0, 0, 123000, tzinfo=datetime.UTC)
WORDS = st.text("abcdefghijklmnopqrstuvwxyz0123456789-._@:#<>&\"'", min_size=1, max_size=40)
NUMBERS = st.text("0123456789abc:", min_size=1, max_size=40)


def written(message: UserMessage):
    envelope = new_envelope(messaging_id="m", body_id="b")
    write_user_message(envelope.messaging, message)
    return read_envelope(serialise(envelope)).messaging


@given(
    message_id=WORDS,
    conversation=WORDS,
    service=WORDS,
    action=WORDS,
    sender=NUMBERS,
    payload=WORDS,
    seat=st.from_regex(r"P[A-Z]{2}[0-9]{6}", fullmatch=True),
    moment=st.datetimes(timezones=st.just(datetime.UTC)),
)
def test_what_is_written_reads_back(
    message_id, conversation, service, action, sender, payload, seat, moment
):
    message = UserMessage(
        message_id=message_id,
        timestamp=moment.replace(microsecond=moment.microsecond // 1000 * 1000),
        conversation_id=conversation,
        from_party=seat,
        to_party="POP000202",
        service=ProcessId("cenbii-procid-ubl", service),
        action=DocumentTypeId("busdox-docid-qns", action),
        original_sender=ParticipantId.of(f"0088:{sender}"),
        final_recipient=ParticipantId.of("0192:991825827"),
        payload_id=payload,
    )
    assert read_user_message(written(message)) == message


def child(messaging, path):
    return messaging.find("/".join(f"{{*}}{name}" for name in ["UserMessage", *path.split("/")]))


def remove(path):
    def edit(messaging):
        node = child(messaging, path)
        node.getparent().remove(node)

    return edit


def double(path):
    def edit(messaging):
        node = child(messaging, path)
        node.addnext(parse(etree.tostring(node)))

    return edit


def text(path, value):
    def edit(messaging):
        child(messaging, path).text = value

    return edit


def attribute(path, name, value):
    def edit(messaging):
        node = child(messaging, path)
        if value is None:
            del node.attrib[name]
        else:
            node.set(name, value)

    return edit


def with_comment(path):
    def edit(messaging):
        child(messaging, path).append(etree.Comment("x"))

    return edit


def property_named(name, new_name):
    def edit(messaging):
        for node in messaging.iter(q(ns.EB, "Property")):
            if node.get("name") == name:
                node.set("name", new_name)

    return edit


def property_value(name, value, kind="iso6523-actorid-upis"):
    def edit(messaging):
        for node in messaging.iter(q(ns.EB, "Property")):
            if node.get("name") == name:
                node.text = value
                node.attrib.pop("type", None)
                if kind:
                    node.set("type", kind)

    return edit


def add(path, name, value=None):
    def edit(messaging):
        node = messaging if path == "" else child(messaging, path)
        etree.SubElement(node, q(ns.EB, name)).text = value

    return edit


STRUCTURE = {
    "no message info": (remove("MessageInfo"), "0009", "AS4-HEADER-STRUCTURE"),
    "no message id": (remove("MessageInfo/MessageId"), "0009", "AS4-HEADER-STRUCTURE"),
    "two message ids": (double("MessageInfo/MessageId"), "0009", "AS4-HEADER-STRUCTURE"),
    "empty message id": (text("MessageInfo/MessageId", ""), "0009", "AS4-HEADER-VALUE"),
    "blank in id": (text("MessageInfo/MessageId", "a b"), "0009", "AS4-MESSAGE-ID"),
    "long id": (text("MessageInfo/MessageId", "a" * 256), "0009", "AS4-MESSAGE-ID"),
    "comment in id": (with_comment("MessageInfo/MessageId"), "0009", "AS4-HEADER-VALUE"),
    "no timestamp": (remove("MessageInfo/Timestamp"), "0009", "AS4-HEADER-STRUCTURE"),
    "30 February": (
        text("MessageInfo/Timestamp", "2026-02-30T00:00:00Z"),
        "0009",
        "AS4-HEADER-TIMESTAMP",
    ),
    "no parties": (remove("PartyInfo"), "0009", "AS4-HEADER-STRUCTURE"),
    "no sender": (remove("PartyInfo/From"), "0009", "AS4-HEADER-STRUCTURE"),
    "two receivers": (double("PartyInfo/To"), "0009", "AS4-HEADER-STRUCTURE"),
    "no party id": (remove("PartyInfo/To/PartyId"), "0009", "AS4-PARTY-MISSING"),
    "empty party id": (text("PartyInfo/To/PartyId", " "), "0009", "AS4-PARTY-MISSING"),
    "comment in party": (with_comment("PartyInfo/To/PartyId"), "0009", "AS4-PARTY-MISSING"),
    "no role": (remove("PartyInfo/To/Role"), "0009", "AS4-HEADER-STRUCTURE"),
    "no collaboration": (remove("CollaborationInfo"), "0009", "AS4-HEADER-STRUCTURE"),
    "no service": (remove("CollaborationInfo/Service"), "0009", "AS4-HEADER-STRUCTURE"),
    "two actions": (double("CollaborationInfo/Action"), "0009", "AS4-HEADER-STRUCTURE"),
    "no conversation": (
        remove("CollaborationInfo/ConversationId"),
        "0009",
        "AS4-HEADER-STRUCTURE",
    ),
    "second user message": (add("", "UserMessage"), "0003", "AS4-USER-MESSAGE-MANY"),
    "a signal beside it": (add("", "SignalMessage"), "0002", "AS4-SIGNAL-UNEXPECTED"),
}
PROFILE = {
    "two party ids": (double("PartyInfo/From/PartyId"), "0004", "AS4-PARTY-MANY"),
    "party type": (attribute("PartyInfo/From/PartyId", "type", "x"), "0004", "AS4-PARTY-TYPE"),
    "no party type": (attribute("PartyInfo/To/PartyId", "type", None), "0004", "AS4-PARTY-TYPE"),
    "no seat": (text("PartyInfo/To/PartyId", "POP1"), "0004", "AS4-PARTY-SEAT"),
    "roles": (text("PartyInfo/To/Role", "Buyer"), "0003", "AS4-PARTY-ROLE"),
    "no agreement": (remove("CollaborationInfo/AgreementRef"), "0003", "AS4-AGREEMENT"),
    "agreement": (text("CollaborationInfo/AgreementRef", "x"), "0003", "AS4-AGREEMENT"),
    "pmode": (
        attribute("CollaborationInfo/AgreementRef", "pmode", "x"),
        "0003",
        "AS4-AGREEMENT-ATTRIBUTE",
    ),
    "agreement type": (
        attribute("CollaborationInfo/AgreementRef", "type", "x"),
        "0003",
        "AS4-AGREEMENT-ATTRIBUTE",
    ),
    "service type": (
        attribute("CollaborationInfo/Service", "type", None),
        "0001",
        "AS4-SERVICE-VALUE",
    ),
    "service": (text("CollaborationInfo/Service", "a b"), "0001", "AS4-SERVICE-VALUE"),
    "action": (text("CollaborationInfo/Action", "NewPurchaseOrder"), "0001", "AS4-ACTION-VALUE"),
    "no properties": (remove("MessageProperties"), "0004", "AS4-PROPERTY-MISSING"),
    "no recipient": (property_named("finalRecipient", "x"), "0004", "AS4-PROPERTY-MISSING"),
    "twice": (property_named("finalRecipient", "originalSender"), "0004", "AS4-PROPERTY-MANY"),
    "tracking": (
        property_named("finalRecipient", "trackingIdentifier"),
        "0004",
        "AS4-PROPERTY-FORBIDDEN",
    ),
    "untyped": (property_value("originalSender", "0088:1", None), "0004", "AS4-PROPERTY-TYPE"),
    "sender": (property_value("originalSender", "nobody"), "0004", "AS4-PROPERTY-VALUE"),
    "no payload": (remove("PayloadInfo"), "0003", "AS4-PAYLOAD-COUNT"),
    "two payloads": (double("PayloadInfo/PartInfo"), "0003", "AS4-PAYLOAD-COUNT"),
    "body payload": (attribute("PayloadInfo/PartInfo", "href", "#b"), "0003", "AS4-PAYLOAD-HREF"),
    "no href": (attribute("PayloadInfo/PartInfo", "href", None), "0003", "AS4-PAYLOAD-HREF"),
    "rar": (
        property_value("CompressionType", "application/rar", None),
        "0003",
        "AS4-PAYLOAD-COMPRESSION",
    ),
    "property twice": (
        property_named("MimeType", "CompressionType"),
        "0003",
        "AS4-PAYLOAD-PROPERTY",
    ),
}


def code_of(read, messaging) -> tuple[str, str]:
    with pytest.raises(PeerAs4Error) as caught:
        read(messaging)
    assert caught.value.message.endswith(".")
    return caught.value.ebms.code, caught.value.code


@pytest.mark.parametrize("case", STRUCTURE)
def test_structural_violations(make_message, case):
    edit, ebms, code = STRUCTURE[case]
    messaging = written(make_message())
    edit(messaging)
    assert code_of(check_structure, messaging) == (f"EBMS:{ebms}", code)
    assert code_of(read_user_message, messaging) == (f"EBMS:{ebms}", code)


@pytest.mark.parametrize("case", PROFILE)
def test_violations_of_the_peppol_profile(make_message, case):
    edit, ebms, code = PROFILE[case]
    messaging = written(make_message())
    edit(messaging)
    check_structure(messaging)
    assert code_of(read_user_message, messaging) == (f"EBMS:{ebms}", code)


def test_the_default_channel_may_be_named_and_no_other(make_message):
    messaging = written(make_message())
    user = messaging[0]
    user.set("mpc", f"{ns.EB}defaultMPC")
    assert read_user_message(messaging) == make_message()
    user.set("mpc", "urn:other")
    assert code_of(read_user_message, messaging) == ("EBMS:0003", "AS4-MPC")


def test_the_message_id_is_found_in_messages_that_are_wrong_otherwise(make_message):
    messaging = written(make_message())
    remove("PartyInfo")(messaging)
    assert peek_message_id(messaging) == make_message().message_id
    remove("MessageInfo/MessageId")(messaging)
    assert peek_message_id(messaging) is None
    assert peek_message_id(etree.Element("x")) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-05-04T12:00:00.123Z", MOMENT),
        ("2026-05-04T12:00:00.123", MOMENT),
        ("2026-05-04T14:00:00.1230004+02:00", MOMENT),
        (" 2026-05-04T12:00:00Z ", MOMENT.replace(microsecond=0)),
    ],
)
def test_timestamps_are_utc(value, expected):
    element = etree.Element("Timestamp")
    element.text = value
    assert read_timestamp(element) == expected


@pytest.mark.parametrize(
    "value", ["2006-30-30T30:99:99", "2026-05-04", "now", "0001-01-01T00:00:00+10:00", "٢٠٢٦"]
)
def test_imaginary_timestamps_are_refused(value):
    element = etree.Element("Timestamp")
    element.text = value
    assert code_of(read_timestamp, element) == ("EBMS:0009", "AS4-HEADER-TIMESTAMP")


def test_timestamps_are_written_in_utc_with_milliseconds():
    eastern = MOMENT.astimezone(datetime.timezone(datetime.timedelta(hours=9)))
    assert write_timestamp(eastern) == "2026-05-04T12:00:00.123Z"


S = f'xmlns:S="{ns.SOAP12}" xmlns:eb="{ns.EB}"'
ENVELOPES = {
    f"<S:Envelope {S}><S:Header><eb:Messaging/></S:Header></S:Envelope>": "AS4-HEADER-STRUCTURE",
    f"<S:Envelope {S}><S:Header/><S:Body/></S:Envelope>": "AS4-HEADER-STRUCTURE",
    f"<S:Envelope {S}><S:Body/><S:Header><eb:Messaging/></S:Header></S:Envelope>": (
        "AS4-SOAP-STRUCTURE"
    ),
    f"<S:Envelope {S}><S:Header><eb:Messaging/></S:Header><S:Body/><x/></S:Envelope>": (
        "AS4-SOAP-STRUCTURE"
    ),
    f'<S:Envelope {S}><S:Header><eb:Messaging/><x S:mustUnderstand="1"/></S:Header><S:Body/>'
    "</S:Envelope>": "AS4-SOAP-MUST-UNDERSTAND",
    f"<!DOCTYPE x><S:Envelope {S}/>": "AS4-XML-DOCTYPE",
    "": "AS4-XML-EMPTY",
    "<x>" * 200: "AS4-XML-NOT-WELL-FORMED",
    "<x/>": "AS4-SOAP-VERSION",
}


@pytest.mark.parametrize("data", ENVELOPES)
def test_envelopes_of_another_shape_are_refused(data):
    code = code_of(read_envelope, data.encode())
    assert code == ("EBMS:0009", ENVELOPES[data])


def test_unknown_header_blocks_that_need_no_understanding_are_ignored():
    data = f"<S:Envelope {S}><S:Header><x/><eb:Messaging/></S:Header><S:Body/></S:Envelope>"
    assert read_envelope(data.encode()).security is None


def signal_of(fill, value):
    envelope = new_envelope(messaging_id="m", body_id="b", secured=False)
    fill(envelope.messaging, value)
    return read_signal(read_envelope(serialise(envelope)).messaging)


REFERENCE = (
    f'<ds:Reference xmlns:ds="{ns.DS}" URI="#x"><ds:DigestMethod Algorithm="{ns.SHA256}"/>'
    "<ds:DigestValue>aGVsbG8=</ds:DigestValue></ds:Reference>"
)


def test_receipts_read_back():
    reference = ReceivedReference.of(parse(REFERENCE.encode()))
    assert (reference.uri, reference.digest) == ("#x", b"hello")
    receipt = Receipt("r@x", MOMENT, "m@x", (reference,))
    assert signal_of(write_receipt, receipt) == receipt


@pytest.mark.parametrize("detail", [None, "PEPPOL:NOT_SERVICED"])
@pytest.mark.parametrize("ref", [None, "m@x"])
def test_errors_read_back(detail, ref):
    cause = PeerAs4Error("AS4-X", "Not good & <so>.", ebms=EbmsCode.OTHER, detail=detail)
    error = SignalError.of(cause, ref_to_message_id=ref)
    assert error.description == "AS4-X: Not good & <so>."
    signal = ErrorSignal("e@x", MOMENT, ref, (error, error))
    assert signal_of(write_error, signal) == signal


def test_a_description_never_breaks_the_xml():
    cause = PeerAs4Error("AS4-X", "a\x00b\ud800c", ebms=EbmsCode.OTHER, detail="\x1f")
    error = SignalError.of(cause, ref_to_message_id=None)
    assert signal_of(write_error, ErrorSignal("e@x", MOMENT, None, (error,))).errors == (error,)
    assert error.description == "AS4-X: a?b?c"


INFO = (
    "<eb:MessageInfo><eb:Timestamp>2026-05-04T12:00:00Z</eb:Timestamp>"
    "<eb:MessageId>s@x</eb:MessageId>{ref}</eb:MessageInfo>"
)
NAMED = INFO.format(ref="<eb:RefToMessageId>m@x</eb:RefToMessageId>")
NRR = (
    f'<ebbp:NonRepudiationInformation xmlns:ebbp="{ns.EBBP}"><ebbp:MessagePartNRInformation>'
    "{reference}</ebbp:MessagePartNRInformation></ebbp:NonRepudiationInformation>"
)


def signals(*contents: str) -> bytes:
    inner = "".join(f"<eb:SignalMessage>{content}</eb:SignalMessage>" for content in contents)
    return (
        f"<S:Envelope {S}><S:Header><eb:Messaging>{inner}</eb:Messaging></S:Header><S:Body/>"
        "</S:Envelope>"
    ).encode()


RECEIPT = f"<eb:Receipt>{NRR.format(reference=REFERENCE)}</eb:Receipt>"
BAD_SIGNALS = {
    "none": (signals(), "AS4-SIGNAL-COUNT"),
    "two": (signals(NAMED + RECEIPT, NAMED + RECEIPT), "AS4-SIGNAL-COUNT"),
    "pull": (signals(NAMED + "<eb:PullRequest/>"), "AS4-SIGNAL-KIND"),
    "both": (signals(NAMED + RECEIPT + '<eb:Error errorCode="EBMS:0004"/>'), "AS4-SIGNAL-KIND"),
    "for nothing": (signals(INFO.format(ref="") + RECEIPT), "AS4-RECEIPT-REF"),
    "no digests": (signals(NAMED + "<eb:Receipt/>"), "AS4-RECEIPT-NRR"),
    "no reference": (
        signals(f"{NAMED}<eb:Receipt>{NRR.format(reference='')}</eb:Receipt>"),
        "AS4-RECEIPT-NRR",
    ),
    "broken digest": (
        signals(NAMED + RECEIPT.replace("aGVsbG8=", "?")),
        "AS4-RECEIPT-REFERENCE",
    ),
    "no digest": (
        signals(NAMED + RECEIPT.replace("ds:DigestValue", "ds:Other")),
        "AS4-RECEIPT-REFERENCE",
    ),
}


@pytest.mark.parametrize("case", BAD_SIGNALS)
def test_answers_that_are_neither_receipt_nor_error_are_refused(case):
    data, code = BAD_SIGNALS[case]
    assert code_of(read_signal, read_envelope(data).messaging) == ("EBMS:0302", code)


def test_foreign_elements_in_a_receipt_are_ignored():
    data = signals(NAMED + RECEIPT.replace("<eb:Receipt>", '<eb:Receipt><i xmlns="urn:x"/>'))
    assert len(read_signal(read_envelope(data).messaging).references) == 1


def test_errors_of_sloppy_peers_are_understood():
    data = signals(
        INFO.format(ref="")
        + '<eb:Error errorCode="0004" severity="FAILURE"><eb:ErrorDetail>a <b>b</b>\n c'
        "</eb:ErrorDetail></eb:Error>"
        '<eb:Error errorCode="VENDOR:1"/>'
    )
    first, second = read_signal(read_envelope(data).messaging).errors
    assert (first.code, first.severity, first.short_description) == (
        "EBMS:0004",
        "failure",
        "Other",
    )
    assert first.detail == "a b c"
    assert (second.code, second.severity, second.short_description) == ("VENDOR:1", "failure", "")
