"""What can go wrong while an invoice is being written."""

from typing import Any, Final

from gateway.authoring.checking import Checked
from gateway.authoring.comparing import changes
from gateway.authoring.form import Json, pointer_of
from gateway.authoring.tables import Draft
from gateway.core.errors import ErrorKind, GatewayError

__all__ = [
    "DRAFT_CHANGED",
    "DRAFT_KIND",
    "DRAFT_NOT_COPIED",
    "DRAFT_NOT_READY",
    "DRAFT_SENT",
    "DRAFT_TOO_LONG",
    "DRAFT_UNSEEN",
    "DraftChanged",
    "DraftNotReady",
]

DRAFT_CHANGED: Final = ErrorKind(
    "DRAFT-CHANGED", "Somebody else changed the draft in the meantime", 412
)
DRAFT_UNSEEN: Final = ErrorKind("DRAFT-UNSEEN", "The version of the draft is not said", 428)
DRAFT_SENT: Final = ErrorKind("DRAFT-SENT", "The draft was sent already", 409)
DRAFT_TOO_LONG: Final = ErrorKind("DRAFT-TOO-LONG", "The invoice is too long for a draft", 422)
DRAFT_KIND: Final = ErrorKind("DRAFT-KIND", "The type contradicts the kind of the document", 422)
DRAFT_NOT_READY: Final = ErrorKind("DRAFT-NOT-READY", "The draft cannot be sent yet", 422)
DRAFT_NOT_COPIED: Final = ErrorKind(
    "DRAFT-NOT-COPIED", "No invoice can be made from this document", 422
)

_LISTED: Final = 200


class DraftChanged(GatewayError):
    """Another page or program was faster: ``saved`` is what it kept, ``held`` what is refused.

    ``problems`` are the fields in which the two differ, at most 200.
    """

    def __init__(self, saved: Draft, held: Json) -> None:
        super().__init__(
            DRAFT_CHANGED,
            "The draft was saved elsewhere in the meantime. Open it again and look at what is "
            "different, or keep what you have as a draft of its own.",
            draft=str(saved.id),
            version=saved.version,
        )
        self.saved = saved
        self.changes = changes(saved.invoice, held)
        self.problems: list[dict[str, Any]] = [
            {"pointer": pointer_of(one.path), "saved": one.saved, "yours": one.mine}
            for one in self.changes[:_LISTED]
        ]


class DraftNotReady(GatewayError):
    """The rules would refuse the draft: ``checked`` is why.

    ``problems`` list what is wrong at which field, ``report`` is that of the rules, if they were
    asked.
    """

    def __init__(self, checked: Checked) -> None:
        super().__init__(
            DRAFT_NOT_READY,
            "The draft cannot be sent as it is. Correct what is listed, then send it again.",
        )
        self.checked = checked
        self.problems: list[dict[str, Any]] = [
            {"pointer": pointer_of(path), "code": one.code, "message": one.text}
            for path, messages in checked.messages.items()
            for one in messages
            if one.fatal
        ]
        self.report = dict(checked.judged.report) if checked.judged is not None else None
