"""Show a gateway at work: place a call through it to an echo phone, and measure what comes back.

Everything runs on this machine: the gateway, a SIP phone that echoes, and an RTMP phone that calls it.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Final

if __package__ in (None, ""):  # run as a file: python examples/demo.py
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from examples.child_process import ChildFailed, run_command
from examples.local_stack import LocalStack, local_stack
from examples.measurement import Measurement
from examples.phone_events import Accepted
from examples.probe_call import ProbeCall
from examples.rtmp_phone import CallRefused, RtmpPhone
from examples.wav_file import WavError, write_wav
from rtmp.errors import RtmpError

EXIT_INTACT, EXIT_DAMAGED, EXIT_FAILED, EXIT_INTERRUPTED = 0, 1, 2, 130

CODECS: Final = ("wideband", "narrowband", "pcmu", "pcma", "ulaw", "alaw")
_MIN_SECONDS: Final = 3.0
_CALL_TIMEOUT_S: Final = 10.0
_LATE_S: Final = 0.1
"""No gateway makes up for that."""


@dataclass(frozen=True, slots=True)
class SetUp:
    """How the call came about; times in s."""

    accepted: Accepted
    connect_s: float
    invite_s: float


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    arguments = make_parser().parse_args(argv)
    if arguments.seconds < _MIN_SECONDS:
        return _fail(f"--seconds must be at least {_MIN_SECONDS:g}")
    try:
        return asyncio.run(_cancelled_by_sigterm(_serve if arguments.serve else _demonstrate, arguments))
    except (KeyboardInterrupt, asyncio.CancelledError):
        if arguments.serve:
            return EXIT_INTACT
        print("\ninterrupted; gateway and phone have ended", file=sys.stderr)
        return EXIT_INTERRUPTED
    except CallRefused as refused:
        return _fail(f"the call was refused: {refused.status}")
    except TimeoutError:
        return _fail(f"the call was not answered within {_CALL_TIMEOUT_S:g} s")
    except (ChildFailed, RtmpError, OSError, WavError) as error:
        return _fail(str(error))


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="demo",
        description=__doc__,
        epilog="Exit status: 0 the audio came back intact, 1 it did not, 2 the call could not be made.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--codec", choices=CODECS, default="wideband", help="codec of the call (default %(default)s)")
    add("--seconds", type=float, default=8.0, help="length of the call (default %(default)g)")
    add("--output", type=Path, default=Path("demo.wav"), help="what came back (default %(default)s)")
    add("--serve", action="store_true", help="only start gateway and phone, until Ctrl-C, for you to call")
    add("--rtmp-port", type=int, default=0, metavar="PORT", help="TCP port of the gateway (default: any)")
    return parser


async def _demonstrate(arguments: argparse.Namespace) -> int:
    echo_rate_hz = 16000 if arguments.codec == "wideband" else 8000
    async with local_stack(echo_rate_hz=echo_rate_hz, rtmp_port=arguments.rtmp_port) as stack:
        print(f"gateway on {stack.rtmp_url}, SIP echo phone at {stack.echo_uri}")
        phone, set_up = await _call(stack, arguments.codec)
        call = ProbeCall(phone, arguments.seconds)
        print("     state      out    in   level")
        await call.run(lambda second: _print_progress(second, call))
        measurement = call.measure()
        await phone.bye()
        await phone.close()
    write_wav(arguments.output, call.received.rate_hz, bytes(call.received.pcm))
    _print_table(stack, set_up, call, measurement)
    print(f"what came back is in {arguments.output}")
    problems = measurement.problems()
    if problems:
        print(f"the audio did not come back intact: {'; '.join(problems)}", file=sys.stderr)
        if call.latest_s > _LATE_S:
            late = f"a frame was sent {call.latest_s * 1000:.0f} ms late"
            print(f"this machine had too much to do ({late}); try again when it has less", file=sys.stderr)
        return EXIT_DAMAGED
    print("the audio came back intact")
    return EXIT_INTACT


async def _serve(arguments: argparse.Namespace) -> int:
    async with local_stack(rtmp_port=arguments.rtmp_port) as stack:
        print(f"gateway:    {stack.rtmp_url}")
        print(f"call this:  {stack.echo_uri}")
        print(f"for example: {run_command('place_call')} {stack.rtmp_url} {stack.echo_uri} --duration 5")
        print("Ctrl-C ends both", flush=True)
        stack.echo_phone.on_line = lambda line: print(f"echo phone: {line}", flush=True)
        waits = [asyncio.create_task(child.wait()) for child in (stack.gateway, stack.echo_phone)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        ended = stack.gateway if waits[0].done() else stack.echo_phone
        await ended.line("(?!)")  # no line is so: this tells how it ended
    return EXIT_FAILED


async def _call(stack: LocalStack, codec: str) -> tuple[RtmpPhone, SetUp]:
    start_s = perf_counter()
    phone = await RtmpPhone.connect(stack.rtmp_url, display_name="Demo")
    connected_s = perf_counter()
    async with asyncio.timeout(_CALL_TIMEOUT_S):
        accepted = await phone.invite(stack.echo_uri, codec, "dtmf")
    return phone, SetUp(accepted, connected_s - start_s, perf_counter() - connected_s)


def _print_progress(second: int, call: ProbeCall) -> None:
    counters = call.phone.counters
    state = "up" if not call.phone.client.is_closed else "lost"
    print(
        f"{second:3} s {state:>6} {counters.sent:7} {counters.received:5} {call.level_dbfs():6.1f} dBFS",
        flush=True,
    )


def _print_table(stack: LocalStack, set_up: SetUp, call: ProbeCall, measured: Measurement) -> None:
    counters, trips = call.phone.counters, measured.trips
    lost_percent = 100 * (1 - measured.frames_received / max(measured.frames_expected, 1))
    sending = call.phone.send_codec
    print()
    for name, value in (
        ("connect", f"{set_up.connect_s * 1000:.0f} ms"),
        ("invite to accepted", f"{set_up.invite_s * 1000:.0f} ms"),
        ("codec on RTMP", f"{set_up.accepted.audio} (sent at {sending.rate_hz / 1000:g} kHz)"),
        ("codec on SIP", stack.sip_codec() or "unknown"),
        ("frames sent, received", f"{counters.sent}, {counters.received}"),
        ("frames lost", f"{lost_percent:.2f} %"),
        ("beeps sent, back", f"{trips.sent}, {trips.found}"),
        ("round trip, median", f"{trips.median_s * 1000:.0f} ms"),
        ("round trip, 95 %", f"{trips.percentile_s(95) * 1000:.0f} ms"),
        ("tone sent, back", f"{measured.sent_level_dbfs:.1f}, {measured.received_level_dbfs:.1f} dBFS"),
        ("signal to noise", f"{measured.snr_db:.1f} dB"),
        ("glitches in the tone", f"{measured.glitches}"),
        ("latest frame sent", f"{call.latest_s * 1000:.1f} ms late"),
    ):
        print(f"  {name:<22} {value}")
    print()


async def _cancelled_by_sigterm(
    work: Callable[[argparse.Namespace], Awaitable[int]], arguments: argparse.Namespace
) -> int:
    """Run `work` so that SIGTERM ends it as Ctrl-C does: by the `finally` of every context."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await work(arguments)


def _fail(message: str) -> int:
    print(f"demo: {message}", file=sys.stderr)
    return EXIT_FAILED


if __name__ == "__main__":
    sys.exit(main())
