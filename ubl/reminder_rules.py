"""The rules of the profile Receivables Reminder 1.0 that a document alone can be held to.

Pure checks over values. Rules that need more than the document belong to who plans reminders:
R04 and R08 (earlier reminders), R18 and R19 (due dates and interest arithmetic), R28 and R29
(consumers). R22 (no tax) is a matter of syntax and checked where a document is read.
"""

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from stdnum import iban, iso11649
from stdnum.be import ogm_vcs

from ubl.amounts import Amount, minor_digits, round_half_away
from ubl.model import Buyer, Identifier, Seller
from ubl.reminder import (
    REMINDER_CUSTOMIZATION,
    REMINDER_PROFILE,
    LinePurpose,
    ReferenceKind,
    Reminder,
    ReminderFault,
    ReminderLine,
    ReminderType,
)

__all__ = ["PAYMENT_LINK", "check_reminder", "is_payment_link"]

MAX_FAULTS: Final = 100
PAYMENT_LINK: Final = "an https address, or an http address of this machine (127.0.0.1, localhost)"
TRANSFERS: Final = frozenset({"30", "58"})
FORMAL_NOTICE_DAYS: Final = range(8, 16)
FORMAL_NOTICE_WORDS: Final = (
    "mise en demeure",
    "ingebrekestelling",
    "letzte mahnung",
    "formal notice",
)
_CLAIMS: Final = frozenset({LinePurpose.PRINCIPAL, LinePurpose.INSTALMENT})
_EXTRAS: Final = frozenset({LinePurpose.INTEREST, LinePurpose.COMPENSATION, LinePurpose.COST})
_INVOICES: Final = frozenset(
    {ReferenceKind.INVOICE, ReferenceKind.SELF_BILLED_INVOICE, ReferenceKind.DEBIT_NOTE}
)
_CREDIT_NOTES: Final = frozenset({ReferenceKind.CREDIT_NOTE, ReferenceKind.SELF_BILLED_CREDIT_NOTE})
_REFERENCES: Final = {
    LinePurpose.PRINCIPAL: _INVOICES,
    LinePurpose.INTEREST: _INVOICES,
    LinePurpose.COMPENSATION: _INVOICES,
    LinePurpose.CREDIT: _CREDIT_NOTES,
}
_OGM = re.compile(r"\+\+\+[0-9]{3}/[0-9]{4}/[0-9]{5}\+\+\+")
_RF = re.compile(r"RF[0-9]{2}[0-9A-Z]{1,21}")
_CURRENCY = re.compile(r"[A-Z]{3}")


def check_reminder(reminder: Reminder, *, today: date | None = None) -> tuple[ReminderFault, ...]:
    """Hold a reminder to the profile and return what it breaks, in order of the rules.

    At most the first 100 faults and the first 100 warnings are named. ``today`` is the business
    date; without it R05 (issued in the future) is not checked.
    """
    checks = (
        _heading(reminder, today),
        _parties(reminder),
        _lines(reminder),
        _totals(reminder),
        _payment(reminder),
        _level(reminder),
        _links(reminder),
        _decimals(reminder),
    )
    return tuple(_capped(fault for check in checks for fault in check))


def _capped(faults: Iterator[ReminderFault]) -> Iterator[ReminderFault]:
    """Stop where nobody reads on, counting warnings apart so that they hide no fault."""
    count = {True: 0, False: 0}
    for fault in faults:
        count[fault.is_warning] += 1
        if count[fault.is_warning] <= MAX_FAULTS:
            yield fault


def _fault(rule: str, path: str, message: str, *, is_warning: bool = False) -> ReminderFault:
    return ReminderFault("REMINDER-RULE", f"/Reminder/{path}", message, rule, is_warning)


