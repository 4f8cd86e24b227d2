"""Reminders of the seller to the buyer, and how they are put on their way."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from exchange_houses import House, Pair

from gateway.as4.identifiers import REMINDER, ParticipantId
from gateway.demo.cast import BUYER, SELLER
from gateway.exchange.keys import ARCHIVE
from gateway.exchange.reminding import OutgoingReminder, send_reminder
from gateway.exchange.tables import Document
from gateway.network.participants import REMINDER_OFFER
from ubl.amounts import Amount
from ubl.model import Address, Buyer, Identifier, Seller
from ubl.reminder import (
    BillingReference,
    LinePurpose,
    ReferenceKind,
    Reminder,
    ReminderLine,
    ReminderPayment,
    ReminderTerms,
    ReminderTotals,
    ReminderType,
)
from ubl.reminder_write import write_reminder

ISSUED, DEADLINE = date(2026, 12, 3), date(2026, 12, 17)
LINK = "https://pay.vuurtoren.example/pay/7Hs2kQ9vXb4T"


def endpoint(participant: ParticipantId | None) -> Identifier:
    assert participant is not None
    scheme, _, value = participant.value.partition(":")
    return Identifier(value, scheme)


def reminder_bytes(
    number: str = "R-2026-1",
    *,
    invoices: tuple[str, ...] = ("VT-1",),
    link: str = LINK,
    issued: date = ISSUED,
) -> bytes:
    """A reminder of our profile that asks 500 euros for each invoice."""
    each = Amount(Decimal("500.00"), "EUR")
    total = Amount(each.value * len(invoices), "EUR")
    return write_reminder(
        Reminder(
            identifier=number,
            issue_date=issued,
            type_code=ReminderType.REMINDER,
            sequence=1,
            notes=("Betalingsherinnering", "Onze factuur staat nog open."),
            currency="EUR",
            creditor=Seller(
                name=SELLER.business,
                registration=Identifier("0765432146", "0208"),
                electronic_address=endpoint(SELLER.participant),
                address=Address(line1="Visserskaai 7", city="Oostende", country="BE"),
            ),
            debtor=Buyer(
                name=BUYER.business,
                electronic_address=endpoint(BUYER.participant),
                address=Address(line1="Rue du Pont 2", city="Dinant", country="BE"),
            ),
            payment=(
                ReminderPayment(
                    means_code="58",
                    due_date=issued + timedelta(days=14),
                    references=("+++010/8068/17183+++",),
                    account=Identifier("BE68539007547034"),
                    account_name=SELLER.business,
                ),
            ),
            terms=(ReminderTerms(notes=("Dank u.",), amount=total, link=link),),
            totals=ReminderTotals(lines=total, payable=total),
            lines=tuple(
                ReminderLine(
                    identifier=str(position),
                    purpose=LinePurpose.PRINCIPAL,
                    debit=each,
                    references=(
                        BillingReference(
                            kind=ReferenceKind.INVOICE,
                            identifier=invoice,
                            issue_date=date(2026, 11, 2),
                        ),
                    ),
                )
                for position, invoice in enumerate(invoices, start=1)
            ),
        )
    )


async def take_reminders(house: House) -> None:
    """Register the house's participant for reminders."""
    await house.gateway.participants.publish(
        house.tenant_id, house.participant, REMINDER, [REMINDER_OFFER]
    )


async def remind(pair: Pair, content: bytes, **named: Any) -> Document:
    """Put a reminder on its way from seller to buyer, as whoever sends reminders does."""
    house = pair.sender
    stored = await house.gateway.web[ARCHIVE].keep(
        content, purpose="document", media_type="application/xml", tenant_id=house.tenant_id
    )
    facts: dict[str, Any] = {
        "related_id": None,
        "number": "R-2026-1",
        "issue_date": ISSUED,
        "due_date": DEADLINE,
        "currency": "EUR",
        "amount_minor": 50000,
        **named,
    }
    reminder = OutgoingReminder(
        tenant_id=house.tenant_id,
        sender=pair.sender.participant,
        sender_name=SELLER.business,
        receiver=pair.receiver.participant,
        receiver_name=BUYER.business,
        content=stored,
        **facts,
    )
    platform = house.gateway.platform
    async with platform.database.write() as session:
        return await send_reminder(session, platform.queue, reminder, at=datetime.now(UTC))
