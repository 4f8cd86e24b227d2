"""XML signature primitives: what they sign, what they accept, and everything they refuse."""

import base64
import dataclasses
import hashlib

import pytest
import xmlsec
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from lxml import etree

from gateway.as4 import namespaces as ns
from gateway.as4.keys import KeyRefused, SoftwareKey, oaep_padding
from gateway.as4.xmldsig import (
    Reference,
    SignatureRefused,
    Transform,
    append_signature,
    canonicalise,
    decode_base64,
    read_signature,
    sign_enveloped,
    verify_enveloped,
)
from ubl.safexml import parse

DOCUMENT = (
    b'<?xml version="1.0"?><?who cares?><m:Metadata xmlns:m="urn:example:m" '
    b'xmlns:unused="urn:u"><!-- note --><m:Endpoint at="https://ap.example">caf\xc3\xa9 &amp; co'
    b"</m:Endpoint> tail</m:Metadata>"
)


def signed(seat) -> bytes:
    root = parse(DOCUMENT)
    sign_enveloped(root, key=seat.key, certificate=seat.certificate)
    return etree.tostring(root.getroottree())


def refused(data: bytes) -> str:
    with pytest.raises(SignatureRefused) as caught:
        verify_enveloped(parse(data))
    assert caught.value.message
    return caught.value.code


def test_a_signed_document_verifies_and_names_its_signer(pki):
    data = signed(pki.sender)
    assert verify_enveloped(parse(data)) == pki.sender.certificate
    root = parse(data)
    before = etree.tostring(root)
    verify_enveloped(root)
    assert etree.tostring(root) == before, "verifying must not change the tree"


def test_libxmlsec_agrees_with_what_we_sign(pki):
    root = parse(signed(pki.sender))
    context = xmlsec.SignatureContext()
    pem = pki.sender.certificate.public_bytes(Encoding.PEM)
    context.key = xmlsec.Key.from_memory(pem, xmlsec.constants.KeyDataFormatCertPem)
    context.verify(xmlsec.tree.find_node(root, xmlsec.constants.NodeSignature))


@pytest.mark.parametrize("method", [ns.C14N, ns.EXC_C14N])
@pytest.mark.parametrize("explicit", [False, True])
def test_we_verify_what_libxmlsec_signs(pki, method, explicit):
    root = parse(DOCUMENT)
    c14n = {ns.C14N: xmlsec.constants.TransformInclC14N}.get(
        method, xmlsec.constants.TransformExclC14N
    )
    node = xmlsec.template.create(root, c14n, xmlsec.constants.TransformRsaSha256, ns="ds")
    root.append(node)
    reference = xmlsec.template.add_reference(node, xmlsec.constants.TransformSha256, uri="")
    xmlsec.template.add_transform(reference, xmlsec.constants.TransformEnveloped)
    if explicit:
        xmlsec.template.add_transform(reference, c14n)
    info = xmlsec.template.ensure_key_info(node)
    xmlsec.template.add_x509_data(info)
    context = xmlsec.SignatureContext()
    pem = pki.sender.raw.private_bytes(
        Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()
    )
    context.key = xmlsec.Key.from_memory(pem, xmlsec.constants.KeyDataFormatPem)
    context.key.load_cert_from_memory(
        pki.sender.certificate.public_bytes(Encoding.PEM), xmlsec.constants.KeyDataFormatCertPem
    )
    context.sign(node)
    data = etree.tostring(root.getroottree())
    assert verify_enveloped(parse(data)) == pki.sender.certificate
    assert refused(data.replace(b"ap.example", b"ap.evil.ex")) == "DSIG-DIGEST"


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (b"ap.example", b"ap.evil.ex", "DSIG-DIGEST"),
        (b" tail", b" tale", "DSIG-DIGEST"),
        (b"who cares", b"who mares", "DSIG-DIGEST"),
        (b"xmlenc#sha256", b"xmlenc#sha512", "DSIG-ALGORITHM"),
        (b"http://www.w3.org/2001/04/xmlenc#sha256", ns.SHA1.encode(), "DSIG-ALGORITHM"),
        (ns.RSA_SHA256.encode(), (ns.DS + "rsa-sha1").encode(), "DSIG-ALGORITHM"),
        (ns.C14N.encode(), (ns.C14N + "#WithComments").encode(), "DSIG-ALGORITHM"),
        (b'URI=""', b'URI="#x"', "DSIG-VALUE"),
        (b' URI=""', b"", "DSIG-STRUCTURE"),
        (b"<ds:DigestValue>", b"<ds:DigestValue><!-- -->", "DSIG-BASE64"),
        (b"<ds:SignatureValue>", b"<ds:SignatureValue>*", "DSIG-BASE64"),
        (b"<ds:X509Certificate>MII", b"<ds:X509Certificate>MIJ", "DSIG-CERTIFICATE"),
        (b"ds:X509Certificate", b"ds:X509CRL", "DSIG-STRUCTURE"),
        (b"ds:SignedInfo", b"ds:SignedInfos", "DSIG-STRUCTURE"),
    ],
)
def test_every_change_is_refused(pki, old, new, code):
    data = signed(pki.sender)
    assert old in data
    assert refused(data.replace(old, new)) == code


