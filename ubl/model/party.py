"""Who takes part in an invoice: seller, buyer, payee, tax representative, place of delivery."""

from dataclasses import dataclass
from datetime import date
from typing import Annotated, Final

from ubl.model.terms import SyntaxOnly, Term, TermByGroup
from ubl.model.values import Identifier

__all__ = ["Address", "Buyer", "Contact", "Delivery", "Payee", "Seller", "TaxRepresentative"]


# Factur-X numbers the parts of an address in one run; this is where each run starts. The run goes
# post code, lines one to three, city, country, subdivision.
_ADDRESS_RUNS: Final = {
    "BG-X-9": 58,
    "BG-X-12": 76,
    "BG-X-21": 136,
    "BG-X-29": 172,
    "BG-X-32": 191,
    "BG-X-35": 215,
    "BG-X-38": 234,
    "BG-X-40": 249,
    "BG-X-52": 348,
    "BG-X-56": 375,
    "BG-X-65": 419,
    "BG-X-75": 490,
    "BG-X-79": 518,
    "BG-X-92": 579,
}
# Name, department, type, telephone, fax and e-mail of the contacts of Factur-X EXTENDED.
_CONTACTS: Final = {
    "BG-X-8": ("54", "54-1", "315", "55", "56", "57"),
    "BG-X-11": ("72", "72-1", "316", "73", "74", "75"),
    "BG-X-17": ("120", "121", "319", "122", "123", "124"),
    "BG-X-20": ("131", "132", "320", "133", "134", "135"),
    "BG-X-26": ("155", "156", "321", "157", "158", "159"),
    "BG-X-28": ("167", "168", "322", "169", "170", "171"),
    "BG-X-31": ("186", "187", "323", "188", "189", "190"),
    "BG-X-34": ("210", "211", "324", "212", "213", "214"),
    "BG-X-37": ("229", "230", "325", "231", "232", "233"),
    "BG-X-39": ("244", "245", "326", "246", "247", "248"),
    "BG-X-51": ("342", "343", "347", "344", "345", "346"),
    "BG-X-55": ("369", "370", "371", "372", "373", "374"),
    "BG-X-64": ("413", "414", "415", "416", "417", "418"),
    "BG-X-74": ("484", "485", "486", "487", "488", "489"),
    "BG-X-78": ("512", "513", "514", "515", "516", "517"),
    "BG-X-91": ("574", "574-1", "575", "576", "577", "578"),
}


def _in_address(
    seller: int, buyer: int, representative: int, delivery: int, *, place: int
) -> dict[str, str]:
    numbers = {"BG-5": seller, "BG-8": buyer, "BG-12": representative, "BG-15": delivery}
    extended = {group: f"BT-X-{first + place}" for group, first in _ADDRESS_RUNS.items()}
    return {group: f"BT-{number}" for group, number in numbers.items()} | extended


