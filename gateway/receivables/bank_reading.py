"""A bank message read twice without ever being held: once to judge it, once to book it.

Nothing is booked from a file that cannot be trusted to its end, and a file of any allowed size
costs the memory of a few hundred payments. Blocking work: called in a thread, always the same one
for one file, because the XML parser belongs to the thread that began with it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import tzinfo
from typing import Final

from reminders.bank import MessageKind
from reminders.camt import Reading
from reminders.camt_fields import BankMessageRefused
from reminders.matching import payment_name
from reminders.payments import Occurrences, Payment, payments_of_entry

__all__ = ["Survey", "read_payments", "survey"]

MAX_NAME: Final = 600
"""Bytes of a payment's identity; the columns have some more for what tells namesakes apart."""
MAX_ACCOUNT: Final = 100
MAX_IDENTIFIER: Final = 200
MAX_MINOR: Final = 10**17
_MAX_TEXTS: Final = 200
_MAX_LETTERS: Final = 4_000
"""References, and letters of free text, kept of one payment; the standard has 140 a line, and a
batch that is told as one sum may name thousands of documents."""


@dataclass(frozen=True, slots=True)
class Survey:
    """A message that can be trusted: what it is, the accounts it speaks of, how many payments."""

    kind: MessageKind
    message_id: str
    accounts: tuple[str, ...]
    payments: int


def survey(content: bytes, zone: tzinfo) -> Survey:
    """Read a message to its end, keeping nothing; raises BankMessageRefused."""
    reading = Reading(content, bank_zone=zone)
    count = sum(1 for _ in _payments(reading))
    heading, statements = reading.finish()
    if len(heading.message_id) > MAX_IDENTIFIER:
        raise _too_long("the message identification")
    accounts = dict.fromkeys(one.account.identifier or "" for one in statements)
    return Survey(heading.kind, heading.message_id, tuple(accounts), count)


def read_payments(content: bytes, zone: tzinfo) -> Iterator[Payment]:
    """The payments of a message, one after the other; raises BankMessageRefused."""
    return _payments(Reading(content, bank_zone=zone))


def _payments(reading: Reading) -> Iterator[Payment]:
    occurrences = Occurrences()
    for placed in reading:
        occurrence = occurrences.count(placed.entry, placed.position)
        for payment in payments_of_entry(
            placed.statement, placed.entry, placed.position, occurrence=occurrence
        ):
            _check(payment)
            # An intraday report comes again as a statement; it is read for its faults only.
            if reading.kind is not MessageKind.REPORT:
                yield replace(
                    payment,
                    references=_bounded(payment.references),
                    documents=_bounded(payment.documents),
                    lines=_bounded(payment.lines),
                )


def _bounded(texts: tuple[str, ...]) -> tuple[str, ...]:
    """The texts from the beginning, as many as are kept; none is cut in two."""
    kept, letters = 0, 0
    for one in texts[:_MAX_TEXTS]:
        letters += len(one)
        if letters > _MAX_LETTERS:
            break
        kept += 1
    return texts[:kept]


def _check(payment: Payment) -> None:
    """Refuse what no bank sends and no table could hold."""
    if max(payment.minor, payment.entry_minor) > MAX_MINOR:
        raise BankMessageRefused(
            "BANK-AMOUNT",
            f"An amount of statement {payment.id.statement[:40]} is larger than any that can be "
            "booked. Ask the bank for a correct file.",
        )
    if len(payment.id.account) > MAX_ACCOUNT:
        raise _too_long("the identification of the account")
    if len(payment.end_to_end_id or "") > MAX_IDENTIFIER:
        raise _too_long("an end-to-end identification")
    # In bytes, for that is what an index of PostgreSQL holds few of.
    if len(payment_name(payment.id).encode()) > MAX_NAME:
        raise _too_long("an identification of a statement or entry")


def _too_long(what: str) -> BankMessageRefused:
    return BankMessageRefused(
        "BANK-TEXT",
        f"In the bank message {what} is longer than the standard allows. Ask the bank for a "
        "correct file.",
    )
