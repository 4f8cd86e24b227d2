"""Invoices as people begin them: with lines and prices, without a single sum."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from ubl.amounts import Amount
from ubl.model import DocumentKind, Invoice, InvoiceLine, LineVat, Price, Quantity

LineMaker = Callable[..., InvoiceLine]


@pytest.fixture
def eur() -> Callable[[str], Amount]:
    return lambda text: Amount(Decimal(text), "EUR")


@pytest.fixture
def line(eur: Callable[[str], Amount]) -> LineMaker:
    def make(
        quantity: str = "1",
        net_price: str = "10",
        *,
        base: str | None = None,
        category: str = "S",
        rate: str | None = "20",
        **more: object,
    ) -> InvoiceLine:
        return InvoiceLine(
            **{
                "quantity": Quantity(Decimal(quantity), "C62"),
                "price": Price(
                    net=eur(net_price),
                    base_quantity=None if base is None else Quantity(Decimal(base), "C62"),
                ),
                "vat": LineVat(category=category, rate=None if rate is None else Decimal(rate)),
                **more,
            }
        )

    return make


@pytest.fixture
def invoice() -> Callable[..., Invoice]:
    def make(*lines: InvoiceLine, currency: str = "EUR", **more: object) -> Invoice:
        return Invoice(kind=DocumentKind.INVOICE, currency=currency, lines=lines, **more)

    return make
