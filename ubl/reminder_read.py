"""UBL Reminder into values: any profile is read, ours is also held to its rules.

Strict where it counts: what the UBL 2.1 schema requires must be there, and a value that is there
must be readable. Whatever goes beyond the model is listed, not lost.
"""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from enum import StrEnum
from typing import Final, TypeVar

from lxml import etree

from ubl.amounts import NO_CURRENCY, Amount
from ubl.cursor import Cursor, string_value
from ubl.model import Buyer, Period, Seller
from ubl.namespaces import document_namespace, short
from ubl.reminder import (
    HASH_ALGORITHM,
    REMINDER_CUSTOMIZATION,
    REMINDER_TYPE_LIST,
    BillingReference,
    ReferenceKind,
    RelatedDocument,
    Reminder,
    ReminderCharge,
    ReminderFault,
    ReminderLine,
    ReminderPayment,
    ReminderRefused,
    ReminderTerms,
    ReminderTotals,
)
from ubl.reminder_rules import check_reminder
from ubl.response.document import read_time
from ubl.safexml import parse
from ubl.ubl21.read_party import read_buyer, read_payee, read_seller

__all__ = ["ReminderKind", "ReminderReading", "read_reminder", "recognise_reminder"]

REMINDER_ROOT: Final = f"{{{document_namespace('Reminder')}}}Reminder"
INVOICE_ROOT: Final = f"{{{document_namespace('Invoice')}}}Invoice"
EHF_INVOICE: Final = "urn:fdc:anskaffelser.no:2019:ehf:reminder:3.0"
EHF_REMINDER: Final = "#urn:www.difi.no:ehf:purring:ver1"
OIOUBL_PREFIX: Final = "OIOUBL-2"
# To say where a fault is takes a walk over its neighbours, of which a hostile document has many.
MAX_FAULTS: Final = 20
_DOCUMENTS: Final = "cac:AdditionalDocumentReference"
_BOOLEANS: Final = frozenset({"true", "false", "1", "0"})
_NO_DAY: Final = date.min
_NO_AMOUNT: Final = Amount(Decimal(0), NO_CURRENCY)
_MANY: Final = 1_000_000
_FIX: Final = "Correct the value and send the reminder again."
_Value = TypeVar("_Value")


class ReminderKind(StrEnum):
    """Which profile a reminder follows.

    ``EHF_INVOICE`` (EHF Reminder 3.0) has the syntax of an Invoice and is read as one.
    """

    RECEIVABLES = "receivables-reminder-1.0"
    EHF_INVOICE = "ehf-reminder-3.0"
    EHF_REMINDER = "ehf-reminder-1.1"
    OIOUBL = "oioubl-reminder"
    OTHER = "ubl-reminder"


@dataclass(frozen=True, slots=True)
class ReminderReading:
    """A reminder as read, its profile, and the paths of what it says beyond the model.

    ``warnings`` are what its profile advises against, where the profile is ours.
    """

    reminder: Reminder
    kind: ReminderKind
    unread: tuple[str, ...]
    warnings: tuple[ReminderFault, ...] = ()


def recognise_reminder(root: etree._Element) -> ReminderKind | None:
    """Tell which reminder a document is by root and CustomizationID, None where it is none."""
    customization = Cursor(root, currency=NO_CURRENCY).peek("cbc:CustomizationID") or ""
    if root.tag == INVOICE_ROOT:
        return ReminderKind.EHF_INVOICE if customization.endswith(EHF_INVOICE) else None
    if root.tag != REMINDER_ROOT:
        return None
    if customization == REMINDER_CUSTOMIZATION:
        return ReminderKind.RECEIVABLES
    if customization.endswith(EHF_REMINDER):
        return ReminderKind.EHF_REMINDER
    if customization.startswith(OIOUBL_PREFIX):
        return ReminderKind.OIOUBL
    return ReminderKind.OTHER


