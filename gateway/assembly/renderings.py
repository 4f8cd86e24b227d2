"""What buyers outside Peppol read, made by conversion and typesetting (port ``Renderings``)."""

import asyncio
from typing import Final

from gateway.conversion.service import Conversion
from gateway.core.clock import MachineClock
from gateway.core.errors import GatewayError, Retry
from gateway.exchange.channels import DISPATCH_UNWRITABLE, DispatchFormat
from ubl.rendition.pdf import PdfUnset, render_invoice

__all__ = ["InvoiceRenderings"]

_PLAIN: Final = frozenset({DispatchFormat.PDF, DispatchFormat.XML})


class InvoiceRenderings:
    """Renderings of a running gateway."""

    def __init__(self, *, conversion: Conversion, now: MachineClock) -> None:
        self._conversion = conversion
        self._now = now

    async def pdf(
        self, content: bytes, *, form: DispatchFormat, locale: str, pages: bytes | None
    ) -> bytes:
        """The PDF, with the data inside where ``form`` is a Factur-X profile."""
        try:
            if form not in _PLAIN:
                converted = await self._conversion.convert(
                    content, form.value, lang=locale[:2], own_pdf=pages
                )
                return converted.content
            if pages is not None:
                return pages
            read = await self._conversion.read(content)
            return await asyncio.to_thread(
                render_invoice, read.invoice, locale=locale, created_at=self._now()
            )
        except GatewayError as error:
            if error.retry is Retry.BACKOFF:
                raise
            raise _unwritable(error.message, error.code) from None
        except PdfUnset as unset:
            raise _unwritable(str(unset), unset.code) from None


def _unwritable(text: str, fault: str) -> GatewayError:
    return GatewayError(
        DISPATCH_UNWRITABLE,
        f"{text} Choose another format for this customer, or correct the document.",
        fault=fault,
    )
