"""The tags of an FLV file that FFmpeg makes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from tests.rtmp.test_aio_programs import run_program

AUDIO, VIDEO, DATA = 8, 9, 18


@dataclass(frozen=True, slots=True)
class Tag:
    """An audio, video or data message."""

    type_id: int
    timestamp_ms: int
    payload: bytes


async def make_tags(directory: Path, seconds: float = 2.0) -> list[Tag]:
    """H.264 with B-frames and AAC, of a test picture and a tone."""
    path = directory / "media.flv"
    code = await run_program(
        "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=size=320x240:rate=25",
        "-f", "lavfi", "-i", "sine=r=44100", "-t", str(seconds), "-c:v", "libx264", "-g", "25",
        "-c:a", "aac", "-f", "flv", str(path),
    )  # fmt: skip
    assert code == 0
    return parse_tags(await asyncio.to_thread(path.read_bytes))


def parse_tags(data: bytes) -> list[Tag]:
    """Read a file ("Adobe Flash Video File Format" 10.1, annex E)."""
    tags, offset = [], 13
    while offset < len(data):
        size = int.from_bytes(data[offset + 1 : offset + 4], "big")
        timestamp_ms = data[offset + 7] << 24 | int.from_bytes(data[offset + 4 : offset + 7], "big")
        tags.append(Tag(data[offset], timestamp_ms, data[offset + 11 : offset + 11 + size]))
        offset += 11 + size + 4
    return tags
