"""The invoices of the story, made from one template so that they differ only where they should."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from gateway.demo.cast import Firm

__all__ = ["CRATES", "Line", "render_invoice"]

CENT: Final = Decimal("0.01")
VAT_RATE: Final = Decimal("0.21")


@dataclass(frozen=True, slots=True)
class Line:
    """One line: name, quantity in a unit of UN/ECE Recommendation 20, price per unit in EUR."""

    name: str
    quantity: Decimal
    unit: str
    price: Decimal

    @property
    def net(self) -> Decimal:
        """The line's net amount in EUR."""
        return (self.quantity * self.price).quantize(CENT, ROUND_HALF_UP)


CRATES: Final = (
    Line("Vuurtoren Tripel, crate of 24", Decimal(18), "XCR", Decimal("31.20")),
    Line("Vuurtoren Blond, keg of 30 litres", Decimal(4), "XKG", Decimal("112.50")),
    Line("Deposit-free glasses, box of 6", Decimal(2), "XBX", Decimal("14.35")),
)


def render_invoice(
    *,
    number: str,
    seller: Firm,
    buyer: Firm,
    issued: date,
    lines: Sequence[Line] = CRATES,
    total_off_by: Decimal = Decimal(0),
) -> bytes:
    """A UBL invoice at 21 % VAT, due in 30 days; ``total_off_by`` makes its total wrong."""
    net = sum((one.net for one in lines), Decimal(0))
    vat = (net * VAT_RATE).quantize(CENT, ROUND_HALF_UP)
    template = Environment(
        loader=PackageLoader("gateway.demo"), autoescape=True, undefined=StrictUndefined
    ).get_template("invoice.xml")
    return template.render(
        number=number,
        issue_date=issued.isoformat(),
        due_date=(issued + timedelta(days=30)).isoformat(),
        seller=_party(seller),
        buyer=_party(buyer),
        lines=lines,
        net=net,
        vat=vat,
        total=net + vat + total_off_by,
    ).encode()


def _party(firm: Firm) -> dict[str, str]:
    value = firm.participant.value if firm.participant else ""
    icd, _, number = value.partition(":")
    return {
        "icd": icd,
        "number": number,
        "name": firm.business,
        "street": firm.street,
        "city": firm.city,
        "post_code": firm.post_code,
        "books": firm.books,
        "account": firm.account,
    }
