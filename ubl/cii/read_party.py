"""The parties of a CII invoice: seller, buyer, payee, tax representative and delivery."""

from ubl.cii.codes import TAX_REGISTRATION, VAT_REGISTRATION
from ubl.cii.places import read_day, read_identifiers
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
    "read_buyer",
    "read_delivery",
    "read_payee",
    "read_seller",
    "read_tax_representative",
]


def read_seller(agreement: Cursor) -> Seller | None:
    """Read BG-4."""
    party = agreement.first("ram:SellerTradeParty")
    if party is None:
        return None
    return Seller(
        name=party.text("ram:Name"),
        trading_name=party.text("ram:SpecifiedLegalOrganization", "ram:TradingBusinessName"),
        identifiers=tuple(read_identifiers(party)),
        registration=party.identifier("ram:SpecifiedLegalOrganization", "ram:ID"),
        vat_identifier=_read_vat_identifier(party),
        tax_registration=_read_tax_registration(party),
        legal_information=party.text("ram:Description"),
        electronic_address=party.identifier("ram:URIUniversalCommunication", "ram:URIID"),
        address=_read_address(party),
        contact=_read_contact(party),
    )


def read_buyer(agreement: Cursor) -> Buyer | None:
    """Read BG-7."""
    party = agreement.first("ram:BuyerTradeParty")
    if party is None:
        return None
    return Buyer(
        name=party.text("ram:Name"),
        trading_name=party.text("ram:SpecifiedLegalOrganization", "ram:TradingBusinessName"),
        identifiers=tuple(read_identifiers(party)),
        registration=party.identifier("ram:SpecifiedLegalOrganization", "ram:ID"),
        vat_identifier=_read_vat_identifier(party),
        electronic_address=party.identifier("ram:URIUniversalCommunication", "ram:URIID"),
        address=_read_address(party),
        contact=_read_contact(party),
    )


def read_payee(settlement: Cursor) -> Payee | None:
    """Read BG-10; of several identifiers the first, the others stay unread."""
    party = settlement.first("ram:PayeeTradeParty")
    if party is None:
        return None
    return Payee(
        name=party.text("ram:Name"),
        identifier=next(read_identifiers(party), None),
        registration=party.identifier("ram:SpecifiedLegalOrganization", "ram:ID"),
    )


def read_tax_representative(agreement: Cursor) -> TaxRepresentative | None:
    """Read BG-11."""
    party = agreement.first("ram:SellerTaxRepresentativeTradeParty")
    if party is None:
        return None
    return TaxRepresentative(
        name=party.text("ram:Name"),
        vat_identifier=_read_vat_identifier(party),
        address=_read_address(party),
    )


def read_delivery(delivery: Cursor) -> Delivery | None:
    """Read BG-13; CII has the group's element always, so an empty one makes no delivery."""
    party = delivery.first("ram:ShipToTradeParty")
    delivered_on = read_day(
        delivery, "ram:ActualDeliverySupplyChainEvent", "ram:OccurrenceDateTime"
    )
    if party is None:
        return None if delivered_on is None else Delivery(delivered_on=delivered_on)
    return Delivery(
        name=party.text("ram:Name"),
        location=next(read_identifiers(party), None),
        delivered_on=delivered_on,
        address=_read_address(party),
    )


def _read_registration(party: Cursor, scheme: str) -> str | None:
    for registration in party.all("ram:SpecifiedTaxRegistration"):
        place = registration.first("ram:ID")
        if place is not None and place.element.get("schemeID", "").strip() == scheme:
            place.attribute("schemeID")
            return place.own_text()
    return None


def _read_vat_identifier(party: Cursor) -> str | None:
    return _read_registration(party, VAT_REGISTRATION)


def _read_tax_registration(party: Cursor) -> Identifier | None:
    value = _read_registration(party, TAX_REGISTRATION)
    return None if value is None else Identifier(value, TAX_REGISTRATION)


def _read_address(party: Cursor) -> Address | None:
    address = party.first("ram:PostalTradeAddress")
    if address is None:
        return None
    return Address(
        line1=address.text("ram:LineOne"),
        line2=address.text("ram:LineTwo"),
        line3=address.text("ram:LineThree"),
        city=address.text("ram:CityName"),
        post_code=address.text("ram:PostcodeCode"),
        subdivision=address.text("ram:CountrySubDivisionName"),
        country=address.text("ram:CountryID"),
    )


def _read_contact(party: Cursor) -> Contact | None:
    contact = party.first("ram:DefinedTradeContact")
    if contact is None:
        return None
    return Contact(
        name=contact.text("ram:PersonName") or contact.text("ram:DepartmentName"),
        telephone=contact.text("ram:TelephoneUniversalCommunication", "ram:CompleteNumber"),
        email=contact.text("ram:EmailURIUniversalCommunication", "ram:URIID"),
    )
