"""Writes the parties of a CII invoice: seller, buyer, payee, tax representative and others."""

import re
from collections.abc import Iterable
from typing import Final

from ubl.cii.codes import TAX_REGISTRATION, VAT_REGISTRATION
from ubl.model import (
    Address,
    Buyer,
    Contact,
    Delivery,
    Identifier,
    Party,
    Payee,
    Seller,
    TaxRepresentative,
)
from ubl.pen import Pen

__all__ = ["party_of", "write_party"]

# International code designators of ISO/IEC 6523.
_ICD: Final = re.compile(r"[0-9]{4}")


def party_of(
    known: Seller | Buyer | Payee | TaxRepresentative | Delivery | None,
) -> Party | None:
    """Return what CII says of one of the parties of EN 16931 as it says it of any party.

    The day of delivery is no part of it.
    """
    match known:
        case None:
            return None
        case Seller() | Buyer():
            return Party(
                name=known.name,
                trading_name=known.trading_name,
                identifiers=known.identifiers,
                registration=known.registration,
                vat_identifier=known.vat_identifier,
                tax_registration=known.tax_registration,
                legal_information=known.legal_information,
                electronic_address=known.electronic_address,
                role=known.role,
                address=known.address,
                contact=known.contact,
            )
        case Payee():
            return _of_payee(known)
        case TaxRepresentative():
            return Party(
                name=known.name, vat_identifier=known.vat_identifier, address=known.address
            )
        case Delivery():
            return _of_delivery(known)


def _of_payee(payee: Payee) -> Party:
    return Party(
        name=payee.name,
        trading_name=payee.trading_name,
        identifiers=_with_first(payee.identifier, payee.other_identifiers),
        registration=payee.registration,
        vat_identifier=payee.vat_identifier,
        electronic_address=payee.electronic_address,
        role=payee.role,
        address=payee.address,
        contact=payee.contact,
    )


def _of_delivery(delivery: Delivery) -> Party:
    return Party(
        name=delivery.name,
        trading_name=delivery.trading_name,
        identifiers=_with_first(delivery.location, delivery.other_identifiers),
        registration=delivery.registration,
        vat_identifier=delivery.vat_identifier,
        electronic_address=delivery.electronic_address,
        address=delivery.address,
        contact=delivery.contact,
    )


def write_party(above: Pen, name: str, party: Party | None) -> None:
    """Write a party into a new child of that name; nothing where nothing is known of it."""
    if party is None:
        return
    place = above.at(name)
    _write_identifiers(place, party.identifiers)
    place.text("ram:Name", party.name)
    place.text("ram:RoleCode", party.role)
    place.text("ram:Description", party.legal_information)
    organization = place.at("ram:SpecifiedLegalOrganization")
    organization.identifier("ram:ID", party.registration)
    organization.text("ram:TradingBusinessName", party.trading_name)
    if party.contact is not None:
        _write_contact(place.at("ram:DefinedTradeContact"), party.contact)
    if party.address is not None:
        _write_address(place.at("ram:PostalTradeAddress"), party.address)
    place.at("ram:URIUniversalCommunication").identifier("ram:URIID", party.electronic_address)
    _write_registration(place, party.vat_identifier, VAT_REGISTRATION)
    if party.tax_registration is not None:
        _write_registration(place, party.tax_registration.value, TAX_REGISTRATION)


def _with_first(first: Identifier | None, others: tuple[Identifier, ...]) -> tuple[Identifier, ...]:
    return others if first is None else (first, *others)


def _write_identifiers(party: Pen, identifiers: Iterable[Identifier]) -> None:
    """Write identifiers of an ICD scheme as ``GlobalID``, and others before them as ``ID``."""
    known = tuple(identifiers)
    for identifier in known:
        if not _is_global(identifier):
            party.identifier("ram:ID", identifier)
    for identifier in known:
        if _is_global(identifier):
            party.identifier("ram:GlobalID", identifier)


def _is_global(identifier: Identifier) -> bool:
    return identifier.scheme is not None and _ICD.fullmatch(identifier.scheme) is not None


def _write_registration(party: Pen, value: str | None, scheme: str) -> None:
    party.at("ram:SpecifiedTaxRegistration").text("ram:ID", value, schemeID=scheme)


def _write_address(place: Pen, address: Address) -> None:
    place.text("ram:PostcodeCode", address.post_code)
    place.text("ram:LineOne", address.line1)
    place.text("ram:LineTwo", address.line2)
    place.text("ram:LineThree", address.line3)
    place.text("ram:CityName", address.city)
    place.text("ram:CountryID", address.country)
    place.text("ram:CountrySubDivisionName", address.subdivision)


def _write_contact(place: Pen, contact: Contact) -> None:
    place.text("ram:PersonName", contact.name)
    place.text("ram:DepartmentName", contact.department)
    place.text("ram:TypeCode", contact.role)
    for name, number in (
        ("ram:TelephoneUniversalCommunication", contact.telephone),
        ("ram:FaxUniversalCommunication", contact.fax),
    ):
        place.at(name).text("ram:CompleteNumber", number)
    place.at("ram:EmailURIUniversalCommunication").text("ram:URIID", contact.email)
