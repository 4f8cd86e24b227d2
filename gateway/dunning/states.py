"""The states of a reminder and of an e-mail, as tables."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

__all__ = [
    "MAIL",
    "MAY_ARRIVE",
    "PENDING",
    "REMINDER",
    "TAKEN",
    "MailEvent",
    "MailPurpose",
    "MailState",
    "ReminderEvent",
    "ReminderState",
]


class ReminderState(StrEnum):
    """Where a step towards a customer is."""

    PLANNED = "planned"
    AWAITING_APPROVAL = "awaiting-approval"
    SENT = "sent"
    """Handed to its channel: the step is taken."""
    DONE = "done"
    """A task for a person, carried out."""
    CANCELLED = "cancelled"
    """Not sent, because it was not due any more or a person said no."""
    UNREACHABLE = "unreachable"
    """No channel of the level reaches the customer; waits for a person."""
    FAILED = "failed"
    """Its channel refused it for good; waits for a person."""


class ReminderEvent(StrEnum):
    """What happens to a step."""

    APPROVED = "approved"
    HANDED_OVER = "handed-over"
    CARRIED_OUT = "carried-out"
    NOT_DUE = "not-due"
    DECLINED = "declined"
    NO_CHANNEL = "no-channel"
    REFUSED = "refused"
    TRIED_AGAIN = "tried-again"


_S, _E = ReminderState, ReminderEvent

REMINDER: Final[Mapping[tuple[ReminderState, ReminderEvent], ReminderState]] = {
    (_S.AWAITING_APPROVAL, _E.APPROVED): _S.PLANNED,
    (_S.AWAITING_APPROVAL, _E.DECLINED): _S.CANCELLED,
    (_S.AWAITING_APPROVAL, _E.NOT_DUE): _S.CANCELLED,
    (_S.AWAITING_APPROVAL, _E.CARRIED_OUT): _S.DONE,
    (_S.PLANNED, _E.HANDED_OVER): _S.SENT,
    (_S.PLANNED, _E.NOT_DUE): _S.CANCELLED,
    (_S.PLANNED, _E.DECLINED): _S.CANCELLED,
    (_S.PLANNED, _E.NO_CHANNEL): _S.UNREACHABLE,
    (_S.PLANNED, _E.REFUSED): _S.FAILED,
    # The e-mail or the Peppol document of a sent step may still be refused or called off.
    (_S.SENT, _E.REFUSED): _S.FAILED,
    (_S.SENT, _E.NOT_DUE): _S.CANCELLED,
    # A person posted the letter.
    (_S.UNREACHABLE, _E.HANDED_OVER): _S.SENT,
    (_S.FAILED, _E.HANDED_OVER): _S.SENT,
    (_S.UNREACHABLE, _E.TRIED_AGAIN): _S.PLANNED,
    (_S.UNREACHABLE, _E.NOT_DUE): _S.CANCELLED,
    (_S.UNREACHABLE, _E.DECLINED): _S.CANCELLED,
    (_S.FAILED, _E.TRIED_AGAIN): _S.PLANNED,
    (_S.FAILED, _E.NOT_DUE): _S.CANCELLED,
    (_S.FAILED, _E.DECLINED): _S.CANCELLED,
}

TAKEN: Final = frozenset({_S.SENT, _S.DONE})
"""States in which a step counts as taken for the items it is about."""

PENDING: Final = frozenset({_S.PLANNED, _S.AWAITING_APPROVAL, _S.UNREACHABLE, _S.FAILED})
"""States in which a step is still to be taken: by the gateway, or by a person."""


class MailPurpose(StrEnum):
    """Why an e-mail is sent to a customer."""

    REMINDER = "reminder"
    THANKS = "thanks"


class MailState(StrEnum):
    """Where an e-mail is."""

    READY = "ready"
    SENDING = "sending"
    """The server is about to get the text, or has it and has not said so yet."""
    SENT = "sent"
    REFUSED = "refused"
    """The server said no for good, or could not be reached for too long."""
    UNKNOWN = "unknown"
    """Cut off while the server had the text: it may have arrived."""
    CANCELLED = "cancelled"


MAY_ARRIVE: Final = frozenset(
    {MailState.READY, MailState.SENDING, MailState.SENT, MailState.UNKNOWN}
)
"""States in which an e-mail has reached, or may still reach, the customer."""


class MailEvent(StrEnum):
    """What happens to an e-mail."""

    HANDING_OVER = "handing-over"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    DEFERRED = "deferred"
    CUT_OFF = "cut-off"
    NOT_DUE = "not-due"
    TRIED_AGAIN = "tried-again"


_M, _V = MailState, MailEvent

MAIL: Final[Mapping[tuple[MailState, MailEvent], MailState]] = {
    (_M.READY, _V.HANDING_OVER): _M.SENDING,
    (_M.READY, _V.REFUSED): _M.REFUSED,
    (_M.READY, _V.NOT_DUE): _M.CANCELLED,
    (_M.SENDING, _V.ACCEPTED): _M.SENT,
    (_M.SENDING, _V.REFUSED): _M.REFUSED,
    (_M.SENDING, _V.DEFERRED): _M.READY,
    (_M.SENDING, _V.CUT_OFF): _M.UNKNOWN,
    (_M.REFUSED, _V.TRIED_AGAIN): _M.READY,
    (_M.UNKNOWN, _V.TRIED_AGAIN): _M.READY,
}
"""An e-mail found SENDING by a new attempt was cut off: it may have arrived, so a person decides
whether it goes again."""
