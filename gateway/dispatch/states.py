"""The states of a dispatch: one document, once, by e-mail or link, to a buyer outside Peppol."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

__all__ = ["ATTENTION", "DISPATCH", "UNDER_WAY", "DispatchEvent", "DispatchState", "Reason"]


class Reason(StrEnum):
    """Why a document goes outside Peppol."""

    CHOSEN = "chosen"
    """The customer's channel, or the document's own."""
    NOT_REGISTERED = "not-registered"
    """The network says that the buyer does not take it there."""
    NO_ADDRESS = "no-address"
    """The document names no Peppol address (BT-49)."""
    PERSON = "person"
    """Somebody sends it again."""


class DispatchState(StrEnum):
    """Where a dispatch is."""

    READY = "ready"
    SENDING = "sending"
    """The mail server is about to get the text, or has it and has not said so yet."""
    SENT = "sent"
    """The mail server took it. That is no word of the buyer's."""
    OFFERED = "offered"
    """The link opens; somebody has to pass it on."""
    UNKNOWN = "unknown"
    """Cut off while the server had the text: it may have arrived."""
    OPENED = "opened"
    """Somebody who has the link pressed a button on its page; that it was fetched is no opening."""
    BOUNCED = "bounced"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"


class DispatchEvent(StrEnum):
    """What happens to a dispatch."""

    HANDING_OVER = "handing-over"
    ACCEPTED = "accepted"
    OFFERED = "offered"
    DEFERRED = "deferred"
    REFUSED = "refused"
    CUT_OFF = "cut-off"
    OPENED = "opened"
    BOUNCED = "bounced"
    WITHDRAWN = "withdrawn"


_S, _E = DispatchState, DispatchEvent

DISPATCH: Final[Mapping[tuple[DispatchState, DispatchEvent], DispatchState]] = {
    (_S.READY, _E.HANDING_OVER): _S.SENDING,
    (_S.READY, _E.OFFERED): _S.OFFERED,
    (_S.READY, _E.REFUSED): _S.FAILED,
    (_S.READY, _E.WITHDRAWN): _S.WITHDRAWN,
    (_S.SENDING, _E.ACCEPTED): _S.SENT,
    (_S.SENDING, _E.DEFERRED): _S.READY,
    (_S.SENDING, _E.REFUSED): _S.FAILED,
    (_S.SENDING, _E.CUT_OFF): _S.UNKNOWN,
    # Who opens the link that only the e-mail holds has the e-mail, whatever the server said.
    **{(before, _E.OPENED): _S.OPENED for before in (_S.SENDING, _S.SENT, _S.OFFERED, _S.UNKNOWN)},
    **{(before, _E.BOUNCED): _S.BOUNCED for before in (_S.SENDING, _S.SENT, _S.UNKNOWN)},
    (_S.OFFERED, _E.WITHDRAWN): _S.WITHDRAWN,
}
"""A dispatch found SENDING by a new attempt was cut off; a person decides whether it goes again,
as a dispatch of its own."""

UNDER_WAY: Final = frozenset({_S.READY, _S.SENDING})
"""States in which the next step is ours and comes by itself."""

ATTENTION: Final = (_S.BOUNCED, _S.FAILED, _S.UNKNOWN, _S.OFFERED)
"""States in which somebody has to do something."""
