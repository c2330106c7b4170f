"""What calls cost and how they sound: a gateway, RTMP clients, and a SIP phone that sends back what it hears.

    python benchmarks/calls.py --calls 4 --seconds 60 --codec ulaw
    python benchmarks/calls.py --calls 80 --workers 21 --seconds 60

Everything runs on this machine, on free ports of 127.0.0.1. CPU is that of the gateway alone, with all its
threads and children, in percent of one core. Needs SIPp.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shlex
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import process_stats
from benchmarks.call_quality import CallQuality
from benchmarks.calls_report import Measured, as_json, figures, machine, table
from benchmarks.gateway_process import CallSummary, GatewayProcess
from benchmarks.local_process import HOST, ROOT, ProgramFailed, end_by_sigterm, in_new_directory
from benchmarks.sipp_process import USER, SippProcess

RTPMAPS = {
    "ulaw": "PCMU/8000",
    "alaw": "PCMA/8000",
    "pcmu": "PCMU/8000",
    "pcma": "PCMA/8000",
    "wideband": "speex/16000",
    "narrowband": "speex/8000",
}
"""What the SIP phone answers with, by the codec's name in the client API."""

_IDLE_S = 20.0
_MAX_LINE = 1 << 20


class CpuMeter:
    """CPU of a process tree over a time."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._start_s, self._start_cpu_s = time.monotonic(), process_stats.cpu_seconds(pid)

    def percent(self) -> float:
        """Of one core, since it was made."""
        used_s = process_stats.cpu_seconds(self._pid) - self._start_cpu_s
        return 100 * used_s / (time.monotonic() - self._start_s)


class Run:
    """One run: hears from the clients, and measures the gateway at the right times."""

    def __init__(self, gateway: GatewayProcess, measured: Measured) -> None:
        self._gateway = gateway
        self._measured = measured
        self._meter = CpuMeter(gateway.pid)
        self._client_cpu_s = 0.0
        self._calls_s = 0.0

    def hear(self, event: dict[str, object]) -> None:
        """Take an event of `call_load`."""
        measured, pid = self._measured, self._gateway.pid
        values = {name: value for name, value in event.items() if name != "event"}
        match event["event"]:
            case "times":
                measured.connect_ms, measured.answer_ms = (
                    _floats(values["connect_ms"]),
                    _floats(values["answer_ms"]),
                )
                _progress("set-up times measured")
            case "idle":
                self._meter = CpuMeter(pid)
            case "idle_over":
                measured.idle_cpu_percent = self._meter.percent()
                measured.idle_rss_kib = process_stats.rss_kib(pid)
                _progress("idle measured")
            case "calls":
                self._meter, self._calls_s = CpuMeter(pid), time.monotonic()
                self._client_cpu_s = _float(values["client_cpu_s"])
            case "calls_over":
                self._calls_over(_float(values["client_cpu_s"]) - self._client_cpu_s)
            case "second":
                _progress(f"{values['seconds']} of {measured.seconds:g} s")
            case "quality":
                measured.quality.append(CallQuality(**values))  # type: ignore[arg-type]  # made by asdict
            case _:
                pass

    def _calls_over(self, client_cpu_s: float) -> None:
        measured, pid = self._measured, self._gateway.pid
        measured.cpu_percent = self._meter.percent()
        measured.client_cpu_percent = 100 * client_cpu_s / (time.monotonic() - self._calls_s)
        measured.rss_kib, measured.peak_rss_kib = process_stats.rss_kib(pid), process_stats.peak_rss_kib(pid)
        measured.pss_kib = process_stats.pss_kib(pid)
        _progress("calls over, looking at the sound")


async def measure(options: argparse.Namespace, directory: Path) -> Measured:
    """Start everything, run the phases, end everything."""
    measured = Measured(options.codec, options.calls, options.seconds)
    async with AsyncExitStack() as stack:
        echo = await stack.enter_async_context(
            SippProcess("answer", directory, texts={"rtpmap": RTPMAPS[options.codec]})
        )
        registrar = await stack.enter_async_context(SippProcess("registrar", directory))
        gateway = await stack.enter_async_context(
            GatewayProcess(directory, shlex.split(options.gateway_args), workers=options.workers)
        )
        _progress(f"gateway: {shlex.join(gateway.argv[3:])}")
        run = Run(gateway, measured)
        async for event in _load_events(_load_arguments(options, gateway, echo, registrar)):
            run.hear(event)
        status = await gateway.stop()
        if status:
            measured.troubles.append(f"the gateway ended with status {status}")
        measured.summaries = CallSummary.parse_all(gateway.output())[-len(measured.quality) :]
        measured.troubles += gateway.troubles()
    return measured


def _load_arguments(
    options: argparse.Namespace, gateway: GatewayProcess, echo: SippProcess, registrar: SippProcess
) -> list[str]:
    values = {
        "--url": gateway.url("anonymous@invalid"),
        "--registered-url": gateway.url(f"{USER}@{HOST}:{registrar.port}"),
        "--destination": echo.uri,
        "--codec": options.codec,
        "--calls": 0 if options.idle else options.calls,
        "--seconds": options.seconds,
        "--idle-seconds": options.seconds if options.idle else min(_IDLE_S, options.seconds),
        "--rounds": 0 if options.idle else options.rounds,
    }
    return [text for name, value in values.items() for text in (name, str(value))]


async def _load_events(arguments: Sequence[str]) -> AsyncIterator[dict[str, object]]:
    """Run the clients; raises ProgramFailed if they do not come to their end."""
    load = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.call_load", *arguments,
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, limit=_MAX_LINE,
    )  # fmt: skip
    assert load.stdout is not None
    try:
        async for line in load.stdout:
            yield json.loads(line)
        if await load.wait():
            raise ProgramFailed("the clients failed, see above; the gateway's log was kept")
    finally:
        if load.returncode is None:
            load.kill()
            await load.wait()


def _progress(text: str) -> None:
    print(f"  … {text}", file=sys.stderr, flush=True)


def _float(value: object) -> float:
    assert isinstance(value, float)
    return value


def _floats(value: object) -> list[float]:
    assert isinstance(value, list)
    return value


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    add = parser.add_argument
    add("--calls", type=int, default=4, metavar="N", help="calls at the same time (default 4)")
    add(
        "--seconds",
        type=float,
        default=60.0,
        metavar="S",
        help="length of the calls (default 60, at least 2)",
    )
    add("--codec", choices=sorted(RTPMAPS), default="ulaw", help="as in the client's invite (default ulaw)")
    add("--rounds", type=int, default=20, metavar="N", help="how often set-up is timed (default 20)")
    add("--workers", type=int, default=1, metavar="N", help="processes of the gateway, at most (default 1)")
    add("--gateway-args", default="", metavar="ARGS", help="appended to the gateway's command line")
    add("--idle", action="store_true", help="measure only the idle gateway, for the given seconds")
    add("--json", type=Path, metavar="FILE", help="write all figures and raw values there")
    add("--check", action="store_true", help="exit with 1 if a target is missed")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns the exit status."""
    parser = make_parser()
    options = parser.parse_args(argv)
    if options.calls < 1 or options.seconds < 2:
        parser.error("it takes at least one call and 2 seconds")
    measured = in_new_directory("calls", lambda directory: asyncio.run(measure(options, directory)))
    if measured is None:
        return 2
    rows = figures(measured)
    if options.json is not None:
        options.json.write_text(json.dumps(as_json(measured, rows), indent=2) + "\n")
    print(_heading(options))
    print(table(rows))
    for trouble in measured.troubles:
        print(f"gateway: {trouble}")
    missed = [row for row in rows if row.verdict == "miss"]
    return 1 if options.check and missed else 0


def _heading(options: argparse.Namespace) -> str:
    here = machine()
    what = "idle" if options.idle else f"{options.calls} calls of {options.seconds:g} s, {options.codec}"
    where = f"{here['cpu']}, {here['cores']} cores, Python {here['python']}"
    return f"{what} ({RTPMAPS[options.codec]} on SIP); {where}\n"


if __name__ == "__main__":
    end_by_sigterm()
    sys.exit(main())
