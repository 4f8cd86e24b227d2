"""Identifiers of rows: UUID version 7, ordered by creation time (RFC 9562 §5.7)."""

import os
import time
from uuid import UUID

__all__ = ["new_id"]


def new_id() -> UUID:
    """Draw a fresh UUIDv7: 48 bits of Unix milliseconds, then 74 random bits."""
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    value = (milliseconds & (1 << 48) - 1) << 80
    value |= 0x7 << 76 | (random >> 62 & 0xFFF) << 64
    value |= 0b10 << 62 | random & (1 << 62) - 1
    return UUID(int=value)
