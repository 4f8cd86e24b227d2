"""What the exchange must know of an invoice or a reminder to send, list and find it. Pure.

Read through the semantic model, so that the outbox, the inbox and the SBDH never disagree with
what a person sees on the document.
"""

import re
from dataclasses import dataclass
from datetime import date
from typing import Final

from lxml import etree

from gateway.as4.identifiers import (
    PROCESS_BILLING,
    PROCESS_SCHEME,
    DocumentTypeId,
    IdentifierInvalid,
    ParticipantId,
    ProcessId,
)
from gateway.conversion.peppol_types import document_type
from gateway.core.errors import ErrorKind, GatewayError
from gateway.exchange.channels import off_network_address
from gateway.exchange.tables import DocumentKind
from ubl.amounts import Amount, AmountUnreadable, to_minor
from ubl.model import DocumentKind as UblKind
from ubl.model import Identifier, Invoice
from ubl.reminder import Reminder

__all__ = ["DOCUMENT_ADDRESS", "InvoiceFacts", "ReminderFacts", "read_facts", "reminder_facts"]

DOCUMENT_ADDRESS: Final = ErrorKind(
    "DOCUMENT-ADDRESS", "The document does not say who sends it to whom", 422
)

_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_MAX_MINOR: Final = 2**63 - 1
_NO_PROCESS: Final = "unstated"
_NUMBER: Final = 200
_NAME: Final = 300
_KINDS: Final = {
    UblKind.INVOICE: DocumentKind.INVOICE,
    UblKind.CREDIT_NOTE: DocumentKind.CREDIT_NOTE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceFacts:
    """One invoice or credit note, as far as delivery and lists need it.

    ``amount_minor`` is the amount due (BT-115) in minor units of ``currency``, ``None`` where
    the document states none that the currency can hold.
    """

    kind: DocumentKind
    number: str
    issue_date: date | None
    due_date: date | None
    currency: str | None
    amount_minor: int | None
    sender: ParticipantId
    sender_name: str
    receiver: ParticipantId
    receiver_name: str
    document_type: DocumentTypeId
    process: ProcessId


@dataclass(frozen=True, slots=True, kw_only=True)
class ReminderFacts:
    """One reminder, as far as lists and the invoices it is about need it.

    ``due_date`` is the new deadline, ``amount_minor`` what is asked for in minor units of
    ``currency``; ``invoices`` are the numbers of the documents its lines name, in their order.
    """

    number: str
    issue_date: date
    due_date: date | None
    currency: str | None
    amount_minor: int | None
    sender_name: str
    receiver_name: str
    level: str | None
    invoices: tuple[str, ...]


def reminder_facts(reminder: Reminder) -> ReminderFacts:
    """Pick out of a reminder what lists show and what finds its invoices."""
    payable = reminder.totals.payable
    currency = _currency(payable.currency)
    stated = (
        *(one.due_date for one in reminder.payment),
        *(one.due_date for one in reminder.terms),
    )
    named = (one.identifier for line in reminder.lines for one in line.references)
    return ReminderFacts(
        number=reminder.identifier[:_NUMBER],
        issue_date=reminder.issue_date,
        due_date=min((one for one in stated if one is not None), default=None),
        currency=currency,
        amount_minor=_minor(payable, currency),
        sender_name=(reminder.creditor.name or "")[:_NAME],
        receiver_name=(reminder.debtor.name or "")[:_NAME],
        level=reminder.type_code,
        invoices=tuple(dict.fromkeys(named)),
    )


def read_facts(
    root: etree._Element, invoice: Invoice, *, off_network: bool = False
) -> InvoiceFacts:
    """Read what delivery needs; raises GatewayError DOCUMENT-ADDRESS when something is missing.

    With ``off_network`` a buyer without electronic address (BT-49) is told by an address of the
    account's own making, and a document for one needs no process (BT-23).
    """
    seller, buyer = invoice.seller, invoice.buyer
    due = invoice.totals.due if invoice.totals else None
    currency = _currency(invoice.currency)
    address = buyer.electronic_address if buyer else None
    unnamed = off_network_address(buyer) if off_network and address is None else None
    process = invoice.business_process or (_NO_PROCESS if unnamed else "")
    try:
        receiver = unnamed or _participant(address, "buyer (BT-49)")
        sender = _participant(seller.electronic_address if seller else None, "seller (BT-34)")
        if not process:
            raise GatewayError(
                DOCUMENT_ADDRESS,
                "The business process (BT-23) is missing. Peppol finds the receiver's access "
                f"point by it; add it, for instance {PROCESS_BILLING.value}.",
            )
        return InvoiceFacts(
            kind=_KINDS[invoice.kind],
            number=(invoice.number or "")[:_NUMBER],
            issue_date=invoice.issue_date,
            due_date=invoice.due_date,
            currency=currency,
            amount_minor=_minor(due, currency),
            sender=sender,
            sender_name=((seller.name if seller else None) or "")[:_NAME],
            receiver=receiver,
            receiver_name=((buyer.name if buyer else None) or "")[:_NAME],
            document_type=_document_type(root, invoice.specification),
            process=ProcessId(PROCESS_SCHEME, process),
        )
    except IdentifierInvalid as error:
        raise GatewayError(DOCUMENT_ADDRESS, error.message, identifier=error.code) from None


def _currency(code: str | None) -> str | None:
    """The currency if it has the form of one: whatever arrives is listed, also what is wrong."""
    return code if code is not None and _CURRENCY.fullmatch(code) else None


def _minor(due: Amount | None, currency: str | None) -> int | None:
    """The amount for a column; one finer than a cent or too large is shown on the document only."""
    if due is None or currency is None or due.currency != currency:
        return None
    try:
        minor = to_minor(due)
    except AmountUnreadable:
        return None
    return minor if abs(minor) <= _MAX_MINOR else None


def _participant(address: Identifier | None, whose: str) -> ParticipantId:
    if address is None or not address.scheme:
        raise GatewayError(
            DOCUMENT_ADDRESS,
            f"The electronic address of the {whose} with its scheme is missing. Peppol delivers "
            "by this address; add it.",
        )
    return ParticipantId.of(f"{address.scheme}:{address.value}")


def _document_type(root: etree._Element, customization: str | None) -> DocumentTypeId:
    name = etree.QName(root)
    return document_type(name.namespace or "", name.localname, customization or "")
