"""What a payment link asks for at this moment. Pure: rows in, one picture out.

Nothing of it is kept: amounts, account and names are worked out each time the link is used.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cached_property
from typing import Final
from uuid import UUID

from gateway.receivables.tables import ItemRow
from reminders.entries import ItemKind

__all__ = ["Basket", "Creditor", "Line", "Standing", "basket_of", "transfer_text"]

MAX_TEXT: Final = 140
"""Characters of the text beside a SEPA transfer (EPC115-06, AT-T009)."""


class Standing(StrEnum):
    """What a payment link has to say as a whole."""

    OPEN = "open"
    UNDER_WAY = "under-way"
    DISPUTED = "disputed"
    """Everything that is open is in dispute."""
    PAID = "paid"
    """Nothing is open."""


@dataclass(frozen=True, slots=True)
class Creditor:
    """The account a payment goes to, as the invoices name it (EN 16931 BT-84, BT-85, BT-86)."""

    name: str
    iban: str
    bic: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One claim as its payer sees it, in minor units.

    ``asked`` is open and not disputed; ``under_way`` means a bank took an order to pay it.
    """

    item_id: UUID
    kind: ItemKind
    number: str
    due_date: date | None
    asked: int
    disputed: int
    under_way: bool
    reference: str | None
    creditor: Creditor | None


@dataclass(frozen=True)
class Basket:
    """The claims of a link, oldest first, and what the next payment would be."""

    currency: str
    lines: tuple[Line, ...]

    @cached_property
    def asked(self) -> tuple[Line, ...]:
        """The claims that are to be paid and that nobody is paying yet."""
        return tuple(one for one in self.lines if one.asked > 0 and not one.under_way)

    @cached_property
    def payable(self) -> tuple[Line, ...]:
        """What the next payment covers: claims for one and the same account.

        One transfer has one account; claims for another follow in a payment of their own.
        """
        first = next((one.creditor for one in self.asked if one.creditor), None)
        if first is None:
            return ()
        return tuple(one for one in self.asked if one.creditor and one.creditor.iban == first.iban)

    @property
    def creditor(self) -> Creditor | None:
        """The account the next payment goes to; None where the claims name none."""
        return self.payable[0].creditor if self.payable else None

    @property
    def total(self) -> int:
        """What is to be paid now, in minor units: the next payment, or all where no account is."""
        return sum(one.asked for one in self.payable or self.asked)

    @property
    def standing(self) -> Standing:
        """What the link has to say as a whole."""
        if self.asked:
            return Standing.OPEN
        if any(one.under_way and one.asked for one in self.lines):
            return Standing.UNDER_WAY
        return Standing.DISPUTED if any(one.disputed for one in self.lines) else Standing.PAID


def basket_of(
    currency: str, rows: Iterable[ItemRow], *, under_way: Collection[UUID], payee: str
) -> Basket:
    """The picture of some open items; credits ask for nothing and are left out.

    ``payee`` stands in where a document does not name the holder of its account.
    """
    claims = [row for row in rows if not row.kind.is_credit]
    # Nothing here may change while the claims stay the same: the order names the payment.
    claims.sort(key=lambda row: (row.opened_on, row.number, row.id))
    return Basket(currency, tuple(_line(row, row.id in under_way, payee) for row in claims))


def _line(row: ItemRow, under_way: bool, payee: str) -> Line:
    disputed = min(row.disputed_minor, row.open_minor)
    creditor = None
    if row.payee_iban:
        creditor = Creditor(row.payee_name or payee, row.payee_iban, row.payee_bic)
    return Line(
        item_id=row.id,
        kind=row.kind,
        number=row.number,
        due_date=row.due_date,
        asked=max(row.open_minor - disputed, 0),
        disputed=max(disputed, 0),
        under_way=under_way,
        reference=row.reference,
        creditor=creditor,
    )


def transfer_text(lines: Sequence[Line]) -> str:
    """What a transfer for these claims says: the reference of one, else the numbers of all.

    At most 140 characters; numbers that do not fit are left out whole.
    """
    if len(lines) == 1:
        return " ".join((lines[0].reference or lines[0].number).split())[:MAX_TEXT]
    text = ""
    for number in (" ".join(one.number.split()) for one in lines):
        longer = f"{text} {number}".strip()
        if len(longer) > MAX_TEXT:
            break
        text = longer
    return text
