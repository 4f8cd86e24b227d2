"""Numbers as people write them in a form, and as the invoice has them. Pure.

A separator that stands alone is the decimal one, unless it is the one that sets thousands apart in
the reader's language and stands where that one would: ``1.250`` is one and a quarter in English and
French, and one thousand two hundred and fifty in German and Dutch.
"""

import re
from typing import Final

from babel.numbers import get_decimal_symbol, get_group_symbol

__all__ = ["plain", "shown"]

_SPACES: Final = str.maketrans("", "", " \N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}'’")
_THOUSANDS: Final = re.compile(r"[+-]?[1-9]\d{0,2}[.,]\d{3}")
_FRACTION: Final = re.compile(r"[+-]?\d+\.\d+")


def plain(text: str, *, language: str) -> str:
    """What somebody typed, as the invoice has it: a point and nothing that sets thousands apart.

    What is no number stays recognisable, for the message about it.
    """
    typed = text.translate(_SPACES)
    comma, point = typed.rfind(","), typed.rfind(".")
    if comma < 0 and point < 0:
        return typed
    last = "," if comma > point else "."
    other = "." if last == "," else ","
    groups = get_group_symbol(language) == last and _THOUSANDS.fullmatch(typed)
    if groups or typed.count(last) > 1:
        return typed.replace(last, "") if other not in typed else typed
    return typed.replace(other, "").replace(last, ".")


def shown(text: str, *, language: str) -> str:
    """A number of the invoice with the decimal separator of a language, and no other.

    ``plain`` gives it back as it was; what is no number stays as it is.
    """
    return get_decimal_symbol(language).join(text.split(".")) if _FRACTION.fullmatch(text) else text
