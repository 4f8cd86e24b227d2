"""The service levels of MLS as tables for spreadsheets. Pure."""

import csv
from collections.abc import Iterable, Sequence
from io import StringIO
from typing import Final, Literal

from gateway.exchange.answer_desk import SideLevel
from gateway.exchange.answer_tables import MlsSide
from gateway.exchange.mls_sla import PERCENTILES, PeerLevel
from gateway.exchange.mls_sla_queries import LateMls

__all__ = ["csv_of"]

_PEERS: Final = (
    *("level", "seat", "expected", "in_time", "late", "missing", "pending", "share"),
    *(f"p{one}_s" for one in PERCENTILES),
)
_DOCUMENTS: Final = (
    *("level", "seat", "sbdh_instance_identifier", "sender", "receiver"),
    *("began_at", "answered_at", "took_s", "code", "document_id"),
)
_LEVELS: Final = {MlsSide.OWED: "MLS-1", MlsSide.AWAITED: "MLS-2"}


def csv_of(sides: Iterable[SideLevel], rows: Literal["documents", "peers"]) -> str:
    """The late and missing documents, or the access points, of both levels, under a heading.

    Times are ISO 8601 in UTC, durations seconds, the share is percent.
    """
    out = StringIO()
    table = csv.writer(out, lineterminator="\r\n")
    table.writerow(_PEERS if rows == "peers" else _DOCUMENTS)
    for side in sides:
        level = _LEVELS[side.side]
        if rows == "peers":
            table.writerows(_peer(level, one) for one in side.peers)
        else:
            table.writerows(_document(level, one) for one in side.late)
    return out.getvalue()


def _peer(level: str, peer: PeerLevel) -> Sequence[object]:
    found = peer.level
    return (
        level,
        peer.peer_seat,
        found.expected,
        found.in_time,
        found.late,
        found.missing,
        found.pending,
        _or_blank(found.share),
        *(_or_blank(found.percentiles.get(one)) for one in PERCENTILES),
    )


def _document(level: str, late: LateMls) -> Sequence[object]:
    return (
        level,
        late.peer_seat,
        _plain(late.sbdh_id),
        late.sender,
        late.receiver,
        late.began_at.isoformat(),
        late.answered_at.isoformat() if late.answered_at else "",
        _or_blank(late.took_s),
        late.code or "",
        late.document_id,
    )


def _or_blank(value: object) -> object:
    return "" if value is None else value


def _plain(text: str) -> str:
    """Foreign text that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in "=+-@\t\r" else text
