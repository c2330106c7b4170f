"""The RTMP clients of `benchmarks/calls.py`, in one process that is apart from the gateway.

It prints one JSON object a line, each with an `event`: `times`, `idle`, `calls`, `second` (progress),
`calls_over`, `quality` (one for each call), `done`.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import resource
import time
from dataclasses import asdict

import uvloop

from benchmarks.call_quality import CallQuality, CallRecording, ProbeSignal
from benchmarks.sipp_process import PASSWORD, USER
from examples.phone_audio import ReceivedFrame, TagDecoder, send_in_real_time
from examples.phone_events import Accepted
from examples.rtmp_phone import RtmpPhone
from media_bridge.errors import CodecDataError
from rtmp.aio import RtmpClient
from rtmp.errors import CallFailed, RemoteProtocolError
from rtmp.messages import Payload

_BUSY_LIMIT_S = 5.0
_SETTLE_S = 1.0
_SPREAD_S = 0.0047
"""Between the clients' first frames: real ones do not send in step."""


async def invite_when_free(phone: RtmpPhone, destination: str, *codecs: str) -> Accepted:
    """Call as soon as the gateway has ended the call before; no event says when that is."""
    deadline_s = time.perf_counter() + _BUSY_LIMIT_S
    while True:
        try:
            return await phone.invite(destination, *codecs)
        except CallFailed:
            if time.perf_counter() > deadline_s:
                raise
        await asyncio.sleep(0.005)


async def connect_times_ms(url: str, rounds: int) -> list[float]:
    """From the TCP connection to the success of `connect`: RTMP handshake, REGISTER, digest, 200."""
    times: list[float] = []
    for _ in range(rounds):
        start_s = time.perf_counter()
        client = await RtmpClient.connect(url, USER, PASSWORD, "Bench")
        times.append((time.perf_counter() - start_s) * 1000)
        client.close()
        await client.wait_closed()
        await asyncio.sleep(0.1)  # the gateway unregisters after the connection has ended
    return times


async def answer_times_ms(phone: RtmpPhone, destination: str, codec: str, rounds: int) -> list[float]:
    """From `invite` to `accepted`, by a phone that answers at once."""
    times: list[float] = []
    for _ in range(rounds):
        start_s = time.perf_counter()
        await phone.invite(destination, codec)
        times.append((time.perf_counter() - start_s) * 1000)
        await phone.bye()
        await asyncio.sleep(0.15)  # the call must be over before the next
    return times


class LoadedCall:
    """One client with one call, whose sound is recorded.

    It neither encodes nor decodes while it talks: there are many on the machine that is measured.
    """

    def __init__(self, phone: RtmpPhone, signal: ProbeSignal) -> None:
        self._phone = phone
        self._signal = signal
        self._sent_s: list[float] = []
        self._arrived: list[tuple[float, int, bytes]] = []
        self._late_s = 0.0

    async def talk(self, delay_s: float) -> None:
        """Send the whole signal in real time."""
        self._phone.on_audio = self._receive
        await asyncio.sleep(delay_s)
        self._late_s = await send_in_real_time(self._signal.frames, self._send)
        await asyncio.sleep(0.5)  # the end of the sound is still on its way
        self._phone.on_audio = None

    async def end(self) -> None:
        """Hang up and leave."""
        await self._phone.bye()
        await self._phone.close()

    def quality(self) -> CallQuality:
        """Measure what came back."""
        recording = CallRecording(self._signal, self._phone.send_codec)
        for sent_s in self._sent_s:
            recording.sent(sent_s)
        decoder, counters = TagDecoder(), self._phone.counters
        for arrived_s, timestamp_ms, tag in self._arrived:
            try:
                rate_hz, pcm = decoder.decode(tag)
            except (CodecDataError, RemoteProtocolError):
                counters.undecodable += 1
            else:
                recording.receive(ReceivedFrame(arrived_s, timestamp_ms, rate_hz, pcm))
        return recording.quality(counters, self._late_s)

    def _send(self, _pcm: bytes) -> None:
        timestamp_ms, tag = self._signal.tags[len(self._sent_s)]
        self._sent_s.append(time.perf_counter())
        self._phone.send_audio(timestamp_ms, tag)

    def _receive(self, timestamp_ms: int, tag: Payload) -> None:
        self._arrived.append((time.perf_counter(), timestamp_ms, bytes(tag)))


async def measure_times(options: argparse.Namespace) -> None:
    """Tell how long set-up takes."""
    connect_ms = await connect_times_ms(options.registered_url, options.rounds)
    phone = await RtmpPhone.connect(options.url)
    answer_ms = await answer_times_ms(phone, options.destination, options.codec, options.rounds)
    await phone.close()
    _tell("times", connect_ms=connect_ms, answer_ms=answer_ms)


async def idle(options: argparse.Namespace) -> None:
    """Be registered and do nothing."""
    phone = await RtmpPhone.connect(options.registered_url, USER, PASSWORD, "Bench")
    await asyncio.sleep(_SETTLE_S)
    _tell("idle")
    await asyncio.sleep(options.idle_seconds)
    _tell("idle_over")
    await phone.close()


async def make_calls(options: argparse.Namespace) -> None:
    """Call, all clients at once, and tell what became of the sound."""
    phones = [await RtmpPhone.connect(options.url) for _ in range(options.calls)]
    for phone in phones:
        await phone.invite(options.destination, options.codec)
    signal = ProbeSignal.make(phones[0].send_codec, options.seconds)
    calls = [LoadedCall(phone, signal) for phone in phones]
    gc.disable()  # it would make frames late, the more the longer the recordings are
    progress = asyncio.create_task(_tell_seconds())
    talks = [asyncio.create_task(call.talk(number * _SPREAD_S)) for number, call in enumerate(calls)]
    await asyncio.sleep(_SETTLE_S)
    _tell("calls", client_cpu_s=_own_cpu_s())
    await asyncio.sleep(options.seconds - _SETTLE_S)
    _tell("calls_over", client_cpu_s=_own_cpu_s())
    await asyncio.gather(*talks)
    progress.cancel()
    for call in calls:
        await call.end()
    for call in calls:
        _tell("quality", **asdict(call.quality()))


async def _tell_seconds() -> None:
    start_s = time.perf_counter()
    while True:
        await asyncio.sleep(5)
        _tell("second", seconds=round(time.perf_counter() - start_s))


def _own_cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _tell(event: str, **values: object) -> None:
    print(json.dumps({"event": event, **values}), flush=True)


async def run(options: argparse.Namespace) -> None:
    """All phases in turn."""
    if options.rounds:
        await measure_times(options)
    if options.idle_seconds:
        await idle(options)
    if options.calls:
        await make_calls(options)
    _tell("done")


def main() -> None:
    """Run the phases that have a length."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    add = parser.add_argument
    add("--url", required=True, help="of a line that does not register")
    add("--registered-url", required=True, help="of a line that registers")
    add("--destination", required=True, help="SIP URI of the echo")
    add("--codec", required=True)
    add("--calls", type=int, required=True)
    add("--seconds", type=float, required=True)
    add("--idle-seconds", type=float, required=True)
    add("--rounds", type=int, required=True, help="how often set-up times are measured")
    uvloop.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
