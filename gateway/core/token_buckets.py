"""Token buckets: how often somebody may do something, counted in this process.

Several processes each count for themselves; a limit says what one of them bears, not what is
agreed with anybody.
"""

import ipaddress
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

__all__ = ["Rate", "TokenBuckets", "neighbourhood"]

_KEPT: Final = 20_000
_IPV6_SITE: Final = 64


@dataclass(frozen=True, slots=True)
class Rate:
    """So many per minute in the long run, and ``burst`` at once; 0 per minute is no limit."""

    per_minute: float
    burst: int


class TokenBuckets:
    """One bucket for each key, full at first. ``now`` counts seconds and never goes back.

    At most ``kept`` buckets are remembered; the one not used for longest is forgotten, which
    makes it full.
    """

    def __init__(self, rate: Rate, *, now: Callable[[], float], kept: int = _KEPT) -> None:
        self._per_second = rate.per_minute / 60
        self._burst = float(rate.burst)
        self._now = now
        self._kept = kept
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, key: str) -> float:
        """Take a token: 0 if there was one, else the seconds until there will be.

        Safe from any thread: signatures are verified in several.
        """
        if self._per_second == 0:
            return 0.0
        with self._lock:
            return self._take(key, self._now())

    def _take(self, key: str, now: float) -> float:
        tokens, since = self._buckets.pop(key, (self._burst, now))
        tokens = min(self._burst, tokens + (now - since) * self._per_second)
        taken = tokens >= 1
        self._buckets[key] = (tokens - 1 if taken else tokens, now)
        if len(self._buckets) > self._kept:
            self._buckets.popitem(last=False)
        return 0.0 if taken else (1 - tokens) / self._per_second


def neighbourhood(address: str) -> str:
    """The key of an IP address: itself, or for IPv6 its site, which has addresses without end."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return address
    return str(ipaddress.ip_network((parsed, _IPV6_SITE), strict=False))
