"""Inputs to begin with: live streams, their players, and recordings of them."""

from __future__ import annotations

from itertools import chain

from rtmp.amf0 import encode_all
from rtmp.enhanced_flv import (
    AudioPacketType,
    EnhancedAudio,
    EnhancedVideo,
    MultitrackType,
    Track,
    VideoPacketType,
)
from rtmp.flv import FrameType
from rtmp.flv_file import FlvHeader, FlvTag
from rtmp.messages import Message, MessageType, join_aggregate
from tests.fuzz.targets import operations, seeds
from tests.fuzz.targets.operations import Kind, Operation

_AUDIO, _VIDEO, _DATA = range(3)
_METADATA = encode_all(("onMetaData", {"width": 320.0}))
_SET_METADATA = encode_all(("@setDataFrame", "onMetaData", {"width": 320.0}))
_CLEAR = encode_all(("@clearDataFrame", "onMetaData"))
_AAC_HEADER, _AAC = b"\xaf\x00\x12\x10", b"\xaf\x01sound"
_AVC_HEADER, _KEY, _INTER = b"\x17\x00\0\0\0avcC", b"\x17\x01\0\0\0key", b"\x27\x01\0\0\0inter"
_TRACKS = (Track("hvc1", b"a", 1), Track("hvc1", b"b", 2))


def _enhanced() -> list[tuple[int, bytes]]:
    """Return messages of Enhanced RTMP: each kind of packet, on one track and on two."""
    video = [
        EnhancedVideo(frame, packet, tracks, kind, offset).serialize()
        for frame, packet in (
            (FrameType.KEY, VideoPacketType.SEQUENCE_START),
            (FrameType.KEY, VideoPacketType.CODED_FRAMES),
            (FrameType.INTER, VideoPacketType.CODED_FRAMES_X),
            (FrameType.KEY, VideoPacketType.METADATA),
            (FrameType.KEY, VideoPacketType.SEQUENCE_END),
        )
        for tracks, kind, offset in (
            (_TRACKS[:1], None, 0),
            (_TRACKS[:1], MultitrackType.ONE_TRACK, 7),
            (_TRACKS, MultitrackType.MANY_TRACKS, 0),
        )
    ]
    audio = [EnhancedAudio(packet, (Track("Opus", b"x"),)).serialize() for packet in AudioPacketType]
    return [*((_VIDEO, payload) for payload in video), *((_AUDIO, payload) for payload in audio)]


_ORDINARY = [
    (_DATA, _METADATA), (_AUDIO, _AAC_HEADER), (_VIDEO, _AVC_HEADER), (_VIDEO, _KEY), (_AUDIO, _AAC),
    (_VIDEO, _INTER), (_AUDIO, b"\xb2speex"), (_VIDEO, b"\x12h263"), (_VIDEO, b"\x22h263"),
    (_VIDEO, b"\x17\x02\0\0\0"), (_VIDEO, b"\x57\x00"), (_VIDEO, b""), (_AUDIO, b"\xaf"), (_DATA, _CLEAR),
]  # fmt: skip


def _sent(type_at: int, payload: bytes, *, times: int = 1, b: int = 0x40) -> Operation:
    return Operation(Kind.MESSAGE, type_at + 3 * (times - 1), b, payload)


_LOCAL = [Operation(Kind.LOCAL, a, b, b"\xaf\x01own") for a in range(12) for b in (0, 1, 2)]
_ROOMS = [Operation(Kind.LOCAL, 0, room << 2 | viewer) for room in (0, 2, 15) for viewer in range(3)]
_TIMES = [Operation(Kind.TIME, body=body) for body in (b"\0\xff\xff\xf0", b"\xff\xff\xff\xf0", b"\0\0\0\0")]
KNOWN_TO_RELAY = [
    *(_sent(*message) for message in chain(_ORDINARY, _enhanced())),
    *(_sent(type_at, payload, times=8, b=0x41) for type_at, payload in _ORDINARY),
    *_LOCAL,
    *_ROOMS,
    *_TIMES,
]
KNOWN_TO_RECORDING = [
    *(Operation(Kind.MESSAGE, type_at, b, body) for type_at, body in _ORDINARY for b in (0x20, 0x21)),
    Operation(Kind.MESSAGE, 2, 0, _SET_METADATA),
    Operation(Kind.MESSAGE, 3, 0, b"\0" + _SET_METADATA),
    Operation(Kind.LOCAL),
    *_TIMES,
]


