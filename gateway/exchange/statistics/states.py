"""The states of a statistics report, as a table."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

__all__ = ["REPORT", "ReportEvent", "ReportState"]


class ReportState(StrEnum):
    """Where a report is: refused by our own check, on its way, taken by the network, or not."""

    REFUSED = "refused"
    ON_ITS_WAY = "on-its-way"
    DELIVERED = "delivered"
    FAILED = "failed"


class ReportEvent(StrEnum):
    """What the delivery of the carrying document came to."""

    DELIVERED = "delivered"
    FAILED = "failed"


S, E = ReportState, ReportEvent

REPORT: Final[Mapping[tuple[ReportState, ReportEvent], ReportState]] = {
    (S.ON_ITS_WAY, E.DELIVERED): S.DELIVERED,
    (S.ON_ITS_WAY, E.FAILED): S.FAILED,
    # Somebody had its document sent again.
    (S.FAILED, E.DELIVERED): S.DELIVERED,
}
"""A report is never changed; whatever else happens makes a new edition of it."""
