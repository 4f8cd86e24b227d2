"""Writes the parties of a UBL invoice: seller, buyer, payee, tax representative and delivery."""

from collections.abc import Iterable

from ubl.model import (
    Address,
    Buyer,
    Contact,
    Delivery,
    Identifier,
    Payee,
    PaymentInstructions,
    Seller,
    TaxRepresentative,
)
from ubl.pen import Pen
from ubl.ubl21.read_party import CREDITOR_SCHEME, OTHER_TAX_SCHEME, VAT

__all__ = [
    "write_buyer",
    "write_delivery",
    "write_payee",
    "write_seller",
    "write_tax_representative",
]


def write_seller(
    document: Pen,
    seller: Seller | None,
    *,
    payee: Payee | None,
    payment: Iterable[PaymentInstructions],
) -> None:
    """Write BG-4, and with it BT-90 where no payee is named: UBL keeps it with who is paid."""
    party = document.at("cac:AccountingSupplierParty", "cac:Party")
    creditor = _creditor(payment) if _is_unnamed(payee) else None
    if seller is None:
        _write_identifiers(party, (), creditor)
        return
    party.identifier("cbc:EndpointID", seller.electronic_address)
    _write_identifiers(party, seller.identifiers, creditor)
    party.at("cac:PartyName").text("cbc:Name", seller.trading_name)
    _write_address(party.at("cac:PostalAddress"), seller.address)
    _write_tax_identifier(party, seller.vat_identifier, VAT)
    if seller.tax_registration is not None:
        scheme = seller.tax_registration.scheme or OTHER_TAX_SCHEME
        _write_tax_identifier(party, seller.tax_registration.value, scheme)
    legal = party.at("cac:PartyLegalEntity")
    legal.text("cbc:RegistrationName", seller.name)
    legal.identifier("cbc:CompanyID", seller.registration)
    legal.text("cbc:CompanyLegalForm", seller.legal_information)
    _write_contact(party.at("cac:Contact"), seller.contact)


def write_buyer(document: Pen, buyer: Buyer | None) -> None:
    """Write BG-7."""
    if buyer is None:
        return
    party = document.at("cac:AccountingCustomerParty", "cac:Party")
    party.identifier("cbc:EndpointID", buyer.electronic_address)
    _write_identifiers(party, buyer.identifiers)
    party.at("cac:PartyName").text("cbc:Name", buyer.trading_name)
    _write_address(party.at("cac:PostalAddress"), buyer.address)
    _write_tax_identifier(party, buyer.vat_identifier, VAT)
    legal = party.at("cac:PartyLegalEntity")
    legal.text("cbc:RegistrationName", buyer.name)
    legal.identifier("cbc:CompanyID", buyer.registration)
    _write_contact(party.at("cac:Contact"), buyer.contact)


def write_payee(document: Pen, payee: Payee | None, payment: Iterable[PaymentInstructions]) -> None:
    """Write BG-10, and with it BT-90."""
    if payee is None or _is_unnamed(payee):
        return
    party = document.at("cac:PayeeParty")
    identifiers = () if payee.identifier is None else (payee.identifier,)
    _write_identifiers(party, identifiers, _creditor(payment))
    party.at("cac:PartyName").text("cbc:Name", payee.name)
    party.at("cac:PartyLegalEntity").identifier("cbc:CompanyID", payee.registration)


def write_tax_representative(document: Pen, representative: TaxRepresentative | None) -> None:
    """Write BG-11."""
    if representative is None:
        return
    party = document.at("cac:TaxRepresentativeParty")
    party.at("cac:PartyName").text("cbc:Name", representative.name)
    _write_address(party.at("cac:PostalAddress"), representative.address)
    _write_tax_identifier(party, representative.vat_identifier, VAT)


def write_delivery(document: Pen, delivery: Delivery | None) -> None:
    """Write BG-13."""
    if delivery is None:
        return
    place = document.at("cac:Delivery")
    place.day("cbc:ActualDeliveryDate", delivery.delivered_on)
    location = place.at("cac:DeliveryLocation")
    location.identifier("cbc:ID", delivery.location)
    _write_address(location.at("cac:Address"), delivery.address)
    place.at("cac:DeliveryParty", "cac:PartyName").text("cbc:Name", delivery.name)


def _is_unnamed(payee: Payee | None) -> bool:
    return payee is None or payee == Payee()


def _creditor(payment: Iterable[PaymentInstructions]) -> str | None:
    debits = (entry.direct_debit for entry in payment)
    return next((debit.creditor_identifier for debit in debits if debit), None)


def _write_identifiers(
    party: Pen, identifiers: tuple[Identifier, ...], creditor: str | None = None
) -> None:
    for identifier in identifiers:
        party.at("cac:PartyIdentification").identifier("cbc:ID", identifier)
    if creditor is not None:
        identification = party.at("cac:PartyIdentification")
        identification.text("cbc:ID", creditor, schemeID=CREDITOR_SCHEME)


def _write_tax_identifier(party: Pen, identifier: str | None, scheme: str) -> None:
    place = party.at("cac:PartyTaxScheme")
    place.text("cbc:CompanyID", identifier)
    if not place.is_empty:
        place.at("cac:TaxScheme").text("cbc:ID", scheme)


def _write_address(place: Pen, address: Address | None) -> None:
    if address is None:
        return
    place.text("cbc:StreetName", address.line1)
    place.text("cbc:AdditionalStreetName", address.line2)
    place.text("cbc:CityName", address.city)
    place.text("cbc:PostalZone", address.post_code)
    place.text("cbc:CountrySubentity", address.subdivision)
    place.at("cac:AddressLine").text("cbc:Line", address.line3)
    place.at("cac:Country").text("cbc:IdentificationCode", address.country)


def _write_contact(place: Pen, contact: Contact | None) -> None:
    if contact is None:
        return
    place.text("cbc:Name", contact.name)
    place.text("cbc:Telephone", contact.telephone)
    place.text("cbc:ElectronicMail", contact.email)
