"""Paying from a link: what is open now becomes one order at the provider.

The order is in the books, reminders held, before the provider hears of it; it goes there under
its own id as idempotency key, so that a crash in between is healed by asking again. Nothing here
marks anything paid: only a bank message does.
"""

import base64
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.access.audit import record
from gateway.access.tables import Tenant
from gateway.core.clock import MachineClock
from gateway.core.database import Database
from gateway.core.errors import GatewayError
from gateway.payments.basket import Basket, Line, transfer_text
from gateway.payments.errors import PAYMENT_BUSY, PROVIDER_REFUSED
from gateway.payments.initiations import PAYER, advance, hold_items
from gateway.payments.links import PaymentLinks
from gateway.payments.ports import Created, Provider, ProviderOrder, ProviderReport
from gateway.payments.queries import (
    BEGUN,
    UNDECIDED,
    baskets_of,
    initiations_of_items,
    initiations_of_link,
    shares_of,
)
from gateway.payments.states import UNDER_WAY, InitiationEvent, InitiationState
from gateway.payments.tables import Initiation, InitiationItem, PaymentLink
from gateway.receivables.ledger import lock_customer
from gateway.receivables.tables import Customer
from ubl.amounts import from_minor

__all__ = ["Invitation", "Paying"]

_ROUNDS: Final = 3
"""How often a payment begun elsewhere may get in the way before the payer is told to wait."""
_MAX_NAME: Final = 70
_REFUSED: Final = ProviderReport(InitiationEvent.FAILED, "provider-refused")
_SUPERSEDED: Final = ProviderReport(InitiationEvent.EXPIRED)


@dataclass(frozen=True, slots=True)
class Invitation:
    """What a link shows: who asks, for what, and whether a payment was begun from it."""

    link: PaymentLink
    payee: str
    basket: Basket
    begun: bool


@dataclass(frozen=True, slots=True)
class _Ready:
    """A payment in the books: at ``url`` already, or still to be made known by ``order``."""

    initiation: Initiation
    order: ProviderOrder
    url: str | None


@dataclass(frozen=True, slots=True)
class _InTheWay:
    """A payment that has to be taken back at the provider first."""

    initiation: Initiation
    provider_id: str


