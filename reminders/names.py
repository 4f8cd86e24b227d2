"""Comparing the name a bank gives for a payer with the names of customers.

A suggestion for people, never proof: two firms may bear one name. Pure.
"""

import unicodedata
from difflib import SequenceMatcher
from typing import Final

__all__ = ["name_likeness", "name_words"]

# What a name ends with says how a firm is organised, not which firm it is.
_LEGAL_FORMS: Final = frozenset(
    {"ab", "ag", "aps", "as", "asbl", "bv", "bvba", "cv", "ek", "eirl", "eurl", "gmbh", "inc"}
    | {"kg", "kgaa", "limited", "llc", "llp", "lp", "ltd", "nv", "oy", "oyj", "plc", "sa", "sarl"}
    | {"sas", "sasu", "sc", "sca", "sci", "scop", "scrl", "se", "selarl", "sl", "slu", "snc"}
    | {"spa", "sprl", "srl", "ug", "vof", "vzw"}
)


def name_words(name: str) -> frozenset[str]:
    """Return the words that tell a name apart: lower case, without accents and legal forms."""
    plain = "".join(
        one if one.isalnum() else " "
        for one in unicodedata.normalize("NFKD", name.casefold().replace(".", ""))
        if not unicodedata.combining(one)
    )
    words = frozenset(plain.split())
    return words - _LEGAL_FORMS or words


def name_likeness(one: str, other: str) -> int:
    """Say how alike two names are, 0 to 100, whatever the order of their words.

    The words in common are compared with each name's own, so that a name that is part of the
    other counts as alike.
    """
    first, second = name_words(one), name_words(other)
    if not first or not second:
        return 0
    shared = sorted(first & second)
    texts = [
        " ".join(shared),
        " ".join([*shared, *sorted(first - second)]),
        " ".join([*shared, *sorted(second - first)]),
    ]
    pairs = [(texts[1], texts[2])]
    if shared:
        pairs += [(texts[0], texts[1]), (texts[0], texts[2])]
    # The matcher's answer may hang on the order of its two texts; ours must not.
    ratios = (SequenceMatcher(None, *sorted(pair), autojunk=False).ratio() for pair in pairs)
    return round(100 * max(ratios))
