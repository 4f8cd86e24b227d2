"""The two figures behind a finding about a total: what the document states, what it adds up to.

Plain values; who works them out is handed in, because what an invoice means is not known here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from lxml import etree

__all__ = ["Figures", "Part", "Reckon"]


@dataclass(frozen=True, slots=True)
class Part:
    """One amount of a sum: its business term, what tells it from others, how much it adds.

    ``amount`` is a decimal number as text, negative for what is taken off.
    """

    term: str
    name: str
    amount: str


@dataclass(frozen=True, slots=True)
class Figures:
    """A stated amount beside the computed one, in one currency (EN 16931 BT-5).

    Amounts are decimal numbers as text; ``difference`` is stated less computed. ``parts`` add up
    to ``computed``, with ``more`` of them not listed; none where it is no sum. ``explanations``
    say how it was computed, by language.
    """

    term: str
    stated: str
    computed: str
    difference: str
    currency: str
    parts: tuple[Part, ...]
    more: int
    explanations: Mapping[str, str]

    def to_json(self) -> dict[str, object]:
        """Give the figures as a JSON object with stable keys."""
        return {
            "term": self.term,
            "stated": self.stated,
            "computed": self.computed,
            "difference": self.difference,
            "currency": self.currency,
            "parts": [
                {"term": part.term, "name": part.name, "amount": part.amount} for part in self.parts
            ],
            "more": self.more,
            "explanations": dict(self.explanations),
        }


Reckon = Callable[[etree._Element, Sequence[tuple[str, etree._Element]]], Sequence[Figures | None]]
"""Works out the figures of broken rules: the document and, of each finding, rule and element in;
figures out in the same order, None where nothing was computed."""
