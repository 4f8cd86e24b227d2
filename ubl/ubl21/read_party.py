"""The parties of a UBL invoice: seller, buyer, payee, tax representative and delivery."""

from typing import Final

from ubl.cursor import Cursor
from ubl.model import (
    Address,
    Buyer,
    Contact,
    Delivery,
    Identifier,
    Payee,
    Seller,
    TaxRepresentative,
)

__all__ = [
    "CREDITOR_SCHEME",
    "OTHER_TAX_SCHEME",
    "VAT",
    "read_buyer",
    "read_delivery",
    "read_payee",
    "read_seller",
    "read_tax_representative",
]

CREDITOR_SCHEME: Final = "SEPA"
VAT: Final = "VAT"
# What a tax registration that is not for VAT (BT-32) is filed under where nobody says; CII's code.
OTHER_TAX_SCHEME: Final = "FC"


def read_seller(document: Cursor) -> Seller | None:
    """Read BG-4; identifiers of scheme SEPA are left for the direct debit (BT-90)."""
    party = document.first("cac:AccountingSupplierParty", "cac:Party")
    if party is None:
        return None
    return Seller(
        name=party.text("cac:PartyLegalEntity", "cbc:RegistrationName"),
        trading_name=party.text("cac:PartyName", "cbc:Name"),
        identifiers=_read_identifiers(party),
        registration=party.identifier("cac:PartyLegalEntity", "cbc:CompanyID"),
        vat_identifier=_read_vat_identifier(party),
        tax_registration=_read_tax_registration(party),
        legal_information=party.text("cac:PartyLegalEntity", "cbc:CompanyLegalForm"),
        electronic_address=party.identifier("cbc:EndpointID"),
        address=_read_address(party.first("cac:PostalAddress")),
        contact=_read_contact(party),
    )


def read_buyer(document: Cursor) -> Buyer | None:
    """Read BG-7."""
    party = document.first("cac:AccountingCustomerParty", "cac:Party")
    if party is None:
        return None
    return Buyer(
        name=party.text("cac:PartyLegalEntity", "cbc:RegistrationName"),
        trading_name=party.text("cac:PartyName", "cbc:Name"),
        identifiers=_read_identifiers(party),
        registration=party.identifier("cac:PartyLegalEntity", "cbc:CompanyID"),
        vat_identifier=_read_vat_identifier(party),
        electronic_address=party.identifier("cbc:EndpointID"),
        address=_read_address(party.first("cac:PostalAddress")),
        contact=_read_contact(party),
    )


def read_payee(document: Cursor) -> Payee | None:
    """Read BG-10."""
    party = document.first("cac:PayeeParty")
    if party is None:
        return None
    identifiers = (
        place.identifier("cbc:ID")
        for place in party.all("cac:PartyIdentification")
        if not _is_creditor(place)
    )
    return Payee(
        name=party.text("cac:PartyName", "cbc:Name"),
        identifier=next(identifiers, None),
        registration=party.identifier("cac:PartyLegalEntity", "cbc:CompanyID"),
    )


def read_tax_representative(document: Cursor) -> TaxRepresentative | None:
    """Read BG-11."""
    party = document.first("cac:TaxRepresentativeParty")
    if party is None:
        return None
    return TaxRepresentative(
        name=party.text("cac:PartyName", "cbc:Name"),
        vat_identifier=_read_vat_identifier(party),
        address=_read_address(party.first("cac:PostalAddress")),
    )


def read_delivery(document: Cursor) -> Delivery | None:
    """Read BG-13."""
    delivery = document.first("cac:Delivery")
    if delivery is None:
        return None
    return Delivery(
        name=delivery.text("cac:DeliveryParty", "cac:PartyName", "cbc:Name"),
        location=delivery.identifier("cac:DeliveryLocation", "cbc:ID"),
        delivered_on=delivery.day("cbc:ActualDeliveryDate"),
        address=_read_address(delivery.first("cac:DeliveryLocation", "cac:Address")),
    )


def _is_creditor(identification: Cursor) -> bool:
    identifier = identification.first("cbc:ID")
    return identifier is not None and identifier.element.get("schemeID") == CREDITOR_SCHEME


def _read_identifiers(party: Cursor) -> tuple[Identifier, ...]:
    places = (place for place in party.all("cac:PartyIdentification") if not _is_creditor(place))
    return tuple(found for place in places if (found := place.identifier("cbc:ID")))


def _read_vat_identifier(party: Cursor) -> str | None:
    for scheme in party.all("cac:PartyTaxScheme"):
        if _tax_scheme(scheme) == VAT:
            scheme.expect("cac:TaxScheme", "cbc:ID", value=VAT)
            return scheme.text("cbc:CompanyID")
    return None


def _read_tax_registration(party: Cursor) -> Identifier | None:
    for scheme in party.all("cac:PartyTaxScheme"):
        if _tax_scheme(scheme) == VAT:
            continue
        value = scheme.text("cbc:CompanyID")
        if value is not None:
            return Identifier(value, scheme.text("cac:TaxScheme", "cbc:ID"))
    return None


def _tax_scheme(scheme: Cursor) -> str | None:
    place = scheme.first("cac:TaxScheme")
    return None if place is None else place.peek("cbc:ID")


def _read_address(address: Cursor | None) -> Address | None:
    if address is None:
        return None
    return Address(
        line1=address.text("cbc:StreetName"),
        line2=address.text("cbc:AdditionalStreetName"),
        line3=address.text("cac:AddressLine", "cbc:Line"),
        city=address.text("cbc:CityName"),
        post_code=address.text("cbc:PostalZone"),
        subdivision=address.text("cbc:CountrySubentity"),
        country=address.text("cac:Country", "cbc:IdentificationCode"),
    )


def _read_contact(party: Cursor) -> Contact | None:
    contact = party.first("cac:Contact")
    if contact is None:
        return None
    return Contact(
        name=contact.text("cbc:Name"),
        telephone=contact.text("cbc:Telephone"),
        email=contact.text("cbc:ElectronicMail"),
    )