def relay() -> list[bytes]:
    """Seeds of `relay.run`: a stream, and what a player does somewhere in it, once and twice."""
    stream = [_sent(*message) for message in (*_ORDINARY[:6], _ORDINARY[3], _ORDINARY[5], _ORDINARY[5])]
    twice = [
        operations.serialize([*stream[:4], action, stream[5], action, stream[7], resume, stream[8]])
        for action in (*_LOCAL, *_ROOMS)
        for resume in _LOCAL[6:9]
    ]
    return twice + [
        operations.serialize([*stream[:at], action, *stream[at:], *stream[3:], *after])
        for at in (0, 4, 6)
        for action in (*_LOCAL, *_ROOMS)
        for after in ([], [Operation(Kind.LOCAL, 2, action.b)], [Operation(Kind.LOCAL, action.a, action.b)])
    ]


def recording() -> list[bytes]:
    """Seeds of `flv_files.run_recording`."""
    sent = [step for step in KNOWN_TO_RECORDING if step.kind is Kind.MESSAGE]
    going_on = [*sent, Operation(Kind.LOCAL), *sent, Operation(Kind.LOCAL), *sent[:6]]
    return [
        bytes((count,)) + operations.serialize(steps)[: seeds.MAX_SIZE - 1]
        for count in (0, 9)
        for steps in (sent[::2], going_on[::2], [*_TIMES, *sent[::2]], sent[4:5])
    ]


def flv_file() -> list[bytes]:
    """Seeds of `flv_files.run_file`: whole, with a long header, cut and broken."""
    types = (MessageType.AUDIO, MessageType.VIDEO, MessageType.DATA_AMF0)
    tags = [FlvTag(types[at], n * 500, body) for n, (at, body) in enumerate(_ORDINARY)]
    body = b"".join(tag.serialize() for tag in tags)
    enhanced = b"".join(FlvTag(types[at], 5, payload).serialize() for at, payload in _enhanced())
    sound = b"".join(FlvTag(MessageType.AUDIO, n * 700, _AAC).serialize() for n in range(4))
    header = FlvHeader().serialize()
    files = [
        header + body, FlvHeader(size=20).serialize() + body, header + enhanced, header + sound,
        header + body[:-3], header + body[:60] + b"?" + body[60:], header + b"\x28" + body, header[:5], b"",
    ]  # fmt: skip
    return [b"\x05\x91" + content for content in files]


def kinds() -> list[bytes]:
    """Seeds of `kinds.run`."""
    long = [EnhancedVideo(FrameType.KEY, VideoPacketType.CODED_FRAMES, _TRACKS[:1], None, 9).serialize()]
    return [payload for _, payload in chain(_ORDINARY, _enhanced())] + long + [b"\x97\x28" + bytes(60)]


def turns_of_server() -> list[bytes]:
    """Seeds of `turns.run_server`: those of a server, with sinks and without, and aggregates among media."""
    parts = [Message(MessageType.AUDIO, 1, n, b"\xb2" + bytes((n,))) for n in range(5)]
    aggregate = Operation(Kind.MESSAGE, MessageType.AGGREGATE, 0x21, bytes(join_aggregate(parts).payload))
    audio = Operation(Kind.MESSAGE, MessageType.AUDIO, 0x21, _AAC)
    publish = [seeds.KNOWN_TO_SERVER[at] for at in (0, 2, 3)]
    published = operations.serialize([*publish, audio, aggregate, audio, aggregate, aggregate, audio])
    return [bytes((255, 9, work, reactions)) + published for work in (0, 2, 200) for reactions in (0, 1)] + [
        bytes((4, 0x3F, at % 5, at % 8)) + seed[2:] for at, seed in enumerate(seeds.server()) if len(seed) > 9
    ]


def turns_of_client() -> list[bytes]:
    """Seeds of `turns.run_client`."""
    return [bytes((4, 0x3F, at % 5, 0)) + seed[4:] for at, seed in enumerate(seeds.client())]
