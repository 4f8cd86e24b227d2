"""A large invoice is written in a worker process, and its refusal comes back whole."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime

import pytest

from gateway.conversion.errors import InvoiceRefused
from gateway.conversion.reading import read_document
from gateway.conversion.service import Conversion
from gateway.core.pool import ComputePool
from gateway.validation import worker
from ubl.model import Invoice


class NoChecks:
    """Conversions of this test judge nothing."""


@pytest.fixture
async def conversion(at: datetime) -> AsyncIterator[Conversion]:
    pool = ComputePool(
        worker.initialise,
        worker.run,
        initial=(None, None, ()),
        workers=1,
        timeout_s=120,
        rss_limit_mb=2000,
        queue_limit=4,
    )
    pool.start()
    yield Conversion(validation=NoChecks(), pool=pool, now=lambda: at)  # type: ignore[arg-type] # see there
    await pool.close()


async def test_a_large_invoice_goes_through_a_process(
    conversion: Conversion, invoice: Invoice
) -> None:
    lines = tuple(
        replace(invoice.lines[0], identifier=str(number), net_amount=None)
        for number in range(1, 602)
    )
    large = replace(invoice, lines=lines, totals=None, vat_breakdown=())
    written = await conversion.write(large, "peppol-bis-3")
    assert written.lost == written.discrepancies == ()
    back = read_document(written.content).invoice
    assert len(back.lines) == 601
    assert back.totals == written.invoice.totals
    with pytest.raises(InvoiceRefused) as refused:
        await conversion.write(large, "facturx-basic", own_pdf=b"%PDF-1.4 nothing")
    assert refused.value.code == "CONVERSION-OWN-PDF"
