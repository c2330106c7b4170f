"""What chunk reader and writer share: the chunk header (RTMP 1.0 §5.3.1).

A chunk is a basic header (format in the top two bits, chunk stream id in 6, 14 or 22), a message header of
11, 7, 3 or 0 bytes by format, an extended timestamp if the 24-bit one is all ones, and payload.
"""

from __future__ import annotations

from rtmp.errors import LocalProtocolError

DEFAULT_CHUNK_SIZE = 128
EXTENDED = 0xFFFFFF
TIMESTAMP_MASK = 0xFFFFFFFF
MAX_CHUNK_STREAM_ID = 65599
CONTROL_CHUNK_STREAM = 2
COMMAND_CHUNK_STREAM = 3
MAX_LENGTH = 0xFFFFFF
"""Of a message: a header has 24 bits for it."""

# message header bytes by format
HEADER_SIZES = (11, 7, 3, 0)


_SINGLE_BYTES = tuple(bytes((value,)) for value in range(256))


def basic_header(fmt: int, chunk_stream_id: int) -> bytes:
    """Return the 1, 2 or 3 bytes that begin a chunk (§5.3.1.1)."""
    if chunk_stream_id < 64:
        return _SINGLE_BYTES[fmt << 6 | chunk_stream_id]
    rest = chunk_stream_id - 64
    if rest < 256:
        return bytes((fmt << 6, rest))
    return bytes((fmt << 6 | 1, rest & 0xFF, rest >> 8))


def check_length(length: int) -> None:
    """Raise LocalProtocolError for a message that is too long for its header."""
    if length > MAX_LENGTH:
        raise LocalProtocolError(f"message of {length} bytes, more than {MAX_LENGTH}")
