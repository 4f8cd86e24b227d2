"""Folding the entries of one open item into its figures, refusing what does not add up.

Pure. Used twice: to look at an item, and to try an entry before it is booked.
"""

from datetime import date

from reminders.entries import RULES, Column, Entry, EntryKind, ItemKind, LedgerRefused, Rule

__all__ = ["Tally"]


class Tally:
    """The running figures of one item, in minor units, while entries go by in date order."""

    def __init__(self, kind: ItemKind) -> None:
        self._credit = kind.is_credit
        self._columns: dict[Column, int] = dict.fromkeys(Column, 0)
        self._disputes: dict[str, int | None] = {}
        self._announced = 0
        self.open = 0
        self.due_date: date | None = None
        self.announced_on: date | None = None
        self.reopened_on: date | None = None
        self.closed_on: date | None = None

    @property
    def original(self) -> int:
        """What the item was opened with."""
        return self._columns[Column.ORIGINAL]

    @property
    def paid(self) -> int:
        """Payments less what was returned; of a credit, what was refunded."""
        return self._columns[Column.PAID]

    @property
    def credited(self) -> int:
        """Credits set against a claim; of a credit, what was used."""
        return self._columns[Column.CREDITED]

    @property
    def discounted(self) -> int:
        """Discounts for early payment."""
        return self._columns[Column.DISCOUNTED]

    @property
    def written_off(self) -> int:
        """What is given up, less what was taken back."""
        return self._columns[Column.WRITTEN_OFF]

    @property
    def disputed(self) -> int:
        """The part of the open amount that open disputes cover."""
        if None in self._disputes.values():
            return max(self.open, 0)
        return min(sum(part for part in self._disputes.values() if part), max(self.open, 0))

    @property
    def announced(self) -> int:
        """The part of the open amount the debtor last announced and has not paid since."""
        return min(self._announced, max(self.open, 0))

    def take(self, entry: Entry) -> None:
        """Count one entry.

        Raises LedgerRefused (LEDGER-OVERDRAWN, LEDGER-NOTHING-TO-UNDO, LEDGER-DISPUTE-UNKNOWN).
        """
        rule = RULES[entry.kind]
        if rule.sign:
            self._move(entry, rule)
        if entry.due_date is not None:
            self.due_date = entry.due_date
        if entry.kind is EntryKind.PAYMENT_ANNOUNCED:
            self._announced = self.open if entry.amount is None else entry.amount
            self.announced_on = entry.business_date
        elif entry.kind is EntryKind.DISPUTE_OPENED:
            self._disputes[entry.dispute] = entry.amount
        elif entry.kind is EntryKind.DISPUTE_RESOLVED:
            self._resolve(entry)

    def _move(self, entry: Entry, rule: Rule) -> None:
        amount = entry.amount or 0
        self.open += rule.sign * amount
        self._columns[rule.column] += -amount if rule.undoes else amount
        if self._columns[rule.column] < 0:
            raise LedgerRefused(
                "LEDGER-NOTHING-TO-UNDO",
                f"On {entry.business_date} '{entry.kind}' takes back more than was booked before.",
            )
        if (self.open > 0) if self._credit else (self.open < 0):
            raise LedgerRefused(
                "LEDGER-OVERDRAWN",
                f"On {entry.business_date} '{entry.kind}' exceeds what is open by "
                f"{abs(self.open)} minor units. Book only what is open; keep the rest as an "
                "unapplied payment.",
            )
        if entry.kind is EntryKind.PAYMENT_ALLOCATED:
            self._announced = max(0, self._announced - amount)
        if entry.kind is EntryKind.PAYMENT_RETURNED:
            self._announced = 0
        if rule.undoes:
            self.reopened_on = entry.business_date
        self.closed_on = None if self.open else entry.business_date

    def _resolve(self, entry: Entry) -> None:
        if entry.dispute not in self._disputes:
            raise LedgerRefused(
                "LEDGER-DISPUTE-UNKNOWN",
                f"On {entry.business_date} there is no open dispute '{entry.dispute}' to resolve.",
            )
        del self._disputes[entry.dispute]