def _in_contact(place: int, **core: str) -> dict[str, str]:
    """Number the part at ``place`` of ``_CONTACTS``; ``core`` numbers BG_6 and BG_9."""
    extended = {group: f"BT-X-{numbers[place]}" for group, numbers in _CONTACTS.items()}
    return {group.replace("_", "-"): number for group, number in core.items()} | extended


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A postal address (EN 16931 BG-5 seller, BG-8 buyer, BG-12 representative, BG-15 delivery)."""

    line1: Annotated[
        str | None,
        TermByGroup(_in_address(35, 50, 64, 75, place=1), "Main line, usually street and number."),
    ] = None
    line2: Annotated[
        str | None,
        TermByGroup(_in_address(36, 51, 65, 76, place=2), "Further detail of the main line."),
    ] = None
    line3: Annotated[
        str | None,
        TermByGroup(_in_address(162, 163, 164, 165, place=3), "Further detail again."),
    ] = None
    city: Annotated[
        str | None, TermByGroup(_in_address(37, 52, 66, 77, place=4), "City, town or village.")
    ] = None
    post_code: Annotated[
        str | None, TermByGroup(_in_address(38, 53, 67, 78, place=0), "Postal code.")
    ] = None
    subdivision: Annotated[
        str | None,
        TermByGroup(_in_address(39, 54, 68, 79, place=6), "Region, county, state or province."),
    ] = None
    country: Annotated[
        str | None,
        TermByGroup(
            _in_address(40, 55, 69, 80, place=5),
            "Country as an ISO 3166-1 alpha-2 code.",
            also={"BG-X-92": "EXT-FR-FE-177"},
        ),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Whom to ask (EN 16931 BG-6 at the seller, BG-9 at the buyer)."""

    name: Annotated[
        str | None,
        TermByGroup(
            _in_contact(0, BG_6="BT-41", BG_9="BT-56"), "Person, department or office to ask for."
        ),
    ] = None
    telephone: Annotated[
        str | None,
        TermByGroup(_in_contact(3, BG_6="BT-42", BG_9="BT-57"), "Telephone number of the contact."),
    ] = None
    email: Annotated[
        str | None,
        TermByGroup(_in_contact(5, BG_6="BT-43", BG_9="BT-58"), "E-mail address of the contact."),
    ] = None
    department: Annotated[
        str | None,
        TermByGroup(
            _in_contact(1),
            "Department; CII has a place for it beside the person (part of BT-41 and BT-56).",
        ),
    ] = None
    role: Annotated[
        str | None,
        TermByGroup(
            _in_contact(2, BG_6="BT-X-317", BG_9="BT-X-318"),
            "Function of the contact: a code of UNTDID 3139.",
        ),
    ] = None
    fax: Annotated[
        str | None,
        TermByGroup(_in_contact(4, BG_6="BT-X-107", BG_9="BT-X-115"), "Fax number of the contact."),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seller:
    """Who supplies the goods or services and issues the invoice (EN 16931 BG-4)."""

    name: Annotated[
        str | None, Term("BT-27", "Full name under which the seller is registered.")
    ] = None
    trading_name: Annotated[
        str | None, Term("BT-28", "Name the seller is known by in business.")
    ] = None
    identifiers: Annotated[
        tuple[Identifier, ...], Term("BT-29", "Identifiers of the seller (ICD schemes).")
    ] = ()
    registration: Annotated[
        Identifier | None,
        Term("BT-30", "Identifier of the seller in the official register of companies."),
    ] = None
    vat_identifier: Annotated[
        str | None,
        Term(
            "BT-31",
            "Seller's VAT identifier, with the country prefix of ISO 3166-1 (EL for Greece).",
        ),
    ] = None
    tax_registration: Annotated[
        Identifier | None,
        Term("BT-32", "Other tax registration of the seller; the scheme is UBL's TaxScheme code."),
    ] = None
    legal_information: Annotated[
        str | None,
        Term("BT-33", "Further legal facts the seller must state, such as share capital."),
    ] = None
    electronic_address: Annotated[
        Identifier | None,
        Term("BT-34", "Address for electronic delivery; scheme from the EAS list."),
    ] = None
    address: Annotated[Address | None, Term("BG-5", "Postal address of the seller.")] = None
    contact: Annotated[Contact | None, Term("BG-6", "Contact at the seller.")] = None
    role: Annotated[
        str | None, Term("BT-X-543", "Part the seller plays: a code of UNTDID 3035.")
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Buyer:
    """Who buys and is to pay (EN 16931 BG-7)."""

    name: Annotated[str | None, Term("BT-44", "Full name of the buyer.")] = None
    trading_name: Annotated[
        str | None, Term("BT-45", "Name the buyer is known by in business.")
    ] = None
    identifiers: Annotated[
        tuple[Identifier, ...],
        Term("BT-46", "Identifiers of the buyer (ICD schemes); EN 16931 allows one."),
    ] = ()
    registration: Annotated[
        Identifier | None,
        Term("BT-47", "Identifier of the buyer in the official register of companies."),
    ] = None
    vat_identifier: Annotated[
        str | None, Term("BT-48", "Buyer's VAT identifier with country prefix.")
    ] = None
    electronic_address: Annotated[
        Identifier | None,
        Term("BT-49", "Address for electronic delivery; scheme from the EAS list."),
    ] = None
    address: Annotated[Address | None, Term("BG-8", "Postal address of the buyer.")] = None
    contact: Annotated[Contact | None, Term("BG-9", "Contact at the buyer.")] = None
    role: Annotated[
        str | None, Term("BT-X-544", "Part the buyer plays: a code of UNTDID 3035.")
    ] = None
    legal_information: Annotated[
        str | None, Term("BT-X-334", "Further legal facts about the buyer.")
    ] = None
    tax_registration: Annotated[
        Identifier | None,
        SyntaxOnly("Other tax registration of the buyer; the scheme is UBL's TaxScheme code."),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Payee:
    """Who receives the payment where that is not the seller (EN 16931 BG-10)."""

    name: Annotated[str | None, Term("BT-59", "Name of the payee.")] = None
    identifier: Annotated[
        Identifier | None, Term("BT-60", "Identifier of the payee (ICD schemes).")
    ] = None
    registration: Annotated[
        Identifier | None,
        Term("BT-61", "Identifier of the payee in the official register of companies."),
    ] = None
    other_identifiers: Annotated[
        tuple[Identifier, ...], SyntaxOnly("Identifiers of the payee besides BT-60.")
    ] = ()
    trading_name: Annotated[
        str | None, Term("BT-X-243", "Name the payee is known by in business.")
    ] = None
    role: Annotated[
        str | None, Term("BT-X-468", "Part the payee plays: a code of UNTDID 3035.")
    ] = None
    vat_identifier: Annotated[
        str | None, Term("BT-X-257", "Payee's VAT identifier with country prefix.")
    ] = None
    electronic_address: Annotated[
        Identifier | None,
        Term(
            "BT-X-256",
            "Address for electronic delivery; scheme from the EAS list.",
            also="EXT-FR-FE-29",
        ),
    ] = None
    address: Annotated[Address | None, Term("BG-X-40", "Postal address of the payee.")] = None
    contact: Annotated[Contact | None, Term("BG-X-39", "Contact at the payee.")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxRepresentative:
    """Who answers for the seller's VAT in a country (EN 16931 BG-11)."""

    name: Annotated[str | None, Term("BT-62", "Full name of the tax representative.")] = None
    vat_identifier: Annotated[
        str | None, Term("BT-63", "VAT identifier of the tax representative.")
    ] = None
    address: Annotated[
        Address | None, Term("BG-12", "Postal address of the tax representative.")
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Where and when goods or services were delivered (EN 16931 BG-13)."""

    name: Annotated[
        str | None, Term("BT-70", "Name of the party the goods or services went to.")
    ] = None
    location: Annotated[
        Identifier | None, Term("BT-71", "Identifier of the place of delivery (ICD).")
    ] = None
    delivered_on: Annotated[
        date | None, Term("BT-72", "Day on which delivery was made or completed.")
    ] = None
    address: Annotated[Address | None, Term("BG-15", "Address of the place of delivery.")] = None
    other_identifiers: Annotated[
        tuple[Identifier, ...], SyntaxOnly("Identifiers of the place besides BT-71.")
    ] = ()
    trading_name: Annotated[
        str | None, Term("BT-X-154", "Name the receiving party is known by in business.")
    ] = None
    registration: Annotated[
        Identifier | None,
        Term("BT-X-153", "Identifier of the receiving party in the register of companies."),
    ] = None
    vat_identifier: Annotated[
        str | None, Term("BT-X-161", "VAT identifier of the receiving party.")
    ] = None
    electronic_address: Annotated[
        Identifier | None,
        Term("BT-X-160", "Address of the receiving party for electronic delivery."),
    ] = None
    contact: Annotated[Contact | None, Term("BG-X-26", "Contact at the receiving party.")] = None
