"""A message stream of an RTMP client."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from rtmp.aio.connection import Connection
from rtmp.amf0 import AmfValue
from rtmp.client_session import PLAY_ALL, PLAY_LIVE_OR_RECORDED, ClientSession
from rtmp.errors import ConnectionLost, LocalProtocolError, RtmpError, StreamFailed
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
        self._waiting: tuple[str, asyncio.Future[StatusReceived]] | None = None

    async def publish(self, name: str, kind: str = "live", *, announce: bool = False) -> StatusReceived:
        """Publish, see `ClientSession.publish`; return the server's status.

        Raises StreamFailed if refused, ConnectionLost, LocalProtocolError.
        """
        self._check_free()
        self._connection.session.publish(self.stream_id, name, kind, announce=announce)
        return await self._answer("NetStream.Publish.Start")

    async def play(
        self,
        name: str,
        start: float = PLAY_LIVE_OR_RECORDED,
        duration: float = PLAY_ALL,
        reset: bool = True,
        *,
        announce: bool = False,
    ) -> StatusReceived:
        """Play, see `ClientSession.play`; return the server's status when it begins.

        Without `reset` that is when what plays is over: `play_next` does not wait. Raises StreamFailed if
        refused, ConnectionLost, LocalProtocolError.
        """
        self._check_free()
        self._connection.session.play(self.stream_id, name, start, duration, reset, announce=announce)
        return await self._answer("NetStream.Play.Start")

    def play_next(self, name: str, start: float = PLAY_LIVE_OR_RECORDED, duration: float = PLAY_ALL) -> None:
        """Have this played after what plays, and after what was to be played next before.

        `on_status` hears NetStream.Play.Start when it begins, or why it does not. Raises LocalProtocolError
        unless the stream plays, or is idle.
        """
        if not self._connection.is_closed:
            self._connection.session.play(self.stream_id, name, start, duration, reset=False)
            self._connection.commands_given()

    async def pause(self, position_ms: float) -> StatusReceived:
        """Pause the player, which is at this position. Raises as `play`."""
        self._check_free()
        self._connection.session.pause(self.stream_id, True, position_ms)
        return await self._answer("NetStream.Pause.Notify")

    async def resume(self, position_ms: float) -> StatusReceived:
        """Go on from this position. Raises as `play`."""
        self._check_free()
        self._connection.session.pause(self.stream_id, False, position_ms)
        return await self._answer("NetStream.Unpause.Notify")

    async def seek(self, position_ms: float) -> StatusReceived:
        """Seek; raises as `play`, StreamFailed for a stream that cannot."""
        self._check_free()
        self._connection.session.seek(self.stream_id, position_ms)
        return await self._answer("NetStream.Seek.Notify")

    def receive_audio(self, wanted: bool) -> None:
        """Say whether audio is wanted from now on. Raises LocalProtocolError unless the stream plays."""
        if not self._connection.is_closed:
            self._connection.session.receive_audio(self.stream_id, wanted)
            self._connection.commands_given()

    def receive_video(self, wanted: bool) -> None:
        """Say whether video is wanted from now on. Raises LocalProtocolError unless the stream plays."""
        if not self._connection.is_closed:
            self._connection.session.receive_video(self.stream_id, wanted)
            self._connection.commands_given()

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

    def _check_free(self) -> None:
        if self._connection.is_closed:
            raise ConnectionLost("the connection is closed")
        if self._waiting is not None:
            raise LocalProtocolError("another command of this stream still waits for its answer")

    async def _answer(self, code: str) -> StatusReceived:
        self._connection.commands_given()
        future: asyncio.Future[StatusReceived] = asyncio.get_running_loop().create_future()
        self._waiting = (code, future)
        try:
            return await future
        finally:
            self._waiting = None

    def handle_status(self, event: StatusReceived) -> None:
        """Take a status of this stream (called by the client)."""
        if self._waiting is not None:
            code, future = self._waiting
            if future.done():
                pass
            elif event.level == "error" or event.code == "NetStream.Play.StreamNotFound":
                info = event.info if isinstance(event.info, Mapping) else {}
                future.set_exception(StreamFailed(event.code, event.description, info))
            elif event.code == code:
                future.set_result(event)
        if self.on_status is not None:
            self.on_status(event)

    def handle_lost(self, error: RtmpError) -> None:
        """Take note that the connection is gone (called by the client); nobody is called back any more."""
        if self._waiting is not None and not self._waiting[1].done():
            self._waiting[1].set_exception(error)
        self.on_audio = self.on_video = self.on_data = self.on_status = None

    def _send_media(
        self, send: Callable[[int, int, Payload], None], timestamp_ms: int, payload: Payload
    ) -> None:
        connection = self._connection
        if not connection.is_closed and connection.media_has_room():
            send(self.stream_id, timestamp_ms, payload)
            connection.commands_given()
