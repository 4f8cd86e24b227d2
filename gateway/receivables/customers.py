"""Customers: met on the first invoice to a participant, then kept by people and programs."""

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import and_, case, or_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.core.ids import new_id
from gateway.core.jobs.dialect import insert_or_skip
from gateway.exchange.tables import Document
from gateway.receivables.ledger import lock_customer
from gateway.receivables.tables import Customer
from reminders.mail import Mailbox, MailRefused
from ubl.model import Buyer

__all__ = ["LOCALES", "customer_at", "likely_locale", "meet_customer"]

LOCALES: Final = ("en", "fr", "nl", "de", "fr_BE", "nl_BE", "de_BE", "fr_FR", "nl_NL", "de_DE")
"""What a customer may be written to in: a language, or one with its country's formats."""

_BY_COUNTRY: Final = {
    "FR": "fr_FR",
    "LU": "fr",
    "NL": "nl_NL",
    "DE": "de_DE",
    "AT": "de",
}
# Belgian postal codes by language area; Brussels has two languages and gets French.
_BELGIUM: Final = (
    (range(1000, 1300), "fr_BE"),
    (range(1300, 1500), "fr_BE"),
    (range(1500, 4000), "nl_BE"),
    (range(4000, 4700), "fr_BE"),
    (range(4700, 4792), "de_BE"),
    (range(4792, 8000), "fr_BE"),
    (range(8000, 10000), "nl_BE"),
)


def likely_locale(country: str | None, post_code: str | None) -> str:
    """The language a business at an address most likely reads; a person may choose another."""
    if country != "BE":
        return _BY_COUNTRY.get(country or "", "en")
    digits = (post_code or "").strip().removeprefix("B-")
    code = int(digits) if len(digits) == 4 and digits.isascii() and digits.isdigit() else 0
    return next((locale for codes, locale in _BELGIUM if code in codes), "en")


async def meet_customer(
    session: AsyncSession, document: Document, buyer: Buyer | None, *, at: datetime
) -> Customer:
    """The customer a document is for, made from it if it is the first; the row comes locked.

    Who was found on Peppol and taken up is the same customer once invoices name that address.
    What people entered is never overwritten; an e-mail address that is missing is taken over.
    """
    known = await customer_at(session, document.tenant_id, document.receiver)
    if known is None:
        await _insert(session, document, buyer, at=at)
        known = await customer_at(session, document.tenant_id, document.receiver)
    if known is None:
        raise AssertionError("a customer that was inserted is there")
    customer = await lock_customer(session, document.tenant_id, known.id)
    if customer.email is None and (email := _email(buyer)) is not None:
        customer.email = email
        session.add(customer)
    return customer


async def customer_at(session: AsyncSession, tenant_id: UUID, address: str) -> Customer | None:
    """The customer at an address (``scheme::value``): its own, or the one it was found at."""
    found = await session.exec(
        select(Customer)
        .where(
            Customer.tenant_id == tenant_id,
            or_(
                col(Customer.participant) == address,
                # As long as nobody has answered the proposal, it is a guess.
                and_(
                    col(Customer.peppol_address) == address,
                    col(Customer.peppol_found_at).is_(None),
                ),
            ),
        )
        .order_by(case((col(Customer.participant) == address, 0), else_=1), col(Customer.id))
        .limit(1)
    )
    return found.first()


async def _insert(
    session: AsyncSession, document: Document, buyer: Buyer | None, *, at: datetime
) -> None:
    address = buyer.address if buyer else None
    await session.exec(
        insert_or_skip(session, Customer).values(
            id=new_id(),
            tenant_id=document.tenant_id,
            participant=document.receiver,
            name=document.receiver_name or document.receiver,
            country=address.country[:2] if address and address.country else None,
            email=_email(buyer),
            locale=likely_locale(
                address.country if address else None, address.post_code if address else None
            ),
            created_at=at,
        )
    )


def _email(buyer: Buyer | None) -> str | None:
    """The buyer's address on the invoice (BT-58), if a mail server would take it."""
    email = buyer.contact.email if buyer and buyer.contact else None
    if not email:
        return None
    try:
        return Mailbox(email.strip()).address
    except MailRefused:
        return None
