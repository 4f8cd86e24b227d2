"""What an access point must refuse, case by case: one row is one message and its ebMS error.

The messages are right in everything but the one thing: a weak signature really is made with the
weak algorithm and would verify, a key really is wrapped with the old scheme. Rows are in the order
in which C3 checks (exchange facts 2.3). What needs a clock, a trust store or a database (expired,
revoked, replayed, not serviced) is in ``tests/exchange/test_reception.py`` and
``test_reception_trust.py``.
"""

import base64
import gzip
import hashlib
import os
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from lxml import etree

from gateway.as4 import namespaces as ns
from gateway.as4.errors import PeerAs4Error
from gateway.as4.incoming import MessageRefused, UnpackLimits, build_receipt
from gateway.as4.mime import MimeLimits
from gateway.as4.namespaces import q
from gateway.as4.outgoing import read_answer
from gateway.as4.xmldsig import Transform, canonicalise
from ubl.safexml import parse

RSA_SHA1 = ns.DS + "rsa-sha1"
BOMB = (
    '<!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">'
    '<!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;">]>'
)


def code_of(receiver, wire, limits=None):
    with pytest.raises(MessageRefused) as caught:
        receiver.unpack(wire.body, wire.content_type, limits)
    return caught.value.ebms.code, caught.value.code


def find(envelope, name):
    return envelope.security.find(f".//{q(ns.DS, name)}")


def signed_again(envelope, seat, *, digest=None):
    """Sign what SignedInfo says now, with SHA-256 or as the weak method named in it."""
    info = find(envelope, "SignedInfo")
    method = info.find(q(ns.DS, "SignatureMethod"))
    weak = method.get("Algorithm") == RSA_SHA1
    node = info.find(q(ns.DS, "CanonicalizationMethod"))
    prefixes = [one.get("PrefixList", "") for one in node]
    data = canonicalise(info, Transform(node.get("Algorithm"), tuple(" ".join(prefixes).split())))
    value = seat.raw.sign(data, padding.PKCS1v15(), hashes.SHA1() if weak else hashes.SHA256())
    find(envelope, "SignatureValue").text = base64.b64encode(value).decode()


def weak_signature(pki):
    def after(envelope):
        find(envelope, "SignatureMethod").set("Algorithm", RSA_SHA1)
        signed_again(envelope, pki.sender)

    return {"after": after}


def weak_digest(pki):
    """SHA-1 over the empty Body, signed properly."""

    def after(envelope):
        for reference in envelope.security.iter(q(ns.DS, "Reference")):
            if reference.get("URI") == "#b-1":
                transform = reference.find(f".//{q(ns.DS, 'Transform')}")
                prefixes = " ".join(one.get("PrefixList", "") for one in transform).split()
                data = canonicalise(
                    envelope.body, Transform(transform.get("Algorithm"), tuple(prefixes))
                )
                reference.find(q(ns.DS, "DigestMethod")).set("Algorithm", ns.SHA1)
                value = base64.b64encode(hashlib.sha1(data).digest()).decode()
                reference.find(q(ns.DS, "DigestValue")).text = value
        signed_again(envelope, pki.sender)

    return {"after": after}


def old_key_transport(pki):
    """RSA PKCS#1 v1.5, as before XML Encryption 1.1; the key inside is the right one."""
    content_key = os.urandom(16)

    def after(envelope):
        key = envelope.security.find(q(ns.XENC, "EncryptedKey"))
        method = key.find(q(ns.XENC, "EncryptionMethod"))
        method.set("Algorithm", ns.XENC + "rsa-1_5")
        wrapped = pki.receiver.certificate.public_key().encrypt(content_key, padding.PKCS1v15())
        value = key.find(f".//{q(ns.XENC, 'CipherValue')}")
        value.text = base64.b64encode(wrapped).decode()

    return {"content_key": content_key, "after": after}


def cipher(algorithm):
    def case(_pki):
        def after(envelope):
            data = envelope.security.find(q(ns.XENC, "EncryptedData"))
            data.find(q(ns.XENC, "EncryptionMethod")).set("Algorithm", ns.XENC + algorithm)

        return {"after": after}

    return case


def without(name, *, of=ns.XENC):
    def case(_pki):
        def after(envelope):
            for node in envelope.security.findall(q(of, name)):
                envelope.security.remove(node)

        return {"after": after}

    return case


