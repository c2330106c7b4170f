"""One player of a live stream: what it gets, and what it goes without when it does not keep up."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from rtmp.messages import MessageType
from rtmp.relay.backlog import Backlog
from rtmp.shared_message import SharedMessage


class Outlet(Protocol):
    """Where the messages of a player go."""

    def offer(self, message: SharedMessage) -> bool:
        """Send a message if there is room; return whether there was."""
        ...

    def send(self, message: SharedMessage) -> None:
        """Send a message in any case."""
        ...

    def begin(self) -> None:
        """Note that the stream is published again."""
        ...

    def end(self) -> None:
        """Note that the stream is no longer published, and all of it sent; it may be published again."""
        ...


class LivePlayer:
    """Gets each message at once while its outlet has room.

    Without room it falls behind: from then on its `place` in the backlog counts, and whoever drains the
    outlet has it catch up. If its place is lost or too old it goes on at a key picture: it loses whole
    pictures only.
    """

    def __init__(self, outlet: Outlet, backlog: Backlog) -> None:
        self.outlet = outlet
        self.offer = outlet.offer
        self.sees = self.hears = False
        """Whether video, and whether all else, may go to `offer` as it comes; if not, `take` decides."""
        self.place: int | None = None
        """The number of the message that is due, None if it is up to date."""
        self.lost = 0
        """Messages that it was not sent."""
        self.is_paused = False
        """Whether it wants nothing for the time being."""
        self.paused_at: int | None = None
        """The number of the message that was due when it paused."""
        self._backlog = backlog
        self._waits_for_key = True
        self._is_last = False

    def take(self, message: SharedMessage) -> None:
        """Send the newest message, or fall behind with it."""
        if self.place is None and not self.is_paused:
            if not self._offer(message):
                self.place = self._backlog.end
            self._settle()

    def go_to(self, number: int | None, headers: Iterable[SharedMessage]) -> None:
        """Send the headers, and let the message of that number be the next.

        With None, what comes is the next, pictures from the next key picture on.
        """
        if self.place is not None:
            self.lost += (self._backlog.end if number is None else number) - self.place
        for header in headers:
            self.outlet.send(header)
        self.place = number
        self._waits_for_key = number is None
        self._settle()

    def pause(self) -> None:
        """Send nothing until `unpause`."""
        if not self.is_paused:
            self.is_paused = True
            self.paused_at = self._backlog.end if self.place is None else self.place
            self.place = None
            self._settle()

    def unpause(self, at: int | None) -> None:
        """Go on, with the message of that number or with what comes."""
        self.is_paused = False
        self.paused_at = None
        self.place = at
        self._settle()

    def catch_up(self) -> bool:
        """Send of the backlog what there is room for; return False if the player's place in it is gone."""
        backlog = self._backlog
        while self.place is not None and self.place < backlog.end:
            message = backlog.get(self.place)
            if message is None:
                return False
            if not self._offer(message):
                return True
            self.place += 1
        self.place = None
        self._settle()
        if self._is_last:
            self._is_last = False
            self.outlet.end()
        return True

    def end(self) -> None:
        """Note that nothing more comes: tell the outlet, once the player has caught up."""
        self._is_last = True
        if self.is_paused:
            self.paused_at = None  # who pauses does not wait for the rest
        self.catch_up()

    def begin(self, backlog: Backlog) -> None:
        """Note that the stream begins anew."""
        if self._is_last:
            if self.place is not None:
                self.lost += self._backlog.end - self.place
            self._is_last = False
            self.outlet.end()
        self.place = self.paused_at = None
        self._backlog = backlog
        self._waits_for_key = True
        self._settle()
        self.outlet.begin()

    def wait_for_key(self) -> None:
        """Leave out pictures until the next key picture."""
        self._waits_for_key = True
        self._settle()

    def _settle(self) -> None:
        self.hears = self.place is None and not self.is_paused
        self.sees = self.hears and not self._waits_for_key

    def _offer(self, message: SharedMessage) -> bool:
        if self._waits_for_key and message.type_id == MessageType.VIDEO and not message.is_header:
            if not message.is_key:
                self.lost += 1
                return True
            self._waits_for_key = not self.outlet.offer(message)
            return not self._waits_for_key
        return self.outlet.offer(message)
