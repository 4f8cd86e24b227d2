"""Comparing the name a bank gives for a payer with the names of customers.

A suggestion for people, never proof: two firms may bear one name. Pure.
"""

import unicodedata
from collections import Counter
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Final

__all__ = ["name_likeness", "name_words", "names_alike"]

# What a name ends with says how a firm is organised, not which firm it is.
_LEGAL_FORMS: Final = frozenset(
    {"ab", "ag", "aps", "as", "asbl", "bv", "bvba", "cv", "ek", "eirl", "eurl", "gmbh", "inc"}
    | {"kg", "kgaa", "limited", "llc", "llp", "lp", "ltd", "nv", "oy", "oyj", "plc", "sa", "sarl"}
    | {"sas", "sasu", "sc", "sca", "sci", "scop", "scrl", "se", "selarl", "sl", "slu", "snc"}
    | {"spa", "sprl", "srl", "ug", "vof", "vzw"}
)


@lru_cache(maxsize=8192)
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
    if first <= second or second <= first:
        return 100
    shared = sorted(first & second)
    texts = [
        " ".join(shared),
        " ".join([*shared, *sorted(first - second)]),
        " ".join([*shared, *sorted(second - first)]),
    ]
    pairs = [(texts[1], texts[2])]
    if shared:
        pairs += [(texts[0], texts[1]), (texts[0], texts[2])]
    return max(_ratio(*sorted(pair)) for pair in pairs)


def names_alike(one: str, other: str, *, at_least: int) -> bool:
    """Whether two names are alike to that degree; quick for the many that are not."""
    first, second = name_words(one), name_words(other)
    if first.isdisjoint(second):
        lengths = [len(" ".join(words)) for words in (first, second)]
        # Likeness is twice the common letters in all letters, rounded to whole percents.
        needed = (2 * at_least - 1) * sum(lengths)
        if 400 * min(lengths) < needed:
            return False
        letters = [Counter("".join(words)) for words in (first, second)]
        in_common = (letters[0] & letters[1]).total() + min(len(first), len(second)) - 1
        if 400 * in_common < needed:
            return False
    return name_likeness(one, other) >= at_least


def _ratio(one: str, other: str) -> int:
    # The matcher's answer may hang on the order of its two texts; callers sort them.
    return round(100 * float(SequenceMatcher(None, one, other, autojunk=False).ratio()))
