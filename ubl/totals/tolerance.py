"""How far an amount may be from what it should be before a published rule objects, as data.

The rules are those of EN 16931 (CEN artefacts 1.3), Peppol BIS Billing 3 and XRechnung (R040,
R120), and of the profiles EXTENDED and EXTENDED-CTC-FR, which allow a cent for each part.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from ubl.model import Invoice

__all__ = ["EXACT", "Tolerance", "Tolerances"]


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far apart two amounts may be, in units of the invoice's currency.

    ``rule`` is the rule that says so. ``limit`` itself is allowed unless ``below``.
    """

    rule: str
    limit: Decimal
    below: bool = False

    def allows(self, difference: Decimal) -> bool:
        """Say whether the rule lets a difference pass."""
        return abs(difference) < self.limit if self.below else abs(difference) <= self.limit


EXACT: Final = Decimal(0)
_CENT: Final = Decimal("0.01")
_ONE: Final = Decimal(1)
_SLACK: Final = Decimal("0.02")
# XRechnung 3.0: amounts in forints are often written without decimals.
_FORINT_SLACK: Final = Decimal("0.5")
_XRECHNUNG: Final = "xrechnung"
_BY_RATE: Final = {"S": "S", "L": "AF", "M": "AG", "B": "B"}
_RULE_NAMES: Final = {"Z": "Z", "E": "E", "AE": "AE", "K": "IC", "G": "G", "O": "O"}
# What an invoice says of itself (BT-24) where the rules of its profile allow a cent for each part.
_BY_PART: Final = (
    ("urn.cpro.gouv.fr:1p0:extended-ctc-fr", "BR-FREXT"),
    ("urn:factur-x.eu:1p0:extended", "BR-FXEXT"),
    ("urn:zugferd.de:2p0:extended", "BR-FXEXT"),
)


@dataclass(frozen=True, slots=True)
class Tolerances:
    """The tolerances of one invoice.

    ``by_part`` names the rules of its profile where each part may add a cent; ``slack`` is how
    far a product of two numbers may be off.
    """

    by_part: str | None
    slack: Decimal

    @classmethod
    def of(cls, invoice: Invoice) -> "Tolerances":
        """Choose by the specification the invoice says it follows (BT-24)."""
        specification = invoice.specification or ""
        by_part = next((rules for mark, rules in _BY_PART if mark in specification), None)
        in_forints = _XRECHNUNG in specification and invoice.currency == "HUF"
        return cls(by_part, _FORINT_SLACK if in_forints else _SLACK)

    def sum_of(self, number: str, parts: int) -> Tolerance:
        """Return the tolerance of a sum, ``CO-10`` for BR-CO-10, made of so many parts."""
        if self.by_part is None:
            return Tolerance(f"BR-{number}", EXACT)
        return Tolerance(f"{self.by_part}-{number}", _CENT * parts)

    def taxable(self, category: str, parts: int) -> Tolerance:
        """Return the tolerance of a taxable amount (BT-116)."""
        name = _BY_RATE.get(category) or _RULE_NAMES.get(category, category)
        if self.by_part is not None:
            return Tolerance(f"{self.by_part}-{name}-08", _CENT * parts)
        if category in _BY_RATE:
            return Tolerance(f"BR-{name}-08", _ONE, below=True)
        return Tolerance(f"BR-{name}-08", EXACT)

    def tax(self, category: str, parts: int) -> Tolerance:
        """Return the tolerance of the tax on a taxable amount (BT-117)."""
        name = _BY_RATE.get(category)
        if name is None:
            return Tolerance(f"BR-{_RULE_NAMES.get(category, category)}-09", EXACT)
        if self.by_part is not None:
            return Tolerance(f"{self.by_part}-{name}-09", _CENT * parts)
        return Tolerance("BR-CO-17", _ONE, below=True)

    def line_net(self) -> Tolerance:
        """Return the tolerance of a line's net amount (BT-131)."""
        return Tolerance("PEPPOL-EN16931-R120", self.slack)

    def percentage(self) -> Tolerance:
        """Return the tolerance of an allowance or charge given as a percentage."""
        return Tolerance("PEPPOL-EN16931-R040", self.slack)

    @staticmethod
    def net_price() -> Tolerance:
        """Return the tolerance of a net price taken from a gross price (BT-146)."""
        return Tolerance("PEPPOL-EN16931-R046", EXACT)
