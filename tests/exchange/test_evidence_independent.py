"""A bundle proves what it says to somebody who has never heard of this product.

Signatures are verified by libxmlsec1, digests by hashlib; nothing of ``gateway.as4`` is used.
"""

import base64
import email.parser
import email.policy
import gzip
import hashlib
import json
import shutil
import subprocess
from io import BytesIO
from zipfile import ZipFile

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from gateway.exchange.evidence_summary import LANGUAGES, Texts, summary_view

xmlsec = pytest.importorskip("xmlsec")

DS = "http://www.w3.org/2000/09/xmldsig#"
WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
NS = {"ds": DS, "wsse": WSSE}
EVERYWHERE = {"sha256sum", "gzip"}
"""Tools that nearly every machine has."""


def unzip(bundle):
    with ZipFile(BytesIO(bundle)) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


def messages(files, direction):
    manifest = json.loads(files["manifest.json"])
    every = [*manifest["messages"], *(m for a in manifest["answers"] for m in a["messages"])]
    return [one for one in every if one["direction"] == direction]


def verified(root, certificate, *, ids):
    """Let libxmlsec1 verify the one signature of a document; raises xmlsec.Error."""
    (node,) = root.iter(f"{{{DS}}}Signature")
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_memory(
        certificate.public_bytes(Encoding.PEM), xmlsec.constants.KeyDataFormatCertPem
    )
    for element in root.iter():
        for name in ids:
            if element.get(name) is not None:
                local = etree.QName(name)
                context.register_id(element, local.localname, local.namespace)
    context.verify(node)


def test_every_receipt_is_signed_by_the_access_point_that_took_the_message(bundles):
    for bundle in (bundles.sent, bundles.received):
        files = unzip(bundle)
        assert messages(files, "out")
        for message in messages(files, "out"):
            receipt = etree.fromstring(files[message["receipt"]])
            certificate = x509.load_pem_x509_certificate(files[message["peer_certificate"]])
            verified(receipt, certificate, ids=[f"{{{WSU}}}Id"])
            token = base64.b64decode(receipt.findtext(".//wsse:BinarySecurityToken", None, NS))
            assert x509.load_der_x509_certificate(token) == certificate


def test_a_receipt_that_was_changed_does_not_verify(bundles):
    files = unzip(bundles.sent)
    (message, *_) = messages(files, "out")
    certificate = x509.load_pem_x509_certificate(files[message["peer_certificate"]])
    changed = files[message["receipt"]].replace(b"RefToMessageId>", b"RefToMessageId>x", 1)
    with pytest.raises(xmlsec.Error):
        verified(etree.fromstring(changed), certificate, ids=[f"{{{WSU}}}Id"])


