"""A message stream of an RTMP client."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from rtmp.aio.connection import Connection
from rtmp.amf0 import AmfValue
from rtmp.client_session import ClientSession
from rtmp.errors import ConnectionLost, RtmpError, StreamFailed
from rtmp.events import StatusReceived
from rtmp.messages import Payload

OnMedia = Callable[[int, Payload], None]
OnData = Callable[[int, tuple[AmfValue, ...]], None]


class ClientStream:
    """A message stream (NetStream). Set the `on_...` callbacks, then publish or play.

    `on_audio` and `on_video` get (timestamp_ms, payload), `on_data` (timestamp_ms, values), `on_status` the
    event. They run on the event loop and must not block.
    """

    def __init__(self, connection: Connection[ClientSession], stream_id: int) -> None:
        self.stream_id = stream_id
        self.on_audio: OnMedia | None = None
        self.on_video: OnMedia | None = None
        self.on_data: OnData | None = None
        self.on_status: Callable[[StatusReceived], None] | None = None
        self._connection = connection
        self.is_deleted = False
        self._start: asyncio.Future[StatusReceived] | None = None

    async def publish(self, name: str, kind: str = "live") -> StatusReceived:
        """Publish; return the server's status. Raises StreamFailed if refused, ConnectionLost."""
        self._check_connection()
        self._connection.session.publish(self.stream_id, name, kind)
        return await self._started()

    async def play(self, name: str, start: float = -2000.0) -> StatusReceived:
        """Play; return the server's status. Raises StreamFailed if refused, ConnectionLost."""
        self._check_connection()
        self._connection.session.play(self.stream_id, name, start)
        return await self._started()

    def send_audio(self, timestamp_ms: int, payload: Payload) -> None:
        """Send audio, dropped and counted while the server reads too slowly or if the connection is gone."""
        self._send_media(self._connection.session.send_audio, timestamp_ms, payload)

    def send_video(self, timestamp_ms: int, payload: Payload) -> None:
        """Send video, dropped and counted while the server reads too slowly or if the connection is gone."""
        self._send_media(self._connection.session.send_video, timestamp_ms, payload)

    def send_data(self, timestamp_ms: int, *values: AmfValue) -> None:
        """Send a data message."""
        if not self._connection.is_closed:
            self._connection.session.send_data(self.stream_id, timestamp_ms, *values)
            self._connection.commands_given()

    def stop(self) -> None:
        """Stop publishing or playing; the stream can be used again (closeStream)."""
        if not self._connection.is_closed:
            self._connection.session.close_stream(self.stream_id)
            self._connection.commands_given()

    def close(self) -> None:
        """Stop publishing or playing and give the stream up (deleteStream)."""
        if not self.is_deleted and not self._connection.is_closed:
            self.is_deleted = True
            self._connection.session.delete_stream(self.stream_id)
            self._connection.commands_given()

    def _check_connection(self) -> None:
        if self._connection.is_closed:
            raise ConnectionLost("the connection is closed")

    async def _started(self) -> StatusReceived:
        self._connection.commands_given()
        self._start = asyncio.get_running_loop().create_future()
        try:
            return await self._start
        finally:
            self._start = None

    def handle_status(self, event: StatusReceived) -> None:
        """Take a status of this stream (called by the client)."""
        waits = self._start is not None and not self._start.done()
        if waits and self._start is not None:
            if event.level == "error" or event.code == "NetStream.Play.StreamNotFound":
                info = event.info if isinstance(event.info, Mapping) else {}
                self._start.set_exception(StreamFailed(event.code, event.description, info))
            elif event.code in ("NetStream.Publish.Start", "NetStream.Play.Start"):
                self._start.set_result(event)
        if self.on_status is not None:
            self.on_status(event)

    def handle_lost(self, error: RtmpError) -> None:
        """Take note that the connection is gone (called by the client)."""
        if self._start is not None and not self._start.done():
            self._start.set_exception(error)

    def _send_media(
        self, send: Callable[[int, int, Payload], None], timestamp_ms: int, payload: Payload
    ) -> None:
        connection = self._connection
        if not connection.is_closed and connection.media_has_room():
            send(self.stream_id, timestamp_ms, payload)
            connection.commands_given()
