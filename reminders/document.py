"""A claim as UBL Reminder: the same facts for software, with the words people read as its notes."""

from collections.abc import Iterator

from stdnum import iban as iban_number

from reminders.claim import CREDITS, Claim, ClaimLine
from reminders.content import ReminderContent
from ubl.amounts import Amount
from ubl.model import Identifier
from ubl.reminder import (
    BillingReference,
    LinePurpose,
    ReferenceKind,
    Reminder,
    ReminderLine,
    ReminderPayment,
    ReminderTerms,
    ReminderTotals,
)

__all__ = ["SEPA_TRANSFER", "TRANSFER", "reminder_document"]

SEPA_TRANSFER = "58"
TRANSFER = "30"


def reminder_document(claim: Claim, content: ReminderContent) -> Reminder:
    """Make the UBL Reminder of a claim; heading and opening of ``content`` are its notes.

    The result keeps the profile Receivables Reminder 1.0 if the parties carry the addresses and
    registrations it asks for: ``ubl.reminder_rules.check_reminder`` tells.
    """
    return Reminder(
        identifier=claim.identifier,
        issue_date=claim.issued_on,
        type_code=claim.level.value,
        sequence=claim.sequence,
        notes=(content.heading, *content.opening),
        currency=claim.currency,
        documents=claim.earlier,
        creditor=claim.creditor,
        debtor=claim.debtor,
        payment=tuple(_payment(claim)),
        terms=tuple(_terms(claim, content)),
        totals=ReminderTotals(lines=claim.total, payable=claim.total),
        lines=tuple(
            _line(line, position, content) for position, line in enumerate(claim.lines, start=1)
        ),
    )


def _payment(claim: Claim) -> Iterator[ReminderPayment]:
    pay_to = claim.pay_to
    if pay_to is None:
        return
    yield ReminderPayment(
        means_code=SEPA_TRANSFER if claim.currency == "EUR" else TRANSFER,
        due_date=claim.deadline,
        references=(pay_to.reference,) if pay_to.reference else (),
        account=Identifier(str(iban_number.compact(pay_to.iban))),
        account_name=pay_to.holder,
        service_provider=Identifier(pay_to.bic) if pay_to.bic else None,
    )


def _terms(claim: Claim, content: ReminderContent) -> Iterator[ReminderTerms]:
    yield ReminderTerms(
        notes=content.closing,
        amount=claim.total,
        link=claim.payment_link,
        due_date=claim.deadline,
    )


def _line(line: ClaimLine, position: int, content: ReminderContent) -> ReminderLine:
    is_credit = line.purpose in CREDITS
    amount = Amount(abs(line.open.value), line.open.currency)
    row = content.lines.rows[position - 1]
    return ReminderLine(
        identifier=str(position),
        purpose=line.purpose.value,
        debit=None if is_credit else amount,
        credit=amount if is_credit else None,
        references=tuple(_references(line)),
        rate=line.rate,
        period=line.period,
        notes=(row.cells[0],),
    )


def _references(line: ClaimLine) -> Iterator[BillingReference]:
    if line.purpose in (LinePurpose.COST, LinePurpose.PAYMENT):
        return
    is_credit_note = line.purpose is LinePurpose.CREDIT
    yield BillingReference(
        kind=ReferenceKind.CREDIT_NOTE if is_credit_note else ReferenceKind.INVOICE,
        identifier=line.number,
        issue_date=line.issue_date,
        uuid=line.uuid,
    )
