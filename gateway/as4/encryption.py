"""Encryption of the one AS4 attachment: RSA-OAEP for the content key, AES-GCM for the content.

Streams; the caller owns the spools and must not use plaintext before decrypt has returned and
the signed digest has been compared. Verifies no signature.
"""

import base64
import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final

from cryptography import x509
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from lxml import etree

from gateway.as4 import namespaces as ns
from gateway.as4.envelope import Envelope
from gateway.as4.errors import EbmsCode, LocalAs4Error, PeerAs4Error
from gateway.as4.keys import KeyRefused, PrivateKey, oaep_padding
from gateway.as4.namespaces import leaf_text, q
from gateway.as4.wssec import (
    Entropy,
    append_token_reference,
    binary_token,
    content_id_of,
    new_id,
    referenced_certificate,
)
from gateway.as4.xmldsig import SignatureRefused, decode_base64

__all__ = [
    "AES128_GCM",
    "CIPHERS",
    "IV_BYTES",
    "Encryption",
    "OtherRecipient",
    "append_encryption",
    "decrypt",
    "encrypt",
    "read_encryption",
    "require_encryption",
    "unwrap_content_key",
]

CIPHERS: Final[dict[str, int]] = {
    ns.XENC11 + "aes128-gcm": 16,
    ns.XENC11 + "aes256-gcm": 32,
}
"""Content ciphers that are read, with the length of their keys in bytes; we write the first."""
AES128_GCM: Final = ns.XENC11 + "aes128-gcm"
RSA_OAEP: Final = ns.XENC11 + "rsa-oaep"
# Older toolkits use this one; its mask digest is fixed to SHA-1.
RSA_OAEP_MGF1P: Final = ns.XENC + "rsa-oaep-mgf1p"
OAEP_DIGESTS: Final[dict[str, str]] = {
    ns.SHA1: "sha1",
    ns.SHA256: "sha256",
    "http://www.w3.org/2001/04/xmldsig-more#sha384": "sha384",
    ns.XENC + "sha512": "sha512",
}
OAEP_MASKS: Final[dict[str, str]] = {
    ns.XENC11 + f"mgf1{name}": name for name in ("sha1", "sha256", "sha384", "sha512")
}
IV_BYTES: Final = 12
_TAG: Final = 16
_CHUNK: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class Encryption:
    """How the attachment ``content_id`` is encrypted, and the wrapped key to open it.

    ``recipient`` is the certificate the content key was wrapped for. ``digest`` and
    ``mgf_digest`` are the OAEP hashes the sender used; ``cipher`` is a name in CIPHERS.
    """

    recipient: x509.Certificate
    wrapped_key: bytes
    digest: str
    mgf_digest: str
    cipher: str
    content_id: str


class OtherRecipient(PeerAs4Error):
    """EBMS:0102: a message for ``recipient``, a certificate whose key was not at hand."""

    def __init__(self, recipient: x509.Certificate) -> None:
        super().__init__(
            "AS4-ENCRYPTION-RECIPIENT",
            "The payload is encrypted for a certificate that is not in use here. Look the "
            "receiver up in its SMP again and encrypt for the certificate published there.",
            ebms=EbmsCode.FAILED_DECRYPTION,
        )
        self.recipient = recipient


def _failed(code: str, message: str) -> PeerAs4Error:
    return PeerAs4Error(code, message, ebms=EbmsCode.FAILED_DECRYPTION)


def encrypt(source: BinaryIO, out: BinaryIO, *, content_key: bytes, iv: bytes) -> bytes:
    """Encrypt ``source`` to ``out`` as IV, ciphertext and tag; return the SHA-256 of ``source``."""
    encryptor = Cipher(algorithms.AES(content_key), modes.GCM(iv)).encryptor()
    digest = hashlib.sha256()
    out.write(iv)
    while chunk := source.read(_CHUNK):
        digest.update(chunk)
        out.write(encryptor.update(chunk))
    out.write(encryptor.finalize())
    out.write(encryptor.tag)
    return digest.digest()


def append_encryption(
    envelope: Envelope,
    *,
    content_id: str,
    content_key: bytes,
    recipient: x509.Certificate,
    entropy: Entropy,
) -> None:
    """Put token, EncryptedKey and EncryptedData in front of the signature.

    Call after signing: what is signed is the content before encryption. The OAEP seed comes from
    the cryptographic library.
    """
    public_key = recipient.public_key()
    if envelope.security is None or not isinstance(public_key, rsa.RSAPublicKey):
        raise LocalAs4Error(
            "AS4-RECIPIENT-KEY",
            "The receiver's certificate holds no RSA key. Look the receiver up again.",
            ebms=EbmsCode.POLICY_NONCOMPLIANCE,
        )
    token_id, key_id, data_id = (new_id(name, entropy) for name in ("X509", "EK", "ED"))
    wrapped = public_key.encrypt(content_key, oaep_padding(digest="sha256", mgf_digest="sha256"))
    blocks = (
        binary_token(recipient, token_id=token_id),
        _encrypted_key(wrapped, key_id=key_id, token_id=token_id, data_id=data_id),
        _encrypted_data(content_id, key_id=key_id, data_id=data_id),
    )
    for index, block in enumerate(blocks):
        envelope.security.insert(index, block)


