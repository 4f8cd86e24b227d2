"""A reminder as a document: what a creditor tells a debtor is open, and how to pay it (UBL 2.1).

Values only. Profile: the project's own "Receivables Reminder 1.0". Reading, writing and the
profile's rules have modules of their own; nothing here knows a clock, a policy or a ledger.
"""

from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from enum import StrEnum
from typing import Final

from ubl.amounts import Amount
from ubl.model import Buyer, Identifier, Payee, Period, Seller
from ubl.namespaces import document_namespace

__all__ = [
    "HASH_ALGORITHM",
    "REMINDER_CUSTOMIZATION",
    "REMINDER_DOCUMENT_TYPE",
    "REMINDER_PROFILE",
    "REMINDER_TYPE_LIST",
    "BillingReference",
    "LinePurpose",
    "ReferenceKind",
    "RelatedDocument",
    "Reminder",
    "ReminderCharge",
    "ReminderFault",
    "ReminderLine",
    "ReminderPayment",
    "ReminderRefused",
    "ReminderTerms",
    "ReminderTotals",
    "ReminderType",
]

REMINDER_CUSTOMIZATION: Final = "urn:fdc:peppol-gateway:2026:receivables:trns:reminder:1.0"
REMINDER_PROFILE: Final = "urn:fdc:peppol-gateway:2026:receivables:bis:reminder:1.0"
REMINDER_TYPE_LIST: Final = "urn:fdc:peppol-gateway:codelist:remindertype:1"
REMINDER_DOCUMENT_TYPE: Final = (
    f"{document_namespace('Reminder')}::Reminder##{REMINDER_CUSTOMIZATION}::2.1"
)
HASH_ALGORITHM: Final = "http://www.w3.org/2001/04/xmlenc#sha256"


class ReminderType(StrEnum):
    """How far the creditor has gone (code list ``remindertype`` of the profile)."""

    ADVICE = "ADV"
    REMINDER = "REM"
    FIRM = "FRM"
    FORMAL_NOTICE = "MED"
    FINAL = "FIN"


class LinePurpose(StrEnum):
    """What a line asks for or takes off (PaymentPurposeCode of the profile)."""

    PRINCIPAL = "PRIN"
    INTEREST = "INTE"
    COMPENSATION = "COMP"
    COST = "COST"
    CREDIT = "CRED"
    PAYMENT = "PAYM"
    INSTALMENT = "INST"


class ReferenceKind(StrEnum):
    """Which kind of document a line speaks of; the value is its UBL element."""

    INVOICE = "cac:InvoiceDocumentReference"
    SELF_BILLED_INVOICE = "cac:SelfBilledInvoiceDocumentReference"
    CREDIT_NOTE = "cac:CreditNoteDocumentReference"
    SELF_BILLED_CREDIT_NOTE = "cac:SelfBilledCreditNoteDocumentReference"
    DEBIT_NOTE = "cac:DebitNoteDocumentReference"
    REMINDER = "cac:ReminderDocumentReference"
    OTHER = "cac:AdditionalDocumentReference"


@dataclass(frozen=True, slots=True)
class ReminderFault:
    """One thing wrong with a reminder.

    ``code`` is stable: REMINDER-NOT-UBL, REMINDER-IS-INVOICE, REMINDER-MISSING, REMINDER-VALUE,
    REMINDER-TEXT or REMINDER-RULE. ``path`` is where, in short XPath from the root; ``rule`` is
    the rule of the profile (R01 to R32) where one is broken. A warning alone refuses nothing.
    """

    code: str
    path: str
    message: str
    rule: str | None = None
    is_warning: bool = False


class ReminderRefused(ValueError):
    """The document is no reminder, or one that breaks its profile; ``faults`` says all of it.

    ``reminder`` is what it says all the same, where every value could be read.
    """

    def __init__(
        self, faults: tuple[ReminderFault, ...], reminder: "Reminder | None" = None
    ) -> None:
        super().__init__("; ".join(f"{fault.path}: {fault.message}" for fault in faults))
        self.faults = faults
        self.reminder = reminder

    @property
    def code(self) -> str:
        """Stable code of the first fault."""
        return self.faults[0].code


@dataclass(frozen=True, slots=True, kw_only=True)
class BillingReference:
    """The document a line speaks of: number, day of issue and, where known, its UUID."""

    kind: ReferenceKind
    identifier: str
    issue_date: date | None = None
    uuid: str | None = None
    type_code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReminderLine:
    """One sum asked for (``debit``) or taken off (``credit``).

    ``rate`` is the annual interest rate in per cent and ``period`` the days it covers, both
    included, on a line for interest. Foreign profiles may give neither amount nor purpose, and
    several references.
    """

    identifier: str
    purpose: str | None = None
    debit: Amount | None = None
    credit: Amount | None = None
    references: tuple[BillingReference, ...] = ()
    rate: Decimal | None = None
    period: Period | None = None
    notes: tuple[str, ...] = ()
    uuid: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReminderPayment:
    """How to pay: means (UNTDID 4461), last day, references to quote, account.

    ``account`` is an IBAN for SEPA, ``service_provider`` the bank's BIC or national code.
    """

    means_code: str
    due_date: date | None = None
    references: tuple[str, ...] = ()
    account: Identifier | None = None
    account_name: str | None = None
    service_provider: Identifier | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReminderTerms:
    """What to pay by when, in words and as an amount; ``link`` is where it can be paid online."""

    notes: tuple[str, ...] = ()
    amount: Amount | None = None
    link: str | None = None
    due_date: date | None = None
    instalment_due_date: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReminderCharge:
    """A charge (or allowance) on the reminder as a whole, such as a reminder fee."""

    amount: Amount
    is_charge: bool = True
    reason_code: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReminderTotals:
    """Sums of a reminder. ``lines`` is what lines ask for less what they take off."""

    payable: Amount
    lines: Amount | None = None
    allowances: Amount | None = None
    charges: Amount | None = None
    prepaid: Amount | None = None
    rounding: Amount | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RelatedDocument:
    """An earlier reminder (type code ``REM``) or the file of an invoice, named by its hash.

    ``sha256`` is the lower-case hex digest of the file.
    """

    identifier: str
    issue_date: date | None = None
    type_code: str | None = None
    sha256: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reminder:
    """A reminder of one creditor to one debtor, in one currency.

    ``type_code`` holds a ReminderType and line purposes a LinePurpose where the profile is ours;
    other profiles bring codes of their own. ``sequence`` counts reminders for the same items,
    0 for an advice before the due date. ``ubl_version``, ``customization`` and ``profile`` default
    to what this product writes.
    """

    identifier: str
    issue_date: date
    creditor: Seller
    debtor: Buyer
    totals: ReminderTotals
    lines: tuple[ReminderLine, ...]
    ubl_version: str | None = "2.1"
    customization: str | None = REMINDER_CUSTOMIZATION
    profile: str | None = REMINDER_PROFILE
    uuid: str | None = None
    issue_time: time | None = None
    type_code: str | None = None
    sequence: int | None = None
    notes: tuple[str, ...] = ()
    currency: str | None = None
    buyer_accounting_reference: str | None = None
    period: Period | None = None
    documents: tuple[RelatedDocument, ...] = ()
    payee: Payee | None = None
    payment: tuple[ReminderPayment, ...] = ()
    terms: tuple[ReminderTerms, ...] = ()
    charges: tuple[ReminderCharge, ...] = ()

    @property
    def is_own_profile(self) -> bool:
        """Tell whether the reminder claims the profile Receivables Reminder 1.0."""
        return self.customization == REMINDER_CUSTOMIZATION
