"""What a frame costs. Not a test: run `python -m tests.media_bridge.measure_costs`.

With 4 calls, 50 µs for a 20 ms frame are 1 % of a core.
"""

import asyncio
import random
import time
from array import array
from collections.abc import Callable

from media_bridge.codecs.registry import decoder_for, encoder_for
from media_bridge.frames import AudioCodec
from media_bridge.pcm_queue import PcmQueue
from media_bridge.pipeline import DownlinkChain, UplinkChain
from media_bridge.pj_frame import frame_copier
from media_bridge.pj_module import pj
from media_bridge.pj_port import PcmPort
from media_bridge.pj_ticker import BridgeTicker
from media_bridge.resample import Resampler

from .bridge_process import running_bridge
from .signals import in_frames, samples_of, tone

CALLS = 4
SECONDS = 10


def speechlike(rate_hz: int) -> list[bytes]:
    """A second of tones with noise: silence or a pure tone would flatter the encoders."""
    rng = random.Random(1)
    pcm = samples_of(tone(440, rate_hz, 1)) + samples_of(tone(1300, rate_hz, 1, 3000))
    return in_frames(array("h", [int(x + rng.gauss(0, 400)) for x in pcm]).tobytes(), rate_hz // 50 * 2)


def report(what: str, frames: list[bytes], work: Callable[[bytes], object]) -> None:
    best = min(timed(frames * 4, work) for _ in range(5))
    print(f"{what:34s} {best:6.1f} µs")


def timed(frames: list[bytes], work: Callable[[bytes], object]) -> float:
    start = time.process_time()
    for frame in frames:
        work(frame)
    return (time.process_time() - start) / len(frames) * 1e6


def measure_frames() -> None:
    for rate_hz, high_band in ((16000, True), (16000, False), (8000, True)):
        frames = speechlike(rate_hz)
        encoder = encoder_for(AudioCodec.SPEEX, rate_hz, high_band=high_band)
        report(f"{encoder}: encode", frames, encoder.encode)
        report(
            f"{encoder}: decode",
            [encoder.encode(f) for f in frames],
            decoder_for(AudioCodec.SPEEX, rate_hz).decode,
        )
    g711 = encoder_for(AudioCodec.PCMU, 8000)
    report("pcmu: encode", speechlike(8000), g711.encode)
    report(
        "pcmu: decode", [g711.encode(f) for f in speechlike(8000)], decoder_for(AudioCodec.PCMU, 8000).decode
    )
    for rate_in, rate_out in ((8000, 16000), (16000, 8000), (44100, 16000)):
        resampler = Resampler(rate_in, rate_out)
        report(str(resampler), speechlike(rate_in), resampler.push)
    queue = PcmQueue(16000)
    report("queue: push and pop", speechlike(16000), lambda pcm: (queue.push(pcm), queue.pop(640)))
    copier, frame = frame_copier(), pj.MediaFrame()

    def through_port(pcm: bytes) -> None:
        copier.write(frame, pcm)
        copier.read(frame)

    report("port: frame write and read", speechlike(16000), through_port)


class Call:
    """Speex wideband on one side, a port at the rate of a telephony stream on the other, sound both ways."""

    def __init__(self, ticker: BridgeTicker, stream_rate_hz: int, bridge_rate_hz: int) -> None:
        self.queue = PcmQueue(bridge_rate_hz)
        self.uplink = UplinkChain(decoder_for(AudioCodec.SPEEX, bridge_rate_hz), self.queue)
        self.downlink = DownlinkChain(encoder_for(AudioCodec.SPEEX, bridge_rate_hz, high_band=False))
        self.end_ticks = ticker.listen(self.turn)
        self.port = PcmPort("rtmp", bridge_rate_hz, source=self.queue.take, sink=self.downlink.feed)
        self.frames = speechlike(stream_rate_hz)
        self.ticks = 0
        self.stream = PcmPort("stream", stream_rate_hz, source=self.from_stream)
        self.stream.sink = lambda pcm: None
        self.port.connect_both_ways(self.stream)

    def from_stream(self, n_bytes: int) -> bytes:
        self.ticks += 1
        return self.frames[self.ticks % len(self.frames)]

    def turn(self) -> None:
        """What goes out to the client comes back from it."""
        for packet in self.downlink.drain():
            self.uplink.push(packet.payload)

    def close(self) -> None:
        self.port.close()
        self.stream.close()
        self.end_ticks()


async def measure_calls(endpoint: pj.Endpoint, stream_rate_hz: int, bridge_rate_hz: int) -> None:
    ticker = BridgeTicker(asyncio.get_running_loop())
    ticker.open(endpoint, int(endpoint.audDevManager().setNoDev()), bridge_rate_hz)
    ticker.start()
    calls = [Call(ticker, stream_rate_hz, bridge_rate_hz) for _ in range(CALLS)]
    await asyncio.sleep(1)
    cpu, wall = time.process_time(), time.perf_counter()
    await asyncio.sleep(SECONDS)
    percent = (time.process_time() - cpu) / (time.perf_counter() - wall) * 100
    print(f"{CALLS} calls, {calls[0].uplink}, {calls[0].downlink}: {percent:.1f} % of a core")
    print(" ", calls[0].queue.stats())
    for call in calls:
        call.close()
    ticker.close()


if __name__ == "__main__":
    import sys

    import uvloop

    if len(sys.argv) == 1:
        measure_frames()
    bridge_hz = int(sys.argv[1]) if len(sys.argv) > 1 else 16000
    quality = int(sys.argv[2]) if len(sys.argv) > 2 else 8
    with running_bridge(bridge_hz, quality) as endpoint:
        uvloop.run(measure_calls(endpoint, 8000, bridge_hz))
