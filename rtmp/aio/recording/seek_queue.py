"""The seeks of a client that wait for their answers."""

from __future__ import annotations

from typing import Final

from rtmp.aio.server import ServerConnection

_MAX_SEEKS: Final = 64
"""How many may wait, such as while a file is looked through."""


class SeekQueue:
    """Of one stream, which plays or is to; it must play when they are accepted."""

    def __init__(self, connection: ServerConnection, stream_id: int) -> None:
        self._connection = connection
        self._stream_id = stream_id
        self._waiting_ms: list[float] = []

    def __bool__(self) -> bool:
        return bool(self._waiting_ms)

    def add(self, position_ms: float) -> None:
        """Have a seek wait; reject it if too many do."""
        if len(self._waiting_ms) < _MAX_SEEKS:
            self._waiting_ms.append(position_ms)
        else:
            self.reject([position_ms], "too many seeks wait for an answer")

    def take(self) -> list[float]:
        """Return, and forget, all that wait: to `answer` or to `reject`."""
        waiting, self._waiting_ms = self._waiting_ms, []
        return waiting

    def answer(self, positions_ms: list[float], last_ms: float) -> None:
        """Accept those that are not behind the end, and reject the others."""
        for position_ms in positions_ms:
            if position_ms <= last_ms:
                self._connection.accept_seek(self._stream_id, position_ms)
            else:
                self._connection.reject_seek(
                    self._stream_id,
                    f"{position_ms:.0f} ms is behind the end at {last_ms:.0f} ms",
                    "NetStream.Seek.InvalidTime",
                    {"details": last_ms / 1000},
                )

    def reject(self, positions_ms: list[float], reason: str) -> None:
        """Reject all of them."""
        for _ in positions_ms:
            self._connection.reject_seek(self._stream_id, reason)
