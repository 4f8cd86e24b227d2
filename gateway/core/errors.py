"""Errors with stable codes: what a caller, an operator and a retry policy need to know.

A code is a contract: it may be retired but never reused for another meaning. Findings of a
validation are values, not errors; they live with the rule engine.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

__all__ = ["STORAGE_FULL", "ErrorKind", "GatewayError", "Retry"]


class Retry(StrEnum):
    """Whether the same attempt may succeed later without anybody changing anything."""

    NO = "no"
    BACKOFF = "backoff"


@dataclass(frozen=True, slots=True)
class ErrorKind:
    """One kind of failure: stable code, short title, HTTP status and retry class."""

    code: str
    title: str
    status: int
    retry: Retry = Retry.NO


class GatewayError(Exception):
    """A failure the product understands.

    ``message`` is a full sentence that says what happened and what to do. ``facts`` are
    identifiers that help to find the cause; never payloads, keys, passwords or account numbers.
    """

    def __init__(self, kind: ErrorKind, message: str, **facts: str | int) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.facts: Mapping[str, str | int] = facts

    @property
    def code(self) -> str:
        """The stable code of this failure."""
        return self.kind.code

    @property
    def retry(self) -> Retry:
        """Whether trying again later makes sense."""
        return self.kind.retry

    def __str__(self) -> str:
        return f"{self.kind.code}: {self.message}"


STORAGE_FULL: Final = ErrorKind("STORAGE-FULL", "The storage has no room left", 507, Retry.BACKOFF)
