"""Which way a document goes: a pure function of what was asked and what is known of the buyer."""

from dataclasses import dataclass

from gateway.dispatch.states import Reason
from gateway.exchange.channels import Channel

__all__ = ["Known", "Way", "at_once", "once_unregistered", "waits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of the buyer.

    ``asked`` is the document's own channel, ``usual`` the customer's, ``standard`` what the
    instance does where nobody chose. ``on_network``: there is a Peppol address to look up.
    ``recipient`` is where e-mails with invoices go, if anywhere.
    """

    asked: Channel | None
    usual: Channel | None
    standard: Channel
    on_network: bool
    recipient: str | None

    @property
    def channel(self) -> Channel:
        """The channel that was chosen, closest to the document first."""
        return self.asked or self.usual or self.standard


@dataclass(frozen=True, slots=True)
class Way:
    """A way outside Peppol: EMAIL or LINK, and why."""

    channel: Channel
    reason: Reason


def at_once(known: Known) -> Way | None:
    """The way of a document that is not to be looked up; None where it is."""
    if known.channel in (Channel.EMAIL, Channel.LINK):
        return Way(known.channel, Reason.CHOSEN)
    if known.channel is Channel.AUTO and not known.on_network:
        return Way(_otherwise(known), Reason.NO_ADDRESS)
    return None


def waits(known: Known) -> bool:
    """Whether a document goes outside Peppol once its buyer proves not to be registered."""
    return known.channel is Channel.AUTO


def once_unregistered(known: Known) -> Way:
    """The way of a document whose buyer is not registered for it."""
    return Way(_otherwise(known), Reason.NOT_REGISTERED)


def _otherwise(known: Known) -> Channel:
    return Channel.EMAIL if known.recipient else Channel.LINK
