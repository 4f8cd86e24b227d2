"""Payment links: issued for some open items, opened by whoever holds the signed token.

The token says which link and until when, nothing about people or money: what is open is read
when the link is used.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import delete
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.core.clock import MachineClock
from gateway.core.errors import GatewayError
from gateway.core.jobs.dialect import insert_or_skip
from gateway.core.vault import Vault, place_of
from gateway.payments.errors import LINK_ITEMS
from gateway.payments.tables import LinkKey, PaymentLink, PaymentLinkItem
from gateway.receivables.tables import ItemRow
from reminders.links import LinkClaims, LinkKeys, LinkRefused, open_token, sign_token

__all__ = ["PAY_PATH", "IssuedLink", "PaymentLinks"]

PAY_PATH: Final = "/pay/"

_KEY_BYTES: Final = 32
_ID_BYTES: Final = 16
_LONGEST_LIFE: Final = timedelta(days=366)
"""No link lives longer, whatever the setting says (`PaymentSettings.link_days`)."""
_NOBODY: Final = UUID(int=0)


@dataclass(frozen=True, slots=True)
class IssuedLink:
    """A link and the address that opens it; the address is a secret between us and the payer."""

    id: UUID
    url: str


class PaymentLinks:
    """Issues links, opens tokens, changes keys.

    ``public_url`` is the address of this instance; links live for ``link_days`` of machine time.
    """

    def __init__(self, *, public_url: str, link_days: int, vault: Vault, now: MachineClock) -> None:
        self._vault = vault
        self._public_url = public_url.rstrip("/")
        self._life = timedelta(days=link_days)
        self._now = now

    async def issue(
        self,
        session: AsyncSession,
        *,
        tenant_id: UUID,
        customer_id: UUID,
        items: Sequence[UUID],
        currency: str,
        locale: str,
    ) -> IssuedLink:
        """Make a link for some claims on one customer, in the caller's transaction.

        ``locale`` (``fr``, ``nl_BE``) is what the page speaks. Raises GatewayError
        PAYMENT-LINK-ITEMS when an item is not the customer's, is a credit or has another
        currency, and SECRET-KEY-MISSING.
        """
        wanted = tuple(dict.fromkeys(items))
        await _check(session, tenant_id, customer_id, wanted, currency)
        at = self._now().replace(microsecond=0)
        link = PaymentLink(
            id=UUID(bytes=secrets.token_bytes(_ID_BYTES)),
            tenant_id=tenant_id,
            customer_id=customer_id,
            currency=currency,
            locale=locale,
            created_at=at,
            expires_at=at + self._life,
        )
        session.add(link)
        await session.flush()
        session.add_all(PaymentLinkItem(link_id=link.id, item_id=one) for one in wanted)
        claims = LinkClaims(link_id=link.id.bytes, version=link.version, expires_at=link.expires_at)
        token = sign_token(claims, await self._ring(session))
        return IssuedLink(link.id, f"{self._public_url}{PAY_PATH}{token}")

    def return_url(self, token: str) -> str:
        """Where a payer comes back to from the bank."""
        return f"{self._public_url}{PAY_PATH}{token}/back"

    async def resolve(self, session: AsyncSession, token: str) -> PaymentLink | None:
        """The link a token opens; None, at the same cost, for one forged, expired or unknown.

        Raises GatewayError SECRET-KEY-MISSING where nobody can tell.
        """
        keys = self._vault.open_all(LinkKey.__tablename__, await _sealed(session))
        ring = LinkKeys(signing=max(keys), keys=keys) if keys else _empty_ring()
        try:
            claims = open_token(token, ring, now=self._now())
            link_id, version = UUID(bytes=claims.link_id), claims.version
        except LinkRefused:
            link_id, version = _NOBODY, 0
        found = await session.exec(
            select(PaymentLink).where(PaymentLink.id == link_id, PaymentLink.version == version)
        )
        return found.first()

    async def rotate(self, session: AsyncSession) -> int:
        """Sign with a fresh key from now on; returns its number.

        Links already sent still open. A key is forgotten once no link it signed can be alive.
        """
        await self._ring(session)
        keys = list(await session.exec(select(LinkKey).order_by(col(LinkKey.number))))
        at = self._now()
        number = keys[-1].number + 1
        await self._add_key(session, number, at=at)
        followers = [*(one.created_at for one in keys[1:]), at]
        dead = [
            one.number
            for one, replaced_at in zip(keys, followers, strict=True)
            if replaced_at + _LONGEST_LIFE < at
        ]
        await session.exec(delete(LinkKey).where(col(LinkKey.number).in_(dead)))
        return number

    async def _ring(self, session: AsyncSession) -> LinkKeys:
        """The signing keys; the first one is made here, by whoever comes first."""
        sealed = await _sealed(session)
        if not any(map(self._vault.opens, sealed.values())):
            # The first one, or one in place of those whose own key is lost for good.
            await self._add_key(session, max(sealed, default=0) + 1, at=self._now())
            sealed = await _sealed(session)
        keys = self._vault.open_all(LinkKey.__tablename__, sealed)
        return LinkKeys(signing=max(keys), keys=keys)

    async def _add_key(self, session: AsyncSession, number: int, *, at: datetime) -> None:
        """Add a key unless somebody else has added that number meanwhile."""
        place = place_of(LinkKey.__tablename__, number)
        secret = self._vault.seal(secrets.token_bytes(_KEY_BYTES), place)
        await session.exec(
            insert_or_skip(session, LinkKey).values(number=number, secret=secret, created_at=at)
        )


async def _sealed(session: AsyncSession) -> Mapping[int, str]:
    found = await session.exec(select(LinkKey.number, LinkKey.secret))
    return dict(found.all())


def _empty_ring() -> LinkKeys:
    """A ring nobody signs with: where no link was ever issued, no token opens anything."""
    return LinkKeys(signing=0, keys={0: secrets.token_bytes(_KEY_BYTES)})


async def _check(
    session: AsyncSession,
    tenant_id: UUID,
    customer_id: UUID,
    items: Sequence[UUID],
    currency: str,
) -> None:
    found = await session.exec(
        select(ItemRow).where(
            ItemRow.tenant_id == tenant_id,
            ItemRow.customer_id == customer_id,
            ItemRow.currency == currency,
            col(ItemRow.id).in_(items),
        )
    )
    claims = [one for one in found if not one.kind.is_credit]
    if not items or len(claims) != len(items):
        raise GatewayError(
            LINK_ITEMS,
            "A payment link is about one or more claims on one customer in one currency; "
            "credits need no payment.",
        )