def read_reminder(data: bytes, *, today: date | None = None) -> ReminderReading:
    """Read a UBL 2 Reminder of any profile.

    One of our own profile is checked against its rules too, R05 (no day of issue in the future)
    only where ``today``, the business date, is given. Raises ReminderRefused with the
    faults found, XmlRefused where the bytes are no XML.
    """
    root = parse(data)
    kind = recognise_reminder(root)
    if kind is None or kind is ReminderKind.EHF_INVOICE:
        raise ReminderRefused((_not_a_reminder(root, kind),))
    reading = _Reading(root)
    reminder = reading.reminder()
    if reading.faults:
        raise ReminderRefused(tuple(reading.faults))
    warnings: tuple[ReminderFault, ...] = ()
    if kind is ReminderKind.RECEIVABLES:
        faults = (*check_reminder(reminder, today=today), *_tax_faults(root))
        fatal = tuple(fault for fault in faults if not fault.is_warning)
        if fatal:
            raise ReminderRefused(fatal, reminder)
        warnings = faults
    return ReminderReading(reminder, kind, reading.document.uncovered(), warnings)


def _not_a_reminder(root: etree._Element, kind: ReminderKind | None) -> ReminderFault:
    if kind is ReminderKind.EHF_INVOICE:
        return ReminderFault(
            "REMINDER-IS-INVOICE",
            "/Invoice",
            "The document is an EHF Reminder 3.0, which is an Invoice. Read it as an invoice.",
        )
    name = etree.QName(root).localname
    return ReminderFault(
        "REMINDER-NOT-UBL",
        f"/{name}",
        f"The document is '{name}', not a UBL 2.1 Reminder. Check that the right file was sent.",
    )


def _tax_faults(root: etree._Element) -> Iterator[ReminderFault]:
    """Check R22 on what the model leaves out: our reminders carry no taxable charge, so no tax."""
    if Cursor(root, currency=NO_CURRENCY).first("cac:TaxTotal") is not None:
        yield ReminderFault(
            "REMINDER-RULE",
            "/Reminder/cac:TaxTotal",
            "A reminder asks for no tax of its own. Leave the tax total out and send taxable "
            "charges as an invoice.",
            "R22",
        )


