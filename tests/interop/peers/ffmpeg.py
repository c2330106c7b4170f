"""FFmpeg with its own RTMP protocol: publishes FLV files, plays streams, and lists the packets of either."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, NamedTuple

from tests.interop.peers.peer import program_path
from tests.interop.peers.rtmp_program import RtmpProgram

QUIET = ("-nostdin", "-hide_banner", "-v", "error")
LIST_PACKETS = ("-c", "copy", "-copyts", "-flush_packets", "1", "-f", "framemd5")


class FramePacket(NamedTuple):
    """A packet as FFmpeg's demuxer sees it; times in units of the stream's time base, for FLV 1 ms."""

    stream: int
    dts: int
    pts: int
    size: int
    md5: str


class FfmpegPublisher(RtmpProgram):
    """Publishes an FLV file in real time, as it is, its timestamps too."""

    program: ClassVar[str] = "ffmpeg"

    def __init__(self, flv: Path, url: str) -> None:
        read = (*QUIET, "-re", "-copyts", "-i", str(flv))
        super().__init__(*read, "-c", "copy", "-f", "flv", "-flvflags", "no_duration_filesize", url)


class FfmpegPlayer(RtmpProgram):
    """Plays a stream and lists its packets, without decoding them."""

    program: ClassVar[str] = "ffmpeg"

    def __init__(self, url: str) -> None:
        super().__init__(*QUIET, "-rtmp_live", "live", "-i", url, *LIST_PACKETS, "@OUTPUT@")

    def packets(self) -> list[FramePacket]:
        """What has come so far."""
        return list(parse_framemd5(self.output.read_text())) if self.output.exists() else []


class FfmpegDecoder(RtmpProgram):
    """Plays a stream and decodes it; it prints what is wrong with it, and nothing else."""

    program: ClassVar[str] = "ffmpeg"

    def __init__(self, url: str) -> None:
        super().__init__(*QUIET, "-rtmp_live", "live", "-i", url, "-f", "null", "-")


class FfmpegMetadata(RtmpProgram):
    """Plays a stream and writes down its metadata."""

    program: ClassVar[str] = "ffmpeg"

    def __init__(self, url: str) -> None:
        super().__init__(*QUIET, "-rtmp_live", "live", "-i", url, "-f", "ffmetadata", "@OUTPUT@")


def file_packets(path: Path) -> list[FramePacket]:
    """The packets of a file."""
    listed = run_ffmpeg("-i", str(path), *LIST_PACKETS, "-")
    return list(parse_framemd5(listed))


def parse_framemd5(text: str) -> Iterator[FramePacket]:
    """Yield the packets of FFmpeg's framemd5 format; a last line that is still being written is left out."""
    for line in text.splitlines(keepends=True):
        if line.endswith("\n") and not line.startswith("#"):
            stream, dts, pts, _duration, size, md5 = (field.strip() for field in line.split(",")[:6])
            yield FramePacket(int(stream), int(dts), int(pts), int(size), md5)


def run_ffmpeg(*arguments: str) -> str:
    """Run FFmpeg to its end and return its standard output; raises CalledProcessError."""
    command = [program_path("ffmpeg"), *QUIET, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout
