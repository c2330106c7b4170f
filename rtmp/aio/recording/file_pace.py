"""How fast one connection is served with files, whichever of its streams plays them."""

from __future__ import annotations

from typing import Final
from weakref import WeakKeyDictionary

from rtmp.aio.server import ServerConnection
from rtmp.limits import Limits
from rtmp.token_bucket import TokenBucket


class FilePace:
    """Bytes that are read of files for one connection, at most `Limits.max_file_bytes_per_second`.

    They count when they are read, so that one who seeks again and again pays for what is not sent, too.
    """

    def __init__(self, limits: Limits, now_s: float) -> None:
        rate = limits.max_file_bytes_per_second
        self._bucket = TokenBucket(rate, rate * limits.rate_burst_s, now_s)
        self._total = 0

    @classmethod
    def of(cls, connection: ServerConnection, now_s: float) -> FilePace:
        """Return that of a connection: it outlives what plays, so that playing anew earns nothing."""
        pace = _paces.get(connection)
        if pace is None:
            pace = _paces[connection] = cls(connection.session.limits, now_s)
        return pace

    def add(self, size: int) -> None:
        """Note that so many bytes were read."""
        self._total += size

    def wait_s(self, now_s: float) -> float:
        """Return how long to read nothing, 0.0 if more may be read."""
        return self._bucket.wait(self._total, now_s) if self._total > self._bucket.mark else 0.0


_paces: Final[WeakKeyDictionary[ServerConnection, FilePace]] = WeakKeyDictionary()