def _encrypted_key(wrapped: bytes, *, key_id: str, token_id: str, data_id: str) -> etree._Element:
    element = etree.Element(q(ns.XENC, "EncryptedKey"), nsmap={"xenc": ns.XENC}, Id=key_id)
    method = etree.SubElement(element, q(ns.XENC, "EncryptionMethod"), Algorithm=RSA_OAEP)
    etree.SubElement(method, q(ns.DS, "DigestMethod"), nsmap={"ds": ns.DS}, Algorithm=ns.SHA256)
    mask = ns.XENC11 + "mgf1sha256"
    etree.SubElement(method, q(ns.XENC11, "MGF"), nsmap={"xenc11": ns.XENC11}, Algorithm=mask)
    append_token_reference(element, uri=f"#{token_id}", value_type=ns.X509V3)
    data = etree.SubElement(element, q(ns.XENC, "CipherData"))
    value = etree.SubElement(data, q(ns.XENC, "CipherValue"))
    value.text = base64.b64encode(wrapped).decode("ascii")
    references = etree.SubElement(element, q(ns.XENC, "ReferenceList"))
    etree.SubElement(references, q(ns.XENC, "DataReference"), URI=f"#{data_id}")
    return element


def _encrypted_data(content_id: str, *, key_id: str, data_id: str) -> etree._Element:
    element = etree.Element(q(ns.XENC, "EncryptedData"), nsmap={"xenc": ns.XENC}, Id=data_id)
    element.set("MimeType", "application/gzip")
    element.set("Type", ns.ATTACHMENT_CONTENT_ONLY)
    etree.SubElement(element, q(ns.XENC, "EncryptionMethod"), Algorithm=AES128_GCM)
    append_token_reference(element, uri=f"#{key_id}", value_type=None)
    data = etree.SubElement(element, q(ns.XENC, "CipherData"))
    reference = etree.SubElement(data, q(ns.XENC, "CipherReference"), URI=f"cid:{content_id}")
    transforms = etree.SubElement(reference, q(ns.XENC, "Transforms"))
    etree.SubElement(
        transforms,
        q(ns.DS, "Transform"),
        nsmap={"ds": ns.DS},
        Algorithm=ns.ATTACHMENT_CIPHERTEXT,
    )
    return element


def require_encryption(envelope: Envelope) -> tuple[etree._Element, etree._Element]:
    """Return the one EncryptedKey and the one EncryptedData; anything else is EBMS:0102."""
    names = ("EncryptedKey", "EncryptedData")
    block = envelope.security
    found = [[] if block is None else block.findall(q(ns.XENC, name)) for name in names]
    if [len(items) for items in found] != [1, 1]:
        raise _failed(
            "AS4-ENCRYPTION-COUNT",
            "The message must carry exactly one EncryptedKey and one EncryptedData: encrypt the "
            "payload for this access point.",
        )
    return found[0][0], found[1][0]


def read_encryption(envelope: Envelope, ids: Mapping[str, etree._Element]) -> Encryption:
    """Read how the attachment is encrypted; opens nothing.

    Faults are EBMS:0102, a token that is no direct BinarySecurityToken reference is EBMS:0103.
    """
    key, data = require_encryption(envelope)
    recipient = referenced_certificate(key, envelope, ids)
    targets = [item.get("URI") for item in key.iterfind(f".//{q(ns.XENC, 'DataReference')}")]
    key_path = f"{q(ns.DS, 'KeyInfo')}/{q(ns.WSSE, 'SecurityTokenReference')}/*"
    sources = [item.get("URI") for item in data.iterfind(key_path)]
    if targets != [f"#{data.get('Id')}"] or sources not in ([], [f"#{key.get('Id')}"]):
        raise _failed(
            "AS4-ENCRYPTION-REFERENCE", "EncryptedKey and EncryptedData must refer to each other."
        )
    digest, mask = _read_oaep(key)
    cipher = _algorithm(data)
    if cipher not in CIPHERS:
        raise _failed(
            "AS4-ENCRYPTION-CIPHER",
            f"The cipher '{cipher}' is not allowed; use AES-GCM with 128 or 256 bits.",
        )
    values = key.findall(f"{q(ns.XENC, 'CipherData')}/{q(ns.XENC, 'CipherValue')}")
    try:
        wrapped = decode_base64(leaf_text(values[0]) if len(values) == 1 else None)
    except SignatureRefused as error:
        raise _failed("AS4-ENCRYPTION-KEY", error.message) from None
    return Encryption(recipient, wrapped, digest, mask, cipher, _read_content_id(data))


