"""The newest messages of a live stream, numbered: from its last key picture on, or from where a player is."""

from __future__ import annotations

from rtmp.relay.limits import RelayLimits
from rtmp.shared_message import SharedMessage


class Backlog:
    """Messages `first` to `end` - 1; `key` is the number of the newest key picture among them, if any.

    What it does not keep is gone for players that are behind: they go on at `key`, or at the end.
    """

    def __init__(self, limits: RelayLimits) -> None:
        self._max_bytes = limits.max_backlog_bytes
        self._max_messages = limits.max_backlog_messages
        self._messages: list[SharedMessage] = []
        self._bytes = 0
        self.first = 0
        self.key: int | None = None

    @property
    def end(self) -> int:
        """The number that the next message gets."""
        return self.first + len(self._messages)

    @property
    def size(self) -> int:
        """Payload bytes that are kept."""
        return self._bytes

    def get(self, number: int) -> SharedMessage | None:
        """Return a message, None if it is no longer or not yet there."""
        at = number - self.first
        return self._messages[at] if 0 <= at < len(self._messages) else None

    def append(self, message: SharedMessage, wanted_from: int | None) -> None:
        """Keep a message. With a key picture, those before it go, unless somebody wants them.

        `wanted_from` is the place of the player that is furthest behind, None if all have everything.
        """
        if message.is_key:
            self.key = self.end
            self._forget_until(self.key if wanted_from is None else min(wanted_from, self.key))
        elif self.key is None:
            # nobody can begin at any of these
            if wanted_from is None:
                self.first += len(self._messages) + 1
                self._messages.clear()
                self._bytes = 0
                return
            self._forget_until(wanted_from)
        self._messages.append(message)
        self._bytes += len(message.payload)
        if self._bytes > self._max_bytes or len(self._messages) > self._max_messages:
            self._shrink()

    def _shrink(self) -> None:
        if self.key is not None:
            self._forget_until(self.key)
        if self._bytes > self._max_bytes or len(self._messages) > self._max_messages:
            self._forget_until(self.end)
            self.key = None

    def _forget_until(self, number: int) -> None:
        count = number - self.first
        if count > 0:
            self._bytes -= sum(len(message.payload) for message in self._messages[:count])
            del self._messages[:count]
            self.first = number
