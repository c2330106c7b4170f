"""Where the messages of a live player go: to a stream of a connection."""

from __future__ import annotations

from functools import partial

from rtmp.aio.server import ServerConnection


class LiveOutlet:
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