def no_security(_pki):
    return {"after": lambda envelope: envelope.security.getparent().remove(envelope.security)}


def plain_payload(_pki):
    """Signed, but the payload travels as it is and nothing says it is encrypted."""

    def after(envelope):
        for name in ("EncryptedKey", "EncryptedData"):
            envelope.security.remove(envelope.security.find(q(ns.XENC, name)))

    return {"after": after}


def foreign(pki):
    return {"signer": pki.stranger}


def other_seat(pki):
    """A trusted access point that signs a message as if it were another one."""
    return {"signer": pki.renewed}


def wrapped_messaging(_pki):
    """The signed Messaging is moved aside and another takes its place."""

    def after(envelope):
        header = envelope.messaging.getparent()
        forged = parse(etree.tostring(envelope.messaging, with_tail=False))
        forged.set(q(ns.WSU, "Id"), "forged")
        header.replace(envelope.messaging, forged)
        etree.SubElement(header, "Wrapper").append(envelope.messaging)

    return {"after": after}


def bomb_in_soap(_pki):
    return {"parts": lambda bodies: [(bodies[0][0], None, _with_doctype(bodies[0][2])), bodies[1]]}


def _with_doctype(soap):
    at = soap.index(b"?>") + 2 if soap.startswith(b"<?xml") else 0
    return soap[:at] + BOMB.encode() + soap[at:]


def payload(change):
    """A properly signed and encrypted message whose business message is changed like this."""

    def case(_pki, sbd):
        return {"content": gzip.compress(change(sbd))}

    return case


def content(make):
    def case(_pki, sbd):
        return {"content": make(sbd)}

    return case


def nested(sbd):
    return sbd.replace(b"</Invoice>", b"<a>" * 200 + b"</a>" * 200 + b"</Invoice>")


def long_tag(sbd):
    # As many attributes as fit into two chunks of the reader, and more.
    flood = b" ".join(b'a%d="%s"' % (number, b"x" * 200) for number in range(8000))
    return sbd.replace(b"</Invoice>", b"<a " + flood + b"/></Invoice>")


def zeros(size):
    return lambda sbd: gzip.compress(sbd.replace(b"</Invoice>", b" " * size + b"</Invoice>"), 9)


CASES = {
    # security: is it encrypted, signed, with what, by whom
    "not encrypted": (plain_payload, "0102", "AS4-ENCRYPTION-COUNT"),
    "no key": (without("EncryptedKey"), "0102", "AS4-ENCRYPTION-COUNT"),
    "not signed": (without("Signature", of=ns.DS), "0101", "AS4-SIGNATURE-COUNT"),
    "no security at all": (no_security, "0102", "AS4-ENCRYPTION-COUNT"),
    "signed with rsa-sha1": (weak_signature, "0101", "AS4-DSIG-ALGORITHM"),
    "SHA-1 digest": (weak_digest, "0101", "AS4-DSIG-ALGORITHM"),
    "RSA 1.5 key transport": (old_key_transport, "0102", "AS4-ENCRYPTION-TRANSPORT"),
    "AES-CBC": (cipher("aes128-cbc"), "0102", "AS4-ENCRYPTION-CIPHER"),
    "AES-256-CBC": (cipher("aes256-cbc"), "0102", "AS4-ENCRYPTION-CIPHER"),
    "triple DES": (cipher("tripledes-cbc"), "0102", "AS4-ENCRYPTION-CIPHER"),
    "foreign CA": (foreign, "0101", "TEST-SIGNER-UNTRUSTED"),
    "CN is another seat": (other_seat, "0004", "AS4-FROM-MISMATCH"),
    "wrapped": (wrapped_messaging, "0101", "AS4-SIGNATURE-COVERAGE"),
    # payload: decompression, then the business message
    "no gzip": (content(lambda sbd: sbd), "0303", "AS4-GZIP-BROKEN"),
    "gzip cut off": (content(lambda sbd: gzip.compress(sbd)[:-4]), "0303", "AS4-GZIP-TRUNCATED"),
    "gzip bomb": (content(zeros(8_000_000)), "0303", "AS4-GZIP-BOMB"),
    "gzip too large": (content(zeros(1_000_000)), "0303", "AS4-GZIP-TOO-LARGE"),
    "gzip in gzip": (
        content(lambda sbd: gzip.compress(gzip.compress(sbd))),
        "0004",
        "SBDH-XML-NOT-WELL-FORMED",
    ),
    "endless members": (
        content(lambda sbd: gzip.compress(sbd) + gzip.compress(b"") * 40),
        "0303",
        "AS4-GZIP-TRAILING",
    ),
    "not an SBD": (payload(lambda sbd: b"<Invoice/>"), "0004", "SBDH-ENVELOPE-MISSING"),
    "entities in the SBD": (
        payload(lambda sbd: sbd.replace(b"?>", b"?>" + BOMB.encode(), 1)),
        "0004",
        "SBDH-XML-DOCTYPE",
    ),
    "too deep": (payload(nested), "0004", "SBDH-XML-TOO-DEEP"),
    "a tag without end": (payload(long_tag), "0004", "SBDH-XML-TOKEN-TOO-LONG"),
    "no country": (
        payload(lambda sbd: sbd.replace(b"COUNTRY_C1", b"COUNTRY_C9")),
        "0004",
        "SBDH-COUNTRY-C1-MISSING",
    ),
    "another sender": (
        payload(lambda sbd: sbd.replace(b"0088:7300010000001", b"0088:7300010000002")),
        "0004",
        "AS4-SENDER-MISMATCH",
    ),
    "another receiver": (
        payload(lambda sbd: sbd.replace(b"0192:991825827", b"0192:991825828")),
        "0004",
        "AS4-RECEIVER-MISMATCH",
    ),
    # envelope
    "entities in the SOAP part": (bomb_in_soap, "0009", "AS4-XML-DOCTYPE"),
}
SMALL = UnpackLimits(max_document_bytes=900_000)


