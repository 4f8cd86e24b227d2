"""Signatures on webhooks (Standard Webhooks 1.0): HMAC-SHA256 over id, time and raw body. Pure.

Headers ``webhook-id``, ``webhook-timestamp`` (Unix seconds) and ``webhook-signature``
(``v1,<base64>``, several parted by spaces while secrets change).
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime
from typing import Final

__all__ = [
    "ID_HEADER",
    "SECRET_BYTES",
    "SIGNATURE_HEADER",
    "SIGNATURE_VERSION",
    "TIMESTAMP_HEADER",
    "secret_text",
    "signature",
    "signed_headers",
]

ID_HEADER: Final = "webhook-id"
TIMESTAMP_HEADER: Final = "webhook-timestamp"
SIGNATURE_HEADER: Final = "webhook-signature"
SIGNATURE_VERSION: Final = "v1,"

SECRET_BYTES: Final = 32
"""The specification asks for 24 to 64 random bytes."""
_PREFIX: Final = "whsec_"


def secret_text(secret: bytes) -> str:
    """A secret as it is handed to the receiver: ``whsec_`` and base64."""
    return _PREFIX + base64.b64encode(secret).decode()


def signature(secret: bytes, *, event_id: str, stamp: str, body: bytes) -> str:
    """One signature as it stands in the header; ``stamp`` is Unix seconds as text."""
    tag = hmac.new(secret, f"{event_id}.{stamp}.".encode() + body, hashlib.sha256).digest()
    return SIGNATURE_VERSION + base64.b64encode(tag).decode()


def signed_headers(
    *, event_id: str, at: datetime, body: bytes, secrets: Sequence[bytes]
) -> dict[str, str]:
    """The headers of a signed body: one signature per secret."""
    stamp = str(int(at.timestamp()))
    signatures = [signature(one, event_id=event_id, stamp=stamp, body=body) for one in secrets]
    return {
        ID_HEADER: event_id,
        TIMESTAMP_HEADER: stamp,
        SIGNATURE_HEADER: " ".join(signatures),
    }
