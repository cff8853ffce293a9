"""How often somebody may try to sign in."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

_AT_ONCE = 20  # failures that one address may have behind each other
_ONE_PER_S = 10.0  # seconds after which one of them is forgotten
_MOST_ADDRESSES = 10_000


class Attempts:
    """Counts failures by address as a bucket that leaks. Thread-safe.

    Behind a reverse proxy all visitors have the proxy's address: the limit is far above what people mistype.

    Args:
        clock: seconds of a clock that nobody sets.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._full_until: dict[str, float] = {}  # address -> when all its failures are forgotten
        self._lock = threading.Lock()

    def wait_s(self, address: str) -> float:
        """Return for how many seconds an address may not try again, 0 where it may now."""
        with self._lock:
            full_until = self._full_until.get(address, 0.0)
        return max(0.0, full_until - self._clock() - (_AT_ONCE - 1) * _ONE_PER_S)

    def failed(self, address: str) -> None:
        """Note that an address tried a token that does not count."""
        with self._lock:
            moment = self._clock()
            before = max(moment, self._full_until.pop(address, moment))
            if len(self._full_until) >= _MOST_ADDRESSES:
                del self._full_until[next(iter(self._full_until))]
            self._full_until[address] = before + _ONE_PER_S