@pytest.mark.parametrize("case", CASES)
def test_refused(case, forge, receiver, make_receiver, make_sbd, pki):
    build, ebms, code = CASES[case]
    changes = build(pki, make_sbd()) if build.__code__.co_argcount == 2 else build(pki)
    limits = SMALL if case == "gzip too large" else None
    assert code_of(receiver, forge(**changes), limits) == (f"EBMS:{ebms}", code)


def test_a_message_with_nothing_wrong_is_taken(forge, receiver):
    wire = forge()
    assert receiver.unpack(wire.body, wire.content_type).sbd.read() == wire.sbd


def test_what_is_signed_again_would_verify(forge, receiver, pki):
    """The forger's own signature is sound, so the weak rows fail for their weakness alone."""
    wire = forge(after=lambda envelope: signed_again(envelope, pki.sender))
    assert receiver.unpack(wire.body, wire.content_type).message == wire.message


PROPERTY = {
    "no original sender": ("originalSender", None, "0004", "AS4-PROPERTY-MISSING"),
    "no final recipient": ("finalRecipient", None, "0004", "AS4-PROPERTY-MISSING"),
    "sender without type": ("originalSender", "type", "0004", "AS4-PROPERTY-TYPE"),
}


@pytest.mark.parametrize("case", PROPERTY)
def test_message_properties(case, forge, receiver):
    name, attribute, ebms, code = PROPERTY[case]

    def edit(envelope):
        (node,) = [
            one for one in envelope.messaging.iter(q(ns.EB, "Property")) if one.get("name") == name
        ]
        if attribute is None:
            node.getparent().remove(node)
        else:
            del node.attrib[attribute]

    assert code_of(receiver, forge(edit=edit)) == (f"EBMS:{ebms}", code)


def first(path):
    return lambda envelope: envelope.messaging.find(
        f".//{'/'.join(q(ns.EB, one) for one in path.split('/'))}"
    )


HEADER = {
    "two parties": ("From/PartyId", "twice", "0004", "AS4-PARTY-MANY"),
    "party without type": ("From/PartyId", "untyped", "0004", "AS4-PARTY-TYPE"),
    "no seat id": ("To/PartyId", "9915:py", "0004", "AS4-PARTY-SEAT"),
    "another agreement": ("AgreementRef", "urn:other", "0003", "AS4-AGREEMENT"),
    "another role": ("From/Role", "urn:other", "0003", "AS4-PARTY-ROLE"),
    "another service": ("Service", "urn:other", "0004", "AS4-SERVICE-MISMATCH"),
    "action of no scheme": ("Action", "Invoice", "0001", "AS4-ACTION-VALUE"),
    "message id with a space": ("MessageId", "a b", "0009", "AS4-MESSAGE-ID"),
    "no timestamp": ("Timestamp", "yesterday", "0009", "AS4-HEADER-TIMESTAMP"),
}


