"""Lines that stand over others: groups by reference (BT-X-304), and lines made of sub-lines.

Sources: Factur-X EXTENDED BR-FXEXT-08, EXTENDED-CTC-FR BR-FREXT-08, XRechnung BR-DEX-02.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final

from ubl.model import InvoiceLine
from ubl.totals.money import Money, add

__all__ = ["DETAIL", "GROUP", "counted", "group_nets", "sub_lines_total"]

DETAIL: Final = "DETAIL"
GROUP: Final = "GROUP"
_DEEPEST: Final = 50


def counted(lines: Iterable[InvoiceLine]) -> tuple[InvoiceLine, ...]:
    """Return the lines that are invoiced: those that neither group others nor only inform.

    Source: Factur-X EXTENDED BT-X-8, EXTENDED-CTC-FR EXT-FR-FE-163.
    """
    return tuple(line for line in lines if line.subtype in (None, DETAIL))


def sub_lines_total(line: InvoiceLine, money: Money) -> Decimal | None:
    """Add up the lines a line is made of; None where it has none."""
    if not line.sub_lines:
        return None
    return money.total(part.net_amount for part in line.sub_lines)


def group_nets(lines: Sequence[InvoiceLine], money: Money) -> Mapping[str, Decimal | None]:
    """Add up each group, with the groups in it, by the identifier of its line.

    None for a group without lines, in a circle, or deeper down than any invoice goes. Each group
    is worked out once, however many lines name it.
    """
    parts: defaultdict[str, list[InvoiceLine]] = defaultdict(list)
    for line in lines:
        if line.parent_line is not None and line.subtype in (None, DETAIL, GROUP):
            parts[line.parent_line].append(line)
    nets: dict[str, Decimal | None] = {}

    def net_of(identifier: str, depth: int) -> Decimal | None:
        if identifier not in nets:
            # A group that is reached again before it is done stands in a circle.
            nets[identifier] = None
            if depth < _DEEPEST and parts[identifier]:
                nets[identifier] = add(_net(part, depth) for part in parts[identifier])
        return nets[identifier]

    def _net(part: InvoiceLine, depth: int) -> Decimal | None:
        if part.subtype != GROUP:
            return money.value(part.net_amount)
        return None if part.identifier is None else net_of(part.identifier, depth + 1)

    for line in lines:
        if line.subtype == GROUP and line.identifier is not None:
            net_of(line.identifier, 0)
    return nets
