"""Checking what an invoice adds up to: each stated amount against the parts it is made of.

Every amount is compared with what follows from the other amounts as stated, so that one wrong
line shows once and does not drag every total behind it. Judges nothing: whether a difference
matters is for rule sets to say.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from ubl.amounts import Amount
from ubl.model import AllowanceCharge, DocumentTotals, Invoice, InvoiceLine, Price, VatBreakdown
from ubl.totals.document import (
    allowances_total,
    amount_due,
    charges_total,
    lines_total,
    optional,
    third_parties_total,
    vat_total,
)
from ubl.totals.groups import DETAIL, GROUP, counted, group_nets, sub_lines_total
from ubl.totals.lines import line_net, net_price, share
from ubl.totals.money import Money, add, exactly, less
from ubl.totals.tolerance import EXACT, Tolerance, Tolerances
from ubl.totals.vat import (
    UNTAXED,
    GroupKey,
    VatGroup,
    document_entries,
    group_key,
    tax_of,
    vat_groups,
)

__all__ = ["Discrepancy", "Fact", "check_totals"]

_SUMS: Final = frozenset(f"BT-{n}" for n in (106, 107, 108, 109, 110, 112, 115, 116))

Fact = Amount | Decimal | str | int


@dataclass(frozen=True, slots=True, kw_only=True)
class Discrepancy:
    """A stated amount that is not what its parts come to.

    ``path`` names the field from the invoice down, ``lines[3].net_amount``, counted from zero.
    ``explanation`` with ``facts`` says how ``computed`` came about, for
    ``ubl.totals.words.explain``. ``tolerance`` is the rule that bounds the difference.
    """

    term: str
    path: str
    stated: Amount
    computed: Amount
    tolerance: Tolerance
    explanation: str
    facts: Mapping[str, Fact]

    @property
    def difference(self) -> Decimal:
        """Return what was stated beyond what was computed, in the invoice's currency."""
        return self.stated.value - self.computed.value

    @property
    def tolerated(self) -> bool:
        """Say whether the difference is a rounding allowance of the rules."""
        return self.tolerance.allows(self.difference)


def check_totals(invoice: Invoice) -> tuple[Discrepancy, ...]:
    """List every stated amount that differs from what it should be: document first, then lines.

    Amounts that are missing, or whose parts are, are not listed: ``complete`` fills them in.
    The VAT in the accounting currency (BT-111) is not checked: EN 16931 says when it must be there
    (BR-53), but no rule how it follows from BT-110, nor how the rate of exchange is rounded.
    """
    with exactly():
        check = _Check(invoice)
        check.entries(invoice.allowances, term="BT-92", path="allowances")
        check.entries(invoice.charges, term="BT-99", path="charges")
        if invoice.totals is not None:
            check.sums(invoice.totals)
            check.results(invoice.totals)
        check.breakdown()
        check.lines(invoice.lines, path="lines")
        return tuple(check.found)


