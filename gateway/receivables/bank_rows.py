"""Payments as rows and back: every field kept, and digests that tell a repetition in SQL. Pure."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import date
from typing import Any, Final
from uuid import UUID

from gateway.receivables.tables import BankPayment
from reminders.bank import Direction
from reminders.matching import payment_name
from reminders.matching_values import Allocation, Proposal, Reason, Settlement
from reminders.payments import Payment, PaymentId

__all__ = [
    "allocations_json",
    "allocations_of",
    "content_digest",
    "items_of",
    "payment_of",
    "proposals_json",
    "proposals_of",
    "settlement_of",
    "twin_digest",
    "values_of",
]

_MAX_IBAN: Final = 34
_MAX_PARTY: Final = 300


def values_of(payment: Payment) -> dict[str, Any]:
    """The columns of a payment's row that the bank decides, the same each time it is read."""
    iban = payment.party_iban
    return {
        "name": payment_name(payment.id),
        "account": payment.id.account,
        "minor": payment.minor,
        "currency": payment.currency,
        "direction": payment.direction,
        "booked": payment.booked,
        "valued": payment.valued,
        "end_to_end_id": payment.end_to_end_id,
        "party_name": payment.party_name[:_MAX_PARTY] if payment.party_name else None,
        "party_iban": iban if iban and len(iban) <= _MAX_IBAN else None,
        "payment": _payment_json(payment),
        "twin": twin_digest(payment),
        "content": content_digest(payment),
    }


def payment_of(row: BankPayment) -> Payment:
    """The payment as the reader gave it."""
    told = row.payment
    return Payment(
        **{
            **told,
            "id": PaymentId(**told["id"]),
            "direction": Direction(told["direction"]),
            "booked": _day(told["booked"]),
            "valued": _day(told["valued"]),
            "references": tuple(told["references"]),
            "documents": tuple(told["documents"]),
            "lines": tuple(told["lines"]),
        }
    )


def twin_digest(payment: Payment) -> str | None:
    """SHA-256 of what a notification and a statement agree in; None without bank reference."""
    return None if payment.twin_key is None else _digest(payment.twin_key)


def content_digest(payment: Payment) -> str:
    """SHA-256 of everything the bank says of the payment, but where it says it."""
    return _digest(payment.content_key)


def allocations_json(allocations: Iterable[Allocation]) -> list[dict[str, Any]]:
    """Allocations as a result keeps them."""
    return [{"item": one.item, "minor": one.minor} for one in allocations]


def allocations_of(result: Mapping[str, Any]) -> tuple[Allocation, ...]:
    """The allocations of a result or of one proposal."""
    return tuple(Allocation(one["item"], one["minor"]) for one in result.get("allocations", ()))


def proposals_json(proposals: Iterable[Proposal]) -> list[dict[str, Any]]:
    """Proposals as a result keeps them, the likeliest first."""
    return [
        {
            "reason": str(one.reason),
            "customer": one.customer,
            "allocations": allocations_json(one.allocations),
            "unapplied_minor": one.unapplied_minor,
        }
        for one in proposals
    ]


def proposals_of(row: BankPayment) -> tuple[Proposal, ...]:
    """What a person may accept, the likeliest first."""
    return tuple(
        Proposal(
            Reason(one["reason"]), one["customer"], allocations_of(one), one["unapplied_minor"]
        )
        for one in row.result.get("proposals", ())
    )


def settlement_of(row: BankPayment) -> Settlement:
    """A matched payment as one that the bank may still take back."""
    unapplied = row.result.get("unapplied")
    return Settlement(
        payment=row.name,
        end_to_end_id=row.end_to_end_id or "",
        currency=row.currency,
        allocations=allocations_of(row.result),
        unapplied_minor=unapplied["minor"] if unapplied else 0,
        customer=str(row.customer_id or ""),
        party_iban=row.party_iban,
    )


def items_of(results: Iterable[Mapping[str, Any]]) -> frozenset[UUID]:
    """Every open item that results speak of."""
    named = [one["item"] for result in results for one in result.get("allocations", ())]
    named += [result["unapplied"]["item"] for result in results if result.get("unapplied")]
    return frozenset(map(UUID, named))


def _payment_json(payment: Payment) -> dict[str, Any]:
    told = asdict(payment)
    told["booked"] = payment.booked.isoformat() if payment.booked else None
    told["valued"] = payment.valued.isoformat() if payment.valued else None
    return told


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def _digest(key: tuple[object, ...]) -> str:
    return hashlib.sha256(json.dumps(key, default=str, ensure_ascii=True).encode()).hexdigest()
