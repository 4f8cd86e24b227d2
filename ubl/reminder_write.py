"""A reminder as UBL 2.1 Reminder, in the order of the OASIS schema.

Writes only what keeps the profile Receivables Reminder 1.0; a faulty reminder never leaves.
"""

from datetime import date, time
from typing import Final

from lxml import etree

from ubl.amounts import Amount, decimal_text
from ubl.model import Address, Buyer, Contact, Identifier, Payee, Period, Seller
from ubl.namespaces import CAC, CBC, clark, document_namespace
from ubl.reminder import (
    HASH_ALGORITHM,
    REMINDER_TYPE_LIST,
    BillingReference,
    RelatedDocument,
    Reminder,
    ReminderFault,
    ReminderLine,
    ReminderPayment,
    ReminderRefused,
    ReminderTerms,
)
from ubl.reminder_rules import check_reminder

__all__ = ["write_reminder"]

_ROOT: Final = f"{{{document_namespace('Reminder')}}}Reminder"


def write_reminder(reminder: Reminder) -> bytes:
    """Write a reminder of our profile as UTF-8 with an XML declaration.

    Raises ReminderRefused with every rule of the profile it breaks (warnings do not count).
    """
    faults = tuple(fault for fault in check_reminder(reminder) if not fault.is_warning)
    if faults:
        raise ReminderRefused(faults)
    writer = _Writer()
    _heading(writer, reminder)
    for document in reminder.documents:
        _document(writer.group("cac:AdditionalDocumentReference"), document)
    _party(writer.group("cac:AccountingSupplierParty").group("cac:Party"), reminder.creditor)
    _party(writer.group("cac:AccountingCustomerParty").group("cac:Party"), reminder.debtor)
    if reminder.payee is not None:
        _payee(writer.group("cac:PayeeParty"), reminder.payee)
    for means in reminder.payment:
        _payment(writer.group("cac:PaymentMeans"), means)
    for terms in reminder.terms:
        _terms(writer.group("cac:PaymentTerms"), terms)
    for charge in reminder.charges:
        place = writer.group("cac:AllowanceCharge")
        place.put("cbc:ChargeIndicator", "true" if charge.is_charge else "false")
        place.put("cbc:AllowanceChargeReasonCode", charge.reason_code)
        place.put("cbc:AllowanceChargeReason", charge.reason)
        place.put("cbc:Amount", charge.amount)
    _totals(writer.group("cac:LegalMonetaryTotal"), reminder)
    for line in reminder.lines:
        _line(writer.group("cac:ReminderLine"), line)
    return etree.tostring(writer.element, xml_declaration=True, encoding="UTF-8")


class _Writer:
    """Appends elements to one place; nothing for None."""

    __slots__ = ("element",)

    def __init__(self, element: etree._Element | None = None) -> None:
        if element is None:
            namespaces = {None: document_namespace("Reminder"), "cac": CAC, "cbc": CBC}
            # The stubs know only named prefixes, while lxml takes None for the default namespace.
            element = etree.Element(_ROOT, nsmap=namespaces)  # type: ignore[arg-type]
        self.element = element

    def group(self, name: str) -> "_Writer":
        return _Writer(etree.SubElement(self.element, clark(name)))

    def put(
        self,
        name: str,
        value: str | int | date | time | Amount | Identifier | None,
        **attributes: str,
    ) -> None:
        if value is None:
            return
        if isinstance(value, Amount):
            attributes = {"currencyID": value.currency}
            value = decimal_text(value.value)
        elif isinstance(value, Identifier):
            attributes = {"schemeID": value.scheme} if value.scheme else {}
            value = value.value
        elif isinstance(value, time):
            value = value.isoformat().replace("+00:00", "Z")
        elif isinstance(value, date):
            value = value.isoformat()
        element = self.group(name).element
        try:
            element.text = str(value)
            for attribute, content in attributes.items():
                element.set(attribute, content)
        except ValueError:
            message = "The text has a character that XML cannot carry. Remove it."
            fault = ReminderFault("REMINDER-TEXT", f"/Reminder//{name}", message)
            raise ReminderRefused((fault,)) from None


def _heading(writer: _Writer, reminder: Reminder) -> None:
    writer.put("cbc:UBLVersionID", reminder.ubl_version)
    writer.put("cbc:CustomizationID", reminder.customization)
    writer.put("cbc:ProfileID", reminder.profile)
    writer.put("cbc:ID", reminder.identifier)
    writer.put("cbc:UUID", reminder.uuid)
    writer.put("cbc:IssueDate", reminder.issue_date)
    writer.put("cbc:IssueTime", reminder.issue_time)
    writer.put("cbc:ReminderTypeCode", reminder.type_code, listID=REMINDER_TYPE_LIST)
    writer.put("cbc:ReminderSequenceNumeric", reminder.sequence)
    for note in reminder.notes:
        writer.put("cbc:Note", note)
    writer.put("cbc:DocumentCurrencyCode", reminder.currency)
    writer.put("cbc:AccountingCost", reminder.buyer_accounting_reference)
    writer.put("cbc:LineCountNumeric", len(reminder.lines))
    _period(writer, reminder.period)


def _period(writer: _Writer, period: Period | None) -> None:
    if period is not None:
        place = writer.group("cac:ReminderPeriod")
        place.put("cbc:StartDate", period.start)
        place.put("cbc:EndDate", period.end)


