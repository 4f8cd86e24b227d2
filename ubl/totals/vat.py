"""The VAT breakdown (BG-23): what is taxed by category and rate, and which tax that makes."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from ubl.model import AllowanceCharge, Invoice, LineVat, LogisticsCharge, VatBreakdown
from ubl.totals.groups import counted
from ubl.totals.money import ZERO, Money

__all__ = [
    "UNTAXED",
    "GroupKey",
    "VatGroup",
    "complete_breakdown",
    "group_key",
    "tax_of",
    "vat_groups",
]

# UNTDID 5305: zero rated, exempt, reverse charge, intra-Community supply, export, not subject.
UNTAXED: Final = frozenset({"Z", "E", "AE", "K", "G", "O"})
NOT_SUBJECT: Final = "O"
# Codes of the VATEX list that say no more than the category itself (BR-AE-10, BR-IC-10, BR-G-10,
# BR-O-10 ask for a reason). Why something is exempt (E), only the seller knows.
_REASON_CODES: Final[Mapping[str, str]] = {
    "AE": "VATEX-EU-AE",
    "K": "VATEX-EU-IC",
    "G": "VATEX-EU-G",
    "O": "VATEX-EU-O",
}
_HUNDRED: Final = Decimal(100)
_SEVERAL: Final = 2

GroupKey = tuple[str, Decimal]


@dataclass(frozen=True, slots=True)
class VatGroup:
    """What lines, allowances and charges of one category and rate come to.

    ``lines`` is the sum of line net amounts, ``entries`` charges less allowances of the document;
    the counts say of how many. ``reasons`` are the exemption reasons lines state, as text and
    code; two stand for any number of them.
    """

    lines: Decimal = ZERO
    entries: Decimal = ZERO
    line_count: int = 0
    entry_count: int = 0
    reasons: frozenset[tuple[str | None, str | None]] = frozenset()

    @property
    def taxable(self) -> Decimal:
        """Return the taxable amount (BT-116)."""
        return self.lines + self.entries

    @property
    def count(self) -> int:
        """Return how many parts the taxable amount has."""
        return self.line_count + self.entry_count


def group_key(category: str | None, rate: Decimal | None) -> GroupKey | None:
    """Return which group something belongs to; None where category or rate is missing."""
    if category is None or (rate is None and category not in UNTAXED):
        return None
    return category, ZERO if rate is None else rate


def vat_groups(invoice: Invoice, money: Money) -> Mapping[GroupKey, VatGroup] | None:
    """Add up what is taxed alike, in exact sums.

    None where there are no lines, or where an amount, a category or a rate is missing.
    """
    groups: dict[GroupKey, VatGroup] = {}
    lines = counted(invoice.lines)
    for line in lines:
        vat = line.vat or LineVat()
        key, value = group_key(vat.category, vat.rate), money.value(line.net_amount)
        if key is None or value is None:
            return None
        group = groups.get(key, VatGroup())
        reason = (vat.exemption_reason, vat.exemption_reason_code)
        is_told = any(reason) and len(group.reasons) < _SEVERAL
        groups[key] = replace(
            group,
            lines=group.lines + value,
            line_count=group.line_count + 1,
            reasons=group.reasons | {reason} if is_told else group.reasons,
        )
    for sign, entry in document_entries(invoice):
        key, value = group_key(entry.vat_category, entry.vat_rate), money.value(entry.amount)
        if key is None or value is None:
            return None
        group = groups.get(key, VatGroup())
        groups[key] = replace(
            group, entries=group.entries + sign * value, entry_count=group.entry_count + 1
        )
    return groups if lines else None


def document_entries(
    invoice: Invoice,
) -> Iterator[tuple[int, AllowanceCharge | LogisticsCharge]]:
    """Yield what is taken off (-1) and put on (1) on document level."""
    yield from ((-1, entry) for entry in invoice.allowances)
    yield from ((1, entry) for entry in invoice.charges)
    yield from ((1, entry) for entry in invoice.logistics_charges)


def tax_of(entry: VatBreakdown, money: Money) -> Decimal | None:
    """Return the tax on an entry's taxable amount, rounded (BR-CO-17); None where unknown."""
    taxable = money.value(entry.taxable_amount)
    key = group_key(entry.category, entry.rate)
    if taxable is None or key is None:
        return None
    if key[0] in UNTAXED:
        return money.rounded(ZERO)
    return money.rounded(taxable * key[1] / _HUNDRED)


def complete_breakdown(
    stated: Iterable[VatBreakdown],
    groups: Mapping[GroupKey, VatGroup] | None,
    money: Money,
    *,
    recompute: bool,
) -> tuple[VatBreakdown, ...]:
    """Fill in taxable amounts and taxes, and add the entries that are missing.

    Entries keep their place and their exemption reasons. When recomputing, entries nothing
    belongs to any more go. Several entries of one category and rate, told apart by their
    reasons, keep their taxable amounts: what belongs to which of them is not known. ``groups``
    is None where it is not known what is taxed: then taxable amounts stay as they are.
    """
    entries = tuple(stated)
    keys = [group_key(entry.category, entry.rate) for entry in entries]
    times = Counter(keys)
    completed = [
        _complete_entry(
            entry,
            groups.get(key) if groups is not None and key and times[key] == 1 else None,
            money,
            recompute=recompute,
        )
        for entry, key in zip(entries, keys, strict=True)
        if not (recompute and groups is not None and key is not None and key not in groups)
    ]
    missing = sorted(key for key in groups or {} if key not in times)
    completed += [
        _complete_entry(
            _new_entry(key, (groups or {})[key]), (groups or {})[key], money, recompute=False
        )
        for key in missing
    ]
    return tuple(completed)


def _new_entry(key: GroupKey, group: VatGroup) -> VatBreakdown:
    category, rate = key
    text, code = next(iter(group.reasons)) if len(group.reasons) == 1 else (None, None)
    return VatBreakdown(
        category=category,
        rate=None if category == NOT_SUBJECT else rate,
        exemption_reason=text,
        exemption_reason_code=code or (None if text else _REASON_CODES.get(category)),
    )


def _complete_entry(
    entry: VatBreakdown, group: VatGroup | None, money: Money, *, recompute: bool
) -> VatBreakdown:
    if group is not None and (entry.taxable_amount is None or recompute):
        entry = replace(entry, taxable_amount=money.summed(group.taxable))
    if group is not None and recompute and entry.lines_amount is not None:
        entry = replace(entry, lines_amount=money.summed(group.lines))
    if group is not None and recompute and entry.allowances_charges_amount is not None:
        entry = replace(entry, allowances_charges_amount=money.summed(group.entries))
    if entry.tax_amount is None or recompute:
        tax = tax_of(entry, money)
        if tax is not None:
            entry = replace(entry, tax_amount=money.amount(tax))
    return entry
