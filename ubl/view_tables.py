"""The tables of an invoice: lines, allowances and charges, VAT breakdown.

What the columns do not hold of a row stands in the details beneath it.
"""

import dataclasses
from collections.abc import Collection, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Final

from ubl.amounts import Amount
from ubl.model import (
    AllowanceCharge,
    IncludedItem,
    Invoice,
    InvoiceLine,
    LogisticsCharge,
    VatBreakdown,
)
from ubl.view_fields import FieldWriter
from ubl.view_parts import ViewColumn, ViewField, ViewRow, ViewTable

__all__ = ["TableWriter"]

_Columns = tuple[tuple[str, bool], ...]

_LINES: Final[_Columns] = (
    ("InvoiceLine.identifier", False),
    ("InvoiceLine.item", False),
    ("InvoiceLine.quantity", True),
    ("Price.net", True),
    ("InvoiceLine.vat", True),
    ("InvoiceLine.net_amount", True),
)
_LINE_CELLS: Final = ("identifier", "quantity", "net_amount", "item", "price", "vat", "sub_lines")
_ADJUSTMENTS: Final[_Columns] = (
    ("Rendition.adjustment", False),
    ("AllowanceCharge.reason", False),
    ("AllowanceCharge.base_amount", True),
    ("AllowanceCharge.percentage", True),
    ("AllowanceCharge.vat_rate", True),
    ("AllowanceCharge.amount", True),
)
_ADJUSTMENT_CELLS: Final = (
    "amount",
    "base_amount",
    "percentage",
    "reason",
    "reason_code",
    "vat_category",
    "vat_rate",
)
_LOGISTICS_CELLS: Final = ("description", "amount", "vat_category", "vat_rate")
_BREAKDOWN: Final[_Columns] = (
    ("VatBreakdown.category", False),
    ("VatBreakdown.rate", True),
    ("VatBreakdown.taxable_amount", True),
    ("VatBreakdown.tax_amount", True),
)
_BREAKDOWN_CELLS: Final = ("category", "rate", "taxable_amount", "tax_amount")
_STANDARD: Final = frozenset({None, "S"})
_GROUP: Final = "GROUP"
_DEEPEST: Final = 8