def soap_of(content_type, request):
    """The SOAP part of a request as it was on the wire, by the standard library's MIME parser."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    whole = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + request)
    return next(iter(whole.iter_parts())).get_payload(decode=True)


def digests(root, below):
    return {
        one.get("URI"): one.findtext(f"{{{DS}}}DigestValue")
        for one in root.iterfind(f".//{below}//{{{DS}}}Reference")
    }


def test_the_receipt_repeats_the_digests_of_the_request_and_those_are_of_this_document(bundles):
    files = unzip(bundles.sent)
    (message,) = json.loads(files["manifest.json"])["messages"]
    request = etree.fromstring(soap_of(message["content_type"], files[message["request"]]))
    signed = digests(request, f"{{{DS}}}SignedInfo")
    receipt = etree.fromstring(files[message["receipt"]])
    ebbp = "{http://docs.oasis-open.org/ebxml-bp/ebbp-signals-2.0}"
    acknowledged = digests(receipt, f"{ebbp}NonRepudiationInformation")
    assert acknowledged == signed
    payload = files[message["payload"]]
    of_payload = base64.b64encode(hashlib.sha256(payload).digest()).decode()
    (uri,) = [one for one, digest in signed.items() if digest == of_payload]
    assert uri.startswith("cid:")
    envelope = gzip.decompress(payload)
    assert envelope == files[message["envelope"]]
    (carried,) = etree.fromstring(envelope).iterfind("{*}Invoice")
    document = etree.fromstring(files["document.xml"])
    assert canonical(carried) == canonical(document)


def canonical(element):
    return etree.tostring(element, method="c14n", exclusive=True, with_tail=False)


def test_every_file_has_the_digest_the_manifest_states(bundles):
    for bundle in (bundles.sent, bundles.received):
        files = unzip(bundle)
        listed = json.loads(files.pop("manifest.json"))["files"]
        assert {
            name: {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
            for name, content in files.items()
        } == listed


def test_what_was_received_is_what_its_sender_signed(bundles):
    files = unzip(bundles.received)
    (message,) = json.loads(files["manifest.json"])["messages"]
    request = etree.fromstring(soap_of(message["content_type"], files[message["request"]]))
    payload = files[message["payload"]]
    of_payload = base64.b64encode(hashlib.sha256(payload).digest()).decode()
    assert of_payload in digests(request, f"{{{DS}}}SignedInfo").values()
    assert gzip.decompress(payload) == files[message["envelope"]]


@pytest.mark.skipif(
    not all(map(shutil.which, EVERYWHERE)), reason="no sha256sum or gzip on this machine"
)
@pytest.mark.parametrize("side", ["sent", "received"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_command_of_the_summary_works_as_printed(bundles, tmp_path, side, language):
    files = unzip(getattr(bundles, side))
    for name, content in files.items():
        place = tmp_path / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    view = summary_view(json.loads(files["manifest.json"]), Texts(language))
    steps = [step["command"] for section in view["sections"] for step in section["steps"]]
    assert len(steps) == 6
    ran = set()
    for command in steps[:-1]:
        tool, *_ = command.split()
        if shutil.which(tool):
            done = subprocess.run(
                ["/bin/sh", "-c", command], cwd=tmp_path, capture_output=True, check=False
            )
            assert done.returncode == 0, (command, done.stderr)
            ran.add(tool)
            if tool == "openssl" and "dgst" in command:
                assert done.stdout.decode().strip() in files[named(files, "receipt")].decode()
    assert ran >= EVERYWHERE
    assert steps[-1] == "gateway evidence FILE.zip"


def named(files, what):
    (message,) = json.loads(files["manifest.json"])["messages"]
    return message[what]


@pytest.mark.skipif(not shutil.which("sha256sum"), reason="no sha256sum on this machine")
def test_a_changed_file_fails_the_first_command_of_the_summary(bundles, tmp_path):
    for name, content in unzip(bundles.sent).items():
        place = tmp_path / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    (tmp_path / "document.xml").write_bytes(b"<Invoice/>")
    done = subprocess.run(
        ["sha256sum", "-c", "SHA256SUMS"], cwd=tmp_path, capture_output=True, check=False
    )
    assert done.returncode != 0
    assert b"document.xml: FAILED" in done.stdout


def test_the_answer_of_the_smp_is_signed_and_names_the_certificate_that_signed_the_receipt(
    bundles,
):
    files = unzip(bundles.sent)
    (message, *_) = messages(files, "out")
    answers = unzip(files[message["lookup"]])
    receiver = x509.load_pem_x509_certificate(files[message["peer_certificate"]])
    (body,) = [one for one in answers.values() if b"SignedServiceMetadata" in one]
    root = etree.fromstring(body)
    signer = base64.b64decode(root.findtext(".//ds:X509Certificate", None, NS))
    verified(root, x509.load_der_x509_certificate(signer), ids=[])
    published = base64.b64decode(root.findtext(".//{*}Endpoint/{*}Certificate"))
    assert x509.load_der_x509_certificate(published) == receiver
    assert root.findtext(".//{*}EndpointURI") or root.findtext(
        ".//{*}EndpointReference//{*}Address"
    )
    changed = etree.fromstring(body.replace(b"/as4", b"/as5"))
    with pytest.raises(xmlsec.Error):
        verified(changed, x509.load_der_x509_certificate(signer), ids=[])
