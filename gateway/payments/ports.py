"""What paying needs from outside: a provider that lets a payer order a transfer at a bank.

A provider's word is about the order, never about the money: only a bank message makes an open
item paid.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from gateway.payments.states import InitiationEvent
from ubl.amounts import Amount

__all__ = ["Created", "Provider", "ProviderEventValue", "ProviderOrder", "ProviderReport"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderOrder:
    """One transfer a payer is to authorise.

    ``initiation_id`` is the idempotency key: the same order under it never becomes two.
    ``end_to_end_id`` (at most 35 characters, A-Z and 0-9) goes with the money and comes back on
    the bank statement, ``text`` (at most 140 characters) stands beside it. ``return_url`` is
    where the payer's browser goes afterwards; it proves nothing.
    """

    initiation_id: UUID
    end_to_end_id: str
    amount: Amount
    creditor_name: str
    creditor_iban: str
    creditor_bic: str | None
    payer_name: str
    text: str
    return_url: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """The provider's payment: its id there, and the page where the payer authorises it."""

    provider_id: str
    authorise_url: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class ProviderReport:
    """What the provider says of an order; ``failure_code`` is its own word for why it failed."""

    event: InitiationEvent
    failure_code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderEventValue:
    """A verified event. ``report`` is None for a kind this version does not know."""

    event_id: str
    kind: str
    provider_id: str
    initiation_id: UUID | None
    report: ProviderReport | None


class Provider(Protocol):
    """A payment-initiation provider. Every call is safe to repeat."""

    @property
    def name(self) -> str:
        """The provider's stable name, part of the address its events come to."""
        ...

    @property
    def is_trial(self) -> bool:
        """Whether it moves no real money, which the payer is told."""
        ...

    @property
    def payer_origin(self) -> str:
        """Scheme, host and port of the pages payers are sent to."""
        ...

    async def create(self, order: ProviderOrder) -> Created:
        """Make the order known, once per initiation.

        Raises GatewayError PAYMENT-PROVIDER-DOWN, -REFUSED or -ANSWER, as every call does.
        """
        ...

    async def get(self, provider_id: str) -> ProviderReport:
        """Ask where an order is."""
        ...

    async def cancel(self, provider_id: str) -> ProviderReport:
        """Take back an order nobody authorised yet; returns where it is now.

        ``EXPIRED`` when it was taken back; anything else when that came too late.
        """
        ...

    def verify(
        self, headers: Mapping[str, str], body: bytes, *, now: datetime
    ) -> ProviderEventValue:
        """Read an event if it is the provider's own.

        Raises GatewayError PAYMENT-EVENT-FORGED, PAYMENT-EVENT-OLD or PAYMENT-EVENT-INVALID.
        """
        ...
