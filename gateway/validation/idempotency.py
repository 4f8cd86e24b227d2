"""A check asked for under an ``Idempotency-Key`` happens once.

The same key with the same files and options gives the first answer again, with others it is
refused.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.core.errors import GatewayError
from gateway.core.http import IDEMPOTENCY_CONFLICT
from gateway.core.jobs.dialect import insert_or_skip
from gateway.validation.tables import ValidationKey

__all__ = ["Once", "remember", "require_same"]


@dataclass(frozen=True, slots=True)
class Once:
    """A caller's key and the fingerprint (SHA-256, hex) of what it is used for."""

    key: str
    fingerprint: str

    @classmethod
    def of(cls, key: str, files: Iterable[tuple[str, str]], options: Mapping[str, Any]) -> Self:
        """The key over these files (name, SHA-256 in hex) and options (JSON values)."""
        told = json.dumps([[list(file) for file in files], options], sort_keys=True)
        return cls(key, hashlib.sha256(told.encode()).hexdigest())


async def remember(
    session: AsyncSession,
    tenant_id: UUID,
    once: Once,
    *,
    at: datetime,
    run_id: UUID | None = None,
    order_id: UUID | None = None,
) -> bool:
    """Tie the key to its run or order; False when another request was first."""
    kept = await session.exec(
        insert_or_skip(session, ValidationKey)
        .values(
            tenant_id=tenant_id,
            key=once.key,
            fingerprint=once.fingerprint,
            run_id=run_id,
            order_id=order_id,
            created_at=at,
        )
        .returning(ValidationKey.key)
    )
    return kept.first() is not None


def require_same(known: ValidationKey, once: Once) -> None:
    """Refuse a key that was used for something else; raises GatewayError IDEMPOTENCY-CONFLICT."""
    if known.fingerprint != once.fingerprint:
        raise GatewayError(
            IDEMPOTENCY_CONFLICT,
            f"The Idempotency-Key '{once.key}' already belongs to a check of other files or with "
            "other options. Use a fresh key for a new check.",
        )
