"""The VAT breakdown (BG-23): what is taxed by category and rate, and which tax that makes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from ubl.model import AllowanceCharge, Invoice, InvoiceLine, VatBreakdown
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

GroupKey = tuple[str, Decimal]


@dataclass(frozen=True, slots=True)
class VatGroup:
    """What lines, allowances and charges of one category and rate come to.

    ``taxable`` is their sum; ``lines`` and ``entries`` count what it was added up from.
    """

    taxable: Decimal = ZERO
    lines: int = 0
    entries: int = 0


def group_key(category: str | None, rate: Decimal | None) -> GroupKey | None:
    """Return which group something belongs to; None where category or rate is missing."""
    if category is None or (rate is None and category not in UNTAXED):
        return None
    return category, ZERO if rate is None else rate


def vat_groups(
    invoice: Invoice, lines: Iterable[InvoiceLine], money: Money
) -> Mapping[GroupKey, VatGroup] | None:
    """Add up what is taxed alike; None where an amount, a category or a rate is missing.

    ``lines`` are those that count, with their net amounts.
    """
    groups: dict[GroupKey, VatGroup] = {}
    parts = [(*_of_line(line), line.net_amount, 1, True) for line in lines]
    parts += [(*_of_entry(entry), entry.amount, -1, False) for entry in invoice.allowances]
    parts += [(*_of_entry(entry), entry.amount, 1, False) for entry in invoice.charges]
    for category, rate, amount, sign, is_line in parts:
        key, value = group_key(category, rate), money.value(amount)
        if key is None or value is None:
            return None
        group = groups.get(key, VatGroup())
        groups[key] = VatGroup(
            group.taxable + sign * value, group.lines + is_line, group.entries + (not is_line)
        )
    return groups


def _of_line(line: InvoiceLine) -> tuple[str | None, Decimal | None]:
    return (None, None) if line.vat is None else (line.vat.category, line.vat.rate)


def _of_entry(entry: AllowanceCharge) -> tuple[str | None, Decimal | None]:
    return entry.vat_category, entry.vat_rate


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
    completed = [
        _complete_entry(
            entry,
            groups.get(key) if groups is not None and key and keys.count(key) == 1 else None,
            money,
            recompute=recompute,
        )
        for entry, key in zip(entries, keys, strict=True)
        if not (recompute and groups is not None and key is not None and key not in groups)
    ]
    missing = sorted(key for key in groups or {} if key not in keys)
    completed += [
        _complete_entry(_new_entry(key), (groups or {})[key], money, recompute=False)
        for key in missing
    ]
    return tuple(completed)


def _new_entry(key: GroupKey) -> VatBreakdown:
    category, rate = key
    return VatBreakdown(
        category=category,
        rate=None if category == NOT_SUBJECT else rate,
        exemption_reason_code=_REASON_CODES.get(category),
    )


def _complete_entry(
    entry: VatBreakdown, group: VatGroup | None, money: Money, *, recompute: bool
) -> VatBreakdown:
    if group is not None and (entry.taxable_amount is None or recompute):
        entry = replace(entry, taxable_amount=money.amount(group.taxable))
    if entry.tax_amount is None or recompute:
        tax = tax_of(entry, money)
        if tax is not None:
            entry = replace(entry, tax_amount=money.amount(tax))
    return entry
