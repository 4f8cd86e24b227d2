"""Writes what CII wraps in elements of its own: days, indicators and amounts."""

from collections.abc import Iterable
from datetime import date

from ubl.amounts import NO_CURRENCY, Amount, decimal_text
from ubl.cii.codes import DAY_FORMAT
from ubl.model import Period
from ubl.pen import Pen

__all__ = [
    "write_amount",
    "write_date",
    "write_day",
    "write_formatted_day",
    "write_indicator",
    "write_period",
    "write_vat_sums",
]


def write_day(place: Pen, value: date | None) -> None:
    """Write a day as ``CCYYMMDD`` (UNTDID 2379 format 102) into the place."""
    if value is not None:
        place.text("udt:DateTimeString", _day_text(value), format=DAY_FORMAT)


def write_formatted_day(place: Pen, value: date | None) -> None:
    """Write a day where CII wants the qualified type, as references do."""
    if value is not None:
        place.text("qdt:DateTimeString", _day_text(value), format=DAY_FORMAT)


def write_date(place: Pen, value: date | None) -> None:
    """Write a day where CII wants a date without time, as for the tax point."""
    if value is not None:
        place.text("udt:DateString", _day_text(value), format=DAY_FORMAT)


def _day_text(value: date) -> str:
    return value.isoformat().replace("-", "")


def write_period(settlement: Pen, period: Period | None) -> None:
    """Write BG-14 of a document or BG-26 of a line."""
    if period is not None:
        place = settlement.at("ram:BillingSpecifiedPeriod")
        write_day(place.at("ram:StartDateTime"), period.start)
        write_day(place.at("ram:EndDateTime"), period.end)


def write_indicator(place: Pen, name: str, *, value: bool) -> None:
    """Write a yes or no."""
    place.at(name).text("udt:Indicator", "true" if value else "false")


def write_amount(place: Pen, name: str, value: Amount | None, *, currency: str) -> None:
    """Write an amount. It names its currency only where that is not the invoice's (CII-DT-031)."""
    if value is not None:
        named = None if value.currency == currency else value.currency
        place.text(name, decimal_text(value.value), currencyID=named)


def write_vat_sums(sums: Pen, totals: Iterable[Amount | None]) -> None:
    """Write sums of VAT, which always name their currency: it tells one from the other."""
    for total in totals:
        if total is not None:
            named = None if total.currency == NO_CURRENCY else total.currency
            sums.text("ram:TaxTotalAmount", decimal_text(total.value), currencyID=named)
