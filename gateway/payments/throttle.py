"""How often one caller, or one link, may ask: token buckets in this process's memory.

Kept per process on purpose: with several processes a caller gets so much from each, which still
makes guessing links hopeless; a reverse proxy may limit further. Nothing is written anywhere.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

__all__ = ["Throttle"]

_KEPT: Final = 20_000


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class Throttle:
    """Buckets of ``burst`` requests that fill up by ``per_second``.

    ``clock`` gives seconds that never go back. The least recently used bucket is forgotten when
    there are too many, so that memory stays bounded whoever asks.
    """

    def __init__(self, *, burst: int, per_second: float, clock: Callable[[], float]) -> None:
        self._burst = float(burst)
        self._per_second = per_second
        self._clock = clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def wait_for(self, key: str) -> float:
        """Take one request out of a bucket; 0, or the seconds until there is one again."""
        at = self._clock()
        bucket = self._buckets.pop(key, None) or _Bucket(self._burst, at)
        bucket.tokens = min(self._burst, bucket.tokens + (at - bucket.at) * self._per_second)
        bucket.at = at
        self._buckets[key] = bucket
        if len(self._buckets) > _KEPT:
            self._buckets.popitem(last=False)
        if bucket.tokens >= 1:
            bucket.tokens -= 1
            return 0
        return (1 - bucket.tokens) / self._per_second
