"""Writes the parties of a UBL invoice: those of EN 16931, and those the extensions add."""

from collections.abc import Iterable

from ubl.model import (
    Address,
    Buyer,
    Contact,
    FurtherParties,
    Identifier,
    Party,
    Payee,
    PaymentInstructions,
    Seller,
    TaxRepresentative,
)
from ubl.pen import Pen
from ubl.ubl21.read_party import CREDITOR_SCHEME, OTHER_TAX_SCHEME, VAT

__all__ = [
    "write_address",
    "write_buyer",
    "write_party",
    "write_payee",
    "write_seller",
    "write_tax_representative",
]


def write_seller(
    document: Pen,
    seller: Seller | None,
    parties: FurtherParties,
    *,
    payee: Payee | None,
    payment: Iterable[PaymentInstructions],
) -> None:
    """Write BG-4, and with it BT-90 where no payee is named: UBL keeps it with who is paid."""
    place = document.at("cac:AccountingSupplierParty", "cac:Party")
    creditor = _creditor(payment) if _is_unnamed(payee) else None
    _write_party(place, seller or Seller(), creditor)
    write_party(place.at("cac:AgentParty"), parties.sales_agent)
    write_party(place.at("cac:ServiceProviderParty", "cac:Party"), parties.invoicer)


def write_buyer(document: Pen, buyer: Buyer | None, parties: FurtherParties) -> None:
    """Write BG-7."""
    place = document.at("cac:AccountingCustomerParty", "cac:Party")
    _write_party(place, buyer or Buyer())
    write_party(place.at("cac:AgentParty"), parties.buyer_agent)
    write_party(place.at("cac:ServiceProviderParty", "cac:Party"), parties.invoicee)


def write_payee(document: Pen, payee: Payee | None, payment: Iterable[PaymentInstructions]) -> None:
    """Write BG-10, and with it BT-90."""
    if payee is None or _is_unnamed(payee):
        return
    place = document.at("cac:PayeeParty")
    place.identifier("cbc:EndpointID", payee.electronic_address)
    place.text("cbc:IndustryClassificationCode", payee.role)
    first = () if payee.identifier is None else (payee.identifier,)
    _write_identifiers(place, (*first, *payee.other_identifiers), _creditor(payment))
    place.at("cac:PartyName").text("cbc:Name", payee.name)
    write_address(place.at("cac:PostalAddress"), payee.address)
    _write_tax_identifier(place, payee.vat_identifier, VAT)
    place.at("cac:PartyLegalEntity").identifier("cbc:CompanyID", payee.registration)
    _write_contact(place.at("cac:Contact"), payee.contact)


def write_tax_representative(document: Pen, representative: TaxRepresentative | None) -> None:
    """Write BG-11."""
    if representative is None:
        return
    place = document.at("cac:TaxRepresentativeParty")
    place.at("cac:PartyName").text("cbc:Name", representative.name)
    write_address(place.at("cac:PostalAddress"), representative.address)
    _write_tax_identifier(place, representative.vat_identifier, VAT)


def write_party(place: Pen, party: Party | None) -> None:
    """Write a party of the extensions."""
    if party is not None:
        _write_party(place, party)


def write_address(place: Pen, address: Address | None) -> None:
    """Write a postal address or the address of a place."""
    if address is None:
        return
    place.text("cbc:StreetName", address.line1)
    place.text("cbc:AdditionalStreetName", address.line2)
    place.text("cbc:CityName", address.city)
    place.text("cbc:PostalZone", address.post_code)
    place.text("cbc:CountrySubentity", address.subdivision)
    place.at("cac:AddressLine").text("cbc:Line", address.line3)
    place.at("cac:Country").text("cbc:IdentificationCode", address.country)


def _write_party(place: Pen, party: Seller | Buyer | Party, creditor: str | None = None) -> None:
    place.identifier("cbc:EndpointID", party.electronic_address)
    place.text("cbc:IndustryClassificationCode", party.role)
    _write_identifiers(place, party.identifiers, creditor)
    place.at("cac:PartyName").text("cbc:Name", party.trading_name)
    write_address(place.at("cac:PostalAddress"), party.address)
    _write_tax_identifier(place, party.vat_identifier, VAT)
    if (registration := party.tax_registration) is not None:
        _write_tax_identifier(place, registration.value, registration.scheme or OTHER_TAX_SCHEME)
    legal = place.at("cac:PartyLegalEntity")
    legal.text("cbc:RegistrationName", party.name)
    legal.identifier("cbc:CompanyID", party.registration)
    legal.text("cbc:CompanyLegalForm", party.legal_information)
    _write_contact(place.at("cac:Contact"), party.contact)


def _is_unnamed(payee: Payee | None) -> bool:
    return payee is None or payee == Payee()


def _creditor(payment: Iterable[PaymentInstructions]) -> str | None:
    debits = (entry.direct_debit for entry in payment)
    return next((debit.creditor_identifier for debit in debits if debit), None)


def _write_identifiers(
    place: Pen, identifiers: tuple[Identifier, ...], creditor: str | None = None
) -> None:
    for identifier in identifiers:
        place.at("cac:PartyIdentification").identifier("cbc:ID", identifier)
    place.at("cac:PartyIdentification").text("cbc:ID", creditor, schemeID=CREDITOR_SCHEME)


def _write_tax_identifier(place: Pen, identifier: str | None, scheme: str) -> None:
    registration = place.at("cac:PartyTaxScheme")
    registration.text("cbc:CompanyID", identifier)
    if not registration.is_empty:
        registration.at("cac:TaxScheme").text("cbc:ID", scheme)


def _write_contact(place: Pen, contact: Contact | None) -> None:
    if contact is None:
        return
    # EN 16931 has one term for a person, a department or an office (BT-41, BT-56).
    place.text("cbc:Name", contact.name or contact.department)
    place.text("cbc:Telephone", contact.telephone)
    place.text("cbc:Telefax", contact.fax)
    place.text("cbc:ElectronicMail", contact.email)