class TableWriter:
    """Sets the tables of an invoice for readers of one language."""

    def __init__(self, writer: FieldWriter) -> None:
        """Write details by ``writer``."""
        self.writer = writer
        self.words = writer.words

    def lines(self, invoice: Invoice) -> ViewTable:
        """Set the lines, each followed by the items and the lines it is made of."""
        parents = {line.identifier: line.parent_line for line in invoice.lines if line.parent_line}
        sums = frozenset(parents.values())
        rows = (
            row
            for line in invoice.lines
            for row in self._line(line, _depth(line.identifier, parents), sums)
        )
        return self._table("Invoice.lines", "BG-25", _LINES, rows)

    def adjustments(self, invoice: Invoice) -> ViewTable:
        """Set the allowances and charges of the whole invoice."""
        rows = [
            *(self._adjustment("allowances", "BG-20", part) for part in invoice.allowances),
            *(self._adjustment("charges", "BG-21", part) for part in invoice.charges),
            *(self._logistics(part) for part in invoice.logistics_charges),
        ]
        return self._table("Rendition.adjustments", "BG-20", _ADJUSTMENTS, rows)

    def vat_breakdown(self, invoice: Invoice) -> ViewTable:
        """Set VAT by category and rate."""
        rows = (self._vat_part(part) for part in invoice.vat_breakdown)
        return self._table("Invoice.vat_breakdown", "BG-23", _BREAKDOWN, rows)

    def _table(self, key: str, group: str, columns: _Columns, rows: Iterable[ViewRow]) -> ViewTable:
        all_rows = tuple(rows)
        kept = [at for at in range(len(columns)) if any(row.cells[at] for row in all_rows)]
        return ViewTable(
            key,
            group,
            self.words.label(key),
            tuple(
                ViewColumn(columns[at][0], self.words.label(columns[at][0]), columns[at][1])
                for at in kept
            ),
            tuple(
                dataclasses.replace(row, cells=tuple(row.cells[at] for at in kept))
                for row in all_rows
            ),
        )

    def _line(
        self, line: InvoiceLine, level: int, sums: Collection[str | None] = ()
    ) -> Iterator[ViewRow]:
        vat = line.vat
        cells = (
            line.identifier or "",
            (line.item.name if line.item else None) or "",
            self.words.quantity(line.quantity) if line.quantity else "",
            self._amount(line.price.net if line.price else None),
            "" if vat is None else self._vat(vat.category, vat.rate),
            self._amount(line.net_amount),
        )
        is_sum = bool(line.sub_lines) or line.subtype == _GROUP or line.identifier in sums
        yield ViewRow(cells, tuple(self._line_details(line)), level, is_sum)
        deeper = min(level + 1, _DEEPEST)
        for item in line.item.included if line.item else ():
            yield self._included(item, deeper)
        for part in line.sub_lines:
            yield from self._line(part, deeper)

    def _included(self, item: IncludedItem, level: int) -> ViewRow:
        """Set an item that is part of the line's; it has no price of its own."""
        label = self.words.label("Item.included")
        cells = (
            "",
            f"{label}: {item.name}" if item.name else label,
            self.words.quantity(item.quantity) if item.quantity else "",
            *("" for _ in _LINES[3:]),
        )
        details = self._description_first(self.writer.fields(item, "BG-X-1", ("name", "quantity")))
        return ViewRow(cells, tuple(details), level)

    def _description_first(self, fields: Iterable[ViewField]) -> Iterator[ViewField]:
        """What an item is follows its name, without a label; the rest comes after."""
        rest = []
        for field in fields:
            if field.key.endswith(".description"):
                yield dataclasses.replace(field, label="")
            else:
                rest.append(field)
        yield from rest

    def _line_details(self, line: InvoiceLine) -> Iterator[ViewField]:
        if line.item is not None:
            item = self.writer.fields(line.item, "BG-31", ("name", "included"))
            yield from self._description_first(item)
        yield from self.writer.fields(line, "BG-25", _LINE_CELLS)
        if line.price is not None:
            yield from self.writer.fields(line.price, "BG-29", ("net",))
        if line.vat is not None:
            yield from self.writer.fields(line.vat, "BG-30", ("rate", "category"))

    def _vat(self, category: str | None, rate: Decimal | None) -> str:
        """Write a rate, and the category by name unless it is the standard one."""
        percentage = "" if rate is None else self.words.percentage(rate)
        if category in _STANDARD and percentage:
            return percentage
        return f"{percentage} {self.writer.values.category(category or '')}".strip()

    def _amount(self, amount: Amount | None) -> str:
        return "" if amount is None else self.words.amount(amount)

    def _percentage(self, percentage: Decimal | None) -> str:
        return "" if percentage is None else self.words.percentage(percentage)

    def _adjustment(self, name: str, group: str, part: AllowanceCharge) -> ViewRow:
        return ViewRow(
            (
                self.words.label(f"InvoiceLine.{name}"),
                self.writer.reason(part, is_charge=name == "charges"),
                self._amount(part.base_amount),
                self._percentage(part.percentage),
                self._vat(part.vat_category, part.vat_rate),
                self._amount(part.amount),
            ),
            tuple(self.writer.fields(part, group, _ADJUSTMENT_CELLS)),
        )

    def _logistics(self, part: LogisticsCharge) -> ViewRow:
        return ViewRow(
            (
                self.words.label("Invoice.logistics_charges"),
                part.description or "",
                "",
                "",
                self._vat(part.vat_category, part.vat_rate),
                self._amount(part.amount),
            ),
            tuple(self.writer.fields(part, "BG-X-42", _LOGISTICS_CELLS)),
        )

    def _vat_part(self, part: VatBreakdown) -> ViewRow:
        return ViewRow(
            (
                self.writer.values.string("VatBreakdown.category", part.category or ""),
                self._percentage(part.rate),
                self._amount(part.taxable_amount),
                self._amount(part.tax_amount),
            ),
            tuple(self.writer.fields(part, "BG-23", _BREAKDOWN_CELLS)),
        )


def _depth(identifier: str | None, parents: Mapping[str | None, str | None]) -> int:
    """Count the lines a line stands in; lines that stand in each other end somewhere."""
    depth = 0
    while (identifier := parents.get(identifier)) is not None and depth < _DEEPEST:
        depth += 1
    return depth
