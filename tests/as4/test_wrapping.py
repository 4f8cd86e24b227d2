"""Signature wrapping: the signed nodes are still there, but something else would be processed.

Each variant keeps every signed byte of a real, properly signed envelope and moves or adds
elements around it. None may verify.
"""

import copy

import pytest
from lxml import etree

from gateway.as4 import namespaces as ns
from gateway.as4.ebms import check_structure
from gateway.as4.envelope import read_envelope
from gateway.as4.errors import As4Error, PeerAs4Error
from gateway.as4.incoming import MessageRefused
from gateway.as4.namespaces import q
from gateway.as4.signals import read_signal
from gateway.as4.wssec import verify
from ubl.safexml import parse

ID = q(ns.WSU, "Id")


class Parts:
    """The parts of an envelope, found by position so that a variant can move them."""

    def __init__(self, data: bytes) -> None:
        self.root = parse(data)
        self.header, self.body = self.root
        self.messaging = self.header.find(q(ns.EB, "Messaging"))
        self.security = self.header.find(q(ns.WSSE, "Security"))
        self.signature = self.security.find(q(ns.DS, "Signature"))

    def forged(self, node, new_id):
        """A copy of a node with other content, under another identifier or none."""
        other = copy.deepcopy(node)
        if new_id is None:
            del other.attrib[ID]
        else:
            other.set(ID, new_id)
        for element in other.iter(q(ns.EB, "MessageId")):
            element.text = "forged@evil.example"
        if node.tag == self.body.tag:
            etree.SubElement(other, "Forged")
        return other


def wrapper(parent, index=None):
    element = etree.Element("Wrapper")
    parent.insert(len(parent) if index is None else index, element)
    return element


def messaging_under_wrapper_in_header(p, new_id):
    p.header.replace(p.messaging, p.forged(p.messaging, new_id))
    wrapper(p.header).append(p.messaging)


def messaging_under_wrapper_in_front(p, new_id):
    p.header.replace(p.messaging, p.forged(p.messaging, new_id))
    wrapper(p.header, 0).append(p.messaging)


def messaging_into_security(p, new_id):
    p.header.replace(p.messaging, p.forged(p.messaging, new_id))
    p.security.append(p.messaging)


def messaging_into_signature_object(p, new_id):
    p.header.replace(p.messaging, p.forged(p.messaging, new_id))
    etree.SubElement(p.signature, q(ns.DS, "Object")).append(p.messaging)


def messaging_into_body(p, new_id):
    p.header.replace(p.messaging, p.forged(p.messaging, new_id))
    p.body.append(p.messaging)


def messaging_beside_the_body(p, new_id):
    p.header.replace(p.messaging, p.forged(p.messaging, new_id))
    p.root.append(p.messaging)


def messaging_into_the_forged_one(p, new_id):
    forged = p.forged(p.messaging, new_id)
    p.header.replace(p.messaging, forged)
    forged.append(p.messaging)


def second_messaging_after(p, new_id):
    p.messaging.addnext(p.forged(p.messaging, new_id))


def second_messaging_before(p, new_id):
    p.messaging.addprevious(p.forged(p.messaging, new_id))


def second_header(p, new_id):
    header = etree.Element(p.header.tag)
    header.append(p.forged(p.messaging, new_id))
    p.header.addprevious(header)


def body_under_wrapper_in_header(p, new_id):
    p.root.replace(p.body, p.forged(p.body, new_id))
    wrapper(p.header).append(p.body)


def body_into_security(p, new_id):
    p.root.replace(p.body, p.forged(p.body, new_id))
    p.security.append(p.body)


def body_into_the_forged_one(p, new_id):
    forged = p.forged(p.body, new_id)
    p.root.replace(p.body, forged)
    forged.append(p.body)


def second_body_before(p, new_id):
    p.body.addprevious(p.forged(p.body, new_id))


def second_body_after(p, new_id):
    p.body.addnext(p.forged(p.body, new_id))


def whole_envelope_inside_another(p, new_id):
    inner = copy.deepcopy(p.root)
    p.header.replace(p.messaging, p.forged(p.messaging, new_id))
    p.root.replace(p.body, body := p.forged(p.body, None))
    body.append(inner)
    inner[0].remove(inner[0].find(q(ns.WSSE, "Security")))


VARIANTS = [
    value
    for name, value in sorted(globals().items())
    if name.startswith(("messaging_", "second_", "body_", "whole_"))
]


def test_the_originals_verify(signed_vector):
    assert verify(read_envelope(signed_vector)).references
    assert verify(read_envelope(etree.tostring(Parts(signed_vector).root))).references


