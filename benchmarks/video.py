"""What video costs in a call, and how late it makes pictures: a gateway, an RTMP client, an RTP reflector.

    python benchmarks/video.py --seconds 20

A client calls and sends H.264, which a socket on the SIP side sends back packet by packet. Everything runs on
this machine, on free ports of 127.0.0.1. CPU is that of the gateway alone, in percent of one core, less that
of a call with audio alone. A stream in High profile is transcoded, as the phone takes Baseline. Latency is
from the client's write to the last packet of the picture at the reflector, and from there to the client.
Needs SIPp, and PyAV with x264.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
import json
import statistics
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, cast

if not __package__:
    sys.path.insert(0, str(Path(__file__).parents[1]))

import av
import numpy as np

from benchmarks.calls import CpuMeter
from benchmarks.calls_report import machine
from benchmarks.gateway_process import GatewayProcess
from benchmarks.local_process import HOST, ProgramFailed, end_by_sigterm, in_new_directory
from benchmarks.markdown_table import markdown
from benchmarks.process_stats import rss_kib
from benchmarks.sipp_process import SippProcess
from examples.rtmp_phone import RtmpPhone
from rtmp.flv_file import FlvParser
from rtmp.messages import MessageType, Payload


@dataclass(frozen=True, slots=True)
class Workload:
    """A stream; bitrate 0: no video at all. What is not Baseline is more than the phone takes."""

    width: int
    height: int
    bitrate: int
    rate_hz: int = 25
    profile: Literal["baseline", "high"] = "baseline"

    @property
    def name(self) -> str:
        """For people."""
        if not self.bitrate:
            return "audio alone"
        words = f"{self.width}×{self.height}, {self.rate_hz} Hz, {self.bitrate / 1e6:g} Mb/s"
        return f"{words}, transcoded" if self.is_transcoded else words

    @property
    def is_transcoded(self) -> bool:
        """Whether the gateway has to encode it anew."""
        return self.profile != "baseline"


AUDIO = Workload(0, 0, 0)
_LAST_PICTURES_S = 1.0
"""How long to wait for what is still under way."""
WORKLOADS = (
    Workload(640, 360, 1_000_000),
    Workload(1280, 720, 2_500_000),
    Workload(1280, 720, 2_500_000, 30, "high"),
)


@dataclass(frozen=True, slots=True)
class VideoFigures:
    """Of one call."""

    workload: str
    cpu_percent: float
    rss_kib: int
    packets_per_s: float
    sent: int
    returned: int
    up_ms: tuple[float, float] | None
    """Median and 95 %; None if that is not known."""
    down_ms: tuple[float, float] | None


class Reflector(asyncio.DatagramProtocol):
    """Sends packets back to where they come from, and notes when those with the marker came."""

    def __init__(self) -> None:
        self.packets = 0
        self.marked: list[tuple[int, float]] = []
        """Timestamps, and when their pictures were complete, in s."""
        self._transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the socket."""
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        """Send it back."""
        self._transport.sendto(data, address)
        self.packets += 1
        if data[1] & 0x80:
            timestamp = int.from_bytes(data[4:8])
            self.marked.append((timestamp, asyncio.get_running_loop().time()))


def encode(workload: Workload, seconds: float, group_s: int = 2) -> list[tuple[int, bytes]]:
    """Make the tags of a stream: pictures that move, with the bit rate wanted.

    Key pictures are `group_s` apart.
    """
    file = io.BytesIO()
    noise = np.random.default_rng(1).integers(
        0, 255, (workload.height * 2, workload.width * 2, 3), dtype=np.uint8
    )
    bitrate = str(workload.bitrate)
    preset = "veryfast" if workload.is_transcoded else "ultrafast"  # which makes nothing but Baseline
    options = {"preset": preset, "tune": "zerolatency", "profile": workload.profile}
    options |= {"g": str(workload.rate_hz * group_s), "sc_threshold": "0"}
    options |= {"maxrate": bitrate, "bufsize": bitrate}
    with av.open(file, "w", format="flv") as container:
        stream = container.add_stream("libx264", rate=workload.rate_hz, options=options)
        stream.width, stream.height, stream.pix_fmt = workload.width, workload.height, "yuv420p"
        stream.bit_rate = workload.bitrate
        for number in range(int(seconds * workload.rate_hz)):
            at = number * 2 % workload.height
            picture = np.ascontiguousarray(noise[at : at + workload.height, at : at + workload.width])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    parser = FlvParser()
    parser.feed(file.getvalue())
    tags = []
    while (tag := parser.next_tag()) is not None:
        if tag.type_id == MessageType.VIDEO and tag.body[1] != 2:
            tags.append((tag.timestamp_ms, bytes(tag.body)))
    return tags


