"""Where the messages of a live stream go: to players' connections, and into files."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from rtmp.aio.recording.recorder import Recorder
from rtmp.aio.server import ServerConnection
from rtmp.messages import MessageType, milliseconds_between
from rtmp.relay.live_player import Outlet
from rtmp.shared_message import SharedMessage


class PlayerOutlet:
    """An `Outlet` on a message stream that plays; on a connection that has ended it does nothing."""

    __slots__ = ("_connection", "_on_end", "_stream_id", "has_ended", "offer", "send")

    def __init__(self, connection: ServerConnection, stream_id: int, on_end: Callable[[], None]) -> None:
        self.has_ended = False
        """Whether there was a publisher, and there is none now."""
        self._connection = connection
        self._on_end = on_end
        self._stream_id = stream_id
        # not methods: each would be one more call for every message and player
        self.offer = partial(connection.offer_shared, stream_id)
        self.send = partial(connection.send_shared, stream_id)

    def begin(self) -> None:
        """Send NetStream.Play.PublishNotify."""
        self.has_ended = False
        self._connection.announce_publish(self._stream_id)

    def end(self) -> None:
        """Send NetStream.Play.UnpublishNotify, and say so."""
        self.has_ended = True
        self._connection.announce_unpublish(self._stream_id)
        # not now: the stream is going through its players
        asyncio.get_running_loop().call_soon(self._on_end)


class TimedOutlet:
    """An `Outlet` before another one, that has enough after so many milliseconds of the stream."""

    def __init__(self, outlet: Outlet, duration_ms: float, on_enough: Callable[[], None]) -> None:
        self._outlet = outlet
        self._duration_ms = duration_ms
        self._on_enough = on_enough
        self._began_ms: int | None = None
        self._has_enough = False

    def offer(self, message: SharedMessage) -> bool:
        """Send a message if there is room and it is early enough."""
        return not self._is_in_time(message) or self._outlet.offer(message)

    def send(self, message: SharedMessage) -> None:
        """Send a message if it is early enough."""
        if self._is_in_time(message):
            self._outlet.send(message)

    def begin(self) -> None:
        """As the other outlet."""
        self._outlet.begin()

    def end(self) -> None:
        """As the other outlet."""
        self._outlet.end()

    def _is_in_time(self, message: SharedMessage) -> bool:
        if message.is_header or message.type_id == MessageType.DATA_AMF0:
            return not self._has_enough
        if self._began_ms is None:
            self._began_ms = message.timestamp_ms
        played_ms = milliseconds_between(self._began_ms, message.timestamp_ms)
        if played_ms >= self._duration_ms and not self._has_enough:
            self._has_enough = True
            # not now: the stream is going through its players
            asyncio.get_running_loop().call_soon(self._on_enough)
        return not self._has_enough


class RecordingOutlet:
    """An `Outlet` that has room for everything: the recorder itself drops what the disk is too slow for."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def offer(self, message: SharedMessage) -> bool:
        """Record a message."""
        self.send(message)
        return True

    def send(self, message: SharedMessage) -> None:
        """Record a message."""
        self._recorder.write(message.type_id, message.timestamp_ms, message.payload)

    def begin(self) -> None:
        """Never comes: a recording ends with its publisher."""

    def end(self) -> None:
        """Nothing: whoever made the recorder finishes it."""