@pytest.mark.parametrize("case", HEADER)
def test_ebms_header(case, forge, receiver):
    path, value, ebms, code = HEADER[case]

    def edit(envelope):
        node = first(path)(envelope)
        if value == "twice":
            node.addnext(parse(etree.tostring(node, with_tail=False)))
        elif value == "untyped":
            del node.attrib["type"]
        else:
            node.text = value

    assert code_of(receiver, forge(edit=edit)) == (f"EBMS:{ebms}", code)


MIME = {
    "parts": (MimeLimits(max_parts=1), "AS4-MIME-PARTS"),
    "header lines": (MimeLimits(max_header_count=1), "AS4-MIME-HEADER"),
    "header bytes": (MimeLimits(max_header_bytes=100), "AS4-MIME-"),
    "bytes of a part": (MimeLimits(max_part_bytes=1000), "AS4-MIME-PART-TOO-LARGE"),
}


@pytest.mark.parametrize("case", MIME)
def test_mime_limits(case, wire, receiver):
    limits, code = MIME[case]
    ebms, ours = code_of(receiver, wire, UnpackLimits(mime=limits))
    assert ebms == "EBMS:0007"
    assert ours.startswith(code)


def unsigned(body):
    root = parse(body)
    for node in list(root.iter(q(ns.DS, "Signature"))):
        node.getparent().remove(node)
    return etree.tostring(root)


RECEIPTS = {
    "DOCTYPE": _with_doctype,
    "too deep": lambda body: body.replace(
        b"<eb:Receipt", b"<a>" * 80 + b"</a>" * 80 + b"<eb:Receipt"
    ),
    "too large": lambda body: body + b" " * (2 * 1024 * 1024),
    "not signed": unsigned,
    "other message": lambda body: body.replace(b"8f3d2c1e", b"8f3d2c1f"),
}


@pytest.mark.parametrize("case", RECEIPTS)
def test_a_receipt_that_is_an_attack_proves_nothing(case, wire, receiver, pki, now, entropy):
    received = receiver.unpack(wire.body, wire.content_type)
    good = build_receipt(
        received,
        message_id="r@c3.example",
        now=now,
        key=pki.receiver.key,
        certificate=pki.receiver.certificate,
        entropy=entropy,
    )
    body = RECEIPTS[case](good)
    assert body != good
    with pytest.raises(PeerAs4Error) as caught:
        read_answer(
            content_type="application/soap+xml",
            body=body,
            message_id=wire.message.message_id,
            references=wire.encoded.references,
            recipient=pki.receiver.certificate,
            now=now,
        )
    assert caught.value.ebms.code == "EBMS:0302"


def test_a_large_uncompressed_document_is_compared_as_it_is_and_never_made_a_tree(
    forge, receiver, make_sbd
):
    """Its canonical form would take the memory of a whole tree: such a sender must compress."""
    sbd = make_sbd(filling="<cbc:Note>" + "x" * 5_000_000 + "</cbc:Note>")

    def uncompressed(envelope):
        for node in list(envelope.messaging.iter(q(ns.EB, "Property"))):
            if node.get("name") == "CompressionType":
                node.getparent().remove(node)

    as_sent = forge(edit=uncompressed, content=sbd, sbd=sbd)
    assert receiver.unpack(as_sent.body, as_sent.content_type).sbd.read() == sbd
    other = sbd.replace(b"<cbc:Note>", b"<cbc:Note >")
    differs = forge(edit=uncompressed, content=other, signed_content=sbd, sbd=sbd)
    assert code_of(receiver, differs) == ("EBMS:0101", "AS4-PAYLOAD-DIGEST")


def test_limits_name_the_largest_message_and_no_more(wire, receiver):
    size = len(wire.sbd)
    exact = replace(UnpackLimits(), max_document_bytes=size)
    assert receiver.unpack(wire.body, wire.content_type, exact).sbd.read() == wire.sbd
    less = replace(exact, max_document_bytes=size - 1)
    assert code_of(receiver, wire, less)[0] == "EBMS:0303"
