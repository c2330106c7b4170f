"""What a session tells its user, in the order in which the peer caused it.

`stream_id` is the message stream id, 0 for the connection itself. Timestamps are milliseconds modulo 2^32.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from rtmp.amf_value import AmfValue
from rtmp.errors import RtmpError
from rtmp.messages import Payload


@dataclass(frozen=True, slots=True)
class ConnectRequested:
    """(server) The client wants to connect; answer with accept_connect or reject_connect."""

    transaction_id: float
    app: str
    tc_url: str
    command_object: Mapping[str, AmfValue]
    arguments: tuple[AmfValue, ...]
    object_encoding: int


@dataclass(frozen=True, slots=True)
class ConnectAccepted:
    """(client) The server accepted `connect`."""

    description: str
    properties: AmfValue
    info: AmfValue


@dataclass(frozen=True, slots=True)
class ConnectRefused:
    """(client) The server answered `connect` with `_error`."""

    code: str
    description: str
    info: AmfValue


@dataclass(frozen=True, slots=True)
class CallReceived:
    """The peer called a method that the session does not handle itself; id 0 wants no answer."""

    name: str
    transaction_id: float
    arguments: tuple[AmfValue, ...]
    stream_id: int = 0


@dataclass(frozen=True, slots=True)
class ResultReceived:
    """The peer answered a call with `_result`."""

    transaction_id: float
    arguments: tuple[AmfValue, ...]


@dataclass(frozen=True, slots=True)
class ErrorReceived:
    """The peer answered a call with `_error`."""

    transaction_id: float
    arguments: tuple[AmfValue, ...]


@dataclass(frozen=True, slots=True)
class StatusReceived:
    """(client) The server reported the status of a stream, or with stream 0 of the connection."""

    stream_id: int
    code: str
    level: str
    description: str
    info: AmfValue


@dataclass(frozen=True, slots=True)
class StreamCreated:
    """A message stream exists. At a client it answers create_stream's `transaction_id`."""

    stream_id: int
    transaction_id: float = 0.0


@dataclass(frozen=True, slots=True)
class PublishRequested:
    """(server) The client wants to publish; answer with accept_publish or reject_publish.

    `name` is as sent, with the query that some encoders use for keys; `kind` is live, record or append.
    """

    stream_id: int
    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class PlayRequested:
    """(server) The client wants to play; answer with accept_play or reject_play.

    `start` and `duration` are as sent, which is milliseconds from most clients, though §7.2.2.1 says seconds:
    start -2000 means live or else recorded, -1000 live only; a negative duration means all. GStreamer sends
    -2, in seconds.

    Without `reset` it is played at the end of what the client has played so far; `at_once`, which only Flash
    knows (reset 2 and 3), wants all messages of a recording now and not at their times.
    """

    stream_id: int
    name: str
    start: float
    duration: float
    reset: bool
    at_once: bool = False


@dataclass(frozen=True, slots=True)
class PlayQueued:
    """(server) The client wants something played after what plays: play without reset.

    Whoever has come to the end of what plays asks `next_play`; who never does plays on.
    """

    stream_id: int


@dataclass(frozen=True, slots=True)
class StreamClosed:
    """(server) A publish or play, requested or running, ended: by the client, or with the connection."""

    stream_id: int


@dataclass(frozen=True, slots=True)
class PauseRequested:
    """(server) A player paused or resumed; already answered with a status.

    `position_ms` is how far it has played: it wants all messages after that time again when it resumes
    (§7.2.2.9). None if it did not say.
    """

    stream_id: int
    paused: bool
    position_ms: float | None


@dataclass(frozen=True, slots=True)
class SeekRequested:
    """(server) A player wants to be elsewhere; answer with accept_seek or reject_seek.

    It may want that before it has heard that it plays: then accept_seek comes after accept_play. Whoever
    plays what cannot be sought in, such as a live stream, rejects it: else the player waits.
    """

    stream_id: int
    position_ms: float


@dataclass(frozen=True, slots=True)
class StreamLengthRequested:
    """(server) The client asks how long a recording is; answer with `respond`, in seconds, 0 for unknown."""

    transaction_id: float
    name: str


@dataclass(frozen=True, slots=True)
class ReceiveChanged:
    """(server) A player switched audio or video of its stream on or off; the session already heeds it."""

    stream_id: int
    audio: bool
    video: bool


@dataclass(frozen=True, slots=True)
class AudioReceived:
    """An audio message; the payload begins with the header of `rtmp.flv.AudioTagHeader`.

    A payload that is a memoryview keeps up to 256 KiB of received bytes alive: copy what is kept for long.
    """

    stream_id: int
    timestamp_ms: int
    payload: Payload


@dataclass(frozen=True, slots=True)
class VideoReceived:
    """A video message; the payload begins with the header of `rtmp.flv.VideoTagHeader`. See AudioReceived."""

    stream_id: int
    timestamp_ms: int
    payload: Payload


@dataclass(frozen=True, slots=True)
class DataReceived:
    """A data message such as onMetaData; a server's lacks the leading "@setDataFrame" of publishers.

    `payload` is the same in AMF0, as it came.
    """

    stream_id: int
    timestamp_ms: int
    values: tuple[AmfValue, ...]
    payload: Payload = field(default=b"", repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class UndecodedDataReceived:
    """A data message that could not be decoded: malformed, larger than `Limits` allow, or of unknown classes.

    The stream goes on. `payload` is what came, as in DataReceived, for who passes it on; `reason` says what
    is wrong with it. Whoever does not know this event drops such messages.
    """

    stream_id: int
    timestamp_ms: int
    payload: Payload = field(repr=False)
    reason: str


@dataclass(frozen=True, slots=True)
class MessageIgnored:
    """The first message of a type that nothing is done about: shared objects, or what is not known."""

    type_id: int


@dataclass(frozen=True, slots=True)
class StreamBegun:
    """(client) User control: the stream has become functional."""

    stream_id: int


@dataclass(frozen=True, slots=True)
class StreamEnded:
    """(client) User control: the played stream has no more data."""

    stream_id: int


@dataclass(frozen=True, slots=True)
class BufferLengthSet:
    """(server) User control: the player buffers so many milliseconds."""

    stream_id: int
    length_ms: int


@dataclass(frozen=True, slots=True)
class PongReceived:
    """The peer answered the ping that carried this time."""

    timestamp_ms: int


@dataclass(frozen=True, slots=True)
class ConnectionClosed:
    """Always the last event, once; `reason` is None if either side closed in an orderly way."""

    reason: RtmpError | None


Event: TypeAlias = (
    ConnectRequested
    | ConnectAccepted
    | ConnectRefused
    | CallReceived
    | ResultReceived
    | ErrorReceived
    | StatusReceived
    | StreamCreated
    | PublishRequested
    | PlayRequested
    | PlayQueued
    | StreamClosed
    | PauseRequested
    | SeekRequested
    | StreamLengthRequested
    | ReceiveChanged
    | AudioReceived
    | VideoReceived
    | DataReceived
    | UndecodedDataReceived
    | MessageIgnored
    | StreamBegun
    | StreamEnded
    | BufferLengthSet
    | PongReceived
    | ConnectionClosed
)
