"""The amounts behind a broken rule about totals: stated, computed, and from which parts.

Worked out by ``ubl.totals`` from the document, never read out of a rule's message, and only when
such a rule fired. Where the amount at the place of the finding cannot be told for sure nothing is
said: a wrong figure is worse than none. Pure, and run where the check runs.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from types import MappingProxyType
from typing import Final

from lxml import etree

from schematron.figures import Figures, Part
from schematron.texts import LANGUAGES
from ubl.amounts import Amount, decimal_text
from ubl.invoice import read_invoice
from ubl.localized import Localized
from ubl.model import Invoice
from ubl.reading import DocumentUnreadable
from ubl.totals import Discrepancy, check_totals
from ubl.totals.parts import parts_of
from ubl.totals.words import compare

__all__ = ["reckon"]

# A field as ``check_totals`` names it, and whether it is compared with the lines below it.
_Place = tuple[str, bool]
_GROUPED: Final = "group-net"
_SHOWN: Final = 20
_CAC: Final = "{urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2}"
_CBC: Final = "{urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2}"
_RAM: Final = "{urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100}"
# The number of a rule of EN 16931 (BR-CO-10) and of its kin in the extended profiles.
_SUM: Final = re.compile(r"BR-(?:FXEXT-|FREXT-)?CO-(\d\d)")
_OF_SUM: Final[Mapping[str, str]] = MappingProxyType(
    {
        "10": "totals.lines",
        "11": "totals.allowances",
        "12": "totals.charges",
        "13": "totals.without_vat",
        "14": "totals.vat",
        "15": "totals.with_vat",
        "16": "totals.due",
    }
)
_OF_CATEGORY: Final = re.compile(r"BR-(?:FXEXT-|FREXT-)?(?:AE|AF|AG|IG|IP|B|E|G|IC|O|S|Z)-0([89])")
_TAXABLE: Final = "taxable_amount"
_TAX: Final = "tax_amount"
# Rules about an entry of the VAT breakdown, a line, an allowance or charge, a price: the field.
_OF_PLACE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "BR-CO-17": _TAX,
        "BR-FXEXT-CO-17": _TAX,
        "BR-FREXT-CO-17": _TAX,
        "PEPPOL-EN16931-R120": "net_amount",
        "BR-DEX-02": "net_amount",
        "BR-FXEXT-08": "net_amount",
        "BR-FREXT-08": "net_amount",
        "PEPPOL-EN16931-R040": "amount",
        "PEPPOL-EN16931-R046": "price.net",
    }
)
_OF_GROUPS: Final = frozenset({"BR-DEX-02", "BR-FXEXT-08", "BR-FREXT-08"})
_KINDS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "lines": (
            f"{_CAC}InvoiceLine",
            f"{_CAC}CreditNoteLine",
            f"{_RAM}IncludedSupplyChainTradeLineItem",
        ),
        "sub_lines": (f"{_CAC}SubInvoiceLine", f"{_CAC}SubCreditNoteLine"),
        "vat_breakdown": (f"{_CAC}TaxSubtotal", f"{_RAM}ApplicableTradeTax"),
        "entries": (f"{_CAC}AllowanceCharge", f"{_RAM}SpecifiedTradeAllowanceCharge"),
    }
)
_KIND_OF: Final[Mapping[str, str]] = MappingProxyType(
    {tag: kind for kind, tags in _KINDS.items() for tag in tags}
)
_PRICES: Final = (f"{_CAC}Price", f"{_RAM}GrossPriceProductTradePrice")
_INDICATORS: Final = (
    f"{_CBC}ChargeIndicator",
    f"{_RAM}ChargeIndicator/"
    "{urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100}Indicator",
)
_ENTRIES: Final[Mapping[str, str]] = MappingProxyType(
    {"true": "charges", "1": "charges", "false": "allowances", "0": "allowances"}
)


def reckon(
    root: etree._Element, asked: Sequence[tuple[str, etree._Element]]
) -> list[Figures | None]:
    """Work out the figures of broken rules, in the order asked; None where there are none.

    ``asked`` holds the rule and the element it was broken at. Documents that are no invoice have
    no figures.
    """
    paths = [_asked(rule, element) for rule, element in asked]
    if not any(paths):
        return [None] * len(paths)
    try:
        invoice = read_invoice(root).invoice
    except DocumentUnreadable:
        return [None] * len(paths)
    found = {_place(one): one for one in check_totals(invoice)}
    made: dict[_Place, Figures] = {}
    for path in paths:
        if path is not None and path in found and path not in made:
            made[path] = _figures(invoice, found[path])
    return [made.get(path) if path else None for path in paths]


def _place(one: Discrepancy) -> _Place:
    return one.path, one.explanation == _GROUPED


def _figures(invoice: Invoice, one: Discrepancy) -> Figures:
    parts = parts_of(invoice, one)
    shown = [Part(part.term, part.name, _text(part.amount)) for part in islice(parts, _SHOWN)]
    return Figures(
        term=one.term,
        stated=_text(one.stated),
        computed=_text(one.computed),
        difference=decimal_text(one.difference),
        currency=one.computed.currency,
        parts=tuple(shown),
        more=sum(1 for _ in parts),
        explanations={lang: compare(one, Localized(lang)) for lang in LANGUAGES},
    )


def _text(amount: Amount) -> str:
    return decimal_text(amount.value)


def _asked(rule: str, element: etree._Element) -> _Place | None:
    """Name the field of the model a broken rule is about, as ``check_totals`` names it."""
    total = _SUM.fullmatch(rule)
    if total is not None and total[1] in _OF_SUM:
        return _OF_SUM[total[1]], False
    category = _OF_CATEGORY.fullmatch(rule)
    field = _OF_PLACE.get(rule)
    if category is not None:
        field = _TAXABLE if category[1] == "8" else _TAX
    steps = _steps(element) if field is not None else None
    if field is None or not steps:
        return None
    kind = steps[-1].partition("[")[0]
    if kind not in _holding(field):
        return None
    return f"{'.'.join(steps)}.{field}", rule in _OF_GROUPS


def _holding(field: str) -> tuple[str, ...]:
    """Name the groups of the model that have a field."""
    if field in (_TAXABLE, _TAX):
        return ("vat_breakdown",)
    return ("allowances", "charges") if field == "amount" else ("lines", "sub_lines")


def _steps(element: etree._Element) -> list[str] | None:
    """Lead from the invoice to the innermost group an element is in; None where none can be told.

    An allowance on a price is the price's.
    """
    steps: list[str] = []
    chain = [element, *element.iterancestors()]
    in_price = any(one.tag in _PRICES for one in chain)
    in_line = any(_KIND_OF.get(str(one.tag)) in ("lines", "sub_lines") for one in chain)
    for one in chain:
        kind = _KIND_OF.get(str(one.tag))
        if kind is None or (kind == "entries" and in_price):
            continue
        if kind == "vat_breakdown" and (in_line or _is_withholding(one)):
            continue
        name = _entry_kind(one) if kind == "entries" else kind
        if name is None:
            return None
        steps.append(f"{name}[{sum(1 for _ in _before(one, kind, name))}]")
    return steps[::-1]


def _is_withholding(entry: etree._Element) -> bool:
    parent = entry.getparent()
    return parent is not None and parent.tag == f"{_CAC}WithholdingTaxTotal"


def _before(element: etree._Element, kind: str, name: str) -> Iterator[etree._Element]:
    """Yield the groups of the same kind that the document has before this one."""
    for sibling in element.itersiblings(*_KINDS[kind], preceding=True):
        if kind != "entries" or _entry_kind(sibling) == name:
            yield sibling
    parent = element.getparent()
    if element.tag == f"{_CAC}TaxSubtotal" and parent is not None:
        for total in parent.itersiblings(f"{_CAC}TaxTotal", preceding=True):
            yield from total.iterchildren(f"{_CAC}TaxSubtotal")


def _entry_kind(element: etree._Element) -> str | None:
    """Tell an allowance from a charge; None where the document does not say."""
    texts = (element.findtext(path) for path in _INDICATORS)
    stated = next((text for text in texts if text is not None), "")
    return _ENTRIES.get(stated.strip())
