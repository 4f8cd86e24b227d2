"""The way of a received document from C3 to its business (C4), as a table. Pure."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from gateway.exchange.delivery_tables import HandOverState

__all__ = ["HANDOVER", "HandOverEvent"]


class HandOverEvent(StrEnum):
    """What can happen to a document on its way to the business."""

    LAID_OUT = "laid-out"
    ACKNOWLEDGED = "acknowledged"
    GIVEN_UP = "given-up"
    REPLAYED = "replayed"


S, E = HandOverState, HandOverEvent

HANDOVER: Final[Mapping[tuple[HandOverState, HandOverEvent], HandOverState]] = {
    (S.WAITING, E.LAID_OUT): S.HANDED_OVER,
    (S.WAITING, E.ACKNOWLEDGED): S.ACKNOWLEDGED,
    (S.WAITING, E.GIVEN_UP): S.FAILED,
    (S.WAITING, E.REPLAYED): S.WAITING,
    (S.HANDED_OVER, E.ACKNOWLEDGED): S.ACKNOWLEDGED,
    (S.HANDED_OVER, E.GIVEN_UP): S.FAILED,
    (S.HANDED_OVER, E.REPLAYED): S.WAITING,
    (S.ACKNOWLEDGED, E.REPLAYED): S.WAITING,
    (S.FAILED, E.ACKNOWLEDGED): S.ACKNOWLEDGED,
    (S.FAILED, E.REPLAYED): S.WAITING,
}
"""The business may acknowledge at any time: it can fetch a document that no channel brought."""
