"""What a server makes of what its client does with streams: makes them, publishes, plays."""

from __future__ import annotations

import math

from rtmp.amf0 import AmfValue
from rtmp.commands import RESULT, SET_DATA_FRAME, Command
from rtmp.errors import LocalProtocolError
from rtmp.events import (
    AudioReceived,
    BufferLengthSet,
    PauseRequested,
    PlayQueued,
    PlayRequested,
    PublishRequested,
    ReceiveChanged,
    SeekRequested,
    StreamClosed,
    StreamCreated,
    VideoReceived,
)
from rtmp.handshake import Handshake
from rtmp.limits import DEFAULT_LIMITS, Limits
from rtmp.messages import Message, UserControl, UserControlType
from rtmp.server_answers import ServerAnswers
from rtmp.server_stream import ServerStream
from rtmp.state import StreamInput, StreamState

_PLAYS = (StreamState.PLAY_REQUESTED, StreamState.PLAYING)
_QUEUE_AT_ONCE, _REPLACE_AT_ONCE = 2, 3


class StreamRequests(ServerAnswers):
    """Keeps the message streams of the client, and turns what it wants of them into events."""

    def __init__(self, handshake: Handshake, limits: Limits = DEFAULT_LIMITS, chunk_size: int = 4096) -> None:
        super().__init__(handshake, limits, chunk_size)
        self._streams: dict[int, ServerStream] = {}

    @property
    def is_in_use(self) -> bool:
        """Whether a stream is published or played, or is to be."""
        return any(stream.state is not StreamState.IDLE for stream in self._streams.values())

    @property
    def publishing_streams(self) -> list[int]:
        """The streams that the client publishes."""
        return [stream_id for stream_id in self._streams if self._publishing(stream_id)]

    def stream_state(self, stream_id: int) -> StreamState | None:
        """Return the state of a stream, None if it does not exist."""
        stream = self._streams.get(stream_id)
        return stream.state if stream else None

    def _stream(self, stream_id: int) -> ServerStream:
        self._check_connected()
        stream = self._streams.get(stream_id)
        if stream is None:
            raise LocalProtocolError(f"there is no stream {stream_id}")
        return stream

    def _on_create_stream(self, command: Command, _stream_id: int) -> None:
        limit = self.limits.max_streams
        stream_id = next((free for free in range(1, limit + 1) if free not in self._streams), 0)
        if not stream_id:
            self._send_error(
                command.transaction_id, "NetConnection.Call.Failed", f"more than {limit} streams"
            )
            return
        self._streams[stream_id] = ServerStream(stream_id)
        if command.transaction_id:
            self._send_command(Command(RESULT, command.transaction_id, None, (float(stream_id),)))
        self._events.append(StreamCreated(stream_id, command.transaction_id))

    def _on_delete_stream(self, command: Command, _stream_id: int) -> None:
        argument = command.arguments[0] if command.arguments else 0
        stream_id = int(argument) if isinstance(argument, int | float) and abs(argument) < 2**32 else 0
        stream = self._streams.pop(stream_id, None)
        if stream is not None:
            self._end(stream)

    def _on_close_stream(self, _command: Command, stream_id: int) -> None:
        stream = self._streams.get(stream_id)
        if stream is not None:
            self._stop(stream)

    def _stop(self, stream: ServerStream) -> None:
        """End what a stream does because its client wants to, and say that it is over."""
        state, name = stream.state, stream.name
        self._end(stream)
        if state is StreamState.PUBLISHING:
            text = f"{name} is now unpublished."
            self._send_status(stream.stream_id, "status", "NetStream.Unpublish.Success", text)
        elif state is StreamState.PLAYING:
            self._send_status(stream.stream_id, "status", "NetStream.Play.Stop", f"Stopped playing {name}.")

    def _end(self, stream: ServerStream) -> None:
        stream.playlist.clear()
        if stream.state is not StreamState.IDLE:
            stream.advance(StreamInput.CLOSE)
            self._sinks.pop(stream.stream_id, None)
            self._events.append(StreamClosed(stream.stream_id))

    def _close_streams(self) -> None:
        for stream in self._streams.values():
            self._end(stream)
        self._streams.clear()

    def _start(self, command: Command, stream_id: int, cause: StreamInput) -> ServerStream | None:
        """Return the stream that is to publish or play, None if there is none or it is only to stop.

        Flash stops with the name `false`, and may give a new name without stopping first.
        """
        stream = self._streams.get(stream_id)
        if stream is None:
            self._send_status(stream_id, "error", "NetStream.Failed", f"there is no stream {stream_id}")
            return None
        if _only_stops(command):
            self._stop(stream)
            return None
        self._end(stream)
        stream.advance(cause)
        stream.name = _name(command)
        stream.receive(audio=True, video=True)
        return stream

    def _on_publish(self, command: Command, stream_id: int) -> None:
        stream = self._start(command, stream_id, StreamInput.PUBLISH)
        if stream is not None:
            kind = command.arguments[1] if len(command.arguments) > 1 else None
            kind = kind if isinstance(kind, str) else "live"
            self._events.append(PublishRequested(stream_id, stream.name, kind))

    def _on_play(self, command: Command, stream_id: int) -> None:
        play = _play_requested(command, stream_id)
        stream = self._streams.get(stream_id)
        if play.reset or _only_stops(command) or stream is None or stream.state not in _PLAYS:
            if self._start(command, stream_id, StreamInput.PLAY) is not None:
                self._events.append(play)
        else:
            self._enqueue(stream, play)

    def _enqueue(self, stream: ServerStream, play: PlayRequested) -> None:
        limits, playlist = self.limits, stream.playlist
        names = sum(len(each.name) for each in playlist) + len(play.name)
        if len(playlist) >= limits.max_playlist or names > limits.max_playlist_names:
            text = f"{len(playlist)} streams wait to be played, and no more may"
            self._send_status(stream.stream_id, "error", "NetStream.Play.Failed", text)
        else:
            playlist.append(play)
            self._events.append(PlayQueued(stream.stream_id))

    def _on_receive(self, command: Command, stream_id: int) -> None:
        stream = self._streams.get(stream_id)
        if stream is None:
            return
        wanted = bool(command.arguments[0]) if command.arguments else True
        if command.name == "receiveAudio":
            stream.receive(audio=wanted, video=stream.video)
        else:
            stream.receive(audio=stream.audio, video=wanted)
        self._events.append(ReceiveChanged(stream_id, stream.audio, stream.video))

    def _on_pause(self, command: Command, stream_id: int) -> None:
        stream = self._streams.get(stream_id)
        if stream is None or stream.state not in _PLAYS:  # it may pause between two plays of its list
            return
        paused = bool(command.arguments[0]) if command.arguments else True
        position = command.arguments[1] if len(command.arguments) > 1 else None
        code = "NetStream.Pause.Notify" if paused else "NetStream.Unpause.Notify"
        self._send_status(stream_id, "status", code, stream.name)
        self._events.append(PauseRequested(stream_id, paused, _milliseconds(position)))

    def _on_seek(self, command: Command, stream_id: int) -> None:
        stream = self._streams.get(stream_id)
        if stream is None:
            return
        position_ms = _milliseconds(command.arguments[0] if command.arguments else None)
        if stream.state not in _PLAYS or position_ms is None:
            self._send_status(stream_id, "error", "NetStream.Seek.Failed", "nothing plays, or seek to where?")
        else:
            self._events.append(SeekRequested(stream_id, position_ms))

    def _on_play2(self, _command: Command, stream_id: int) -> None:
        if stream_id in self._streams:
            self._send_status(stream_id, "error", "NetStream.Play.Failed", "play2 is not supported: use play")

    def _on_stream_control(self, control: UserControl) -> None:
        if control.event_type == UserControlType.SET_BUFFER_LENGTH:
            self._events.append(BufferLengthSet(*control.values[:2]))

    def _publishing(self, stream_id: int) -> bool:
        stream = self._streams.get(stream_id)
        return stream is not None and stream.state is StreamState.PUBLISHING

    def _on_audio(self, message: Message) -> None:
        # media of a stream that does not publish is what was under way when it ended
        if self._publishing(message.stream_id):
            self._events.append(AudioReceived(message.stream_id, message.timestamp_ms, message.payload))

    def _on_video(self, message: Message) -> None:
        if self._publishing(message.stream_id):
            self._events.append(VideoReceived(message.stream_id, message.timestamp_ms, message.payload))

    def _takes_data(self, stream_id: int) -> bool:
        return self._publishing(stream_id)

    def _data_values(self, values: tuple[AmfValue, ...]) -> tuple[AmfValue, ...]:
        return values[1:] if values and values[0] == SET_DATA_FRAME else values


def _play_requested(command: Command, stream_id: int) -> PlayRequested:
    start, duration, reset = (*command.arguments[1:4], None, None, None)[:3]
    return PlayRequested(
        stream_id,
        _name(command),
        _number(start, -2000.0),
        _number(duration, -1000.0),
        # 0 or false queues, 1 or true replaces; 2 and 3 are the same with all messages at once
        reset=reset is None or (bool(reset) and reset != _QUEUE_AT_ONCE),
        at_once=reset in (_QUEUE_AT_ONCE, _REPLACE_AT_ONCE),
    )


def _only_stops(command: Command) -> bool:
    """Return whether the name in publish or play is `false`."""
    return bool(command.arguments) and command.arguments[0] is False


def _name(command: Command) -> str:
    name = command.arguments[0] if command.arguments else None
    return name if isinstance(name, str) else ""


def _number(value: AmfValue, default: float) -> float:
    """Return a number that a client sent, the default if it is none, or no finite one."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return default
    return float(value)


def _milliseconds(value: AmfValue) -> float | None:
    """Return a time that a client sent, None if it is no such thing."""
    number = _number(value, math.nan)
    return None if math.isnan(number) else max(number, 0.0)
