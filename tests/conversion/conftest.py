"""An invoice in every shape it may come in, and nothing that needs a database."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest

from gateway.conversion.writing import Converted, Order, convert_document
from gateway.demo.cast import BUYER, SELLER
from gateway.demo.invoices import CRATES, render_invoice
from ubl.formats import FORMATS
from ubl.invoice import read_invoice
from ubl.model import Invoice
from ubl.model_json import invoice_to_json
from ubl.safexml import parse

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture(scope="session")
def ubl() -> bytes:
    return render_invoice(
        number="VT-1", seller=SELLER, buyer=BUYER, issued=date(2026, 11, 2), lines=CRATES
    )


@pytest.fixture(scope="session")
def invoice(ubl: bytes) -> Invoice:
    return read_invoice(parse(ubl)).invoice


@pytest.fixture(scope="session")
def plain(invoice: Invoice) -> dict[str, Any]:
    """The invoice as somebody would write it: without what can be worked out."""
    value = invoice_to_json(invoice)
    for name in ("totals", "vat_breakdown", "specification", "business_process"):
        del value[name]
    for line in value["lines"]:
        del line["net_amount"]
    return value


@pytest.fixture(scope="session")
def as_json(plain: dict[str, Any]) -> bytes:
    return json.dumps(plain).encode()


@pytest.fixture(scope="session")
def convert() -> Callable[..., Converted]:
    """Convert a document as the doors do, without a process of its own."""

    def run(content: bytes, to: str, media_type: str = "", **how: Any) -> Converted:
        return convert_document(content, media_type, Order(format=FORMATS[to], at=AT, **how))

    return run


@pytest.fixture(scope="session")
def at() -> datetime:
    return AT
