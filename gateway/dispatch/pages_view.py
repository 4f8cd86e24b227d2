"""How dispatches look, and what may be done about a document outside Peppol. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from gateway.dispatch.states import ATTENTION, UNDER_WAY, DispatchState
from gateway.dispatch.tables import Dispatch
from gateway.exchange.channels import Channel, on_network
from gateway.exchange.states import TransportState
from gateway.exchange.tables import Document

__all__ = ["LOOKS", "Look", "Tab", "actions_of", "has_link", "tab_states"]


@dataclass(frozen=True, slots=True)
class Look:
    """Status colour and icon."""

    colour: str
    icon: str


LOOKS: Final[Mapping[DispatchState, Look]] = {
    DispatchState.READY: Look("blue", "clock"),
    DispatchState.SENDING: Look("blue", "arrow"),
    DispatchState.SENT: Look("blue", "outbox"),
    DispatchState.OFFERED: Look("amber", "clock"),
    DispatchState.UNKNOWN: Look("amber", "question"),
    DispatchState.OPENED: Look("green", "check"),
    DispatchState.BOUNCED: Look("red", "cross"),
    DispatchState.FAILED: Look("red", "cross"),
    DispatchState.WITHDRAWN: Look("grey", "pause"),
}

_POSSIBLE: Final = frozenset(
    {TransportState.DISPATCHING, TransportState.DISPATCHED, TransportState.FAILED}
)
_NO_LINK: Final = frozenset({DispatchState.READY, DispatchState.FAILED, DispatchState.WITHDRAWN})


class Tab(StrEnum):
    """How the list is narrowed."""

    ATTENTION = "attention"
    ALL = "all"


def tab_states(tab: Tab) -> tuple[DispatchState, ...]:
    """The states a tab shows; none for every one."""
    return ATTENTION if tab is Tab.ATTENTION else ()


def has_link(row: Dispatch) -> bool:
    """Whether the link of a dispatch opens something."""
    return row.pdf_id is not None and row.state not in _NO_LINK


def actions_of(document: Document, newest: Dispatch | None) -> tuple[Channel, ...]:
    """The ways a document can be sent by now; after a bounce the other ones first."""
    if document.transport not in _POSSIBLE:
        return ()
    if newest is not None and newest.state in UNDER_WAY:
        return ()
    bounced = newest is not None and newest.state is DispatchState.BOUNCED
    ways = [Channel.LINK, Channel.EMAIL] if bounced else [Channel.EMAIL, Channel.LINK]
    if on_network(document.receiver):
        ways.append(Channel.PEPPOL)
    return tuple(ways)
