"""What live encoders send, message by message: H.264 with AAC at 1 Mb/s, or Speex as a phone does.

A stream is a cycle that can be repeated for ever. Sizes vary as those of real encoders do, and their sums are
exact; the bytes after the codec headers are random.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final, Literal

from rtmp.messages import MessageType

Kind = Literal["av", "speex"]

CYCLE_MS: Final = 8000
"""Pictures, AAC frames and Speex frames all come in whole numbers in it, so that their times repeat, too."""

AUDIO_CHUNK_STREAM: Final = 4
VIDEO_CHUNK_STREAM: Final = 5

_PICTURE_MS: Final = 40
_GOP: Final = 50
_VIDEO_BYTES_PER_GOP: Final = 226_000
_KEYFRAME_BYTES: Final = range(15_000, 25_000)
_AAC_FRAME_MS: Final = 1024 / 48
_AAC_BYTES_PER_S: Final = 12_000
_SPEEX_FRAME_MS: Final = 20
_SPEEX_BYTES: Final = range(43, 71)

_KEY_HEADER, _INTER_HEADER = b"\x17\x01\x00\x00\x00", b"\x27\x01\x00\x00\x00"
_AAC_HEADER, _SPEEX_HEADER = b"\xaf\x01", b"\xb2"

AVC_SEQUENCE_HEADER: Final = bytes.fromhex(
    "1700000000 0142c01fff e1000b 6742c01f8c8d4050179008 01 0004 68ce3c80"
)
AAC_SEQUENCE_HEADER: Final = b"\xaf\x00\x11\x90"


@dataclass(frozen=True, slots=True)
class StreamMessage:
    """One message, to be sent `due_ms` after the cycle begins; codec data begin at `header_size`."""

    due_ms: float
    type_id: MessageType
    payload: bytes
    header_size: int

    @property
    def timestamp_ms(self) -> int:
        """As in its chunk header."""
        return int(self.due_ms)

    @property
    def chunk_stream_id(self) -> int:
        """Audio and video have one each, as from every encoder."""
        return AUDIO_CHUNK_STREAM if self.type_id is MessageType.AUDIO else VIDEO_CHUNK_STREAM


def make_cycle(kind: Kind) -> list[StreamMessage]:
    """The messages of CYCLE_MS in the order of sending; the same at each call."""
    source = random.Random(1)
    if kind == "speex":
        return _speex(source)
    return sorted(_video(source) + _aac(source), key=lambda message: message.due_ms)


def stamp_offset(kind: Kind, type_id: MessageType) -> int:
    """Where codec data begin in a payload."""
    if type_id is MessageType.VIDEO:
        return len(_KEY_HEADER)
    return len(_AAC_HEADER if kind == "av" else _SPEEX_HEADER)


def _video(source: random.Random) -> list[StreamMessage]:
    sizes: list[int] = []
    for _ in range(CYCLE_MS // (_GOP * _PICTURE_MS)):
        key = source.choice(_KEYFRAME_BYTES)
        sizes += [key, *_spread(source, _VIDEO_BYTES_PER_GOP - key, _GOP - 1)]
    return [
        _message(source, n * _PICTURE_MS, MessageType.VIDEO, _INTER_HEADER if n % _GOP else _KEY_HEADER, size)
        for n, size in enumerate(sizes)
    ]


def _aac(source: random.Random) -> list[StreamMessage]:
    count = round(CYCLE_MS / _AAC_FRAME_MS)
    sizes = _spread(source, _AAC_BYTES_PER_S * CYCLE_MS // 1000, count)
    return [
        _message(source, n * _AAC_FRAME_MS, MessageType.AUDIO, _AAC_HEADER, size)
        for n, size in enumerate(sizes)
    ]


def _speex(source: random.Random) -> list[StreamMessage]:
    return [
        _message(source, due_ms, MessageType.AUDIO, _SPEEX_HEADER, source.choice(_SPEEX_BYTES))
        for due_ms in range(0, CYCLE_MS, _SPEEX_FRAME_MS)
    ]


def _spread(source: random.Random, total: int, count: int) -> list[int]:
    """Sizes between half and one and a half of their mean, with that sum."""
    weights = [source.uniform(0.5, 1.5) for _ in range(count)]
    sizes = [int(total * weight / sum(weights)) for weight in weights]
    sizes[-1] += total - sum(sizes)
    return sizes


def _message(
    source: random.Random, due_ms: float, type_id: MessageType, header: bytes, size: int
) -> StreamMessage:
    return StreamMessage(due_ms, type_id, header + source.randbytes(size - len(header)), len(header))
