"""What an invoice adds up to: computed where it is missing, explained where it differs.

Works on the model alone, with exact decimals; EN 16931-1 and the published rule sets say how.
"""

from ubl.totals.checking import Discrepancy, check_totals
from ubl.totals.completing import complete, with_rate
from ubl.totals.gaps import Gap, gaps

__all__ = ["Discrepancy", "Gap", "check_totals", "complete", "gaps", "with_rate"]