def _heading(reminder: Reminder, today: date | None) -> Iterator[ReminderFault]:
    for rule, path, value, expected in (
        ("R01", "cbc:CustomizationID", reminder.customization, REMINDER_CUSTOMIZATION),
        ("R02", "cbc:ProfileID", reminder.profile, REMINDER_PROFILE),
        ("R03", "cbc:UBLVersionID", reminder.ubl_version, "2.1"),
    ):
        if value != expected:
            yield _fault(rule, path, f"The value must be '{expected}'.")
    if not reminder.identifier.strip():
        yield _fault("R04", "cbc:ID", "Give the reminder a number.")
    if today is not None and reminder.issue_date > today:
        yield _fault("R05", "cbc:IssueDate", f"The day of issue lies after today, {today}.")
    if reminder.type_code not in set(ReminderType):
        codes = ", ".join(ReminderType)
        yield _fault("R06", "cbc:ReminderTypeCode", f"The type must be one of {codes}.")
    least = 0 if reminder.type_code == ReminderType.ADVICE else 1
    if reminder.sequence is None or reminder.sequence < least:
        message = f"Count the reminders for these items, beginning with {least}."
        yield _fault("R07", "cbc:ReminderSequenceNumeric", message)
    if reminder.currency is None or not _CURRENCY.fullmatch(reminder.currency):
        message = "Give the currency as an ISO 4217 code, for instance EUR."
        yield _fault("R09", "cbc:DocumentCurrencyCode", message)
    elif any(amount.currency != reminder.currency for _, amount in _amounts(reminder)):
        yield _fault(
            "R09",
            "cbc:DocumentCurrencyCode",
            f"Every amount must be in {reminder.currency}. Send one reminder for each currency.",
        )


def _parties(reminder: Reminder) -> Iterator[ReminderFault]:
    parties: tuple[tuple[str, Seller | Buyer], ...] = (
        ("cac:AccountingSupplierParty", reminder.creditor),
        ("cac:AccountingCustomerParty", reminder.debtor),
    )
    for name, party in parties:
        path = f"{name}/cac:Party"
        address = party.electronic_address
        if address is None or not address.value.strip() or not address.scheme:
            message = "Give the electronic address with its scheme from the EAS list."
            yield _fault("R10", f"{path}/cbc:EndpointID", message)
        if not (party.name or "").strip():
            yield _fault("R12", f"{path}/cac:PartyLegalEntity", "Give the party's name.")
        if party.address is None or not party.address.country:
            message = "Give the country as an ISO 3166-1 code, for instance FR."
            yield _fault("R12", f"{path}/cac:PostalAddress/cac:Country", message)
    registration = reminder.creditor.registration
    if registration is None or not registration.value.strip() or not registration.scheme:
        yield _fault(
            "R11",
            "cac:AccountingSupplierParty/cac:Party/cac:PartyLegalEntity/cbc:CompanyID",
            "Give the creditor's legal registration with its ICD scheme.",
        )


def _lines(reminder: Reminder) -> Iterator[ReminderFault]:
    if not any(line.purpose in _CLAIMS for line in reminder.lines):
        yield _fault("R13", "cac:ReminderLine", "Ask for at least one invoice or instalment.")
    for position, line in enumerate(reminder.lines, start=1):
        yield from _line(line, f"cac:ReminderLine[{position}]")


def _line(line: ReminderLine, path: str) -> Iterator[ReminderFault]:
    if line.purpose not in set(LinePurpose):
        codes = ", ".join(LinePurpose)
        message = f"The purpose must be one of {codes}."
        yield _fault("R06", f"{path}/cbc:PaymentPurposeCode", message)
    sides = [amount for amount in (line.debit, line.credit) if amount is not None]
    if len(sides) != 1 or sides[0].value <= 0:
        message = "Give either a debit or a credit amount, above zero."
        yield _fault("R14", f"{path}/cbc:DebitLineAmount", message)
    is_credit = line.purpose in (LinePurpose.CREDIT, LinePurpose.PAYMENT)
    if line.purpose in set(LinePurpose) and is_credit != (line.debit is None):
        message = "Credit notes and payments are credit amounts, everything else debit."
        yield _fault("R14", f"{path}/cbc:PaymentPurposeCode", message)
    yield from _references(line, f"{path}/cac:BillingReference")
    if line.purpose == LinePurpose.INTEREST:
        period = line.period
        closed = period is not None and period.start is not None and period.end is not None
        if line.rate is None or not closed:
            message = "Give interest with its annual rate, first and last day."
            yield _fault("R17", f"{path}/cac:ReminderPeriod", message)


