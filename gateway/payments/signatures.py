"""Signatures on what providers tell: HMAC-SHA256 over id, time and raw body. Pure.

Laid out like Standard Webhooks: headers ``webhook-id``, ``webhook-timestamp`` (Unix seconds) and
``webhook-signature`` (``v1,<base64>``, several parted by spaces while secrets change).
"""

import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from gateway.access.webhook_signing import (
    ID_HEADER,
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    signature,
    signed_headers,
)
from gateway.core.errors import GatewayError
from gateway.payments.errors import EVENT_FORGED, EVENT_OLD

__all__ = ["ID_HEADER", "SIGNATURE_HEADER", "TIMESTAMP_HEADER", "check", "signed_headers"]

TOLERANCE: Final = timedelta(minutes=5)
_MAX_ID: Final = 200
_MAX_SIGNATURES: Final = 8


def check(
    headers: Mapping[str, str], body: bytes, *, secrets: Sequence[bytes], now: datetime
) -> str:
    """Return the event's id if one of the secrets signed exactly this, at most 5 minutes ago.

    The clock of the sender may be ahead as much. Every secret is tried against every signature,
    in constant time; one of no bytes is none. Raises GatewayError PAYMENT-EVENT-FORGED or
    PAYMENT-EVENT-OLD.
    """
    event_id, stamp = headers.get(ID_HEADER, ""), headers.get(TIMESTAMP_HEADER, "")
    if not 0 < len(event_id) <= _MAX_ID or not event_id.isascii() or not event_id.isprintable():
        raise _forged()
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
        raise _forged()
    sent = headers.get(SIGNATURE_HEADER, "").split(" ")[:_MAX_SIGNATURES]
    genuine = False
    for secret in filter(None, secrets):
        wanted = signature(secret, event_id=event_id, stamp=stamp, body=body)
        for one in sent:
            genuine |= hmac.compare_digest(one.encode("utf-8", "replace"), wanted.encode())
    if not genuine:
        raise _forged()
    if abs(now.timestamp() - int(stamp)) > TOLERANCE.total_seconds():
        raise GatewayError(
            EVENT_OLD,
            "The event was signed more than five minutes from now. Compare the clocks; a "
            "repetition has to be signed anew.",
        )
    return event_id


def _forged() -> GatewayError:
    return GatewayError(
        EVENT_FORGED,
        "None of the webhook secrets signed this event. Compare payments.webhook_secrets with "
        "the provider's settings.",
    )