def _algorithm(element: etree._Element) -> str:
    method = element.find(q(ns.XENC, "EncryptionMethod"))
    return "" if method is None else method.get("Algorithm", "")


def _read_oaep(key: etree._Element) -> tuple[str, str]:
    """Return the names of OAEP digest and mask digest, with the defaults of XML Encryption."""
    algorithm = _algorithm(key)
    method = key.find(q(ns.XENC, "EncryptionMethod"))
    digest_element = None if method is None else method.find(q(ns.DS, "DigestMethod"))
    mask_element = None if method is None else method.find(q(ns.XENC11, "MGF"))
    digest_uri = ns.SHA1 if digest_element is None else digest_element.get("Algorithm", "")
    mask_uri = ns.XENC11 + "mgf1sha1"
    if algorithm == RSA_OAEP and mask_element is not None:
        mask_uri = mask_element.get("Algorithm", "")
    digest, mask = OAEP_DIGESTS.get(digest_uri), OAEP_MASKS.get(mask_uri)
    if algorithm not in (RSA_OAEP, RSA_OAEP_MGF1P) or digest is None or mask is None:
        raise _failed(
            "AS4-ENCRYPTION-TRANSPORT",
            "The content key must be wrapped with RSA-OAEP, SHA-256 and MGF1 with SHA-256.",
        )
    return digest, mask


def _read_content_id(data: etree._Element) -> str:
    references = data.findall(f"{q(ns.XENC, 'CipherData')}/{q(ns.XENC, 'CipherReference')}")
    content_id = content_id_of(references[0].get("URI", "")) if len(references) == 1 else None
    path = f"{q(ns.XENC, 'Transforms')}/{q(ns.DS, 'Transform')}"
    transforms = [item.get("Algorithm") for box in references for item in box.iterfind(path)]
    if (
        content_id is None
        or transforms != [ns.ATTACHMENT_CIPHERTEXT]
        or data.get("Type") != ns.ATTACHMENT_CONTENT_ONLY
    ):
        raise _failed(
            "AS4-ENCRYPTION-ATTACHMENT",
            "EncryptedData must refer to the content of one attachment (Attachment-Content-Only).",
        )
    return content_id


def unwrap_content_key(
    encryption: Encryption, keys: Sequence[tuple[x509.Certificate, PrivateKey]]
) -> bytes:
    """Open the content key with the private key whose certificate the sender used.

    ``keys`` holds every key that is valid now: two while a certificate is renewed. A message for
    none of them is EBMS:0102 (OtherRecipient).
    """
    key = next((key for own, key in keys if own == encryption.recipient), None)
    if key is None:
        raise OtherRecipient(encryption.recipient)
    try:
        content_key = key.unwrap(
            encryption.wrapped_key, digest=encryption.digest, mgf_digest=encryption.mgf_digest
        )
    except KeyRefused:
        raise _failed("AS4-ENCRYPTION-KEY", "The content key cannot be opened.") from None
    if len(content_key) != CIPHERS[encryption.cipher]:
        raise _failed("AS4-ENCRYPTION-KEY", "The content key does not fit the cipher.")
    return content_key


def decrypt(source: BinaryIO, out: BinaryIO, *, content_key: bytes) -> bytes:
    """Decrypt an attachment from ``source`` to the spool ``out``; return its SHA-256.

    ``source`` holds IV, ciphertext and tag. ``out`` may be read only after this has returned: a
    wrong tag is EBMS:0102 and is known at the end.
    """
    size = source.seek(0, os.SEEK_END)
    if size < IV_BYTES + _TAG:
        raise _failed("AS4-ENCRYPTION-LENGTH", "The encrypted attachment is cut off.")
    source.seek(size - _TAG)
    tag = source.read(_TAG)
    source.seek(0)
    iv = source.read(IV_BYTES)
    decryptor = Cipher(algorithms.AES(content_key), modes.GCM(iv, tag)).decryptor()
    digest = hashlib.sha256()
    left = size - IV_BYTES - _TAG
    while left and (chunk := source.read(min(_CHUNK, left))):
        left -= len(chunk)
        plain = decryptor.update(chunk)
        digest.update(plain)
        out.write(plain)
    try:
        decryptor.finalize()
    except InvalidTag:
        raise _failed(
            "AS4-ENCRYPTION-TAG", "The encrypted attachment was changed or uses another key."
        ) from None
    return digest.digest()