def _document(writer: _Writer, document: RelatedDocument) -> None:
    writer.put("cbc:ID", document.identifier)
    writer.put("cbc:IssueDate", document.issue_date)
    writer.put("cbc:DocumentTypeCode", document.type_code)
    if document.sha256 is not None:
        place = writer.group("cac:Attachment").group("cac:ExternalReference")
        place.put("cbc:DocumentHash", document.sha256)
        place.put("cbc:HashAlgorithmMethod", HASH_ALGORITHM)


def _party(writer: _Writer, party: Seller | Buyer) -> None:
    writer.put("cbc:EndpointID", party.electronic_address)
    for identifier in party.identifiers:
        writer.group("cac:PartyIdentification").put("cbc:ID", identifier)
    if party.trading_name is not None:
        writer.group("cac:PartyName").put("cbc:Name", party.trading_name)
    if party.address is not None:
        _address(writer.group("cac:PostalAddress"), party.address)
    if party.vat_identifier is not None:
        _tax_scheme(writer, party.vat_identifier, "VAT")
    if isinstance(party, Seller) and party.tax_registration is not None:
        registration = party.tax_registration
        _tax_scheme(writer, registration.value, registration.scheme or "TAX")
    entity = writer.group("cac:PartyLegalEntity")
    entity.put("cbc:RegistrationName", party.name)
    entity.put("cbc:CompanyID", party.registration)
    if isinstance(party, Seller):
        entity.put("cbc:CompanyLegalForm", party.legal_information)
    if party.contact is not None:
        _contact(writer.group("cac:Contact"), party.contact)


def _tax_scheme(writer: _Writer, company: str, scheme: str) -> None:
    place = writer.group("cac:PartyTaxScheme")
    place.put("cbc:CompanyID", company)
    place.group("cac:TaxScheme").put("cbc:ID", scheme)


def _address(writer: _Writer, address: Address) -> None:
    writer.put("cbc:StreetName", address.line1)
    writer.put("cbc:AdditionalStreetName", address.line2)
    writer.put("cbc:CityName", address.city)
    writer.put("cbc:PostalZone", address.post_code)
    writer.put("cbc:CountrySubentity", address.subdivision)
    if address.line3 is not None:
        writer.group("cac:AddressLine").put("cbc:Line", address.line3)
    if address.country is not None:
        writer.group("cac:Country").put("cbc:IdentificationCode", address.country)


def _contact(writer: _Writer, contact: Contact) -> None:
    writer.put("cbc:Name", contact.name)
    writer.put("cbc:Telephone", contact.telephone)
    writer.put("cbc:ElectronicMail", contact.email)


def _payee(writer: _Writer, payee: Payee) -> None:
    if payee.identifier is not None:
        writer.group("cac:PartyIdentification").put("cbc:ID", payee.identifier)
    if payee.name is not None:
        writer.group("cac:PartyName").put("cbc:Name", payee.name)
    if payee.registration is not None:
        writer.group("cac:PartyLegalEntity").put("cbc:CompanyID", payee.registration)


def _payment(writer: _Writer, means: ReminderPayment) -> None:
    writer.put("cbc:PaymentMeansCode", means.means_code)
    writer.put("cbc:PaymentDueDate", means.due_date)
    for reference in means.references:
        writer.put("cbc:PaymentID", reference)
    if means.account is not None:
        account = writer.group("cac:PayeeFinancialAccount")
        account.put("cbc:ID", means.account)
        account.put("cbc:Name", means.account_name)
        if means.service_provider is not None:
            branch = account.group("cac:FinancialInstitutionBranch")
            branch.put("cbc:ID", means.service_provider)


def _terms(writer: _Writer, terms: ReminderTerms) -> None:
    for note in terms.notes:
        writer.put("cbc:Note", note)
    writer.put("cbc:Amount", terms.amount)
    writer.put("cbc:PaymentTermsDetailsURI", terms.link)
    writer.put("cbc:PaymentDueDate", terms.due_date)
    writer.put("cbc:InstallmentDueDate", terms.instalment_due_date)


def _totals(writer: _Writer, reminder: Reminder) -> None:
    totals = reminder.totals
    writer.put("cbc:LineExtensionAmount", totals.lines)
    writer.put("cbc:AllowanceTotalAmount", totals.allowances)
    writer.put("cbc:ChargeTotalAmount", totals.charges)
    writer.put("cbc:PrepaidAmount", totals.prepaid)
    writer.put("cbc:PayableRoundingAmount", totals.rounding)
    writer.put("cbc:PayableAmount", totals.payable)


def _line(writer: _Writer, line: ReminderLine) -> None:
    writer.put("cbc:ID", line.identifier)
    for note in line.notes:
        writer.put("cbc:Note", note)
    writer.put("cbc:UUID", line.uuid)
    writer.put("cbc:DebitLineAmount", line.debit)
    writer.put("cbc:CreditLineAmount", line.credit)
    if line.rate is not None:
        writer.put("cbc:PenaltySurchargePercent", decimal_text(line.rate))
    writer.put("cbc:PaymentPurposeCode", line.purpose)
    _period(writer, line.period)
    for reference in line.references:
        place = writer.group("cac:BillingReference").group(reference.kind.value)
        _reference(place, reference)


def _reference(writer: _Writer, reference: BillingReference) -> None:
    writer.put("cbc:ID", reference.identifier)
    writer.put("cbc:UUID", reference.uuid)
    writer.put("cbc:IssueDate", reference.issue_date)
    writer.put("cbc:DocumentTypeCode", reference.type_code)
