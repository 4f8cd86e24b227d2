"""What the input layers have to say about a document, before it is worded in a language."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from schematron.finding import Layer, Severity

__all__ = ["Note"]


@dataclass(frozen=True, slots=True)
class Note:
    """A finding by its code; ``words`` fill the placeholders of its text."""

    code: str
    severity: Severity
    layer: Layer = Layer.INPUT
    ruleset: str | None = None
    value: str | None = None
    line: int | None = None
    column: int | None = None
    words: Mapping[str, str] = field(default_factory=dict)
