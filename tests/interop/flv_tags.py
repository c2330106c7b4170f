"""What is in an FLV file (Adobe Flash Video File Format Specification 10.1, annex E), to compare."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from rtmp.messages import MessageType

HEADER_AFTER_TAG = 4
TAG_HEADER = 11


class Tag(NamedTuple):
    """A tag of a file, or a message of RTMP: they hold the same."""

    type_id: int
    timestamp_ms: int
    payload: bytes

    @property
    def is_video(self) -> bool:
        """Whether it is a video message."""
        return self.type_id == MessageType.VIDEO

    @property
    def is_header(self) -> bool:
        """Whether it holds the configuration of AVC or AAC."""
        first, packet_type = self.payload[0], self.payload[1]
        return packet_type == 0 and (first & 0x0F == 7 if self.is_video else first >> 4 == 10)

    @property
    def is_key(self) -> bool:
        """Whether it is a key picture of AVC."""
        return self.is_video and self.payload[0] >> 4 == 1 and self.payload[1] == 1


def read_tags(path: Path) -> list[Tag]:
    """All tags of a file; AssertionError if it is no whole FLV file."""
    data = path.read_bytes()
    assert data[:4] == b"FLV\x01", f"{path} begins with {data[:4]!r}"
    at = int.from_bytes(data[5:9], "big") + HEADER_AFTER_TAG
    tags = []
    while at < len(data):
        size = int.from_bytes(data[at + 1 : at + 4], "big")
        timestamp_ms = int.from_bytes(data[at + 4 : at + 7], "big") | data[at + 7] << 24
        start, at = at + TAG_HEADER, at + TAG_HEADER + size + HEADER_AFTER_TAG
        assert at <= len(data), f"{path} ends inside a tag"
        tags.append(Tag(data[start - TAG_HEADER], timestamp_ms, data[start : start + size]))
    return tags


def media_of(tags: Iterable[Tag]) -> list[Tag]:
    """Audio and video of them."""
    return [tag for tag in tags if tag.type_id in (MessageType.AUDIO, MessageType.VIDEO)]


def as_librtmp_writes(tags: Iterable[Tag]) -> list[Tag]:
    """librtmp passes over video messages without a picture, such as AVC's end of sequence."""
    return [tag for tag in tags if not (tag.is_video and len(tag.payload) <= 5)]


def outline(tags: Sequence[Tag]) -> list[tuple[int, int, int, int]]:
    """A form in which pytest can show what differs: type, time, length and hash of each tag."""
    return [(tag.type_id, tag.timestamp_ms, len(tag.payload), hash(tag.payload)) for tag in tags]
