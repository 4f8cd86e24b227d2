"""What the operator's desk refuses."""

from typing import Final

from gateway.core.errors import ErrorKind

__all__ = ["NOTHING_TO_DO"]

NOTHING_TO_DO: Final = ErrorKind("OPERATIONS-NOTHING", "There is nothing left to do here", 409)
