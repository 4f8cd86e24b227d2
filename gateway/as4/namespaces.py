"""XML names and algorithm identifiers of SOAP, ebMS, WS-Security, signature and encryption.

Constants, and the one strict way to read the text of an element. Knows no message.
"""

from typing import Final

from lxml import etree

__all__ = ["leaf_text", "q"]

SOAP12: Final = "http://www.w3.org/2003/05/soap-envelope"
SOAP11: Final = "http://schemas.xmlsoap.org/soap/envelope/"
EB: Final = "http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/"
EBBP: Final = "http://docs.oasis-open.org/ebxml-bp/ebbp-signals-2.0"
DS: Final = "http://www.w3.org/2000/09/xmldsig#"
EC: Final = "http://www.w3.org/2001/10/xml-exc-c14n#"
XENC: Final = "http://www.w3.org/2001/04/xmlenc#"
XENC11: Final = "http://www.w3.org/2009/xmlenc11#"
XML: Final = "http://www.w3.org/XML/1998/namespace"
_WSS: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-"
WSSE: Final = _WSS + "wssecurity-secext-1.0.xsd"
WSU: Final = _WSS + "wssecurity-utility-1.0.xsd"
WSSE11: Final = "http://docs.oasis-open.org/wss/oasis-wss-wssecurity-secext-1.1.xsd"

X509V3: Final = _WSS + "x509-token-profile-1.0#X509v3"
BASE64_BINARY: Final = _WSS + "soap-message-security-1.0#Base64Binary"
ENCRYPTED_KEY_TYPE: Final = (
    "http://docs.oasis-open.org/wss/oasis-wss-soap-message-security-1.1#EncryptedKey"
)
_SWA: Final = "http://docs.oasis-open.org/wss/oasis-wss-SwAProfile-1.1#"
ATTACHMENT_CONTENT_ONLY: Final = _SWA + "Attachment-Content-Only"
ATTACHMENT_SIGNATURE: Final = _SWA + "Attachment-Content-Signature-Transform"
ATTACHMENT_CIPHERTEXT: Final = _SWA + "Attachment-Ciphertext-Transform"

EXC_C14N: Final = "http://www.w3.org/2001/10/xml-exc-c14n#"
C14N: Final = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
ENVELOPED: Final = DS + "enveloped-signature"
RSA_SHA256: Final = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
SHA256: Final = XENC + "sha256"
SHA1: Final = DS + "sha1"


def q(namespace: str, name: str) -> str:
    """Write a qualified name the way lxml does: ``{namespace}name``."""
    return f"{{{namespace}}}{name}"


def leaf_text(element: etree._Element) -> str | None:
    """Read the text of an element that may hold nothing but text; None if it holds more.

    A comment splits the text that lxml shows while canonicalisation drops it, so an element with
    any child, even a comment, could be read as something other than what was signed.
    """
    if len(element):
        return None
    return (element.text or "").strip()
