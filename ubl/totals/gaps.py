"""What keeps an invoice from having its sums: the parts that are missing, place by place. Pure.

For whoever sends data and not a document: a schema would only say that a total is missing, not
that a line has no price. Names places as the JSON of an invoice does (RFC 6901).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ubl.amounts import Amount
from ubl.model import AllowanceCharge, Invoice, InvoiceLine, LineVat, LogisticsCharge
from ubl.totals.groups import counted
from ubl.totals.money import Money
from ubl.totals.vat import UNTAXED

__all__ = ["Gap", "gaps"]

_TERMS: Final = {
    "allowances": ("BT-92", "BT-95", "BT-96"),
    "charges": ("BT-99", "BT-102", "BT-103"),
    "logistics_charges": ("BT-X-272", "BT-X-273", "BT-X-274"),
}
_LINE_TERMS: Final = {"allowances": "BT-136", "charges": "BT-141"}


@dataclass(frozen=True, slots=True)
class Gap:
    """One part without which an invoice cannot be written.

    ``pointer`` is its place in the invoice's JSON, ``term`` the business term, ``advice`` what to
    do about it.
    """

    pointer: str
    term: str
    advice: str


def gaps(invoice: Invoice) -> tuple[Gap, ...]:
    """Return what a completed invoice (``complete``) lacks: its own facts, then parts of its sums.

    Empty where the amount due (BT-115) and the net amount of every line (BT-131) stand there:
    whether they are right is for the rules to say.
    """
    missing = (*_facts(invoice), *_sums(invoice))
    if missing or not _is_open(invoice):
        return missing
    return (
        Gap(
            "/totals",
            "BG-22",
            "The totals do not follow from the rest of the invoice. State them, the amount due "
            "(BT-115) among them.",
        ),
    )


def _is_open(invoice: Invoice) -> bool:
    due = invoice.totals.due if invoice.totals is not None else None
    return due is None or any(line.net_amount is None for line in counted(invoice.lines))


def _facts(invoice: Invoice) -> Iterator[Gap]:
    """What no document can do without and nothing else tells."""
    if not invoice.number:
        yield Gap("/number", "BT-1", "The invoice has no number. Add it.")
    if invoice.issue_date is None:
        yield Gap("/issue_date", "BT-2", "The invoice has no date of issue. Add it.")
    if not invoice.currency:
        yield Gap("/currency", "BT-5", "The invoice names no currency. Add it, such as 'EUR'.")


def _sums(invoice: Invoice) -> Iterator[Gap]:
    if not _is_open(invoice):
        return
    money = Money.of(invoice)
    if not counted(invoice.lines):
        yield Gap("/lines", "BG-25", "The invoice has no lines to work out its totals. Add them.")
    for index, line in enumerate(invoice.lines):
        if counted((line,)):
            yield from _of_line(f"/lines/{index}", line, money)
    for name, (amount, category, rate) in _TERMS.items():
        entry: AllowanceCharge | LogisticsCharge
        for index, entry in enumerate(getattr(invoice, name)):
            place = f"/{name}/{index}"
            if (wrong := _unusable(entry.amount, money)) is not None:
                yield Gap(f"{place}/amount", amount, wrong)
            if entry.vat_category is None:
                yield Gap(f"{place}/vat_category", category, "The VAT category is missing. Add it.")
            elif entry.vat_rate is None and entry.vat_category not in UNTAXED:
                yield Gap(f"{place}/vat_rate", rate, "The VAT rate is missing. Add it.")


def _of_line(place: str, line: InvoiceLine, money: Money) -> Iterator[Gap]:
    if line.net_amount is None:
        yield from _of_net_amount(place, line, money)
    elif (wrong := _unusable(line.net_amount, money)) is not None:
        yield Gap(f"{place}/net_amount", "BT-131", wrong)
    vat = line.vat or LineVat()
    if vat.category is None:
        yield Gap(f"{place}/vat/category", "BT-151", "The line has no VAT category. Add it.")
    elif vat.rate is None and vat.category not in UNTAXED:
        yield Gap(f"{place}/vat/rate", "BT-152", "The line has no VAT rate. Add it.")


def _of_net_amount(place: str, line: InvoiceLine, money: Money) -> Iterator[Gap]:
    if line.sub_lines:
        for index, part in enumerate(line.sub_lines):
            if part.net_amount is None:
                yield from _of_net_amount(f"{place}/sub_lines/{index}", part, money)
        return
    if line.quantity is None:
        yield Gap(f"{place}/quantity", "BT-129", "The line has no quantity. Add it.")
    price = line.price
    net = price.net if price is not None else None
    if (wrong := _unusable(net, money)) is not None:
        yield Gap(f"{place}/price/net", "BT-146", wrong)
    base = price.base_quantity if price is not None else None
    if base is not None and base.value <= 0:
        yield Gap(
            f"{place}/price/base_quantity/value",
            "BT-149",
            "The price is for no units. Say for how many it is, or leave the base quantity out.",
        )
    unit = line.quantity.unit if line.quantity is not None else None
    if base is not None and base.unit and unit and base.unit != unit:
        yield Gap(
            f"{place}/price/base_quantity/unit",
            "BT-150",
            f"The price is per {base.unit[:20]} and the quantity in {unit[:20]}. Use one unit for "
            "both, or state the net amount of the line (BT-131).",
        )
    for name, term in _LINE_TERMS.items():
        for index, entry in enumerate(getattr(line, name)):
            if (wrong := _unusable(entry.amount, money)) is not None:
                yield Gap(f"{place}/{name}/{index}/amount", term, wrong)


def _unusable(amount: Amount | None, money: Money) -> str | None:
    """Why an amount adds to no sum; None where it does."""
    if amount is None:
        return "The amount is missing. Add it."
    if money.value(amount) is not None:
        return None
    return (
        f"The amount is in {amount.currency[:20]} and the invoice in {money.currency[:20]}. "
        "Give it in the currency of the invoice."
    )