def test_a_comment_is_no_change(pki):
    data = signed(pki.sender).replace(b"<!-- note -->", b"<!-- other -->")
    assert verify_enveloped(parse(data)) == pki.sender.certificate


def test_missing_second_and_misplaced_signatures_are_refused(pki):
    data = signed(pki.sender)
    start, end = data.index(b"<ds:Signature "), data.index(b"</ds:Signature>") + 15
    signature = data[start:end]
    assert refused(DOCUMENT) == "DSIG-MISSING"
    assert refused(data.replace(signature, signature * 2)) == "DSIG-MANY"
    moved = data.replace(signature, b"<m:Wrapper>" + signature + b"</m:Wrapper>")
    assert refused(moved) == "DSIG-STRUCTURE"
    inner = data[data.index(b"<m:Metadata") :]
    wrapped = b'<m:Metadata xmlns:m="urn:example:m">' + inner + b"</m:Metadata>"
    assert refused(wrapped) == "DSIG-STRUCTURE"


def test_a_signature_by_another_key_is_refused(pki):
    data = signed(pki.sender)
    der = pki.stranger.certificate.public_bytes(Encoding.DER)
    start = data.index(b"<ds:X509Certificate>") + 20
    end = data.index(b"</ds:X509Certificate>")
    forged = data[:start] + base64.b64encode(der) + data[end:]
    assert refused(forged) == "DSIG-VALUE"


def test_old_metadata_with_sha1_is_refused(vectors):
    files = sorted((vectors / "smp").glob("*.xml"))
    sha1 = [f for f in files if b"rsa-sha1" in f.read_bytes()]
    assert len(sha1) >= 20
    assert {refused(f.read_bytes()) for f in sha1} == {"DSIG-ALGORITHM"}


def test_canonical_bytes_keep_the_namespaces_of_the_ancestors_a_prefix_list_names():
    root = parse(b'<a xmlns="urn:d" xmlns:x="urn:x" xmlns:y="urn:y"><x:b><!--c--></x:b> t</a>')
    node = root[0]
    plain = canonicalise(node, Transform(ns.EXC_C14N))
    assert plain == b'<x:b xmlns:x="urn:x"></x:b>'
    listed = canonicalise(node, Transform(ns.EXC_C14N, ("y",)))
    assert listed == b'<x:b xmlns:x="urn:x" xmlns:y="urn:y"></x:b>'
    inclusive = canonicalise(node, Transform(ns.C14N))
    assert inclusive == b'<x:b xmlns="urn:d" xmlns:x="urn:x" xmlns:y="urn:y"></x:b>'


def test_what_has_no_canonical_form_is_refused():
    # Namespace names that are relative addresses have none (libxml2 gives up).
    with pytest.raises(SignatureRefused) as caught:
        canonicalise(parse(b'<x xmlns="relative"/>'), Transform(ns.EXC_C14N))
    assert caught.value.code == "DSIG-STRUCTURE"


@pytest.mark.parametrize(
    ("child", "code"),
    [
        (b"<ds:XPath>x</ds:XPath>", "DSIG-STRUCTURE"),
        (b'<ec:InclusiveNamespaces PrefixList="a #default"/>', "DSIG-ALGORITHM"),
    ],
)
def test_a_canonicalisation_takes_a_prefix_list_and_nothing_else(child, code):
    signature = (
        b'<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#" '
        b'xmlns:ec="http://www.w3.org/2001/10/xml-exc-c14n#"><ds:SignedInfo>'
        b'<ds:CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#">'
        + child
        + b"</ds:CanonicalizationMethod></ds:SignedInfo></ds:Signature>"
    )
    with pytest.raises(SignatureRefused) as caught:
        read_signature(parse(signature))
    assert caught.value.code == code


def test_base64_may_wrap_and_nothing_else():
    assert decode_base64(" aGVs\n bG8= ") == b"hello"
    for bad in (None, "aGVsbG8", "aGV*bG8="):
        with pytest.raises(SignatureRefused):
            decode_base64(bad)


def test_a_key_unwraps_only_what_was_wrapped_for_it(pki):
    scheme = oaep_padding(digest="sha256", mgf_digest="sha1")
    wrapped = pki.receiver.certificate.public_key().encrypt(b"k" * 16, scheme)
    assert pki.receiver.key.unwrap(wrapped, digest="sha256", mgf_digest="sha1") == b"k" * 16
    for key, digest in ((pki.sender.key, "sha256"), (pki.receiver.key, "sha512")):
        with pytest.raises(KeyRefused) as caught:
            key.unwrap(wrapped, digest=digest, mgf_digest="sha1")
        assert caught.value.code == "KEY-UNWRAP"
    with pytest.raises(KeyRefused) as caught:
        pki.receiver.key.unwrap(wrapped, digest="md5", mgf_digest="sha1")
    assert caught.value.code == "KEY-OAEP-HASH"


