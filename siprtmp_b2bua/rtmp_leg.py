"""The RTMP leg: one client's connection. It turns RTMP events into calls of a `Line`, and back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from media_bridge.video_tag import FOUR_CCS
from rtmp.aio.server import ServerConnection
from rtmp.amf0 import AmfValue
from rtmp.capabilities import Capabilities, FourCcInfo
from rtmp.errors import LocalProtocolError
from rtmp.events import (
    CallReceived,
    ConnectionClosed,
    ConnectRequested,
    Event,
    PauseRequested,
    PlayRequested,
    PublishRequested,
    SeekRequested,
    StreamClosed,
    StreamLengthRequested,
)
from rtmp.media_kind import ORDINARY_STARTS, MediaKind, media_kind
from rtmp.messages import MessageType, Payload

from .client_api import COMMANDS
from .connect_request import ConnectRequest, refuse_connect
from .default_track import configures_default_track
from .errors import B2buaError, RequestError
from .line import Line
from .line_table import LineTable
from .tasks import TaskGroup

logger = logging.getLogger(__name__)

_PUBLISHED_NAME: Final = "local"
_PLAYED_NAME: Final = "remote"
_AUDIO: Final = int(MessageType.AUDIO)
_ORDINARY_AUDIO: Final = ORDINARY_STARTS[_AUDIO]
_CAPABILITIES: Final = Capabilities(FOUR_CCS, dict.fromkeys(FOUR_CCS, FourCcInfo.CAN_DECODE))
"""One track without modifiers is what is asked for, though video of others is read (`default_track`); and no
audio: of that we take what Flash has (`media_bridge.video_tag`).
"""


class RtmpLeg:
    """A handler of one `ServerConnection`, and the `ClientPort` of its line."""

    def __init__(
        self, connection: ServerConnection, lines: LineTable, on_closed: Callable[[RtmpLeg], None]
    ) -> None:
        self.name = f"rtmp-{connection.id}"
        self._connection = connection
        self._lines = lines
        self._on_closed = on_closed
        self._line: Line | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._line_closes: asyncio.Task[None] | None = None
        self._early: list[tuple[str, tuple[AmfValue, ...]]] = []
        self._published: int | None = None
        self._audio_configuration: bytes | None = None
        self._video_configuration: bytes | None = None
        self._played: int | None = None
        self._is_paused = False
        self._play_began_s = 0.0
        self._played_until_ms = 0
        self._tasks = TaskGroup(self.name)

    def on_event(self, event: Event) -> None:
        """Take an event of the connection."""
        if isinstance(event, ConnectRequested):
            self._connecting = self._tasks.start(self._connect(event))
        elif isinstance(event, CallReceived):
            self._call_received(event)
        elif isinstance(event, PublishRequested):
            self._publish_requested(event)
        elif isinstance(event, PlayRequested):
            self._play_requested(event)
        elif isinstance(event, StreamClosed):
            self._stream_closed(event.stream_id)
        elif isinstance(event, PauseRequested):
            self._is_paused = event.paused
        elif isinstance(event, SeekRequested):
            self._connection.reject_seek(event.stream_id, "a call cannot be sought in")
        elif isinstance(event, StreamLengthRequested):
            self._connection.respond(event.transaction_id, 0.0)
        elif isinstance(event, ConnectionClosed):
            self._connection_closed(event)

    def _media_received(self, stream_id: int, type_id: int, timestamp_ms: int, payload: Payload) -> None:
        """Take audio or video of a published stream: not by an event, for it comes fifty times a second."""
        line = self._line
        if line is None or stream_id != self._published:
            return
        if type_id != _AUDIO:
            if configures_default_track(payload):
                self._video_configuration = bytes(payload)
            line.push_video(timestamp_ms, payload)
            return
        is_sound = len(payload) > 1 and _ORDINARY_AUDIO[payload[0] << 8 | payload[1]]
        if not is_sound and media_kind(_AUDIO, payload) is MediaKind.AUDIO_HEADER:
            self._audio_configuration = bytes(payload)
        line.push_audio(timestamp_ms, payload)

    def disconnect(self, reason: str) -> None:
        """Tell the client that it is out (`NetConnection.Connect.Closed`) and close the connection."""
        if not self._connection.is_closed:
            logger.info("%s: closed: %s", self.name, reason)
            if self._line is not None:
                self._connection.send_status(0, "status", "NetConnection.Connect.Closed", reason)
            self._connection.close()

    async def wait_free(self) -> None:
        """Wait until the client has no call, and knows it."""
        if self._line is not None:
            await self._line.wait_free()
        await self._tasks.wait()

    # -- connect -------------------------------------------------------------------------------------------

    async def _connect(self, event: ConnectRequested) -> None:
        try:
            request = ConnectRequest.parse(event)
            line = await self._lines.open(request, self)
        except B2buaError as error:
            refuse_connect(self._connection, self.name, error)
            return
        if self._connection.is_closed:
            await self._lines.close(line)
            return
        self._line = line
        self._connection.accept_connect(event, extra=_CAPABILITIES.to_command_object())
        for method, arguments in self._early:
            self._tell(method, *arguments)
        logger.info("%s: %s connected from %s", self.name, request.credentials.aor, self._connection.peername)

    async def wait_line_closed(self) -> None:
        """Once the connection has closed: wait until its line has ended as well, or is not made after all."""
        if self._connecting is not None:
            await asyncio.wait([self._connecting])
        if self._line_closes is not None:
            await asyncio.wait([self._line_closes])

    def _connection_closed(self, event: ConnectionClosed) -> None:
        if event.reason is not None:
            logger.info("%s: connection lost: %s", self.name, event.reason)
        self._on_closed(self)
        line, self._line = self._line, None
        if line is not None:
            self._line_closes = self._lines.close_soon(line)

    # -- the client's commands -----------------------------------------------------------------------------

    def _call_received(self, event: CallReceived) -> None:
        logger.debug("%s: client calls %.60s%.200r", self.name, event.name, event.arguments)
        command = COMMANDS.get(event.name)
        if self._line is None or command is None:
            self._call_failed(event, f"there is no method {event.name[:60]}")
            return
        try:
            work = command(self._line, event.arguments)
        except RequestError as error:
            self._call_failed(event, str(error))
            return
        self._tasks.start(self._run(event, work))

    async def _run(self, event: CallReceived, work: Awaitable[None]) -> None:
        try:
            await work
        except B2buaError as error:
            self._call_failed(event, str(error))
            return
        self._connection.respond(event.transaction_id, None)

    def _call_failed(self, event: CallReceived, description: str) -> None:
        """Answer with `_error`; a call without a transaction gets the same as a status of the connection."""
        logger.info("%s: %s failed: %s", self.name, event.name[:60], description)
        if event.transaction_id:
            self._connection.respond_error(event.transaction_id, "NetConnection.Call.Failed", description)
        else:
            self._connection.send_status(0, "error", "NetConnection.Call.Failed", description)

    # -- streams -------------------------------------------------------------------------------------------

    def _publish_requested(self, event: PublishRequested) -> None:
        name = event.name.partition("?")[0]
        if name != _PUBLISHED_NAME:
            self._connection.reject_publish(
                event.stream_id,
                "NetStream.Publish.BadName",
                f"{name[:60]!r} cannot be published here; the stream to the call is {_PUBLISHED_NAME!r}",
            )
            return
        self._published = event.stream_id
        self._connection.accept_publish(event.stream_id, sink=partial(self._media_received, event.stream_id))

    def _play_requested(self, event: PlayRequested) -> None:
        name = event.name.partition("?")[0]
        if name != _PLAYED_NAME:
            self._connection.reject_play(
                event.stream_id,
                "NetStream.Play.StreamNotFound",
                f"there is no stream {name[:60]!r}; the stream of the call is {_PLAYED_NAME!r}",
            )
            return
        self._connection.accept_play(event.stream_id, reset=event.reset)
        self._played = event.stream_id
        self._is_paused = False
        if not self._played_until_ms:
            self._play_began_s = asyncio.get_running_loop().time()
        if self._line is not None:
            self._line.client_plays()

    def _stream_closed(self, stream_id: int) -> None:
        if stream_id == self._published:
            self._published = self._audio_configuration = self._video_configuration = None
        if stream_id == self._played:
            self._played = None

    # -- ClientPort ----------------------------------------------------------------------------------------

    def invited(self, caller: str, called: str) -> None:
        """See `ClientPort`."""
        self._tell("invited", caller, called)

    def ringing(self, status: str) -> None:
        """See `ClientPort`."""
        self._tell("ringing", status)

    def accepted(self, audio: str | None, video: str | None, *, named: bool) -> None:
        """See `ClientPort`."""
        if named:
            self._tell("accepted", audio, video)
        else:
            self._tell("accepted")

    def rejected(self, status: str) -> None:
        """See `ClientPort`."""
        self._tell("rejected", status)

    def cancelled(self, caller: str, called: str) -> None:
        """See `ClientPort`."""
        self._tell("cancelled", caller, called)

    def byed(self) -> None:
        """See `ClientPort`."""
        self._tell("byed")

    def holded(self, held: bool) -> None:
        """See `ClientPort`."""
        self._tell("holded", held)

    @property
    def stream_time_ms(self) -> int:
        """See `ClientPort`."""
        elapsed_ms = int((asyncio.get_running_loop().time() - self._play_began_s) * 1000)
        return max(elapsed_ms, self._played_until_ms)

    @property
    def audio_configuration(self) -> bytes | None:
        """See `ClientPort`."""
        return self._audio_configuration

    @property
    def video_configuration(self) -> bytes | None:
        """See `ClientPort`."""
        return self._video_configuration

    def play_audio(self, timestamp_ms: int, tag: Payload) -> None:
        """See `ClientPort`."""
        self._played_until_ms = timestamp_ms + 1
        if self._played is not None and not self._is_paused:
            self._connection.send_audio(self._played, timestamp_ms, tag)

    def play_video(self, timestamp_ms: int, tag: Payload) -> None:
        """See `ClientPort`."""
        self._played_until_ms = max(self._played_until_ms, timestamp_ms + 1)
        if self._played is not None and not self._is_paused:
            self._connection.send_video(self._played, timestamp_ms, tag)

    def key_picture_wanted(self) -> None:
        """See `ClientPort`."""
        if self._published is not None:
            self._connection.send_status(
                self._published, "status", "NetStream.Video.KeyFrameRequested", "The peer needs a key frame."
            )

    def _tell(self, method: str, *arguments: AmfValue) -> None:
        if self._line is None:
            # A call can arrive in the moment between the registrar's 200 and our answer to connect.
            self._early.append((method, arguments))
            return
        logger.debug("%s: client is told %s%.200r", self.name, method, arguments)
        try:
            self._connection.call(method, *arguments)
        except LocalProtocolError as error:
            # The connection is on its way out; the line hears of it by ConnectionClosed.
            logger.debug("%s: %s not delivered: %s", self.name, method, error)
