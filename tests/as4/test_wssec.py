"""WS-Security of a message: tokens, references, algorithms, and where each must stand."""

import base64
import io

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from gateway.as4 import namespaces as ns
from gateway.as4.encryption import CIPHERS, append_encryption, decrypt, encrypt
from gateway.as4.envelope import new_envelope
from gateway.as4.errors import LocalAs4Error, PeerAs4Error
from gateway.as4.incoming import MessageRefused
from gateway.as4.keys import oaep_padding
from gateway.as4.namespaces import q
from gateway.as4.wssec import content_id_of, sign, verify
from ubl.safexml import parse


def refusal(receiver, wire) -> tuple[str, str]:
    with pytest.raises(MessageRefused) as caught:
        receiver.unpack(wire.body, wire.content_type)
    return caught.value.ebms.code, caught.value.code


def at(envelope, path):
    node = envelope.security.find("/".join(f"{{*}}{step}" for step in path.split("/")))
    assert node is not None, path
    return node


def drop(path):
    def edit(envelope):
        node = at(envelope, path)
        node.getparent().remove(node)

    return edit


def change(path, name, value):
    def edit(envelope):
        node = at(envelope, path)
        assert name in node.attrib
        node.set(name, value)

    return edit


def rename(path, tag):
    def edit(envelope):
        at(envelope, path).tag = tag

    return edit


def content(path, text):
    def edit(envelope):
        at(envelope, path).text = text

    return edit


def twice(path):
    def edit(envelope):
        node = at(envelope, path)
        node.addnext(parse(etree.tostring(node, with_tail=False)))

    return edit


def issuer_serial(owner):
    """Name the certificate by issuer and serial number instead of a direct reference."""

    def edit(envelope):
        holder = at(envelope, f"{owner}/KeyInfo/SecurityTokenReference")
        holder.remove(holder[0])
        data = etree.SubElement(holder, q(ns.DS, "X509Data"))
        etree.SubElement(data, q(ns.DS, "X509IssuerSerial"))

    return edit


def token_outside(owner):
    """Move the referenced token out of the Security block."""

    def edit(envelope):
        uri = at(envelope, f"{owner}/KeyInfo/SecurityTokenReference/Reference").get("URI")
        token = next(
            node for node in envelope.security if node.get(q(ns.WSU, "Id")) == uri.lstrip("#")
        )
        etree.SubElement(envelope.root[0], "Elsewhere").append(token)

    return edit


AFTER = {
    "not encrypted": (drop("EncryptedKey"), "0102", "AS4-ENCRYPTION-COUNT"),
    "no encrypted data": (drop("EncryptedData"), "0102", "AS4-ENCRYPTION-COUNT"),
    "two encrypted data": (twice("EncryptedData"), "0102", "AS4-ENCRYPTION-COUNT"),
    "not signed": (drop("Signature"), "0101", "AS4-SIGNATURE-COUNT"),
    "no key info": (drop("Signature/KeyInfo"), "0103", "AS4-TOKEN-REFERENCE"),
    "signer by serial": (issuer_serial("Signature"), "0103", "AS4-TOKEN-REFERENCE"),
    "signer elsewhere": (token_outside("Signature"), "0103", "AS4-TOKEN-REFERENCE"),
    "recipient by serial": (issuer_serial("EncryptedKey"), "0103", "AS4-TOKEN-REFERENCE"),
    "recipient elsewhere": (token_outside("EncryptedKey"), "0103", "AS4-TOKEN-REFERENCE"),
    "recipient missing": (drop("BinarySecurityToken"), "0103", "AS4-TOKEN-REFERENCE"),
    "token chain": (
        change("BinarySecurityToken", "ValueType", ns.X509V3.replace("X509v3", "X509PKIPathv1")),
        "0103",
        "AS4-TOKEN-TYPE",
    ),
    "token in hex": (
        change("BinarySecurityToken", "EncodingType", "urn:hex"),
        "0103",
        "AS4-TOKEN-TYPE",
    ),
    "token empty": (content("BinarySecurityToken", ""), "0101", "AS4-TOKEN-CERTIFICATE"),
    "weak transport": (
        change("EncryptedKey/EncryptionMethod", "Algorithm", ns.XENC + "rsa-1_5"),
        "0102",
        "AS4-ENCRYPTION-TRANSPORT",
    ),
    "weak mask": (
        change("EncryptedKey/EncryptionMethod/MGF", "Algorithm", ns.XENC11 + "mgf1md5"),
        "0102",
        "AS4-ENCRYPTION-TRANSPORT",
    ),
    "weak digest": (
        change("EncryptedKey/EncryptionMethod/DigestMethod", "Algorithm", "urn:md5"),
        "0102",
        "AS4-ENCRYPTION-TRANSPORT",
    ),
    "CBC": (
        change("EncryptedData/EncryptionMethod", "Algorithm", ns.XENC + "aes128-cbc"),
        "0102",
        "AS4-ENCRYPTION-CIPHER",
    ),
    "no cipher": (drop("EncryptedData/EncryptionMethod"), "0102", "AS4-ENCRYPTION-CIPHER"),
    "other cipher": (
        change("EncryptedData/EncryptionMethod", "Algorithm", ns.XENC11 + "aes256-gcm"),
        "0102",
        "AS4-ENCRYPTION-KEY",
    ),
    "other mask": (
        change("EncryptedKey/EncryptionMethod/MGF", "Algorithm", ns.XENC11 + "mgf1sha1"),
        "0102",
        "AS4-ENCRYPTION-KEY",
    ),
    "no wrapped key": (drop("EncryptedKey/CipherData"), "0102", "AS4-ENCRYPTION-KEY"),
    "broken wrapped key": (
        content("EncryptedKey/CipherData/CipherValue", "?"),
        "0102",
        "AS4-ENCRYPTION-KEY",
    ),
    "short wrapped key": (
        content("EncryptedKey/CipherData/CipherValue", "AAAA"),
        "0102",
        "AS4-ENCRYPTION-KEY",
    ),
    "loose data": (
        change("EncryptedKey/ReferenceList/DataReference", "URI", "#x"),
        "0102",
        "AS4-ENCRYPTION-REFERENCE",
    ),
    "loose key": (
        change("EncryptedData/KeyInfo/SecurityTokenReference/Reference", "URI", "#x"),
        "0102",
        "AS4-ENCRYPTION-REFERENCE",
    ),
    "whole part": (
        change("EncryptedData", "Type", ns.ATTACHMENT_CONTENT_ONLY.replace("Only", "All")),
        "0102",
        "AS4-ENCRYPTION-ATTACHMENT",
    ),
    "inline data": (
        rename("EncryptedData/CipherData/CipherReference", q(ns.XENC, "CipherValue")),
        "0102",
        "AS4-ENCRYPTION-ATTACHMENT",
    ),
    "other attachment": (
        change("EncryptedData/CipherData/CipherReference", "URI", "cid:other"),
        "0007",
        "AS4-PAYLOAD-MISMATCH",
    ),
}


