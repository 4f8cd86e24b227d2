"""What the API of bank messages takes and gives, apart from the rows behind it."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from gateway.core.api_values import Money
from gateway.receivables.tables import (
    BankMessage,
    BankMessageState,
    BankOrigin,
    BankPayment,
    BankPaymentState,
)
from reminders.bank import Direction

__all__ = [
    "BankMessageOut",
    "BankMessagePage",
    "BankMessageQuery",
    "BankMessageTaken",
    "BankPaymentOut",
    "BankPaymentPage",
    "BankPaymentQuery",
    "DecisionIn",
    "TakeQuery",
]


class TakeQuery(BaseModel):
    """What may come beside a bank message."""

    model_config = ConfigDict(extra="forbid")

    file_name: str = Field("", max_length=300)


class BankMessageQuery(BaseModel):
    """How to page the list of bank messages."""

    model_config = ConfigDict(extra="forbid")

    cursor: UUID | None = None
    limit: int = Field(50, ge=1, le=200)


class BankPaymentQuery(BaseModel):
    """Which payments to list; without ``state`` all of them."""

    model_config = ConfigDict(extra="forbid")

    state: BankPaymentState | None = None
    message: UUID | None = None
    cursor: UUID | None = None
    limit: int = Field(50, ge=1, le=200)


class BankFailure(BaseModel):
    """Why a bank message was refused."""

    code: str
    text: str


class BankMessageOut(BaseModel):
    """One bank message: ``repeated`` of its payments were known from another message."""

    id: UUID
    state: BankMessageState
    origin: BankOrigin
    file_name: str
    kind: str
    message_id: str
    account: str
    sha256: str
    payments: int
    repeated: int
    failure: BankFailure | None
    received_at: datetime

    @classmethod
    def of(cls, row: BankMessage) -> Self:
        """The row as the API shows it."""
        failure = None
        if row.failure_code is not None:
            failure = BankFailure(code=row.failure_code, text=row.failure_text or "")
        return cls(
            id=row.id,
            state=row.state,
            origin=row.origin,
            file_name=row.file_name,
            kind=row.kind,
            message_id=row.message_id,
            account=row.account,
            sha256=row.sha256,
            payments=row.payments,
            repeated=row.repeated,
            failure=failure,
            received_at=row.received_at,
        )


class BankMessagePage(BaseModel):
    """A page of bank messages, newest first."""

    items: list[BankMessageOut]
    next_cursor: str | None


class Share(BaseModel):
    """A share of a payment for an open item; below zero where a credit was used."""

    item: UUID
    amount: Money


class ProposalOut(BaseModel):
    """One way to allocate a payment; accept it by its place, counted from 0."""

    reason: str
    customer: UUID
    allocations: list[Share]
    unapplied: Money


class BankPaymentOut(BaseModel):
    """One movement of money, what became of it and why.

    ``unapplied`` is the part kept as the customer's credit, ``charges`` what the bank took beyond
    a payment it took back, ``like`` the payment this one may repeat.
    """

    id: UUID
    message: UUID
    state: BankPaymentState
    reason: str
    direction: Direction
    amount: Money
    booked: date | None
    valued: date | None
    end_to_end_id: str | None
    payer: str | None
    iban: str | None
    text: list[str]
    customer: UUID | None
    allocations: list[Share]
    unapplied: Money | None
    charges: Money | None
    proposals: list[ProposalOut]
    like: str | None
    note: str | None
    decided_by: str | None
    decided_at: datetime | None

    @classmethod
    def of(cls, row: BankPayment) -> Self:
        """The row as the API shows it."""
        result, currency = row.result, row.currency
        unapplied, charges = result.get("unapplied"), result.get("charges_minor")
        return cls(
            id=row.id,
            message=row.bank_message_id,
            state=row.state,
            reason=row.reason,
            direction=row.direction,
            amount=Money.of(row.minor, currency),
            booked=row.booked,
            valued=row.valued,
            end_to_end_id=row.end_to_end_id,
            payer=row.party_name,
            iban=row.party_iban,
            text=[*row.payment["references"], *row.payment["documents"], *row.payment["lines"]],
            customer=row.customer_id,
            allocations=_shares(result, currency),
            unapplied=Money.of(unapplied["minor"], currency) if unapplied else None,
            charges=Money.of(charges, currency) if charges else None,
            proposals=[
                ProposalOut(
                    reason=one["reason"],
                    customer=one["customer"],
                    allocations=_shares(one, currency),
                    unapplied=Money.of(one["unapplied_minor"], currency),
                )
                for one in result.get("proposals", ())
            ],
            like=result.get("like") or None,
            note=result.get("note"),
            decided_by=row.decided_by,
            decided_at=row.decided_at,
        )


def _shares(result: Mapping[str, Any], currency: str) -> list[Share]:
    return [
        Share(item=one["item"], amount=Money.of(one["minor"], currency))
        for one in result.get("allocations", ())
    ]


class BankPaymentPage(BaseModel):
    """A page of payments, newest first."""

    items: list[BankPaymentOut]
    next_cursor: str | None


class BankMessageTaken(BankMessageOut):
    """A bank message with what became of its payments: how many by state, and the newest."""

    outcomes: dict[BankPaymentState, int]
    newest: list[BankPaymentOut]


class DecisionIn(BaseModel):
    """Exactly one decision.

    ``accept`` is the place of a proposal, counted from 0. ``allocations`` share the payment out
    in the payment's currency; what is left becomes the customer's credit. ``set_aside`` says why
    the payment concerns no customer. ``unapplied`` names the customer who paid.
    """

    model_config = ConfigDict(extra="forbid")

    accept: int | None = Field(None, ge=0)
    allocations: list[Share] | None = Field(None, min_length=1, max_length=200)
    set_aside: str | None = Field(None, min_length=1, max_length=500)
    unapplied: UUID | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        given = (self.accept, self.allocations, self.set_aside, self.unapplied)
        if sum(one is not None for one in given) != 1:
            raise ValueError("give exactly one of accept, allocations, set_aside, unapplied")
        return self
