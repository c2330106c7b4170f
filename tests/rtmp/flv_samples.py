"""Made-up streams in the shapes that recordings know: headers, key frames, sound."""

from __future__ import annotations

from typing import Any

from rtmp.amf0 import EcmaArray, encode_all
from rtmp.flv_file import FlvHeader, FlvParser, FlvTag
from rtmp.messages import MessageType
from rtmp.recording.flv_metadata import parse_metadata

AUDIO, VIDEO, DATA = MessageType.AUDIO, MessageType.VIDEO, MessageType.DATA_AMF0

AAC_HEADER = b"\xaf\x00\x12\x10"
AVC_HEADER = b"\x17\x00\x00\x00\x00\x01\x42\xc0\x1e\xff"
METADATA = encode_all(("@setDataFrame", "onMetaData", EcmaArray({"width": 640.0, "encoder": "sample"})))


def sound(n: int = 0) -> bytes:
    return b"\xaf\x01" + n.to_bytes(4, "big") * 10


def key_frame(n: int = 0, size: int = 100) -> bytes:
    return b"\x17\x01\x00\x00\x00" + n.to_bytes(4, "big") + bytes(size)


def inter_frame(n: int = 0, size: int = 100) -> bytes:
    return b"\x27\x01\x00\x00\x00" + n.to_bytes(4, "big") + bytes(size)


def stream(seconds: float, *, video: bool = True, begin_ms: int = 0, size: int = 100) -> list[FlvTag]:
    """Metadata, headers, then 25 pictures a second of which each 25th is a key frame, and sound of 40 ms."""
    tags = [FlvTag(DATA, 0, METADATA), FlvTag(AUDIO, 0, AAC_HEADER)]
    if video:
        tags.append(FlvTag(VIDEO, 0, AVC_HEADER))
    for n in range(round(seconds * 25)):
        time_ms = begin_ms + n * 40
        if video:
            picture = inter_frame(n, size) if n % 25 else key_frame(n, size)
            tags.append(FlvTag(VIDEO, time_ms, picture))
        tags.append(FlvTag(AUDIO, time_ms, sound(n)))
    return tags


def flv_bytes(tags: list[FlvTag]) -> bytes:
    """A file that says it has sound and pictures."""
    return FlvHeader().serialize() + b"".join(tag.serialize() for tag in tags)


def parse_flv(data: bytes) -> list[FlvTag]:
    """All tags of a file that has nothing else."""
    parser = FlvParser()
    parser.feed(data)
    tags = []
    while (tag := parser.next_tag()) is not None:
        tags.append(tag)
    assert parser.pending_size == 0
    return tags


def metadata_of(data: bytes) -> dict[str, Any]:
    """The members of the onMetaData that a file begins with."""
    members = parse_metadata(parse_flv(data)[0].body)
    assert members is not None
    return members
