"""Audio and video messages of Enhanced RTMP (version 2, Veovera): codecs by FourCC, several tracks a message.

Such an audio message has the sound format 9, such a video message the top bit of its first byte. That byte
also says what the packet is; modifiers may come between it and the codec. Reserved ones are passed over.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final, TypeVar

from rtmp.errors import LocalProtocolError, RemoteProtocolError
from rtmp.flv import FrameType, SoundFormat
from rtmp.messages import Payload

E = TypeVar("E", bound=IntEnum)

_VIDEO_FLAG: Final = 0x80
_MOD_EX: Final = 7
_TIMESTAMP_OFFSET_NANO: Final = 0
_LONG_MODIFIER: Final = 256
_WITH_COMPOSITION_TIME: Final = frozenset({"avc1", "hvc1", "vvc1"})
_FRAME_TYPES: Final = {int(frame_type): frame_type for frame_type in FrameType}
MAX_OFFSET_NS: Final = 999_999
_MAX_TRACKS: Final = 256
_MAX_MODIFIERS: Final = 64


class MultitrackType(IntEnum):
    """How the tracks of a message share it."""

    ONE_TRACK = 0
    MANY_TRACKS = 1
    MANY_TRACKS_MANY_CODECS = 2


class AudioPacketType(IntEnum):
    """What an audio message holds, of each of its tracks."""

    SEQUENCE_START = 0
    CODED_FRAMES = 1
    SEQUENCE_END = 2
    MULTICHANNEL_CONFIG = 4


class VideoPacketType(IntEnum):
    """What a video message holds, of each of its tracks."""

    SEQUENCE_START = 0
    CODED_FRAMES = 1
    SEQUENCE_END = 2
    CODED_FRAMES_X = 3
    """As CODED_FRAMES, without the composition time, which is 0."""
    METADATA = 4
    MPEG2_TS_SEQUENCE_START = 5


_AUDIO_MULTITRACK: Final = 5
_VIDEO_MULTITRACK: Final = 6


@dataclass(frozen=True, slots=True)
class Track:
    """The part of one track: its FourCC ("hvc1", "Opus", ...), and the codec's data.

    `composition_time_ms` is that of CODED_FRAMES in avc1, hvc1 and vvc1, and 0 elsewhere.
    """

    codec: str
    body: Payload = b""
    track_id: int = 0
    composition_time_ms: int = 0


@dataclass(frozen=True, slots=True)
class EnhancedAudio:
    """An audio message. `offset_ns` is to be added to the message's time; without `multitrack` one track."""

    packet_type: AudioPacketType
    tracks: tuple[Track, ...]
    multitrack: MultitrackType | None = None
    offset_ns: int = 0

    @classmethod
    def parse(cls, payload: Payload) -> EnhancedAudio:
        """Raise RemoteProtocolError if it is cut, or of a reserved kind."""
        reader = _Reader(payload)
        first = reader.u8()
        if first >> 4 != SoundFormat.ENHANCED:
            raise RemoteProtocolError(f"no enhanced audio message: sound format {first >> 4}")
        kind, offset_ns = reader.modifiers(first & 15)
        multitrack = None
        if kind == _AUDIO_MULTITRACK:
            multitrack, kind = reader.multitrack()
        packet_type = _known(AudioPacketType, kind)
        return cls(packet_type, reader.tracks(multitrack, False), multitrack, offset_ns)

    def serialize(self) -> bytes:
        """Return the message's payload. Raise LocalProtocolError if the tracks do not fit `multitrack`."""
        kind = self.packet_type if self.multitrack is None else _AUDIO_MULTITRACK
        out = _modified(SoundFormat.ENHANCED << 4, kind, self.offset_ns)
        return bytes(out + _serialize_tracks(self.packet_type, self.tracks, self.multitrack, False))


@dataclass(frozen=True, slots=True)
class EnhancedVideo:
    """A video message; see `EnhancedAudio`.

    A message of frame type COMMAND has a `command` (0 and 1: seeking begins and ends) and no tracks. Metadata
    may have no frame type; its body is AMF.
    """

    frame_type: FrameType | None
    packet_type: VideoPacketType
    tracks: tuple[Track, ...]
    multitrack: MultitrackType | None = None
    offset_ns: int = 0
    command: int | None = None

    @classmethod
    def parse(cls, payload: Payload) -> EnhancedVideo:
        """Raise RemoteProtocolError if it is cut, or of a reserved kind."""
        reader = _Reader(payload)
        first = reader.u8()
        if not first & _VIDEO_FLAG:
            raise RemoteProtocolError("no enhanced video message")
        kind, offset_ns = reader.modifiers(first & 15)
        frame = first >> 4 & 7
        is_metadata = kind == VideoPacketType.METADATA
        frame_type = _FRAME_TYPES.get(frame) if is_metadata else _known(FrameType, frame)
        if frame_type is FrameType.COMMAND and not is_metadata:
            return cls(frame_type, _known(VideoPacketType, kind), (), None, offset_ns, reader.u8())
        multitrack = None
        if kind == _VIDEO_MULTITRACK:
            multitrack, kind = reader.multitrack()
        packet_type = _known(VideoPacketType, kind)
        timed = packet_type is VideoPacketType.CODED_FRAMES
        return cls(frame_type, packet_type, reader.tracks(multitrack, timed), multitrack, offset_ns)

    def serialize(self) -> bytes:
        """Return the message's payload. Raise LocalProtocolError if the tracks do not fit `multitrack`."""
        kind = self.packet_type if self.multitrack is None else _VIDEO_MULTITRACK
        out = _modified(_VIDEO_FLAG | (self.frame_type or 0) << 4, kind, self.offset_ns)
        if self.command is not None:
            return bytes(out) + bytes((self.command,))
        timed = self.packet_type is VideoPacketType.CODED_FRAMES
        return bytes(out + _serialize_tracks(self.packet_type, self.tracks, self.multitrack, timed))


