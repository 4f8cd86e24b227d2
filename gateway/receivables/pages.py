"""Pages of the receivables: the aged balance, open items, and what the bank told."""

from typing import Final

from gateway.receivables import pages_aged, pages_bank, pages_items

__all__ = ["ROUTES"]

ROUTES: Final = (*pages_aged.ROUTES, *pages_items.ROUTES, *pages_bank.ROUTES)
