"""Parties that only the extensions know: agents, payers, invoicers and more.

The numbers are those of Factur-X and ZUGFeRD EXTENDED; where EXTENDED-CTC-FR has the same party,
its numbers stand beside them.
"""

from dataclasses import dataclass
from typing import Annotated, Final

from ubl.model.party import Address, Contact
from ubl.model.terms import SyntaxOnly, Term, TermByGroup
from ubl.model.values import Identifier

__all__ = ["FurtherParties", "Party"]

# Identifier, name, role, registration, trading name, VAT identifier, electronic address: the
# numbers after BT-X-; then address and contact: the numbers after BG-X-. None: not certain.
_PARTIES: Final[dict[str, tuple[int | None, ...]]] = {
    "BG-X-7": (None, 50, 541, 51, 52, 66, 65, 9, 8),
    "BG-X-10": (67, 69, 542, 70, 71, 84, 83, 12, 11),
    "BG-X-18": (126, 128, 548, 129, 130, 144, 143, 21, 20),
    "BG-X-27": (162, 164, 551, 165, 166, 180, 179, 29, 28),
    "BG-X-30": (181, 183, 552, 184, 185, 199, 198, 32, 31),
    "BG-X-33": (205, 207, 553, 208, 209, 223, 222, 35, 34),
    "BG-X-36": (224, 226, 554, 227, 228, 242, 241, 38, 37),
    "BG-X-49": (337, 335, 545, 339, 336, 340, 341, 52, 51),
    "BG-X-54": (364, 362, 546, 366, 363, 367, 368, 56, 55),
    "BG-X-62": (408, 406, 549, 410, 407, 411, 412, 65, 64),
    "BG-X-73": (478, 476, 483, 480, 477, 481, 482, 75, 74),
    "BG-X-77": (506, 504, 511, 508, 505, 509, 510, 79, 78),
    "BG-X-90": (567, 569, 570, 572, 573, 587, 586, 92, 91),
}


def _numbers(place: int, kind: str = "BT-X") -> dict[str, str]:
    return {
        group: f"{kind}-{numbers[place]}"
        for group, numbers in _PARTIES.items()
        if numbers[place] is not None
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """Somebody who takes part beside seller, buyer and payee (Factur-X EXTENDED)."""

    name: Annotated[
        str | None,
        TermByGroup(_numbers(1), "Full name of the party.", also={"BG-X-90": "EXT-FR-FE-164"}),
    ] = None
    trading_name: Annotated[
        str | None, TermByGroup(_numbers(4), "Name the party is known by in business.")
    ] = None
    identifiers: Annotated[
        tuple[Identifier, ...],
        TermByGroup(
            _numbers(0),
            "Identifiers of the party; one with a scheme is of that scheme (ICD).",
            also={
                "BG-X-33": "EXT-FR-FE-115",
                "BG-X-36": "EXT-FR-FE-92",
                "BG-X-49": "EXT-FR-FE-69",
                "BG-X-62": "EXT-FR-FE-06",
                "BG-X-73": "EXT-FR-FE-46",
                "BG-X-7": "EXT-FR-FE-146",
                "BG-X-90": "EXT-FR-FE-166",
            },
        ),
    ] = ()
    registration: Annotated[
        Identifier | None,
        TermByGroup(
            _numbers(3),
            "Identifier of the party in the official register of companies.",
            also={"BG-X-90": "EXT-FR-FE-167"},
        ),
    ] = None
    vat_identifier: Annotated[
        str | None,
        TermByGroup(
            _numbers(5),
            "VAT identifier of the party with country prefix.",
            also={"BG-X-90": "EXT-FR-FE-168"},
        ),
    ] = None
    tax_registration: Annotated[
        Identifier | None,
        TermByGroup(
            {"BG-X-90": "BT-X-588"},
            "Other tax registration of the party; the scheme is UBL's TaxScheme code.",
        ),
    ] = None
    electronic_address: Annotated[
        Identifier | None,
        TermByGroup(
            _numbers(6),
            "Address for electronic delivery; scheme from the EAS list.",
            also={
                "BG-X-33": "EXT-FR-FE-121",
                "BG-X-36": "EXT-FR-FE-98",
                "BG-X-49": "EXT-FR-FE-75",
                "BG-X-62": "EXT-FR-FE-12",
                "BG-X-73": "EXT-FR-FE-52",
            },
        ),
    ] = None
    role: Annotated[
        str | None,
        TermByGroup(
            _numbers(2),
            "Part the party plays: a code of UNTDID 3035.",
            also={"BG-X-33": "EXT-FR-FE-113", "BG-X-36": "EXT-FR-FE-90"},
        ),
    ] = None
    address: Annotated[
        Address | None, TermByGroup(_numbers(7, "BG-X"), "Postal address of the party.")
    ] = None
    contact: Annotated[
        Contact | None, TermByGroup(_numbers(8, "BG-X"), "Contact at the party.")
    ] = None
    legal_information: Annotated[str | None, SyntaxOnly("Further legal facts about the party.")] = (
        None
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class FurtherParties:
    """Everybody the extensions let an invoice name beside the parties of EN 16931."""

    sales_agent: Annotated[
        Party | None,
        Term("BG-X-49", "Who sells on the seller's behalf.", also="EXT-FR-FE-BG-03"),
    ] = None
    buyer_agent: Annotated[
        Party | None,
        Term("BG-X-62", "Who buys on the buyer's behalf.", also="EXT-FR-FE-BG-01"),
    ] = None
    buyer_tax_representative: Annotated[
        Party | None, Term("BG-X-54", "Who answers for the buyer's VAT.")
    ] = None
    product_end_user: Annotated[
        Party | None, Term("BG-X-18", "Who uses what was supplied in the end.")
    ] = None
    invoicer: Annotated[
        Party | None,
        Term("BG-X-33", "Who issues the invoice for the seller.", also="EXT-FR-FE-BG-05"),
    ] = None
    invoicee: Annotated[
        Party | None,
        Term("BG-X-36", "Who receives the invoice for the buyer.", also="EXT-FR-FE-BG-04"),
    ] = None
    payer: Annotated[
        Party | None,
        Term("BG-X-73", "Who pays, where not the buyer.", also="EXT-FR-FE-BG-02"),
    ] = None
    ship_from: Annotated[Party | None, Term("BG-X-30", "Where the goods were sent from.")] = None
    ultimate_ship_to: Annotated[
        Party | None, Term("BG-X-27", "Who the goods go to in the end.")
    ] = None