@pytest.mark.parametrize("identity", ["same", "other", "none"])
@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.__name__)
def test_wrapped_envelopes_do_not_verify(signed_vector, variant, identity):
    parts = Parts(signed_vector)
    node = parts.body if variant.__name__.startswith(("body_", "second_body")) else parts.messaging
    new_id = {"same": node.get(ID), "other": "forged-1", "none": None}[identity]
    variant(parts, new_id)
    with pytest.raises(PeerAs4Error) as caught:
        verify(read_envelope(etree.tostring(parts.root)))
    assert caught.value.ebms.code in ("EBMS:0009", "EBMS:0101")
    assert caught.value.code in {
        "AS4-HEADER-STRUCTURE",
        "AS4-SOAP-STRUCTURE",
        "AS4-ID-DUPLICATE",
        "AS4-SIGNATURE-COVERAGE",
        "AS4-SIGNATURE-DIGEST",
    }


@pytest.mark.parametrize("attribute", ["Id", "ID", "id", q(ns.XML, "id"), ID])
def test_an_identifier_under_another_attribute_name_is_still_a_duplicate(signed_vector, attribute):
    for node in ("messaging", "body"):
        parts = Parts(signed_vector)
        wrapper(parts.header).set(attribute, getattr(parts, node).get(ID))
        with pytest.raises(PeerAs4Error) as caught:
            verify(read_envelope(etree.tostring(parts.root)))
        assert caught.value.code == "AS4-ID-DUPLICATE"


def test_a_second_signature_or_security_block_is_refused(signed_vector):
    parts = Parts(signed_vector)
    parts.security.append(copy.deepcopy(parts.signature))
    with pytest.raises(PeerAs4Error) as caught:
        verify(read_envelope(etree.tostring(parts.root)))
    assert caught.value.code == "AS4-SIGNATURE-COUNT"
    parts = Parts(signed_vector)
    parts.security.addprevious(copy.deepcopy(parts.security))
    with pytest.raises(PeerAs4Error) as caught:
        read_envelope(etree.tostring(parts.root))
    assert caught.value.code == "AS4-SECURITY-MANY"


def test_a_signature_outside_the_security_block_does_not_count(signed_vector):
    parts = Parts(signed_vector)
    wrapper(parts.security).append(parts.signature)
    with pytest.raises(PeerAs4Error) as caught:
        verify(read_envelope(etree.tostring(parts.root)))
    assert caught.value.code == "AS4-SIGNATURE-COUNT"


def test_a_comment_cannot_cut_a_signed_value(signed_vector):
    # Canonicalisation drops the comment, so the signature still holds; the value is not read.
    changed = signed_vector.replace(b"MessageId>", b"MessageId><!-- -->", 1)
    assert changed != signed_vector
    envelope = read_envelope(changed)
    assert verify(envelope).references
    read = check_structure if b"UserMessage" in signed_vector else read_signal
    with pytest.raises(As4Error) as caught:
        read(envelope.messaging)
    assert caught.value.code == "AS4-HEADER-VALUE"


@pytest.mark.parametrize("identity", ["same", "other", "none"])
@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.__name__)
def test_a_wrapped_message_is_not_received(wire, receiver, variant, identity):
    head, xml, tail = _split(wire.body)
    parts = Parts(xml)
    node = parts.body if variant.__name__.startswith(("body_", "second_body")) else parts.messaging
    new_id = {"same": node.get(ID), "other": "forged-1", "none": None}[identity]
    variant(parts, new_id)
    body = head + etree.tostring(parts.root) + tail
    with pytest.raises(MessageRefused):
        receiver.unpack(body, wire.content_type)


def _split(body: bytes) -> tuple[bytes, bytes, bytes]:
    start, end = body.index(b"<S12:Envelope"), body.index(b"</S12:Envelope>") + 15
    return body[:start], body[start:end], body[end:]


def test_the_envelope_may_be_written_anew(wire, receiver):
    """The counter-check of the test above: taking apart and joining alone harms nothing."""
    head, xml, tail = _split(wire.body)
    body = head + etree.tostring(Parts(xml).root) + tail
    assert receiver.unpack(body, wire.content_type).message == wire.message


def test_both_orders_of_the_header_blocks_are_read(wire, receiver):
    head, xml, tail = _split(wire.body)
    parts = Parts(xml)
    parts.header.insert(0, parts.messaging)
    body = head + etree.tostring(parts.root) + tail
    assert receiver.unpack(body, wire.content_type).message == wire.message