async def measure(workload: Workload, seconds: float, directory: Path) -> VideoFigures:
    """Make one call."""
    tags = encode(workload, seconds) if workload.bitrate else []
    loop = asyncio.get_running_loop()
    transport, reflector = await loop.create_datagram_endpoint(Reflector, local_addr=(HOST, 0))
    port = transport.get_extra_info("sockname")[1]
    returned_s: list[float] = []
    has_returned = asyncio.Event()

    def returned(_timestamp_ms: int, tag: Payload) -> None:
        if tag[1] == 1:
            returned_s.append(loop.time())
            has_returned.set()

    async def wait_returned(count: int) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LAST_PICTURES_S):
                while len(returned_s) < count:
                    has_returned.clear()
                    await has_returned.wait()

    try:
        async with (
            SippProcess("answer_video", directory, texts={"video_port": str(port)}) as callee,
            GatewayProcess(directory) as gateway,
        ):
            phone = await RtmpPhone.connect(gateway.url("anonymous@invalid"))
            phone.on_video = returned
            await phone.invite(callee.uri, "ulaw", "h264")
            meter = CpuMeter(gateway.pid)
            silence = phone.send_codec.rate_hz // 50 * 2
            frames = (bytes(silence) for _ in range(int(seconds * 50)))
            _, sent = await asyncio.gather(phone.send_in_real_time(frames), _send(phone, tags))
            cpu, memory = meter.percent(), rss_kib(gateway.pid)
            await wait_returned(len(sent))
            await phone.bye()
            await phone.close()
            if workload.is_transcoded is not ("video is transcoded" in gateway.output()):
                raise ProgramFailed(f"{workload.name}: transcoding is not as it should be")
            if troubles := gateway.troubles():
                raise ProgramFailed("\n".join(troubles))
    finally:
        transport.close()
    return VideoFigures(
        workload.name,
        cpu,
        memory,
        reflector.packets / seconds,
        len(sent),
        len(returned_s),
        _latency(_late_ms_up(sent, reflector.marked)),
        _latency(_late_ms_down([at_s for _, at_s in reflector.marked], returned_s)),
    )


async def _send(phone: RtmpPhone, tags: Sequence[tuple[int, bytes]]) -> list[tuple[int, float]]:
    """Send tags in real time; return the pictures' times in ms, and when they were sent, in s."""
    loop = asyncio.get_running_loop()
    begin_s, sent = loop.time(), []
    for time_ms, tag in tags:
        await asyncio.sleep(begin_s + time_ms / 1000 - loop.time())
        if tag[1] == 1:
            sent.append((time_ms, loop.time()))
        phone.send_video(time_ms, tag)
    return sent


def _late_ms_up(sent: Sequence[tuple[int, float]], marked: Sequence[tuple[int, float]]) -> list[float]:
    """Match by timestamps, which begin anywhere: a transcoder may leave pictures out, but not the first."""
    if not sent or not marked:
        return []
    (first_ms, _), (first, _) = sent[0], marked[0]
    arrived_s = {((timestamp - first) & 0xFFFFFFFF) // 90 + first_ms: at_s for timestamp, at_s in marked}
    return [1000 * (arrived_s[time_ms] - at_s) for time_ms, at_s in sent if time_ms in arrived_s]


def _late_ms_down(marked_s: Sequence[float], returned_s: Sequence[float]) -> list[float]:
    """Match by order; nothing if not all have come back, when nobody knows which is which."""
    if len(marked_s) != len(returned_s):
        return []
    return [1000 * (after - before) for before, after in zip(marked_s, returned_s, strict=True)]


def _latency(late_ms: Sequence[float]) -> tuple[float, float] | None:
    """Median and 95 %; None if there are not enough."""
    if len(late_ms) < 2:
        return None
    return statistics.median(late_ms), statistics.quantiles(late_ms, n=20)[-1]


def _in_words(latency_ms: tuple[float, float] | None) -> str:
    return "–" if latency_ms is None else f"{latency_ms[0]:.1f} / {latency_ms[1]:.1f}"


def report(all_figures: Sequence[VideoFigures]) -> str:
    """A table; the first line is the call without video."""
    base = all_figures[0].cpu_percent
    heading = ("call", "CPU %", "above audio", "RSS MiB", "packets/s", "sent", "back", "up ms", "down ms")
    lines = [
        (
            each.workload,
            f"{each.cpu_percent:.1f}",
            f"{each.cpu_percent - base:.1f}",
            f"{each.rss_kib / 1024:.0f}",
            f"{each.packets_per_s:.0f}",
            str(each.sent),
            str(each.returned),
            _in_words(each.up_ms),
            _in_words(each.down_ms),
        )
        for each in all_figures
    ]
    return markdown(heading, lines, texts=1)


def _measure_all(seconds: float, directory: Path) -> list[VideoFigures]:
    found = []
    for workload in (AUDIO, *WORKLOADS):
        print(f"  … {workload.name}", file=sys.stderr, flush=True)
        found.append(asyncio.run(measure(workload, seconds, directory)))
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--seconds", type=float, default=20.0, metavar="S", help="of each call (default 20)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    options = parser.parse_args(argv)
    found = in_new_directory("video", lambda directory: _measure_all(options.seconds, directory))
    if found is None:
        return 2
    if options.json is not None:
        options.json.write_text(json.dumps([asdict(each) for each in found], indent=2) + "\n")
    here = machine()
    print(f"{options.seconds:g} s each; {here['cpu']}, {here['cores']} cores, Python {here['python']}\n")
    print(report(found))
    return 0


if __name__ == "__main__":
    end_by_sigterm()
    sys.exit(main())