def _known(kinds: type[E], number: int) -> E:
    try:
        return kinds(number)
    except ValueError:
        raise RemoteProtocolError(f"enhanced message of reserved {kinds.__name__} {number}") from None


class _Reader:
    """Takes the fields of a message one after the other."""

    def __init__(self, payload: Payload) -> None:
        self._rest = memoryview(payload)

    def take(self, size: int) -> memoryview:
        if size > len(self._rest):
            raise RemoteProtocolError(f"enhanced message is cut: {size - len(self._rest)} bytes are missing")
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken

    def u8(self) -> int:
        return self.take(1)[0]

    def number(self, size: int, *, signed: bool = False) -> int:
        return int.from_bytes(self.take(size), "big", signed=signed)

    def codec(self) -> str:
        return str(self.take(4), "latin-1")

    def modifiers(self, kind: int) -> tuple[int, int]:
        """Take the modifiers and return the kind of packet behind them, and the time offset."""
        offset_ns = 0
        for _ in range(_MAX_MODIFIERS):
            if kind != _MOD_EX:
                return kind, offset_ns
            size = self.u8() + 1
            if size == _LONG_MODIFIER:
                size = self.number(2) + 1
            data = self.take(size)
            byte = self.u8()
            kind = byte & 15
            if byte >> 4 == _TIMESTAMP_OFFSET_NANO and size >= 3:
                offset_ns = int.from_bytes(data[:3], "big")
        raise RemoteProtocolError(f"enhanced message with {_MAX_MODIFIERS} modifiers or more")

    def multitrack(self) -> tuple[MultitrackType, int]:
        byte = self.u8()
        return _known(MultitrackType, byte >> 4), byte & 15

    def tracks(self, multitrack: MultitrackType | None, timed: bool) -> tuple[Track, ...]:
        if multitrack is None:
            return (self._track(self.codec(), 0, self._rest_size, timed),)
        if multitrack is MultitrackType.ONE_TRACK:
            codec, track_id = self.codec(), self.u8()
            return (self._track(codec, track_id, self._rest_size, timed),)
        shared = self.codec() if multitrack is MultitrackType.MANY_TRACKS else None
        tracks: list[Track] = []
        while self._rest_size:
            codec = self.codec() if shared is None else shared
            if len(tracks) == _MAX_TRACKS:  # of four bytes each, and of hundreds here
                raise RemoteProtocolError(f"enhanced message of more than {_MAX_TRACKS} tracks")
            track_id, size = self.u8(), self.number(3)
            tracks.append(self._track(codec, track_id, size, timed))
        return tuple(tracks)

    @property
    def _rest_size(self) -> int:
        return len(self._rest)

    def _track(self, codec: str, track_id: int, size: int, timed: bool) -> Track:
        part = _Reader(self.take(size))
        time_ms = part.number(3, signed=True) if timed and codec in _WITH_COMPOSITION_TIME else 0
        return Track(codec, part.take(part._rest_size), track_id, time_ms)


def _modified(high: int, kind: int, offset_ns: int) -> bytearray:
    if not offset_ns:
        return bytearray((high | kind,))
    if not 0 < offset_ns <= MAX_OFFSET_NS:
        raise LocalProtocolError(f"a time offset is 0 to {MAX_OFFSET_NS} ns, not {offset_ns}")
    return bytearray((high | _MOD_EX, 2, *offset_ns.to_bytes(3, "big"), _TIMESTAMP_OFFSET_NANO << 4 | kind))


def _serialize_tracks(
    packet_type: int, tracks: tuple[Track, ...], multitrack: MultitrackType | None, timed: bool
) -> bytearray:
    many = multitrack in (MultitrackType.MANY_TRACKS, MultitrackType.MANY_TRACKS_MANY_CODECS)
    same_codec = multitrack is not MultitrackType.MANY_TRACKS_MANY_CODECS
    if not tracks or (len(tracks) > 1 and not many):
        raise LocalProtocolError(f"{len(tracks)} tracks in a message for {'some' if many else 'one'}")
    if same_codec and len({track.codec for track in tracks}) > 1:
        raise LocalProtocolError("tracks of several codecs in a message for one")
    out = bytearray()
    if multitrack is not None:
        out.append(multitrack << 4 | packet_type)
    if same_codec:
        out += _four_cc(tracks[0].codec)
    for track in tracks:
        if not (0 <= track.track_id < 1 << 8 and -(1 << 23) <= track.composition_time_ms < 1 << 23):
            raise LocalProtocolError(f"track {track.track_id}, composition time {track.composition_time_ms}")
        body = bytearray()
        if timed and track.codec in _WITH_COMPOSITION_TIME:
            body += track.composition_time_ms.to_bytes(3, "big", signed=True)
        body += track.body
        if not same_codec:
            out += _four_cc(track.codec)
        if multitrack is not None:
            out.append(track.track_id)
        if many:
            out += len(body).to_bytes(3, "big")
        out += body
    return out


def _four_cc(codec: str) -> bytes:
    encoded = codec.encode("latin-1", "replace")
    if len(encoded) != 4:
        raise LocalProtocolError(f"{codec!r} is no FourCC")
    return encoded