@pytest.mark.parametrize("case", AFTER)
def test_security_headers_of_another_shape(forge, receiver, case):
    edit, ebms, code = AFTER[case]
    assert refusal(receiver, forge(after=edit)) == (f"EBMS:{ebms}", code)


def body_content(envelope):
    etree.SubElement(envelope.body, "Document")


def other_payload(envelope):
    envelope.messaging.find(f".//{q(ns.EB, 'PartInfo')}").set("href", "cid:other")


def no_body_id(envelope):
    del envelope.body.attrib[q(ns.WSU, "Id")]


def same_ids(envelope):
    envelope.body.set(q(ns.WSU, "Id"), "m-1")


BEFORE = {
    "document in the body": (body_content, "0003", "AS4-BODY-NOT-EMPTY"),
    "another payload named": (other_payload, "0007", "AS4-PAYLOAD-MISMATCH"),
    "body without id": (no_body_id, "0101", "AS4-SIGNATURE-REFERENCE"),
    "the same id twice": (same_ids, "0101", "AS4-ID-DUPLICATE"),
}


@pytest.mark.parametrize("case", BEFORE)
def test_signed_messages_that_are_wrong_all_the_same(forge, receiver, case):
    edit, ebms, code = BEFORE[case]
    assert refusal(receiver, forge(edit=edit)) == (f"EBMS:{ebms}", code)


def signed(pki, entropy, attachments):
    envelope = new_envelope(messaging_id="m", body_id="b")
    sign(
        envelope,
        key=pki.sender.key,
        certificate=pki.sender.certificate,
        entropy=entropy,
        attachments=attachments,
    )
    return envelope


def test_a_signature_names_its_attachments_and_their_digests(pki, entropy):
    verified = verify(signed(pki, entropy, {"a@x": b"1" * 32, "b@x": b"2" * 32}))
    assert verified.attachments == {"a@x": b"1" * 32, "b@x": b"2" * 32}
    assert [item.uri for item in verified.references] == ["#m", "#b", "cid:a@x", "cid:b@x"]
    assert verified.signer == pki.sender.certificate


@pytest.mark.parametrize("attachments", [{}, {"other@x": b"1" * 32}])
def test_a_payload_must_be_signed(wire, forge, receiver, pki, entropy, attachments):
    def resign(envelope):
        at(envelope, "Signature").getparent().remove(at(envelope, "Signature"))
        sign(
            envelope,
            key=pki.sender.key,
            certificate=pki.sender.certificate,
            entropy=entropy,
            attachments=attachments,
        )

    assert refusal(receiver, forge(after=resign)) == ("EBMS:0101", "AS4-SIGNATURE-PAYLOAD")


