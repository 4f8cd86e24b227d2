"""Undoing payments the bank took back: returned direct debits, recalled or reversed transfers.

The original end-to-end identification tells which payment it was. Pure.
"""

from collections.abc import Iterable

from reminders.matching_values import (
    Allocation,
    Reason,
    Reopened,
    Result,
    Settlement,
    Unallocated,
)
from reminders.payments import Payment

__all__ = ["Settlements"]


class Settlements:
    """Earlier payments that may still come back, each at most once."""

    def __init__(self, settlements: Iterable[Settlement]) -> None:
        """Take the payments of earlier runs and of this one."""
        self._by_end_to_end_id: dict[str, list[Settlement]] = {}
        for settlement in sorted(settlements, key=lambda one: one.payment):
            self._by_end_to_end_id.setdefault(settlement.end_to_end_id, []).append(settlement)

    def undo(self, payment: Payment) -> Result:
        """Say what a return reopens, using the payment up.

        Of several payments with that identification, none of them from another account than the
        return names, the one of the same amount is meant, else the last; those of several
        customers are left for a person, because payers choose identifications alike. A return of
        less takes back unapplied credit first, then the shares allocated last; what it takes
        beyond the payment are charges.
        """
        found = [
            one
            for one in self._by_end_to_end_id.get(payment.end_to_end_id or "", ())
            if one.currency == payment.currency and _may_be_from(one, payment.party_iban)
        ]
        same = [one for one in found if one.minor == payment.minor]
        likely = same or found
        if len({one.customer for one in likely}) != 1:
            return Unallocated(payment, Reason.RETURN_OF_UNKNOWN_PAYMENT)
        meant = same[0] if same else found[-1]
        self._by_end_to_end_id[meant.end_to_end_id].remove(meant)
        return _reopened(payment, meant)


def _may_be_from(settlement: Settlement, iban: str | None) -> bool:
    return not iban or not settlement.party_iban or settlement.party_iban == iban


def _reopened(payment: Payment, meant: Settlement) -> Reopened:
    if payment.minor >= meant.minor:
        return Reopened(
            payment=payment,
            reason=Reason.ORIGINAL_END_TO_END_ID,
            settlement=meant.payment,
            reopened=meant.allocations,
            unapplied_minor=meant.unapplied_minor,
            charges_minor=payment.minor - meant.minor,
        )
    unapplied = min(payment.minor, meant.unapplied_minor)
    rest = payment.minor - unapplied
    reopened: list[Allocation] = []
    # Credit notes stay used: only what was paid in money can be taken back in part.
    for allocation in reversed([one for one in meant.allocations if one.minor > 0]):
        share = min(rest, allocation.minor)
        if share:
            reopened.append(Allocation(allocation.item, share))
            rest -= share
    return Reopened(
        payment=payment,
        reason=Reason.ORIGINAL_END_TO_END_ID,
        settlement=meant.payment,
        reopened=tuple(reversed(reopened)),
        unapplied_minor=unapplied,
    )
