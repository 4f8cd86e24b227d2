"""Invoices of a given number of lines, made from an example of the third-party corpus.

The example is Peppol's own base example, read from beside the checkout; its lines are repeated in
turn and every total is worked out again, so that the result is as valid as the example.
"""

from copy import deepcopy
from decimal import Decimal
from pathlib import Path
from typing import Final

from lxml import etree

from ubl.safexml import parse

__all__ = ["EXAMPLE", "invoice_of_lines"]

EXAMPLE: Final = (
    Path(__file__).resolve().parents[2]
    / "shared/corpus/peppol-examples/rules_examples_base-example.xml"
)
_NAMES: Final = "urn:oasis:names:specification:ubl:schema:xsd:"
_PREFIXES: Final = {
    "cbc": f"{_NAMES}CommonBasicComponents-2",
    "cac": f"{_NAMES}CommonAggregateComponents-2",
}
_CENT: Final = Decimal("0.01")


def invoice_of_lines(example: bytes, lines: int) -> bytes:
    """The example with so many lines, at least the two it has; amounts in euro, one VAT rate."""
    root = parse(example)
    pattern = root.findall("cac:InvoiceLine", _PREFIXES)
    for place in range(len(pattern), lines):
        line = deepcopy(pattern[place % len(pattern)])
        _set(line, "cbc:ID", place + 1)
        root.append(line)
    found = root.findall("cac:InvoiceLine/cbc:LineExtensionAmount", _PREFIXES)
    net = sum((Decimal(amount.text or "") for amount in found), Decimal(0))
    taxable = net + _amount(root, "cac:LegalMonetaryTotal/cbc:ChargeTotalAmount")
    rate = _amount(root, "cac:TaxTotal/cac:TaxSubtotal/cac:TaxCategory/cbc:Percent")
    vat = (taxable * rate / 100).quantize(_CENT)
    for path, amount in (
        ("cac:LegalMonetaryTotal/cbc:LineExtensionAmount", net),
        ("cac:LegalMonetaryTotal/cbc:TaxExclusiveAmount", taxable),
        ("cac:LegalMonetaryTotal/cbc:TaxInclusiveAmount", taxable + vat),
        ("cac:LegalMonetaryTotal/cbc:PayableAmount", taxable + vat),
        ("cac:TaxTotal/cbc:TaxAmount", vat),
        ("cac:TaxTotal/cac:TaxSubtotal/cbc:TaxAmount", vat),
        ("cac:TaxTotal/cac:TaxSubtotal/cbc:TaxableAmount", taxable),
    ):
        _set(root, path, amount)
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True)


def _amount(root: etree._Element, path: str) -> Decimal:
    return Decimal(root.findtext(path, "", _PREFIXES))


def _set(element: etree._Element, path: str, value: object) -> None:
    found = element.find(path, _PREFIXES)
    if found is None:
        raise ValueError(f"the example has no {path}")
    found.text = str(value)