def test_an_attachment_signed_twice_is_refused(pki, entropy):
    # The two names differ as text and are one after decoding.
    envelope = signed(pki, entropy, {"a@x": b"1" * 32, "a%40x": b"2" * 32})
    with pytest.raises(PeerAs4Error) as caught:
        verify(envelope)
    assert caught.value.code == "AS4-SIGNATURE-ATTACHMENT"


def test_content_ids_may_be_escaped():
    assert content_id_of("cid:a%40x") == "a@x"
    assert content_id_of("#a") is None


def older_transport(*, digest, mask, declare):
    """Wrap the same content key as an older toolkit would."""

    def apply(pki, envelope, content_key):
        key = at(envelope, "EncryptedKey")
        public = pki.receiver.certificate.public_key()
        wrapped = public.encrypt(content_key, oaep_padding(digest=digest, mgf_digest=mask))
        at(envelope, "EncryptedKey/CipherData/CipherValue").text = base64.b64encode(
            wrapped
        ).decode()
        method = key.find(q(ns.XENC, "EncryptionMethod"))
        declare(method)

    return apply


def as_mgf1p(method):
    method.set("Algorithm", ns.XENC + "rsa-oaep-mgf1p")
    method.remove(method.find(q(ns.XENC11, "MGF")))


def as_mgf1p_by_default(method):
    as_mgf1p(method)
    method.remove(method.find(q(ns.DS, "DigestMethod")))


def with_sha1_mask(method):
    method.find(q(ns.XENC11, "MGF")).set("Algorithm", ns.XENC11 + "mgf1sha1")


OLDER = {
    "rsa-oaep-mgf1p with SHA-256": older_transport(digest="sha256", mask="sha1", declare=as_mgf1p),
    "rsa-oaep-mgf1p": older_transport(digest="sha1", mask="sha1", declare=as_mgf1p_by_default),
    "rsa-oaep with MGF1 SHA-1": older_transport(
        digest="sha256", mask="sha1", declare=with_sha1_mask
    ),
}


@pytest.mark.parametrize("case", OLDER)
def test_older_key_transport_is_read(forge, receiver, pki, case):
    content_key = b"k" * 16
    wire = forge(
        content_key=content_key,
        after=lambda envelope: OLDER[case](pki, envelope, content_key),
    )
    assert receiver.unpack(wire.body, wire.content_type).sbd.read() == wire.sbd


def test_aes_256_is_read(forge, receiver):
    wire = forge(
        content_key=b"k" * 32,
        after=change("EncryptedData/EncryptionMethod", "Algorithm", ns.XENC11 + "aes256-gcm"),
    )
    assert receiver.unpack(wire.body, wire.content_type).sbd.read() == wire.sbd


def test_key_info_of_the_encrypted_data_may_be_left_out(forge, receiver):
    wire = forge(after=drop("EncryptedData/KeyInfo"))
    assert receiver.unpack(wire.body, wire.content_type).sbd.read() == wire.sbd


@given(data=st.binary(max_size=2000), size=st.sampled_from(sorted(CIPHERS.values())))
def test_what_is_encrypted_decrypts_and_nothing_else_does(data, size):
    key, secret, plain = b"k" * size, io.BytesIO(), io.BytesIO()
    digest = encrypt(io.BytesIO(data), secret, content_key=key, iv=b"i" * 12)
    assert len(secret.getvalue()) == len(data) + 28
    assert decrypt(secret, plain, content_key=key) == digest
    assert plain.getvalue() == data
    for broken in (
        secret.getvalue()[:-1],
        secret.getvalue()[1:],
        secret.getvalue() + b"x",
        b"",
        secret.getvalue()[:27],
    ):
        with pytest.raises(PeerAs4Error) as caught:
            decrypt(io.BytesIO(broken), io.BytesIO(), content_key=key)
        assert caught.value.ebms.code == "EBMS:0102"


def test_we_encrypt_only_for_rsa_keys(pki, entropy):
    certificate = (
        x509.CertificateBuilder()
        .subject_name(pki.receiver.certificate.subject)
        .issuer_name(pki.authority.certificate.subject)
        .public_key(ec.generate_private_key(ec.SECP256R1()).public_key())
        .serial_number(1)
        .not_valid_before(pki.receiver.certificate.not_valid_before_utc)
        .not_valid_after(pki.receiver.certificate.not_valid_after_utc)
        .sign(pki.authority.raw, hashes.SHA256())
    )
    with pytest.raises(LocalAs4Error) as caught:
        append_encryption(
            new_envelope(messaging_id="m", body_id="b"),
            content_id="x",
            content_key=b"k" * 16,
            recipient=certificate,
            entropy=entropy,
        )
    assert caught.value.code == "AS4-RECIPIENT-KEY"


def test_an_envelope_without_security_block_cannot_be_signed(pki, entropy):
    envelope = new_envelope(messaging_id="m", body_id="b", secured=False)
    with pytest.raises(ValueError, match="Security block"):
        sign(envelope, key=pki.sender.key, certificate=pki.sender.certificate, entropy=entropy)
