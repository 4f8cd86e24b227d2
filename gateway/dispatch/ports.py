"""What dispatch needs of others: somebody who makes a document readable for its buyer."""

from typing import Protocol

from gateway.exchange.channels import DispatchFormat

__all__ = ["Renderings"]


class Renderings(Protocol):
    """Turns a stored invoice or credit note into what people and their programs take."""

    async def pdf(
        self, content: bytes, *, form: DispatchFormat, locale: str, pages: bytes | None
    ) -> bytes:
        """The PDF, with the data inside where ``form`` is a Factur-X profile.

        ``pages`` are the seller's own, which the buyer is to see in place of ours.

        Raises GatewayError DISPATCH-UNWRITABLE where none can be made of this document.
        """
        ...
