"""Rows of traffic as CSV (RFC 4180), page by page, so that a large month needs no memory. Pure."""

import csv
import io
from collections.abc import Iterable
from typing import Final

from gateway.exchange.statistics.queries import TrafficRow

__all__ = ["HEADER", "csv_lines"]

HEADER: Final = (
    "exchanged_at",
    "direction",
    "c2_seat",
    "c3_seat",
    "document_type_scheme",
    "document_type",
    "process_scheme",
    "process",
    "transport_profile",
    "c1_country",
    "c4_country",
    "participant",
    "counting",
    "document_id",
    "id",
)
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def csv_lines(rows: Iterable[TrafficRow], *, header: bool) -> str:
    """The rows as text; the first page brings the header."""
    text = io.StringIO()
    writer = csv.writer(text)
    if header:
        writer.writerow(HEADER)
    for row in rows:
        traffic = row.traffic
        writer.writerow(
            _harmless(value)
            for value in (
                traffic.exchanged_at.isoformat(),
                traffic.direction.value,
                traffic.c2_seat,
                traffic.c3_seat,
                traffic.document_type_scheme,
                traffic.document_type,
                traffic.process_scheme,
                traffic.process,
                traffic.transport_profile,
                traffic.c1_country or "",
                traffic.c4_country or "",
                traffic.participant,
                traffic.counting.value,
                str(row.document_id or ""),
                str(traffic.id),
            )
        )
    return text.getvalue()


def _harmless(value: str) -> str:
    """What a stranger wrote must not run as a formula in somebody's spreadsheet."""
    return f"'{value}" if value.startswith(_FORMULA) else value
