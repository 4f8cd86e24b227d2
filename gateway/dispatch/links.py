"""Links to download a document: signed, expiring, made again with a new address when asked.

The token says which link and until when, nothing about people or money. It can be made again from
the dispatch's row, so that it is shown to whoever may see the document, and stored nowhere.
"""

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.core.clock import MachineClock
from gateway.core.jobs.dialect import insert_or_skip
from gateway.core.vault import Vault, place_of
from gateway.dispatch.states import DispatchState
from gateway.dispatch.tables import Dispatch, DispatchKey
from reminders.links import LinkClaims, LinkKeys, LinkRefused, open_token, sign_token

__all__ = ["DOWNLOAD_PATH", "DispatchLinks"]

DOWNLOAD_PATH: Final = "/download/"

_KEY_BYTES: Final = 32
_NOBODY: Final = UUID(int=0)


class DispatchLinks:
    """Signs links and opens them; ``public_url`` is the address of this instance."""

    def __init__(self, *, public_url: str, link_days: int, vault: Vault, now: MachineClock) -> None:
        self._vault = vault
        self._public_url = public_url.rstrip("/")
        self._life = timedelta(days=link_days)
        self._now = now

    def expiry(self) -> datetime:
        """When a link made now ends, in whole seconds of machine time."""
        return self._now().replace(microsecond=0) + self._life

    async def prepare(self, session: AsyncSession) -> None:
        """Make a key where none can sign, by whoever comes first; in a write transaction.

        Raises GatewayError SECRET-KEY-MISSING.
        """
        sealed = await _sealed(session)
        if any(map(self._vault.opens, sealed.values())):
            return
        # The first one, or one in place of those whose own key is lost for good.
        number = max(sealed, default=0) + 1
        secret = self._vault.seal(
            secrets.token_bytes(_KEY_BYTES), place_of(DispatchKey.__tablename__, number)
        )
        await session.exec(
            insert_or_skip(session, DispatchKey).values(
                number=number, secret=secret, created_at=self._now()
            )
        )

    async def url(self, session: AsyncSession, row: Dispatch) -> str:
        """The address that opens a dispatch's document; raises GatewayError SECRET-KEY-MISSING."""
        keys = await self._keys(session)
        claims = LinkClaims(
            link_id=row.link_id.bytes, version=row.link_version, expires_at=row.link_expires_at
        )
        token = sign_token(claims, LinkKeys(signing=max(keys), keys=keys))
        return f"{self._public_url}{DOWNLOAD_PATH}{token}"

    async def resolve(self, session: AsyncSession, token: str) -> Dispatch | None:
        """The dispatch a token opens; None, at the same cost, for any that opens nothing.

        Raises GatewayError SECRET-KEY-MISSING where nobody can tell.
        """
        keys = await self._keys(session) or {0: secrets.token_bytes(_KEY_BYTES)}
        try:
            claims = open_token(token, LinkKeys(signing=max(keys), keys=keys), now=self._now())
            link_id, version = UUID(bytes=claims.link_id), claims.version
        except LinkRefused:
            link_id, version = _NOBODY, 0
        found = await session.exec(
            select(Dispatch).where(Dispatch.link_id == link_id, Dispatch.link_version == version)
        )
        row = found.first()
        return None if row is None or row.state is DispatchState.WITHDRAWN else row

    async def _keys(self, session: AsyncSession) -> Mapping[int, bytes]:
        return self._vault.open_all(DispatchKey.__tablename__, await _sealed(session))


async def _sealed(session: AsyncSession) -> Mapping[int, str]:
    found = await session.exec(select(DispatchKey.number, DispatchKey.secret))
    return dict(found.all())