def test_a_short_key_is_refused():
    with pytest.raises(KeyRefused) as caught:
        SoftwareKey(rsa.generate_private_key(public_exponent=65537, key_size=1024))
    assert caught.value.code == "KEY-TOO-SHORT"


def custom(seat, references, document=DOCUMENT) -> bytes:
    """A document with a signature that holds over its SignedInfo, whatever that says."""
    root = parse(document)
    signature = append_signature(
        root, references, key=seat.key, canonicalisation=Transform(ns.C14N)
    )
    data = etree.SubElement(
        etree.SubElement(signature, f"{{{ns.DS}}}KeyInfo"), f"{{{ns.DS}}}X509Data"
    )
    encoded = etree.SubElement(data, f"{{{ns.DS}}}X509Certificate")
    encoded.text = base64.b64encode(seat.certificate.public_bytes(Encoding.DER)).decode()
    return etree.tostring(root.getroottree())


def reference(uri="", *algorithms):
    transforms = tuple(Transform(name) for name in algorithms)
    digest = hashlib.sha256(canonicalise(parse(DOCUMENT).getroottree(), Transform(ns.C14N)))
    return Reference(uri, transforms, ns.SHA256, digest.digest())


def test_a_whole_document_is_signed_and_nothing_less(pki):
    good = reference("", ns.ENVELOPED)
    assert verify_enveloped(parse(custom(pki.sender, [good]))) == pki.sender.certificate
    xpath = "http://www.w3.org/TR/1999/REC-xpath-19991116"
    cases = {
        "two references": ([good, good], "DSIG-STRUCTURE"),
        "a part only": ([reference("#part", ns.ENVELOPED)], "DSIG-STRUCTURE"),
        "not enveloped": ([reference("", ns.C14N)], "DSIG-ALGORITHM"),
        "no transform": ([reference("")], "DSIG-ALGORITHM"),
        "a selection": ([reference("", ns.ENVELOPED, xpath)], "DSIG-ALGORITHM"),
        "three transforms": (
            [reference("", ns.ENVELOPED, ns.C14N, ns.C14N)],
            "DSIG-ALGORITHM",
        ),
        "too many references": ([good] * 17, "DSIG-STRUCTURE"),
    }
    for name, (references, code) in cases.items():
        assert refused(custom(pki.sender, references)) == code, name


def test_a_signature_may_be_the_only_child_and_text_after_it_counts(pki):
    bare = b'<m:Metadata xmlns:m="urn:example:m"/>'
    digest = hashlib.sha256(canonicalise(parse(bare), Transform(ns.C14N))).digest()
    whole = Reference("", (Transform(ns.ENVELOPED),), ns.SHA256, digest)
    data = custom(pki.sender, [whole], bare)
    assert verify_enveloped(parse(data)) == pki.sender.certificate
    assert refused(data.replace(b"</ds:Signature>", b"</ds:Signature>more")) == "DSIG-DIGEST"


def test_two_lists_of_transforms_are_refused(pki):
    data = signed(pki.sender).replace(b"</ds:Transforms>", b"</ds:Transforms><ds:Transforms/>")
    assert refused(data) == "DSIG-STRUCTURE"


def test_only_a_document_from_its_root_is_signed_or_verified(pki):
    inner = parse(b"<a><b/></a>")[0]
    for attempt in (
        lambda: sign_enveloped(inner, key=pki.sender.key, certificate=pki.sender.certificate),
        lambda: verify_enveloped(inner),
    ):
        with pytest.raises(SignatureRefused) as caught:
            attempt()
        assert caught.value.code == "DSIG-STRUCTURE"


@pytest.mark.parametrize("key", ["short", "elliptic"])
def test_only_long_rsa_keys_sign(pki, key):
    raw = (
        rsa.generate_private_key(public_exponent=65537, key_size=1024)
        if key == "short"
        else ec.generate_private_key(ec.SECP256R1())
    )
    own = pki.sender.certificate
    certificate = (
        x509.CertificateBuilder()
        .subject_name(own.subject)
        .issuer_name(own.issuer)
        .public_key(raw.public_key())
        .serial_number(7)
        .not_valid_before(own.not_valid_before_utc)
        .not_valid_after(own.not_valid_after_utc)
        .sign(pki.authority.raw, hashes.SHA256())
    )
    data = signed(dataclasses.replace(pki.sender, certificate=certificate))
    assert refused(data) == "DSIG-KEY"
