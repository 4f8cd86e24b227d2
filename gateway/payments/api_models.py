"""What the API of payment links takes and gives, apart from the rows behind it."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from gateway.core.api_values import Money
from gateway.payments.basket import Basket
from gateway.payments.queries import LinkHistory
from gateway.payments.states import InitiationState
from gateway.payments.tables import Initiation

__all__ = ["LinkIn", "LinkMade", "LinkOut", "LinkPage", "LinkQuery", "LinkState"]


class LinkState(StrEnum):
    """What a link's payer would read at this moment."""

    OPEN = "open"
    UNDER_WAY = "under-way"
    DISPUTED = "disputed"
    PAID = "paid"
    EXPIRED = "expired"


class PaymentOut(BaseModel):
    """One payment begun from a link.

    ``state`` is the provider's word about the order: items are paid when the bank message says
    so. ``notified_at`` is when the provider last told us something by itself.
    """

    id: UUID
    state: InitiationState
    amount: Money
    end_to_end_id: str
    failure_code: str | None
    created_at: datetime
    updated_at: datetime
    notified_at: datetime | None

    @classmethod
    def of(cls, row: Initiation, told_at: Mapping[UUID, datetime]) -> Self:
        """The API's view of a row."""
        return cls(
            id=row.id,
            state=row.state,
            amount=Money.of(row.amount_minor, row.currency),
            end_to_end_id=row.end_to_end_id,
            failure_code=row.failure_code,
            created_at=row.created_at,
            updated_at=row.updated_at,
            notified_at=told_at.get(row.id),
        )


class LinkOut(BaseModel):
    """A payment link without its address, which only its payer and its maker get."""

    id: UUID
    customer_id: UUID
    items: list[UUID]
    state: LinkState
    to_pay: Money
    locale: str
    created_at: datetime
    expires_at: datetime
    opened_at: datetime | None
    payments: list[PaymentOut]

    @classmethod
    def of(cls, history: LinkHistory, basket: Basket, *, expired: bool) -> Self:
        """The API's view of a link and of what it asks for now."""
        link = history.link
        return cls(
            id=link.id,
            customer_id=link.customer_id,
            items=list(history.items),
            state=LinkState.EXPIRED if expired else LinkState(basket.standing),
            to_pay=Money.of(sum(one.asked for one in basket.asked), basket.currency),
            locale=link.locale,
            created_at=link.created_at,
            expires_at=link.expires_at,
            opened_at=link.opened_at,
            payments=[PaymentOut.of(one, history.told_at) for one in history.initiations],
        )


class LinkPage(BaseModel):
    """A page of links, newest first; ``next_cursor`` asks for the one after it."""

    items: list[LinkOut]
    next_cursor: str | None


class LinkQuery(BaseModel):
    """How to page the links."""

    model_config = ConfigDict(extra="forbid")

    cursor: UUID | None = None
    limit: int = Field(50, ge=1, le=200)


class LinkIn(BaseModel):
    """The open items a link is to be about: claims on one customer in one currency.

    ``locale`` is the language of the page; without it, the one the customer is written to in.
    """

    model_config = ConfigDict(extra="forbid")

    items: list[UUID] = Field(min_length=1, max_length=200)
    locale: str | None = Field(None, pattern=r"^(en|fr|nl|de)(_[A-Z]{2})?$")


class LinkMade(BaseModel):
    """A fresh link. Whoever has ``url`` sees what is open and can pay it: treat it as a secret."""

    id: UUID
    url: str