class _Check:
    """One pass over an invoice, with its currency and tolerances at hand."""

    def __init__(self, invoice: Invoice) -> None:
        self.found: list[Discrepancy] = []
        self._invoice = invoice
        self._money = Money.of(invoice)
        self._tolerances = Tolerances.of(invoice)

    def _compare(
        self,
        stated: Amount | None,
        computed: Decimal | None,
        *,
        term: str,
        path: str,
        tolerance: Tolerance,
        explanation: str,
        facts: Mapping[str, Fact],
    ) -> None:
        value = self._money.value(stated)
        if stated is None or value is None or computed is None or value == computed:
            return
        if term in _SUMS and self._money.summed(computed).value == value:
            return
        self.found.append(
            Discrepancy(
                term=term,
                path=path,
                stated=stated,
                computed=self._amount(computed),
                tolerance=tolerance,
                explanation=explanation,
                facts=facts,
            )
        )

    def _amount(self, value: Decimal) -> Amount:
        return Amount(value, self._money.currency)

    def _parts(self) -> int:
        """Count what the total without VAT is made of."""
        invoice = self._invoice
        return len(counted(invoice.lines)) + sum(1 for _ in document_entries(invoice))

    def sums(self, totals: DocumentTotals) -> None:
        """Compare the sums of lines, allowances and charges (BT-106, BT-107, BT-108)."""
        invoice, money = self._invoice, self._money
        self._compare(
            totals.lines,
            lines_total(invoice.lines, money),
            term="BT-106",
            path="totals.lines",
            tolerance=self._tolerances.sum_of("CO-10", len(invoice.lines)),
            explanation="sum-of-lines",
            facts={"count": len(counted(invoice.lines))},
        )
        self._compare(
            totals.allowances,
            allowances_total(invoice, money),
            term="BT-107",
            path="totals.allowances",
            tolerance=self._tolerances.sum_of("CO-11", len(invoice.allowances)),
            explanation="sum-of-allowances",
            facts={"count": len(invoice.allowances)},
        )
        charges = len(invoice.charges) + len(invoice.logistics_charges)
        self._compare(
            totals.charges,
            charges_total(invoice, money),
            term="BT-108",
            path="totals.charges",
            tolerance=self._tolerances.sum_of("CO-12", charges),
            explanation="sum-of-charges",
            facts={"count": charges},
        )

    def results(self, totals: DocumentTotals) -> None:
        """Compare what the sums lead to (BT-109, BT-110, BT-112, BT-115)."""
        money = self._money
        lines, without_vat = money.value(totals.lines), money.value(totals.without_vat)
        vat, with_vat = money.value(totals.vat), money.value(totals.with_vat)
        allowances, charges = optional(totals.allowances, money), optional(totals.charges, money)
        paid, rounding = optional(totals.paid, money), optional(totals.rounding, money)
        third_parties = third_parties_total(self._invoice, money)
        self._compare(
            totals.without_vat,
            less(add((lines, charges)), allowances),
            term="BT-109",
            path="totals.without_vat",
            tolerance=self._tolerances.sum_of("CO-13", self._parts()),
            explanation="without-vat",
            facts=self._facts(lines=lines, allowances=allowances, charges=charges),
        )
        self._compare(
            totals.vat,
            vat_total(self._invoice, money),
            term="BT-110",
            path="totals.vat",
            tolerance=Tolerance("BR-CO-14", EXACT),
            explanation="sum-of-taxes",
            facts={"count": len(self._invoice.vat_breakdown)},
        )
        self._compare(
            totals.with_vat,
            add((without_vat, vat)),
            term="BT-112",
            path="totals.with_vat",
            tolerance=self._tolerances.sum_of("CO-15", self._parts()),
            explanation="with-vat",
            facts=self._facts(without_vat=without_vat, vat=vat),
        )
        self._compare(
            totals.due,
            amount_due(self._invoice, money, with_vat=with_vat),
            term="BT-115",
            path="totals.due",
            tolerance=Tolerance("BR-CO-16", EXACT),
            explanation="amount-due",
            facts=self._facts(
                with_vat=with_vat, paid=paid, rounding=rounding, third_parties=third_parties
            ),
        )

    def _facts(self, **values: Decimal | None) -> dict[str, Fact]:
        return {name: self._amount(value) for name, value in values.items() if value is not None}

    def breakdown(self) -> None:
        """Compare taxable amounts with what is taxed, and taxes with their taxable amounts."""
        invoice, money = self._invoice, self._money
        groups = vat_groups(invoice, money)
        keys = [group_key(entry.category, entry.rate) for entry in invoice.vat_breakdown]
        times = Counter(keys)
        for index, (entry, key) in enumerate(zip(invoice.vat_breakdown, keys, strict=True)):
            if key is None:
                continue
            group = VatGroup() if groups is None else groups.get(key, VatGroup())
            path = f"vat_breakdown[{index}]"
            if groups is not None and times[key] == 1:
                self._taxable(entry, key, group, path=path)
            self._tax(entry, key, group, path=path)

    def _taxable(self, entry: VatBreakdown, key: GroupKey, group: VatGroup, *, path: str) -> None:
        self._compare(
            entry.taxable_amount,
            group.taxable,
            term="BT-116",
            path=f"{path}.taxable_amount",
            tolerance=self._tolerances.taxable(key[0], group.count),
            explanation="taxable-amount",
            facts={
                "category": key[0],
                "rate": key[1],
                "lines": group.line_count,
                "entries": group.entry_count,
            },
        )

    def _tax(self, entry: VatBreakdown, key: GroupKey, group: VatGroup, *, path: str) -> None:
        taxable = self._money.value(entry.taxable_amount)
        facts: dict[str, Fact] = {"category": key[0], "rate": key[1]}
        self._compare(
            entry.tax_amount,
            tax_of(entry, self._money),
            term="BT-117",
            path=f"{path}.tax_amount",
            tolerance=self._tolerances.tax(key[0], group.count),
            explanation="no-tax" if key[0] in UNTAXED else "tax",
            facts=facts | self._facts(taxable=taxable),
        )

    def entries(self, entries: tuple[AllowanceCharge, ...], *, term: str, path: str) -> None:
        """Compare allowances or charges that are given as a percentage."""
        for index, entry in enumerate(entries):
            facts: dict[str, Fact] = {} if entry.percentage is None else {"rate": entry.percentage}
            self._compare(
                entry.amount,
                share(entry, self._money),
                term=term,
                path=f"{path}[{index}].amount",
                tolerance=self._tolerances.percentage(),
                explanation="percentage",
                facts=facts | self._facts(base=self._money.value(entry.base_amount)),
            )

    def lines(self, lines: tuple[InvoiceLine, ...], *, path: str) -> None:
        """Compare every line, and what groups of them come to."""
        grouped = any(line.subtype == GROUP for line in lines)
        nets = group_nets(lines, self._money) if grouped else {}
        for index, line in enumerate(lines):
            place = f"{path}[{index}]"
            if line.subtype == GROUP:
                self._sum_of_lines(line, nets.get(line.identifier or ""), "FXEXT-08", path=place)
            elif line.subtype in (None, DETAIL):
                self._line(line, path=place)

    def _line(self, line: InvoiceLine, *, path: str) -> None:
        """Compare a line's net price, allowances, charges and net amount (BT-131)."""
        if line.price is not None:
            self._price(line.price, path=f"{path}.price")
        self.entries(line.allowances, term="BT-136", path=f"{path}.allowances")
        self.entries(line.charges, term="BT-141", path=f"{path}.charges")
        self._compare(
            line.net_amount,
            line_net(line, self._money),
            term="BT-131",
            path=f"{path}.net_amount",
            tolerance=self._tolerances.line_net(),
            explanation="line-net",
            facts=self._line_facts(line),
        )
        self._sum_of_lines(line, sub_lines_total(line, self._money), "DEX-02", path=path)
        self.lines(line.sub_lines, path=f"{path}.sub_lines")

    def _sum_of_lines(
        self, line: InvoiceLine, computed: Decimal | None, rule: str, *, path: str
    ) -> None:
        """Compare the net amount of a line that others add up to."""
        self._compare(
            line.net_amount,
            computed,
            term="BT-131",
            path=f"{path}.net_amount",
            tolerance=Tolerance(f"BR-{rule}", EXACT),
            explanation="group-net",
            facts={},
        )

    def _line_facts(self, line: InvoiceLine) -> dict[str, Fact]:
        money = self._money
        if line.quantity is None or line.price is None:
            return {}
        base = line.price.base_quantity
        facts: dict[str, Fact] = {
            "quantity": line.quantity.value,
            "base": Decimal(1) if base is None else base.value,
        }
        return facts | self._facts(
            price=money.value(line.price.net),
            allowances=money.total(entry.amount for entry in line.allowances),
            charges=money.total(entry.amount for entry in line.charges),
        )

    def _price(self, price: Price, *, path: str) -> None:
        if price.discount is None:
            return
        money = self._money
        self._compare(
            price.net,
            net_price(price),
            term="BT-146",
            path=f"{path}.net",
            tolerance=self._tolerances.net_price(),
            explanation="net-price",
            facts=self._facts(gross=money.value(price.gross), discount=money.value(price.discount)),
        )
