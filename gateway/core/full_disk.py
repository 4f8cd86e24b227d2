"""A disk without room, as an error the caller understands: whoever wrote, and wherever it shows.

Any write may find the disk full, also that of a temporary file deep inside a library. Therefore
nobody on the way catches it; who answers a request or ends a job asks here.
"""

import errno
from typing import Final

from gateway.core.errors import STORAGE_FULL, GatewayError

__all__ = ["storage_full"]

_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""The disk, the quota, and the largest file a process may write (RLIMIT_FSIZE)."""


def storage_full(failure: BaseException, *, place: str = "") -> GatewayError | None:
    """STORAGE-FULL for a write that found no room, None for every other failure.

    ``place`` is the folder that was written to, where it is known.
    """
    if not isinstance(failure, OSError) or failure.errno not in _NO_ROOM:
        return None
    where = f"in {place}" if place else "for the gateway's data or its temporary files (TMPDIR)"
    return GatewayError(
        STORAGE_FULL,
        f"There is no room left {where}; free some and try again.",
    )
