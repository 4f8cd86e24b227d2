"""Which losses of a conversion a person must not accept without knowing. Pure.

A format that cannot hold something the invoice must say (EN 16931's mandatory terms) makes
another invoice of it: that is not sent. Everything else is told and kept.
"""

from collections.abc import Iterable
from typing import Final

from ubl.differences import Difference

__all__ = ["MANDATORY", "essential"]

MANDATORY: Final = frozenset(
    {
        *("BT-1", "BT-2", "BT-3", "BT-5"),
        *("BT-27", "BT-34", "BT-40", "BT-44", "BT-49", "BT-55"),
        *("BT-106", "BT-107", "BT-108", "BT-109", "BT-110", "BT-111", "BT-112"),
        *("BT-113", "BT-114", "BT-115"),
        *("BT-116", "BT-117", "BT-118", "BT-119"),
        *("BT-126", "BT-129", "BT-130", "BT-131", "BT-146", "BT-151", "BT-152", "BT-153"),
        *("BT-84", "BT-91", "BT-83", "BT-9"),
    }
)
"""The terms no invoice may lose on its way: EN 16931 demands them wherever their group stands,
or money would go astray without them."""


def essential(lost: Iterable[Difference]) -> tuple[Difference, ...]:
    """The losses that make it another invoice."""
    return tuple(one for one in lost if one.term in MANDATORY)
