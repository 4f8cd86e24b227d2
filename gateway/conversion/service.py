"""Conversion as a use case: read what came, write what is asked for, have it judged.

Never on the event loop: small documents in a thread, large ones in a worker process. A document
that was written is not called valid because we wrote it: the same rules judge it as any other.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from gateway.conversion.errors import InvoiceRefused, brought, carry
from gateway.conversion.outcome import Outcome, outcome_of
from gateway.conversion.reading import ReadDocument, read_document
from gateway.conversion.writing import (
    Converted,
    Order,
    convert_document,
    format_named,
    write_document,
)
from gateway.core.clock import MachineClock
from gateway.core.spool import LARGE_BYTES, Content, Spool
from gateway.validation.service import CheckOptions, Pool, ValidationService
from ubl.facturx import OwnPdf
from ubl.model import Invoice

__all__ = ["Conversion", "Judged"]

_MANY_LINES: Final = 500
"""Above this an invoice is written in a process of its own: it takes the interpreter too long."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A document that was written, and the validation report on it."""

    converted: Converted
    outcome: Outcome
    report: Mapping[str, Any]


class Conversion:
    """The use case behind every door: API, console, submission."""

    def __init__(self, *, validation: ValidationService, pool: Pool, now: MachineClock) -> None:
        self._validation = validation
        self._pool = pool
        self._now = now

    async def read(self, content: Content, *, media_type: str = "") -> ReadDocument:
        """Read an invoice, whatever it is in.

        Raises GatewayError CONVERSION-UNREADABLE, CONVERSION-NO-INVOICE, INVOICE-JSON, and what
        ``ValidationService.read`` raises.
        """
        return brought(await self._validation.read(content, carry, read_document, media_type))

    async def write(
        self,
        invoice: Invoice,
        format_id: str,
        *,
        complete: bool = True,
        bare: bool = False,
        lang: str = "en",
        own_pdf: bytes | None = None,
        own_pdf_as: OwnPdf = OwnPdf.PAGES,
    ) -> Converted:
        """Write an invoice in a format; ``complete`` works out the sums it lacks.

        ``bare`` writes the XML alone, also of a format that is a PDF.
        Raises GatewayError CONVERSION-FORMAT and CONVERSION-OWN-PDF.
        """
        order = Order(
            format=format_named(format_id),
            at=self._now(),
            computed=complete,
            bare=bare,
            lang=lang,
            own_pdf=own_pdf,
            own_pdf_as=own_pdf_as,
        )
        if len(invoice.lines) <= _MANY_LINES:
            return await asyncio.to_thread(write_document, invoice, order)
        written: Converted | InvoiceRefused = await self._pool.run(
            carry, invoice, write_document, order
        )
        return brought(written)

    async def convert(
        self,
        content: Content,
        to: str,
        *,
        media_type: str = "",
        lang: str = "en",
        own_pdf: bytes | None = None,
        at: datetime | None = None,
    ) -> Converted:
        """Read a document and write it in another format; ``at`` is when a PDF says it was made.

        Raises what ``read`` and ``write`` raise.
        """
        order = Order(format=format_named(to), at=at or self._now(), lang=lang, own_pdf=own_pdf)
        return brought(
            await self._validation.read(content, carry, convert_document, media_type, order)
        )

    async def judge(self, tenant_id: UUID, converted: Converted, *, lang: str = "en") -> Judged:
        """Hold what was written to every rule that applies to it.

        Raises GatewayError as ``ValidationService.check`` does: busy workers are no verdict.
        """
        options = CheckOptions(lang=lang)
        with Spool() as spool:
            content: Content = converted.content
            if len(converted.content) > LARGE_BYTES:
                await asyncio.to_thread(spool.write, converted.content)
                content = spool.content
            run = await self._validation.check(
                tenant_id, content, file_name=converted.file_name, options=options
            )
        return Judged(converted, outcome_of(converted.format, run.report), run.report)
