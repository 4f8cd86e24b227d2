"""What can keep an invoice from being read, written or converted, as errors with stable codes."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar, TypeVarTuple

from gateway.core.errors import ErrorKind, GatewayError

__all__ = [
    "FORMAT_UNKNOWN",
    "JSON_INVALID",
    "MODE_MISSING",
    "NO_INVOICE",
    "OWN_PDF_REFUSED",
    "TOO_MUCH_LOST",
    "UNREADABLE",
    "UNWRITABLE",
    "InvoiceRefused",
    "brought",
    "carry",
]

S = TypeVar("S")
T = TypeVar("T")
Ts = TypeVarTuple("Ts")

FORMAT_UNKNOWN: Final = ErrorKind(
    "CONVERSION-FORMAT", "There is no such format of invoices here", 422
)
MODE_MISSING: Final = ErrorKind("CONVERSION-MODE", "The invoicing mode is missing", 422)
UNREADABLE: Final = ErrorKind("CONVERSION-UNREADABLE", "The document cannot be read", 422)
NO_INVOICE: Final = ErrorKind("CONVERSION-NO-INVOICE", "There is no invoice in the document", 422)
JSON_INVALID: Final = ErrorKind("INVOICE-JSON", "The JSON does not describe an invoice", 422)
OWN_PDF_REFUSED: Final = ErrorKind(
    "CONVERSION-OWN-PDF", "The PDF cannot carry the invoice's data", 422
)
TOO_MUCH_LOST: Final = ErrorKind(
    "CONVERSION-LOSS", "The format cannot hold what the invoice must say", 422
)
UNWRITABLE: Final = ErrorKind("CONVERSION-UNWRITABLE", "The invoice cannot be written", 422)


class InvoiceRefused(GatewayError):
    """A refusal that lists what is wrong or missing, place by place.

    ``problems`` are JSON objects; what is in them depends on the code.
    """

    def __init__(
        self,
        kind: ErrorKind,
        message: str,
        *,
        problems: Sequence[Mapping[str, Any]],
        **facts: str | int,
    ) -> None:
        super().__init__(kind, message, **facts)
        self.problems = [dict(one) for one in problems]

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel between processes whole: exceptions are made again from their arguments only."""
        return _again, (self.kind, self.message, self.problems, dict(self.facts))


def _again(
    kind: ErrorKind,
    message: str,
    problems: Sequence[Mapping[str, Any]],
    facts: Mapping[str, str | int],
) -> InvoiceRefused:
    return InvoiceRefused(kind, message, problems=problems, **facts)


def carry(subject: S, task: Callable[[S, *Ts], T], *arguments: *Ts) -> T | InvoiceRefused:
    """Do a task where its refusal has to come back as a value: processes hand on no lists."""
    try:
        return task(subject, *arguments)
    except InvoiceRefused as refused:
        return refused


def brought(result: T | InvoiceRefused) -> T:
    """What a task gave; raises the refusal that was carried."""
    if isinstance(result, InvoiceRefused):
        raise result
    return result
