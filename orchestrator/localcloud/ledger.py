"""How much of the storage quota is in use, counted while bytes arrive."""

import threading

from orchestrator.localcloud.refusal import storage_full


class Ledger:
    """Bytes in use of a quota. Safe to use from several threads; starts from what the database says."""

    def __init__(self, quota_bytes: int, *, used_bytes: int) -> None:
        self._quota_bytes = quota_bytes
        self._used_bytes = used_bytes
        self._lock = threading.Lock()

    def check(self, size_bytes: int) -> None:
        """Raises Refusal (storage_quota_exceeded) where `size_bytes` more would not fit."""
        if self._used_bytes + size_bytes > self._quota_bytes:
            raise storage_full()

    def take(self, size_bytes: int, *, beyond_quota: bool = False) -> None:
        """Counts `size_bytes` as used; raises as `check` does unless `beyond_quota`."""
        with self._lock:
            if size_bytes and not beyond_quota:
                self.check(size_bytes)
            self._used_bytes += size_bytes

    def give_back(self, size_bytes: int) -> None:
        """Counts `size_bytes` as free again."""
        with self._lock:
            self._used_bytes -= size_bytes
