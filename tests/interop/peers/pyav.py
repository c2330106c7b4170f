"""PyAV, whose wheel brings an FFmpeg of its own that speaks Enhanced RTMP (pyav_program.py)."""

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import ClassVar, NamedTuple

from tests.interop.peers.polling import until
from tests.interop.peers.rtmp_program import RtmpProgram

PROGRAM = Path(__file__).parent / "pyav_program.py"


class PyavPacket(NamedTuple):
    """A packet as FFmpeg's demuxer sees it; times in ms."""

    stream: int
    dts: int
    pts: int
    is_key: bool
    md5: str


class PyavStream(NamedTuple):
    """A stream, and the MD5 of its decoder's configuration."""

    number: int
    codec: str
    configuration: str


class PyavProgram(RtmpProgram):
    """Runs one of the program's commands."""

    program: ClassVar[str] = "pyav"

    def command(self) -> list[str]:
        """Run it with the Python of the tests."""
        return [sys.executable, str(PROGRAM)]


class PyavEncoder(PyavProgram):
    """Makes an FLV file of a second: moving pictures, and a tone for each audio encoder."""

    def __init__(self, flv: Path, video: str, audio: Sequence[str]) -> None:
        super().__init__("encode", str(flv), video, *audio)


class PyavPublisher(PyavProgram):
    """Publishes an FLV file; after `hold_after` pictures it waits for `go_on`."""

    def __init__(self, flv: Path, url: str, *, hold_after: int) -> None:
        super().__init__("publish", str(flv), url, str(hold_after), stdin=True)

    async def wait_held(self) -> None:
        """Wait until it holds."""
        await until(lambda: "held" in self.process.output(), "the publisher to hold")

    async def go_on(self) -> None:
        """Let it publish the rest."""
        await self.process.write_line("")


class PyavPlayer(PyavProgram):
    """Lists the streams and packets of a file or a URL; of the latter's server it asks for FourCCs."""

    def __init__(self, source: str | Path, four_ccs: Iterable[str] = ()) -> None:
        super().__init__("play", str(source), "@OUTPUT@", ",".join(four_ccs))

    def streams(self) -> list[PyavStream]:
        """The streams, once the program has ended."""
        return [PyavStream(*stream) for stream in json.loads(self.output.read_text())["streams"]]

    def packets(self) -> list[PyavPacket]:
        """The packets, once the program has ended."""
        return [PyavPacket(*packet) for packet in json.loads(self.output.read_text())["packets"]]