class Paying:
    """Shows what a link asks for, starts payments, follows them.

    ``patience`` is how long a payer has to authorise, in machine time; ``wait`` is for how many
    calendar days reminders hold for money that is under way.
    """

    def __init__(
        self,
        *,
        database: Database,
        links: PaymentLinks,
        provider: Provider | None,
        now: MachineClock,
        today: Callable[[], date],
        patience: timedelta,
        wait: timedelta,
    ) -> None:
        self._database = database
        self._links = links
        self._provider = provider
        self._now = now
        self._today = today
        self._patience = patience
        self._wait = wait

    def is_expired(self, link: PaymentLink) -> bool:
        """Whether a link opens nothing any more."""
        return link.expires_at <= self._now()

    @property
    def provider(self) -> Provider | None:
        """Who starts payments; None where a transfer is the only way."""
        return self._provider

    async def look(self, token: str) -> Invitation | None:
        """What a link asks for now; None for one unknown, forged or expired alike."""
        async with self._database.read() as session:
            link = await self._links.resolve(session, token)
            if link is None:
                return None
            payee = (await session.get_one(Tenant, link.tenant_id)).name
            basket = (await self.baskets(session, [link]))[link.id]
            begun = await initiations_of_items(
                session, link.tenant_id, [one.item_id for one in basket.payable], BEGUN
            )
        at = self._now()
        mine = any(one.link_id == link.id and one.expires_at > at for one in begun)
        return Invitation(link, payee, basket, mine)

    async def baskets(
        self, session: AsyncSession, links: Sequence[PaymentLink]
    ) -> dict[UUID, Basket]:
        """What links of one tenant ask for on this business date, by the link's id."""
        if not links:
            return {}
        payee = (await session.get_one(Tenant, links[0].tenant_id)).name
        return await baskets_of(session, links, payee=payee, today=self._today())

    async def opened(self, link_id: UUID) -> None:
        """Keep, once, that a link was opened."""
        async with self._database.write() as session:
            link = await session.get_one(PaymentLink, link_id, with_for_update=True)
            if link.opened_at is None:
                link.opened_at = self._now()
                session.add(link)
                self._audit(session, link, "payment-link.opened")

    async def start(self, link: PaymentLink, *, token: str) -> str | None:
        """Start paying what is open now; returns where the payer authorises it.

        ``token`` is the link's as the payer has it: the way back from the bank.

        None when there is nothing to pay. A payment begun from this link for the same shares
        goes on; any other one that covers them is taken back first. Raises GatewayError
        PAYMENT-BUSY, PAYMENT-PROVIDER-DOWN, -REFUSED or -ANSWER.
        """
        if self._provider is None:
            raise GatewayError(
                PROVIDER_REFUSED, "No payment provider is configured here; pay by transfer."
            )
        for _ in range(_ROUNDS):
            found = await self._prepare(self._provider, link, self._links.return_url(token))
            if found is None:
                return None
            if isinstance(found, _InTheWay):
                report = await self._provider.cancel(found.provider_id)
                await self._learn(found.initiation, report)
            elif found.url is not None:
                return found.url
            else:
                created = await self._create(self._provider, found)
                if created is not None and await self._keep(found.initiation, created):
                    return created.authorise_url
        raise GatewayError(
            PAYMENT_BUSY,
            "Another payment of the same invoices is being decided at the bank. Try again in a "
            "minute.",
        )

    async def inquire(self, link: PaymentLink) -> None:
        """Ask the provider about the payments begun from a link; raises what it raises."""
        async with self._database.read() as session:
            found = await initiations_of_link(session, link.id, UNDECIDED)
        for one in found:
            await self.ask(one)

    async def ask(self, initiation: Initiation) -> None:
        """Ask the provider about one payment; one nobody authorised in time is taken back there.

        Only taken back it is over: given up here alone, it could still be authorised beside the
        next one. Raises what the provider raises.
        """
        asked = self._provider if self._speaks_for(initiation) else None
        late = initiation.state in BEGUN and initiation.expires_at <= self._now()
        if asked is None or initiation.provider_id is None:
            await self._learn(initiation, _SUPERSEDED if late else None)
            return
        try:
            call = asked.cancel if late else asked.get
            report = await call(initiation.provider_id)
        except GatewayError:
            # It was its turn all the same: others are not to wait behind it.
            await self._learn(initiation, None)
            raise
        await self._learn(initiation, report)

    def _speaks_for(self, initiation: Initiation) -> bool:
        """Whether the configured provider is the one a payment was begun at."""
        return self._provider is not None and initiation.provider == self._provider.name

    async def _prepare(
        self, provider: Provider, link: PaymentLink, return_url: str
    ) -> _Ready | _InTheWay | None:
        """Put the next payment into the books, or find the one that is there."""
        at = self._now()
        async with self._database.write() as session:
            customer = await lock_customer(session, link.tenant_id, link.customer_id)
            basket = (await self.baskets(session, [link]))[link.id]
            if not basket.payable:
                return None
            shares = {one.item_id: one.asked for one in basket.payable}
            mine = None
            for one in await initiations_of_items(session, link.tenant_id, list(shares), BEGUN):
                known = self._speaks_for(one)
                if (
                    mine is None
                    and known
                    and one.link_id == link.id
                    and one.expires_at > at
                    and await shares_of(session, one.id) == shares
                ):
                    mine = one
                elif known and one.provider_id is not None:
                    return _InTheWay(one, one.provider_id)
                else:
                    # The payer was never sent to a page of this provider for it.
                    await self._advance(session, one, _SUPERSEDED)
            if mine is None:
                mine = await self._begin(session, provider, link, basket)
            order = _order(mine, basket.payable, customer, return_url)
            return _Ready(mine, order, mine.authorise_url)

    async def _begin(
        self, session: AsyncSession, provider: Provider, link: PaymentLink, basket: Basket
    ) -> Initiation:
        at = self._now()
        initiation = Initiation(
            tenant_id=link.tenant_id,
            link_id=link.id,
            customer_id=link.customer_id,
            provider=provider.name,
            end_to_end_id=_end_to_end_id(),
            currency=basket.currency,
            amount_minor=basket.total,
            state=InitiationState.CREATED,
            created_at=at,
            updated_at=at,
            expires_at=at + self._patience,
        )
        session.add(initiation)
        await session.flush()
        session.add_all(
            InitiationItem(initiation_id=initiation.id, item_id=one.item_id, amount_minor=one.asked)
            for one in basket.payable
        )
        await session.flush()
        await hold_items(session, initiation, today=self._today(), wait=self._wait, at=at)
        self._audit(session, link, "payment.begun", end_to_end_id=initiation.end_to_end_id)
        return initiation

    async def _create(self, provider: Provider, ready: _Ready) -> Created | None:
        """Make an order known; one the provider refuses for good holds no reminder.

        None when somebody else got the same order through, or gave it up, meanwhile.
        """
        try:
            return await provider.create(ready.order)
        except GatewayError as error:
            if error.kind is not PROVIDER_REFUSED or await self._refused(ready.initiation):
                raise
            return None

    async def _refused(self, initiation: Initiation) -> bool:
        """End a payment the provider refuses; False when it is not ours alone to end any more."""
        async with self._database.write() as session:
            row = await session.get_one(Initiation, initiation.id)
            await lock_customer(session, row.tenant_id, row.customer_id)
            await session.refresh(row)
            if row.state is not InitiationState.CREATED:
                return False
            return await self._advance(session, row, _REFUSED)

    async def _keep(self, initiation: Initiation, created: Created) -> bool:
        """Remember what the provider made of an order; False when it was given up meanwhile."""
        async with self._database.write() as session:
            row = await session.get_one(Initiation, initiation.id)
            await lock_customer(session, row.tenant_id, row.customer_id)
            await session.refresh(row)
            row.provider_id = created.provider_id
            row.authorise_url = created.authorise_url
            row.expires_at = min(row.expires_at, created.expires_at)
            session.add(row)
            await session.flush()
            await self._advance(session, row, ProviderReport(InitiationEvent.AUTHORISING))
            return row.state in UNDER_WAY

    async def _learn(self, initiation: Initiation, report: ProviderReport | None) -> None:
        """Take in what a question brought to light, and that it was asked."""
        async with self._database.write() as session:
            row = await session.get_one(Initiation, initiation.id)
            if report is None or not await self._advance(session, row, report):
                row.updated_at = self._now()
                session.add(row)

    async def _advance(
        self, session: AsyncSession, initiation: Initiation, report: ProviderReport
    ) -> bool:
        return await advance(
            session,
            initiation,
            report,
            today=self._today(),
            wait=self._wait,
            at=self._now(),
            learnt="inquiry",
        )

    def _audit(
        self, session: AsyncSession, link: PaymentLink, action: str, **facts: str | int
    ) -> None:
        record(
            session,
            tenant_id=link.tenant_id,
            actor=PAYER,
            action=action,
            object=str(link.id),
            facts=facts,
            at=self._now(),
        )


def _order(
    initiation: Initiation, lines: tuple[Line, ...], customer: Customer, return_url: str
) -> ProviderOrder:
    """The order of a payment, the same whenever it is worked out from the same claims."""
    creditor = lines[0].creditor
    if creditor is None:
        raise GatewayError(
            PROVIDER_REFUSED, "The invoices name no account to pay to; ask the sender for it."
        )
    return ProviderOrder(
        initiation_id=initiation.id,
        end_to_end_id=initiation.end_to_end_id,
        amount=from_minor(initiation.amount_minor, initiation.currency),
        creditor_name=creditor.name[:_MAX_NAME],
        creditor_iban=creditor.iban,
        creditor_bic=creditor.bic,
        payer_name=customer.name[:_MAX_NAME],
        text=transfer_text(lines),
        return_url=return_url,
        expires_at=initiation.expires_at,
    )


def _end_to_end_id() -> str:
    """A name for the transfer that nobody can guess: 28 of the 35 characters there may be."""
    return "PG" + base64.b32encode(secrets.token_bytes(16)).decode().rstrip("=")
