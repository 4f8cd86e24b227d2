"""The parties of a CII invoice: seller, buyer, payee, tax representative, delivery and others."""

from typing import TypeVar

from ubl.cii.codes import TAX_REGISTRATION, VAT_REGISTRATION
from ubl.cii.places import read_day, read_identifiers
from ubl.cursor import Cursor
from ubl.model import (
    Address,
    Buyer,
    Contact,
    Delivery,
    FurtherParties,
    Identifier,
    Party,
    Payee,
    Seller,
    TaxRepresentative,
    given,
)

__all__ = [
    "read_buyer",
    "read_delivery",
    "read_further_parties",
    "read_party",
    "read_payee",
    "read_seller",
    "read_tax_representative",
]

_Principal = TypeVar("_Principal", Seller, Buyer)


def read_party(place: Cursor | None, name: str) -> Party | None:
    """Read a party with everything CII says of one; None where nothing is said."""
    party = None if place is None else place.first(name)
    if party is None:
        return None
    return given(
        Party(
            name=party.text("ram:Name"),
            trading_name=_read_trading_name(party),
            identifiers=tuple(read_identifiers(party)),
            registration=_read_legal_registration(party),
            vat_identifier=_read_registration(party, VAT_REGISTRATION),
            tax_registration=_read_tax_registration(party),
            legal_information=party.text("ram:Description"),
            electronic_address=_read_electronic_address(party),
            role=party.text("ram:RoleCode"),
            address=_read_address(party),
            contact=_read_contact(party),
        )
    )


def read_seller(agreement: Cursor) -> Seller | None:
    """Read BG-4."""
    return _as_principal(Seller, read_party(agreement, "ram:SellerTradeParty"))


def read_buyer(agreement: Cursor) -> Buyer | None:
    """Read BG-7."""
    return _as_principal(Buyer, read_party(agreement, "ram:BuyerTradeParty"))


def _as_principal(model: type[_Principal], party: Party | None) -> _Principal | None:
    if party is None:
        return None
    return model(
        name=party.name,
        trading_name=party.trading_name,
        identifiers=party.identifiers,
        registration=party.registration,
        vat_identifier=party.vat_identifier,
        tax_registration=party.tax_registration,
        legal_information=party.legal_information,
        electronic_address=party.electronic_address,
        address=party.address,
        contact=party.contact,
        role=party.role,
    )


def read_payee(settlement: Cursor) -> Payee | None:
    """Read BG-10."""
    party = settlement.first("ram:PayeeTradeParty")
    if party is None:
        return None
    identifier, others = _read_first_identifier(party)
    return given(
        Payee(
            name=party.text("ram:Name"),
            identifier=identifier,
            registration=_read_legal_registration(party),
            other_identifiers=others,
            trading_name=_read_trading_name(party),
            role=party.text("ram:RoleCode"),
            vat_identifier=_read_registration(party, VAT_REGISTRATION),
            electronic_address=_read_electronic_address(party),
            address=_read_address(party),
            contact=_read_contact(party),
        )
    )


def read_tax_representative(agreement: Cursor) -> TaxRepresentative | None:
    """Read BG-11."""
    party = agreement.first("ram:SellerTaxRepresentativeTradeParty")
    if party is None:
        return None
    return given(
        TaxRepresentative(
            name=party.text("ram:Name"),
            vat_identifier=_read_registration(party, VAT_REGISTRATION),
            address=_read_address(party),
        )
    )


def read_delivery(delivery: Cursor) -> Delivery | None:
    """Read BG-13."""
    delivered_on = read_day(
        delivery, "ram:ActualDeliverySupplyChainEvent", "ram:OccurrenceDateTime"
    )
    party = delivery.first("ram:ShipToTradeParty")
    if party is None:
        return None if delivered_on is None else Delivery(delivered_on=delivered_on)
    location, others = _read_first_identifier(party)
    return given(
        Delivery(
            name=party.text("ram:Name"),
            location=location,
            delivered_on=delivered_on,
            address=_read_address(party),
            other_identifiers=others,
            trading_name=_read_trading_name(party),
            registration=_read_legal_registration(party),
            vat_identifier=_read_registration(party, VAT_REGISTRATION),
            electronic_address=_read_electronic_address(party),
            contact=_read_contact(party),
        )
    )


