"""Who writes to whom, as the document itself says. Pure."""

from dataclasses import dataclass

from gateway.exchange.tables import Document
from ubl.invoice import read_invoice
from ubl.reading import DocumentUnreadable
from ubl.safexml import XmlRefused, parse

__all__ = ["Parties", "parties_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parties:
    """The names an e-mail shows, and the seller's own address for questions (BT-43)."""

    seller: str
    buyer: str
    reply_to: str | None


def parties_of(content: bytes, document: Document) -> Parties:
    """Read the names from the document; what it does not say is taken from its row."""
    try:
        invoice = read_invoice(parse(content)).invoice
    except (XmlRefused, DocumentUnreadable):
        return Parties(seller=document.sender_name, buyer=document.receiver_name, reply_to=None)
    seller = invoice.seller
    contact = seller.contact if seller else None
    named = (seller.trading_name or seller.name) if seller else None
    return Parties(
        seller=named or document.sender_name,
        buyer=document.receiver_name,
        reply_to=contact.email if contact else None,
    )
