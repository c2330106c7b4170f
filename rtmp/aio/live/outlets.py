"""Where the messages of a live stream go: to players' connections, and into files."""

from __future__ import annotations

from functools import partial

from rtmp.aio.recorder import Recorder
from rtmp.aio.server import ServerConnection
from rtmp.shared_message import SharedMessage


class PlayerOutlet:
    """An `Outlet` on a message stream that plays; on a connection that has ended it does nothing."""

    __slots__ = ("_connection", "_stream_id", "offer", "send")

    def __init__(self, connection: ServerConnection, stream_id: int) -> None:
        self._connection = connection
        self._stream_id = stream_id
        # not methods: each would be one more call for every message and player
        self.offer = partial(connection.offer_shared, stream_id)
        self.send = partial(connection.send_shared, stream_id)

    def begin(self) -> None:
        """Send NetStream.Play.PublishNotify."""
        self._connection.announce_publish(self._stream_id)

    def end(self) -> None:
        """Send NetStream.Play.UnpublishNotify."""
        self._connection.announce_unpublish(self._stream_id)


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
