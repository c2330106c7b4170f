"""FLV files: a header, then tags ("Adobe Flash Video File Format" 10.1, annex E.2 to E.4.1).

A tag is an RTMP message on disk: the same types, bodies and times. Behind each comes its size, so that a file
can be read backwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from rtmp.errors import FlvError, LocalProtocolError
from rtmp.limits import MIB
from rtmp.messages import Payload, pack_u32

SIGNATURE: Final = b"FLV"
HEADER_SIZE: Final = 9
TAG_HEADER_SIZE: Final = 11
BACK_POINTER_SIZE: Final = 4
FIRST_TAG: Final = HEADER_SIZE + BACK_POINTER_SIZE
"""Where the first tag of a file of ours begins; another's header may be longer."""

_AUDIO_FLAG, _VIDEO_FLAG = 4, 1
_ENCRYPTED: Final = 0x20
_TYPE_MASK: Final = 0x1F
_MAX_HEADER_SIZE: Final = 1024
_MAX_BODY: Final = (1 << 24) - 1
DEFAULT_MAX_BODY: Final = 4 * MIB


@dataclass(frozen=True, slots=True)
class FlvHeader:
    """What the first bytes say is in the file; writers that cannot know say both."""

    has_audio: bool = True
    has_video: bool = True
    size: int = HEADER_SIZE

    @classmethod
    def parse(cls, data: Payload) -> FlvHeader:
        """Read the first nine bytes. Raise FlvError if they are not those of an FLV file."""
        if len(data) < HEADER_SIZE or bytes(data[:3]) != SIGNATURE:
            raise FlvError("not an FLV file")
        size = int.from_bytes(data[5:9], "big")
        if not HEADER_SIZE <= size <= _MAX_HEADER_SIZE:
            raise FlvError(f"FLV header of {size} bytes")
        return cls(bool(data[4] & _AUDIO_FLAG), bool(data[4] & _VIDEO_FLAG), size)

    def serialize(self) -> bytes:
        """Return the header and the first back pointer, which is 0."""
        flags = self.has_audio * _AUDIO_FLAG | self.has_video * _VIDEO_FLAG
        padding = bytes(self.size - HEADER_SIZE)
        return SIGNATURE + bytes((1, flags)) + pack_u32(self.size) + padding + bytes(BACK_POINTER_SIZE)


@dataclass(frozen=True, slots=True)
class FlvTagHeader:
    """The eleven bytes before a tag's body."""

    type_id: int
    body_size: int
    timestamp_ms: int

    @classmethod
    def parse(cls, data: Payload) -> FlvTagHeader:
        """Read eleven bytes. Raise FlvError if they begin no tag, or an encrypted one."""
        if data[0] & _ENCRYPTED:
            raise FlvError("encrypted FLV tag")
        if not data[0] & _TYPE_MASK:  # where a machine went down, zeros may be what it had not yet written
            raise FlvError("FLV tag of type 0")
        timestamp_ms = int.from_bytes(data[4:7], "big") | data[7] << 24
        return cls(data[0] & _TYPE_MASK, int.from_bytes(data[1:4], "big"), timestamp_ms)

    @property
    def tag_size(self) -> int:
        """Bytes of the tag without the back pointer that follows it."""
        return TAG_HEADER_SIZE + self.body_size


@dataclass(frozen=True, slots=True)
class FlvTag:
    """A tag: `type_id` is a `MessageType` (audio, video, data in AMF0), the time is modulo 2^32."""

    type_id: int
    timestamp_ms: int
    body: Payload

    @property
    def file_size(self) -> int:
        """Bytes it takes in a file, back pointer included."""
        return TAG_HEADER_SIZE + len(self.body) + BACK_POINTER_SIZE

    def serialize(self) -> bytes:
        """Return the tag and its back pointer. Raise LocalProtocolError if its body is 16 MiB or more."""
        size = len(self.body)
        if size > _MAX_BODY:
            raise LocalProtocolError(f"an FLV tag holds {_MAX_BODY} bytes, not {size}")
        time = pack_u32(self.timestamp_ms)
        # the time's highest byte comes last; the stream id is always 0
        header = bytes((self.type_id, *size.to_bytes(3, "big"), *time[1:], time[0], 0, 0, 0))
        return b"".join((header, self.body, pack_u32(TAG_HEADER_SIZE + size)))


def check_back_pointer(header: FlvTagHeader, data: Payload) -> None:
    """Raise FlvError if the four bytes behind a tag are not its size: something is not where it belongs."""
    value = int.from_bytes(data, "big")
    if value not in (header.tag_size, 0):  # some writers leave it 0
        raise FlvError(f"FLV tag of {header.tag_size} bytes is followed by the size {value}")


class FlvParser:
    """Bytes of a file in, tags out.

    With `at_tag` the bytes begin at a tag instead of the file's header. Bytes that are left over at the end
    of a file are a tag that was cut when its writer died, which is no error: `pending_size` says how many.
    """

    def __init__(self, *, at_tag: bool = False, max_body: int = DEFAULT_MAX_BODY) -> None:
        self.header: FlvHeader | None = FlvHeader() if at_tag else None
        self._max_body = max_body
        self._buffer = bytearray()

    @property
    def pending_size(self) -> int:
        """Bytes that are not yet a whole tag."""
        return len(self._buffer)

    def feed(self, data: Payload) -> None:
        """Take the next bytes; `next_tag` says what they are."""
        self._buffer += data

    def next_tag(self) -> FlvTag | None:
        """Return the next tag, None if that takes more bytes.

        Raises FlvError, again and again, where the file is broken or a body exceeds `max_body`.
        """
        if self.header is None and not self._take_header():
            return None
        if len(self._buffer) < TAG_HEADER_SIZE:
            return None
        header = FlvTagHeader.parse(self._buffer)
        if header.body_size > self._max_body:
            raise FlvError(f"FLV tag of {header.body_size} bytes, more than {self._max_body}")
        end = header.tag_size + BACK_POINTER_SIZE
        if len(self._buffer) < end:
            return None
        check_back_pointer(header, self._buffer[header.tag_size : end])
        body = bytes(memoryview(self._buffer)[TAG_HEADER_SIZE : header.tag_size])
        del self._buffer[:end]
        return FlvTag(header.type_id, header.timestamp_ms, body)

    def _take_header(self) -> bool:
        if not SIGNATURE.startswith(self._buffer[:3]):
            raise FlvError("not an FLV file")
        if len(self._buffer) < HEADER_SIZE:
            return False
        header = FlvHeader.parse(self._buffer)
        if len(self._buffer) < header.size + BACK_POINTER_SIZE:
            return False
        del self._buffer[: header.size + BACK_POINTER_SIZE]
        self.header = header
        return True
