"""What can go wrong while an invoice is being written."""

from typing import Final

from gateway.core.errors import ErrorKind

__all__ = ["DRAFT_CHANGED", "DRAFT_NOT_COPIED", "DRAFT_SENT", "DRAFT_TOO_LONG"]

DRAFT_CHANGED: Final = ErrorKind(
    "DRAFT-CHANGED", "Somebody else changed the draft in the meantime", 409
)
DRAFT_SENT: Final = ErrorKind("DRAFT-SENT", "The draft was sent already", 409)
DRAFT_TOO_LONG: Final = ErrorKind("DRAFT-TOO-LONG", "The invoice is too long for the form", 422)
DRAFT_NOT_COPIED: Final = ErrorKind(
    "DRAFT-NOT-COPIED", "No invoice can be made from this document", 422
)
