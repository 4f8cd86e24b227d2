"""Writes the parties of a CII invoice: seller, buyer, payee, tax representative and delivery."""

from ubl.cii.codes import TAX_REGISTRATION, VAT_REGISTRATION
from ubl.cii.write_places import write_day, write_identifiers
from ubl.model import Address, Buyer, Contact, Delivery, Payee, Seller, TaxRepresentative
from ubl.pen import Pen

__all__ = [
    "write_buyer",
    "write_delivery",
    "write_payee",
    "write_seller",
    "write_tax_representative",
]


def write_seller(agreement: Pen, seller: Seller | None) -> None:
    """Write BG-4."""
    if seller is None:
        return
    party = agreement.at("ram:SellerTradeParty")
    write_identifiers(party, seller.identifiers)
    party.text("ram:Name", seller.name)
    party.text("ram:Description", seller.legal_information)
    organization = party.at("ram:SpecifiedLegalOrganization")
    organization.identifier("ram:ID", seller.registration)
    organization.text("ram:TradingBusinessName", seller.trading_name)
    _write_contact(party, seller.contact)
    _write_address(party, seller.address)
    party.at("ram:URIUniversalCommunication").identifier("ram:URIID", seller.electronic_address)
    _write_registration(party, seller.vat_identifier, VAT_REGISTRATION)
    if seller.tax_registration is not None:
        _write_registration(party, seller.tax_registration.value, TAX_REGISTRATION)


def write_buyer(agreement: Pen, buyer: Buyer | None) -> None:
    """Write BG-7."""
    if buyer is None:
        return
    party = agreement.at("ram:BuyerTradeParty")
    write_identifiers(party, buyer.identifiers)
    party.text("ram:Name", buyer.name)
    organization = party.at("ram:SpecifiedLegalOrganization")
    organization.identifier("ram:ID", buyer.registration)
    organization.text("ram:TradingBusinessName", buyer.trading_name)
    _write_contact(party, buyer.contact)
    _write_address(party, buyer.address)
    party.at("ram:URIUniversalCommunication").identifier("ram:URIID", buyer.electronic_address)
    _write_registration(party, buyer.vat_identifier, VAT_REGISTRATION)


def write_payee(settlement: Pen, payee: Payee | None) -> None:
    """Write BG-10."""
    if payee is None:
        return
    party = settlement.at("ram:PayeeTradeParty")
    write_identifiers(party, () if payee.identifier is None else (payee.identifier,))
    party.text("ram:Name", payee.name)
    party.at("ram:SpecifiedLegalOrganization").identifier("ram:ID", payee.registration)


def write_tax_representative(agreement: Pen, representative: TaxRepresentative | None) -> None:
    """Write BG-11."""
    if representative is None:
        return
    party = agreement.at("ram:SellerTaxRepresentativeTradeParty")
    party.text("ram:Name", representative.name)
    _write_address(party, representative.address)
    _write_registration(party, representative.vat_identifier, VAT_REGISTRATION)


def write_delivery(place: Pen, delivery: Delivery | None) -> None:
    """Write BG-13."""
    if delivery is None:
        return
    party = place.at("ram:ShipToTradeParty")
    write_identifiers(party, () if delivery.location is None else (delivery.location,))
    party.text("ram:Name", delivery.name)
    _write_address(party, delivery.address)
    event = place.at("ram:ActualDeliverySupplyChainEvent")
    write_day(event.at("ram:OccurrenceDateTime"), delivery.delivered_on)


def _write_registration(party: Pen, value: str | None, scheme: str) -> None:
    party.at("ram:SpecifiedTaxRegistration").text("ram:ID", value, schemeID=scheme)


def _write_address(party: Pen, address: Address | None) -> None:
    if address is None:
        return
    place = party.at("ram:PostalTradeAddress")
    place.text("ram:PostcodeCode", address.post_code)
    place.text("ram:LineOne", address.line1)
    place.text("ram:LineTwo", address.line2)
    place.text("ram:LineThree", address.line3)
    place.text("ram:CityName", address.city)
    place.text("ram:CountryID", address.country)
    place.text("ram:CountrySubDivisionName", address.subdivision)


def _write_contact(party: Pen, contact: Contact | None) -> None:
    if contact is None:
        return
    place = party.at("ram:DefinedTradeContact")
    place.text("ram:PersonName", contact.name)
    telephone = place.at("ram:TelephoneUniversalCommunication")
    telephone.text("ram:CompleteNumber", contact.telephone)
    place.at("ram:EmailURIUniversalCommunication").text("ram:URIID", contact.email)