def _references(line: ReminderLine, path: str) -> Iterator[ReminderFault]:
    if len(line.references) > 1:
        yield _fault("R16", path, "A line speaks of one document. Make a line for each.")
    if line.purpose not in _REFERENCES:
        return
    wanted = _REFERENCES[LinePurpose(line.purpose)]
    right = [reference for reference in line.references if reference.kind in wanted]
    if not right:
        yield _fault("R15", path, "Name the invoice or credit note the line speaks of.")
    elif any(not item.identifier.strip() or item.issue_date is None for item in right):
        yield _fault("R15", path, "Give number and day of issue of the document.")


def _totals(reminder: Reminder) -> Iterator[ReminderFault]:
    path = "cac:LegalMonetaryTotal"
    totals = reminder.totals
    debit = sum((line.debit.value for line in reminder.lines if line.debit), Decimal(0))
    credit = sum((line.credit.value for line in reminder.lines if line.credit), Decimal(0))
    if totals.lines is None or totals.lines.value != debit - credit:
        message = f"The sum must be debit less credit of all lines, {debit - credit}."
        yield _fault("R20", f"{path}/cbc:LineExtensionAmount", message)
    charges = sum((one.amount.value for one in reminder.charges if one.is_charge), Decimal(0))
    allowances = sum(
        (one.amount.value for one in reminder.charges if not one.is_charge), Decimal(0)
    )
    for name, stated, actual in (
        ("cbc:ChargeTotalAmount", totals.charges, charges),
        ("cbc:AllowanceTotalAmount", totals.allowances, allowances),
    ):
        if (stated.value if stated else Decimal(0)) != actual:
            yield _fault("R21", f"{path}/{name}", f"The sum must be {actual}.")
    payable = debit - credit + charges - allowances
    payable -= totals.prepaid.value if totals.prepaid else Decimal(0)
    payable += totals.rounding.value if totals.rounding else Decimal(0)
    if totals.payable.value != payable or payable <= 0:
        message = f"The amount must be above zero and what the other sums give, {payable}."
        yield _fault("R21", f"{path}/cbc:PayableAmount", message)


def _payment(reminder: Reminder) -> Iterator[ReminderFault]:
    for position, means in enumerate(reminder.payment, start=1):
        path = f"cac:PaymentMeans[{position}]"
        if means.means_code in TRANSFERS and not _is_iban(means.account):
            message = "A transfer needs an IBAN with right check digits."
            yield _fault("R23", f"{path}/cac:PayeeFinancialAccount/cbc:ID", message)
        for reference in means.references:
            if not _reference_is_right(reference):
                message = f"The check digits of '{reference}' are wrong."
                yield _fault("R24", f"{path}/cbc:PaymentID", message)
        if means.due_date is not None and means.due_date <= reminder.issue_date:
            message = "The new deadline must lie after the day of issue."
            yield _fault("R25", f"{path}/cbc:PaymentDueDate", message)


def _is_iban(account: Identifier | None) -> bool:
    """Check form and check digits; which banks a country has changes, and is not looked at."""
    return account is not None and bool(iban.is_valid(account.value, check_country=False))


def _reference_is_right(reference: str) -> bool:
    """Check what has the form of a creditor reference or a Belgian structured message."""
    compact = reference.replace(" ", "").upper()
    if _RF.fullmatch(compact):
        return bool(iso11649.is_valid(compact))
    if _OGM.fullmatch(reference):
        return bool(ogm_vcs.is_valid(reference))
    return True