def read_further_parties(
    agreement: Cursor | None, delivery: Cursor | None, settlement: Cursor | None
) -> FurtherParties | None:
    """Read the parties only the extensions have."""
    return given(
        FurtherParties(
            sales_agent=read_party(agreement, "ram:SalesAgentTradeParty"),
            buyer_agent=read_party(agreement, "ram:BuyerAgentTradeParty"),
            buyer_tax_representative=read_party(agreement, "ram:BuyerTaxRepresentativeTradeParty"),
            product_end_user=read_party(agreement, "ram:ProductEndUserTradeParty"),
            invoicer=read_party(settlement, "ram:InvoicerTradeParty"),
            invoicee=read_party(settlement, "ram:InvoiceeTradeParty"),
            payer=read_party(settlement, "ram:PayerTradeParty"),
            ship_from=read_party(delivery, "ram:ShipFromTradeParty"),
            ultimate_ship_to=read_party(delivery, "ram:UltimateShipToTradeParty"),
        )
    )


def _read_first_identifier(
    party: Cursor,
) -> tuple[Identifier | None, tuple[Identifier, ...]]:
    """Take the first identifier, the only one EN 16931 knows here, and the others."""
    first, *others = tuple(read_identifiers(party)) or (None,)
    return first, tuple(other for other in others if other is not None)


def _read_trading_name(party: Cursor) -> str | None:
    return party.text("ram:SpecifiedLegalOrganization", "ram:TradingBusinessName")


def _read_legal_registration(party: Cursor) -> Identifier | None:
    return party.identifier("ram:SpecifiedLegalOrganization", "ram:ID")


def _read_electronic_address(party: Cursor) -> Identifier | None:
    return party.identifier("ram:URIUniversalCommunication", "ram:URIID")


def _read_registration(party: Cursor, scheme: str) -> str | None:
    for registration in party.all("ram:SpecifiedTaxRegistration"):
        place = registration.first("ram:ID")
        if place is not None and place.element.get("schemeID", "").strip() == scheme:
            place.attribute("schemeID")
            return place.own_text()
    return None


def _read_tax_registration(party: Cursor) -> Identifier | None:
    value = _read_registration(party, TAX_REGISTRATION)
    return None if value is None else Identifier(value, TAX_REGISTRATION)


def _read_address(party: Cursor) -> Address | None:
    address = party.first("ram:PostalTradeAddress")
    if address is None:
        return None
    return given(
        Address(
            line1=address.text("ram:LineOne"),
            line2=address.text("ram:LineTwo"),
            line3=address.text("ram:LineThree"),
            city=address.text("ram:CityName"),
            post_code=address.text("ram:PostcodeCode"),
            subdivision=address.text("ram:CountrySubDivisionName"),
            country=address.text("ram:CountryID"),
        )
    )


def _read_contact(party: Cursor) -> Contact | None:
    """Read a contact; a department alone is its name, as EN 16931-3-3 binds BT-41 and BT-56."""
    contact = party.first("ram:DefinedTradeContact")
    if contact is None:
        return None
    person = contact.text("ram:PersonName")
    department = contact.text("ram:DepartmentName")
    return given(
        Contact(
            name=person or department,
            telephone=contact.text("ram:TelephoneUniversalCommunication", "ram:CompleteNumber"),
            email=contact.text("ram:EmailURIUniversalCommunication", "ram:URIID"),
            department=department if person else None,
            role=contact.text("ram:TypeCode"),
            fax=contact.text("ram:FaxUniversalCommunication", "ram:CompleteNumber"),
        )
    )