class _Reading:
    """One pass over a Reminder that notes what is missing and what cannot be read.

    A missing value is noted and something put in its place, so that all faults are found at once;
    the reminder made is worth nothing unless ``faults`` stays empty.
    """

    def __init__(self, root: etree._Element) -> None:
        self.document = Cursor(root, currency=NO_CURRENCY, covered=set())
        self.document.currency = self.document.peek("cbc:DocumentCurrencyCode") or NO_CURRENCY
        self.faults: list[ReminderFault] = []

    def reminder(self) -> Reminder:
        document = self.document
        creditor = self.required(read_seller(document), "cac:AccountingSupplierParty", Seller())
        debtor = self.required(read_buyer(document), "cac:AccountingCustomerParty", Buyer())
        lines = tuple(self.lines())
        self.count(lines)
        return Reminder(
            ubl_version=document.text("cbc:UBLVersionID"),
            customization=document.text("cbc:CustomizationID"),
            profile=document.text("cbc:ProfileID"),
            identifier=self.required(document.text("cbc:ID"), "cbc:ID", ""),
            uuid=document.text("cbc:UUID"),
            issue_date=self.required(self.day(document, "cbc:IssueDate"), "cbc:IssueDate", _NO_DAY),
            issue_time=self.clock(),
            type_code=self.type_code(),
            sequence=self.sequence(),
            notes=document.texts("cbc:Note"),
            currency=document.text("cbc:DocumentCurrencyCode"),
            buyer_accounting_reference=document.text("cbc:AccountingCost"),
            period=self.period(document),
            documents=tuple(map(self.document_named, document.all(_DOCUMENTS))),
            creditor=dataclasses.replace(creditor, name=creditor.name or creditor.trading_name),
            debtor=dataclasses.replace(debtor, name=debtor.name or debtor.trading_name),
            payee=read_payee(document),
            payment=tuple(map(self.payment, document.all("cac:PaymentMeans"))),
            terms=tuple(map(self.terms, document.all("cac:PaymentTerms"))),
            charges=tuple(self.charges()),
            totals=self.totals(),
            lines=self.required(lines or None, "cac:ReminderLine", ()),
        )

    def required(
        self, value: _Value | None, name: str, instead: _Value, place: Cursor | None = None
    ) -> _Value:
        """Return the value, or note that it is missing unless already noted as unreadable."""
        if value is not None:
            return value
        if len(self.faults) >= MAX_FAULTS:
            return instead
        path = f"{_path((place or self.document).element)}/{name}"
        if all(fault.path != path for fault in self.faults):
            message = "The value is missing. UBL 2.1 requires it in every reminder."
            self.faults.append(ReminderFault("REMINDER-MISSING", path, message))
        return instead

    def note_unreadable(self, place: Cursor, path: tuple[str, ...], expected: str) -> None:
        found = place.first(*path)
        text = "" if found is None else string_value(found.element).strip()
        if found is None or not text or len(self.faults) >= MAX_FAULTS:
            return
        self.faults.append(
            ReminderFault(
                "REMINDER-VALUE", _path(found.element), f"'{text[:40]}' is not {expected}. {_FIX}"
            )
        )

    def day(self, place: Cursor, *path: str) -> date | None:
        value = place.day(*path)
        if value is None:
            self.note_unreadable(place, path, "a date such as 2026-01-31")
        return value

    def amount(self, place: Cursor, *path: str) -> Amount | None:
        value = place.amount(*path)
        if value is None:
            self.note_unreadable(place, path, "an amount such as 1250.00")
        return value

    def number(self, place: Cursor, *path: str) -> Decimal | None:
        value = place.number(*path)
        if value is None:
            self.note_unreadable(place, path, "a number such as 10.5")
        return value

    def clock(self) -> time | None:
        text = self.document.text("cbc:IssueTime")
        value = None if text is None else read_time(text)
        if value is None:
            self.note_unreadable(self.document, ("cbc:IssueTime",), "a time such as 12:00:00Z")
        return value

    def type_code(self) -> str | None:
        place = self.document.first("cbc:ReminderTypeCode")
        if place is None:
            return None
        if place.element.get("listID") == REMINDER_TYPE_LIST:
            place.attribute("listID")
        return place.own_text()

    def sequence(self) -> int | None:
        value = self.number(self.document, "cbc:ReminderSequenceNumeric")
        if value is None:
            return None
        if value < 0 or value >= _MANY or value != value.to_integral_value():
            path = ("cbc:ReminderSequenceNumeric",)
            self.note_unreadable(self.document, path, "a count of reminders such as 1")
            return None
        return int(value)

    def count(self, lines: tuple[ReminderLine, ...]) -> None:
        """Check the number of lines where it is stated: one cut off would go unnoticed."""
        stated = self.number(self.document, "cbc:LineCountNumeric")
        if stated is not None and stated != len(lines):
            expected = f"the number of its lines, {len(lines)}"
            self.note_unreadable(self.document, ("cbc:LineCountNumeric",), expected)

    def period(self, place: Cursor) -> Period | None:
        found = place.first("cac:ReminderPeriod")
        if found is None:
            return None
        return Period(start=self.day(found, "cbc:StartDate"), end=self.day(found, "cbc:EndDate"))

    def document_named(self, place: Cursor) -> RelatedDocument:
        reference = place.first("cac:Attachment", "cac:ExternalReference")
        sha256 = None
        if reference is not None and reference.peek("cbc:HashAlgorithmMethod") == HASH_ALGORITHM:
            reference.expect("cbc:HashAlgorithmMethod", value=HASH_ALGORITHM)
            sha256 = reference.text("cbc:DocumentHash")
        return RelatedDocument(
            identifier=self.required(place.text("cbc:ID"), "cbc:ID", "", place),
            issue_date=self.day(place, "cbc:IssueDate"),
            type_code=place.text("cbc:DocumentTypeCode"),
            sha256=sha256,
        )

    def payment(self, place: Cursor) -> ReminderPayment:
        account = place.first("cac:PayeeFinancialAccount")
        bank = ("cac:FinancialInstitutionBranch", "cbc:ID")
        code = place.text("cbc:PaymentMeansCode")
        return ReminderPayment(
            means_code=self.required(code, "cbc:PaymentMeansCode", "", place),
            due_date=self.day(place, "cbc:PaymentDueDate"),
            references=place.texts("cbc:PaymentID"),
            account=account.identifier("cbc:ID") if account else None,
            account_name=account.text("cbc:Name") if account else None,
            service_provider=account.identifier(*bank) if account else None,
        )

    def terms(self, place: Cursor) -> ReminderTerms:
        return ReminderTerms(
            notes=place.texts("cbc:Note"),
            amount=self.amount(place, "cbc:Amount"),
            link=place.text("cbc:PaymentTermsDetailsURI"),
            due_date=self.day(place, "cbc:PaymentDueDate"),
            instalment_due_date=self.day(place, "cbc:InstallmentDueDate"),
        )

    def charges(self) -> Iterator[ReminderCharge]:
        for place in self.document.all("cac:AllowanceCharge"):
            amount = self.amount(place, "cbc:Amount")
            is_charge = place.text("cbc:ChargeIndicator")
            if is_charge not in _BOOLEANS:
                self.required(None, "cbc:ChargeIndicator", None, place)
            yield ReminderCharge(
                amount=self.required(amount, "cbc:Amount", _NO_AMOUNT, place),
                is_charge=is_charge in ("true", "1"),
                reason_code=place.text("cbc:AllowanceChargeReasonCode"),
                reason=place.text("cbc:AllowanceChargeReason"),
            )

    def totals(self) -> ReminderTotals:
        group = "cac:LegalMonetaryTotal"
        place = self.document
        payable = self.amount(place, group, "cbc:PayableAmount")
        return ReminderTotals(
            payable=self.required(payable, f"{group}/cbc:PayableAmount", _NO_AMOUNT),
            lines=self.amount(place, group, "cbc:LineExtensionAmount"),
            allowances=self.amount(place, group, "cbc:AllowanceTotalAmount"),
            charges=self.amount(place, group, "cbc:ChargeTotalAmount"),
            prepaid=self.amount(place, group, "cbc:PrepaidAmount"),
            rounding=self.amount(place, group, "cbc:PayableRoundingAmount"),
        )

    def lines(self) -> Iterator[ReminderLine]:
        for place in self.document.all("cac:ReminderLine"):
            yield ReminderLine(
                identifier=self.required(place.text("cbc:ID"), "cbc:ID", "", place),
                purpose=place.text("cbc:PaymentPurposeCode"),
                debit=self.amount(place, "cbc:DebitLineAmount"),
                credit=self.amount(place, "cbc:CreditLineAmount"),
                references=tuple(self.references(place)),
                rate=self.number(place, "cbc:PenaltySurchargePercent"),
                period=self.period(place),
                notes=place.texts("cbc:Note"),
                uuid=place.text("cbc:UUID"),
            )

    def references(self, line: Cursor) -> Iterator[BillingReference]:
        for group in line.all("cac:BillingReference"):
            for kind in ReferenceKind:
                for place in group.all(kind.value):
                    yield BillingReference(
                        kind=kind,
                        identifier=self.required(place.text("cbc:ID"), "cbc:ID", "", place),
                        issue_date=self.day(place, "cbc:IssueDate"),
                        uuid=place.text("cbc:UUID"),
                        type_code=place.text("cbc:DocumentTypeCode"),
                    )


def _path(element: etree._Element) -> str:
    """Write where an element stands: short names, with a position where a name repeats."""
    steps: list[str] = []
    current: etree._Element | None = element
    while current is not None:
        parent = current.getparent()
        same = [] if parent is None else parent.findall(str(current.tag))
        position = f"[{same.index(current) + 1}]" if len(same) > 1 else ""
        steps.append(short(str(current.tag)) + position)
        current = parent
    return "/" + "/".join(reversed(steps))
