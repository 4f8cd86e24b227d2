"""Writing a reminder: the facts of one moment become UBL, letter and e-mail.

Takes facts that were read, does no I/O and decides nothing about sending. It costs tens of
milliseconds, so callers run ``compose`` in a thread.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from gateway.core.errors import ErrorKind, GatewayError
from gateway.dunning.ports import IssuedLink
from gateway.dunning.tables import Reminder
from gateway.exchange.tables import Document
from gateway.receivables.tables import Customer, ItemRow
from reminders.claim import Claim, ClaimLine, ClaimRefused, PayTo
from reminders.content import ReminderContent, reminder_content
from reminders.document import reminder_document
from reminders.entries import ItemKind
from reminders.letter import LetterRefused, reminder_letter
from reminders.mail import Mailbox, MailRefused, reminder_mail
from reminders.plan import Action, Line
from reminders.policy import Channel, Level, LevelKind
from reminders.wording import TextRefused
from ubl.amounts import from_minor
from ubl.invoice import read_invoice
from ubl.localized import LanguageUnknown
from ubl.model import Buyer, Identifier, Seller
from ubl.reading import DocumentUnreadable
from ubl.reminder import LinePurpose, RelatedDocument, ReminderRefused, ReminderType
from ubl.reminder_write import write_reminder
from ubl.safexml import XmlRefused, parse

__all__ = [
    "REMINDER_UNWRITABLE",
    "TYPES",
    "Composed",
    "Draft",
    "Parties",
    "carriers",
    "compose",
    "mailbox_of",
    "parties_of",
]

REMINDER_UNWRITABLE: Final = ErrorKind(
    "REMINDER-UNWRITABLE", "The reminder cannot be written from these facts", 422
)

TYPES: Final[Mapping[LevelKind, ReminderType]] = {
    LevelKind.ADVICE: ReminderType.ADVICE,
    LevelKind.REMINDER: ReminderType.REMINDER,
    LevelKind.FIRM_REMINDER: ReminderType.FIRM,
    LevelKind.FORMAL_NOTICE: ReminderType.FORMAL_NOTICE,
}
"""What is written at which level; the other levels are work for a person."""

_PURPOSES: Final[Mapping[ItemKind, LinePurpose]] = {
    ItemKind.INVOICE: LinePurpose.PRINCIPAL,
    ItemKind.INTEREST: LinePurpose.INTEREST,
    ItemKind.COMPENSATION: LinePurpose.COMPENSATION,
    ItemKind.COST: LinePurpose.COST,
    ItemKind.CREDIT_NOTE: LinePurpose.CREDIT,
    ItemKind.UNAPPLIED_PAYMENT: LinePurpose.PAYMENT,
}
_LONGEST_REFERENCE: Final = 140
_BLANK: Final = ("", " ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """Everything a reminder will say, read in one transaction.

    ``invoice`` is the newest document asked for, ``earlier`` the reminders before this one about
    the same items. ``answers`` is the message id of the last e-mail among them.
    """

    reminder: Reminder
    customer: Customer
    creditor_name: str
    action: Action
    items: Mapping[UUID, ItemRow]
    number: str
    sequence: int
    earlier: tuple[RelatedDocument, ...]
    answers: str | None
    link: IssuedLink | None
    invoice: Document | None
    usable: frozenset[Channel]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parties:
    """Creditor and debtor as the newest invoice names them."""

    creditor: Seller
    debtor: Buyer


@dataclass(frozen=True, slots=True, kw_only=True)
class Composed:
    """A written reminder, and the channels it takes: none where none of them can be used.

    ``ubl`` is None where the facts do not make a UBL Reminder that keeps its profile, ``letter``
    where a name cannot be printed; ``mail`` is the whole message where e-mail is a channel.
    """

    content: ReminderContent
    carriers: tuple[Channel, ...]
    ubl: bytes | None
    letter: bytes | None
    mail: bytes | None
    recipient: str


def carriers(level: Level, usable: frozenset[Channel]) -> tuple[Channel, ...]:
    """The channel that carries a step and those that carry a copy; empty if none can carry it."""
    first = next((one for one in level.channels if one in usable), None)
    if first is None:
        return ()
    return (first, *(one for one in level.copies if one in usable and one is not first))


def parties_of(draft: Draft, invoice: bytes | None) -> Parties:
    """Read who asks whom from the invoice; without one the account and the customer are named."""
    seller, buyer = Seller(), Buyer()
    if invoice is not None:
        try:
            read = read_invoice(parse(invoice)).invoice
        except (XmlRefused, DocumentUnreadable) as error:
            raise _unwritable(error.code, error.message) from None
        seller, buyer = read.seller or seller, read.buyer or buyer
    scheme, _, value = draft.customer.participant.rpartition("::")[2].partition(":")
    if not seller.name:
        seller = Seller(name=draft.creditor_name)
    if not buyer.name:
        buyer = Buyer(name=draft.customer.name, electronic_address=Identifier(value, scheme))
    return Parties(creditor=seller, debtor=buyer)


def compose(
    draft: Draft,
    parties: Parties,
    *,
    sender: str,
    message_id: str,
    at: datetime,
) -> Composed:
    """Write the reminder in every form it takes.

    ``sender`` is the address e-mail comes from, ``at`` machine time. Raises GatewayError
    REMINDER-UNWRITABLE, the fact ``fault`` holding the exact code.
    """
    try:
        claim = _claim(draft, parties)
        content = reminder_content(claim, locale=draft.customer.locale)
        ubl = _ubl(claim, content)
        usable = draft.usable if ubl is not None else draft.usable - {Channel.PEPPOL}
        chosen = carriers(draft.action.level, usable)
        letter = _letter(content, ubl, at, needed=not chosen)
        mail = (
            _mail(
                draft,
                parties,
                content,
                sender=sender,
                message_id=message_id,
                at=at,
                letter=letter,
                ubl=ubl,
            )
            if Channel.EMAIL in chosen
            else None
        )
    except LanguageUnknown as error:
        raise _unwritable(error.code, str(error)) from None
    except (ClaimRefused, TextRefused, LetterRefused, MailRefused) as error:
        raise _unwritable(error.code, error.message) from None
    return Composed(
        content=content,
        carriers=chosen,
        ubl=ubl,
        letter=letter,
        mail=mail,
        recipient=draft.customer.email or "",
    )


def _unwritable(code: str, message: str) -> GatewayError:
    return GatewayError(REMINDER_UNWRITABLE, message, fault=code)


def _claim(draft: Draft, parties: Parties) -> Claim:
    action = draft.action
    return Claim(
        identifier=draft.number,
        issued_on=action.on,
        level=TYPES[action.level.kind],
        sequence=draft.sequence,
        creditor=parties.creditor,
        debtor=parties.debtor,
        lines=tuple(_line(line, action.key.currency, draft.items) for line in action.lines),
        pay_to=_pay_to(draft, parties.creditor),
        deadline=action.deadline,
        payment_link=draft.link.url if draft.link else None,
        earlier=draft.earlier,
    )


def _line(line: Line, currency: str, items: Mapping[UUID, ItemRow]) -> ClaimLine:
    item = items[UUID(line.item)]
    original = -item.original_minor if line.kind.is_credit else item.original_minor
    return ClaimLine(
        purpose=_PURPOSES[line.kind],
        number=line.number,
        open=from_minor(line.amount, currency),
        original=from_minor(original, currency),
        issue_date=item.opened_on,
        due_date=line.due_date,
    )


def _pay_to(draft: Draft, creditor: Seller) -> PayTo | None:
    """The account the newest of the invoices names, and what the payer should quote.

    One invoice keeps the reference it was sent with; several are quoted by their numbers, which a
    bank statement can be matched by.
    """
    claims = [draft.items[UUID(line.item)] for line in draft.action.lines if line.because]
    named = [one for one in claims if one.payee_iban]
    if not named:
        return None
    newest = max(named, key=lambda one: (one.opened_on, str(one.id)))
    reference = " ".join(one.number for one in claims)
    if len(claims) == 1:
        reference = claims[0].reference or claims[0].number
    return PayTo(
        iban=newest.payee_iban or "",
        holder=newest.payee_name or creditor.name or draft.creditor_name,
        bic=newest.payee_bic,
        reference=reference if len(reference) <= _LONGEST_REFERENCE else draft.number,
    )


def _ubl(claim: Claim, content: ReminderContent) -> bytes | None:
    """The UBL Reminder, if the parties carry what its profile asks for."""
    try:
        return write_reminder(reminder_document(claim, content))
    except ReminderRefused:
        return None


def _letter(
    content: ReminderContent, ubl: bytes | None, at: datetime, *, needed: bool
) -> bytes | None:
    """The letter; a character no font has stops only a step that nothing else can carry."""
    try:
        return reminder_letter(content, ubl=ubl, created_at=at)
    except LetterRefused:
        if needed:
            raise
        return None


def _mail(
    draft: Draft,
    parties: Parties,
    content: ReminderContent,
    *,
    sender: str,
    message_id: str,
    at: datetime,
    letter: bytes | None,
    ubl: bytes | None,
) -> bytes:
    mail = reminder_mail(
        content,
        sender=mailbox_of(sender, parties.creditor.trading_name or parties.creditor.name or ""),
        recipient=mailbox_of(draft.customer.email or "", draft.customer.name),
        reply_to=_reply_to(parties.creditor),
        message_id=message_id,
        sent_at=at,
        letter=letter,
        ubl=ubl,
        answers=draft.answers,
    )
    return mail.as_bytes()


def mailbox_of(address: str, name: str) -> Mailbox:
    """A mailbox with as much of a name as a header can show; raises MailRefused for the address.

    Names come from documents, where odd blanks and invisible characters are common.
    """
    shown = "".join(one if one.isprintable() else _BLANK[one.isspace()] for one in name)
    return Mailbox(address, " ".join(shown.split()))


def _reply_to(creditor: Seller) -> Mailbox | None:
    """Whom the debtor should ask, where the invoice names an address that works."""
    contact = creditor.contact
    if contact is None or not contact.email:
        return None
    try:
        return mailbox_of(contact.email.strip(), contact.name or "")
    except MailRefused:
        return None
