"""Ends a worker that hangs, or was frozen until others took over: from a thread, for the rest may hang."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Watchdog:
    """Calls `bite` once nothing was `seen` for so many seconds, asleep or awake."""

    def __init__(self, limit_s: float, bite: Callable[[], None]) -> None:
        self._limit_s = limit_s
        self._bite = bite
        self._seen_at = time.monotonic()
        self._over = threading.Event()

    def seen(self) -> None:
        """The worker is well."""
        self._seen_at = time.monotonic()

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watches while the block runs."""
        self.seen()
        threading.Thread(target=self._watch, daemon=True).start()
        try:
            yield
        finally:
            self._over.set()

    def _watch(self) -> None:
        while not self._over.wait(min(1.0, self._limit_s / 10)):
            if time.monotonic() - self._seen_at > self._limit_s:
                self._bite()
                return
