"""How terms of payment (BT-20) are written where they hold discounts for machines to read.

XRechnung puts a line like ``#SKONTO#TAGE=14#PROZENT=2.00#`` into the text for each discount and
demands that every such line ends with a line break (BR-DE-18). The model holds texts without
white space around them, so the last break is put back here, in both syntaxes.
"""

import re
from typing import Final

__all__ = ["terms_text"]

_ENDS_WITH_CONDITION: Final = re.compile(r"(?:.*\n)?[ \t]*#(?:SKONTO|VERZUG)#[^\n]*#", re.DOTALL)


def terms_text(terms: str | None) -> str | None:
    """Give the text as documents need it: with a break after a discount or penalty at its end."""
    if terms is not None and _ENDS_WITH_CONDITION.fullmatch(terms):
        return f"{terms}\n"
    return terms