def _level(reminder: Reminder) -> Iterator[ReminderFault]:
    if reminder.type_code == ReminderType.FORMAL_NOTICE:
        deadlines = [means.due_date for means in reminder.payment if means.due_date]
        days = [(deadline - reminder.issue_date).days for deadline in deadlines]
        if not days or any(count not in FORMAL_NOTICE_DAYS for count in days):
            yield _fault(
                "R26",
                "cac:PaymentMeans/cbc:PaymentDueDate",
                "A formal notice usually gives 8 to 15 days.",
                is_warning=True,
            )
        text = " ".join(reminder.notes).casefold()
        if not any(words in text for words in FORMAL_NOTICE_WORDS):
            message = f"Say that it is one: {', '.join(FORMAL_NOTICE_WORDS)}."
            yield _fault("R27", "cbc:Note", message)
    if reminder.type_code == ReminderType.ADVICE:
        for position, line in enumerate(reminder.lines, start=1):
            if line.purpose in _EXTRAS:
                path = f"cac:ReminderLine[{position}]"
                message = "Before the due date neither interest nor costs can be asked for."
                yield _fault("R32", path, message)


def _links(reminder: Reminder) -> Iterator[ReminderFault]:
    for position, terms in enumerate(reminder.terms, start=1):
        if terms.link is None:
            continue
        path = f"cac:PaymentTerms[{position}]/cbc:PaymentTermsDetailsURI"
        if not is_payment_link(terms.link):
            yield _fault("R30", path, f"The payment link must be {PAYMENT_LINK}.")
        elif urlsplit(terms.link).query:
            message = "Keep the query of a payment link empty, so that it tells nothing."
            yield _fault("R30", path, message, is_warning=True)


def is_payment_link(link: str) -> bool:
    """Tell whether a link may be offered to a payer: https, or http that stays on the machine.

    Plain http is for loopback addresses alone (127.0.0.0/8, ::1, localhost), where nobody is on
    the way. The link has a host, and nothing that makes it lead elsewhere than it seems to: white
    space, backslashes, a name before the host.
    """
    if "\\" in link or any(one.isspace() or not one.isprintable() for one in link):
        return False
    try:
        parts = urlsplit(link)
        host = parts.hostname if parts.port != 0 else None
    except ValueError:
        return False
    if not host or parts.username is not None:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _decimals(reminder: Reminder) -> Iterator[ReminderFault]:
    for path, amount in _amounts(reminder):
        digits = minor_digits(amount.currency)
        if round_half_away(amount.value, digits) != amount.value:
            message = f"The amount may have {digits} decimals in {amount.currency}."
            yield _fault("R31", path, message)


def _amounts(reminder: Reminder) -> Iterator[tuple[str, Amount]]:
    totals = reminder.totals
    for name, amount in (
        ("LineExtensionAmount", totals.lines),
        ("AllowanceTotalAmount", totals.allowances),
        ("ChargeTotalAmount", totals.charges),
        ("PrepaidAmount", totals.prepaid),
        ("PayableRoundingAmount", totals.rounding),
        ("PayableAmount", totals.payable),
    ):
        if amount is not None:
            yield f"cac:LegalMonetaryTotal/cbc:{name}", amount
    for position, line in enumerate(reminder.lines, start=1):
        for amount in (line.debit, line.credit):
            if amount is not None:
                yield f"cac:ReminderLine[{position}]", amount
    for position, charge in enumerate(reminder.charges, start=1):
        yield f"cac:AllowanceCharge[{position}]/cbc:Amount", charge.amount
    for position, terms in enumerate(reminder.terms, start=1):
        if terms.amount is not None:
            yield f"cac:PaymentTerms[{position}]/cbc:Amount", terms.amount
