"""Limits: how often somebody may ask, as buckets that fill again with time."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable

KEYS_MAX = 50_000


class Buckets:
    """A bucket of *per_minute* tokens for each key, refilled evenly; for one thread.

    >>> buckets = Buckets(1, lambda: 0.0)
    >>> buckets.take("a"), buckets.take("a"), buckets.take("b")
    (0.0, 60.0, 0.0)
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._size = float(per_minute)
        self._rate = per_minute / 60
        self._clock = clock
        self._left: dict[str, tuple[float, float]] = {}

    def take(self, key: str) -> float:
        """Take one token: 0 where there was one, else the seconds until there is."""
        wait = self.wait(key)
        if wait == 0:
            self._left[key] = (self._now_left(key) - 1, self._clock())
        return wait

    def wait(self, key: str) -> float:
        """The seconds until there is a token; takes none."""
        left = self._now_left(key)
        return 0.0 if left >= 1 else (1 - left) / self._rate

    def _now_left(self, key: str) -> float:
        kept = self._left.get(key)
        if kept is None:
            if len(self._left) >= KEYS_MAX:
                self._forget_full()
            return self._size
        left, since = kept
        return min(self._size, left + (self._clock() - since) * self._rate)

    def _forget_full(self) -> None:
        """Forget whoever has not asked for a while; everybody where that helps little."""
        self._left = {
            key: kept for key, kept in self._left.items() if self._now_left(key) < self._size
        }
        if len(self._left) > KEYS_MAX // 2:
            self._left.clear()


def neighbourhood(address: str) -> str:
    """What one holder of addresses is counted as: an IPv4 address, a /64 of IPv6.

    >>> neighbourhood("10.0.0.1"), neighbourhood("2001:db8::1:2")
    ('10.0.0.1', '2001:db8::')
    """
    if ":" not in address:
        return address
    try:
        number = int(ipaddress.IPv6Address(address.partition("%")[0]))
    except ValueError:
        return address
    return str(ipaddress.IPv6Address(number >> 64 << 64))
