"""Does the gateway lose anything? A thousand calls one after another, in every way that a call can go.

    python benchmarks/soak.py --calls 1000

After every 50 calls the client connects and registers anew, and what the gateway holds is written down.
Sockets, ports and threads must not grow at all after the first 100 calls, memory by no more than 2 MiB.
Needs SIPp.

If the gateway handles SIGUSR1 by logging a line `status: name=number …`, those numbers are watched as well,
and after each call that no call and no port of the bridge has stayed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import shlex
import signal
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.gateway_process import GatewayProcess
from benchmarks.local_process import HOST, end_by_sigterm, in_new_directory
from benchmarks.process_stats import Resources, handles_signal
from benchmarks.sipp_process import USER
from benchmarks.soak_calls import CallWentWrong, Phones, SoakClient, way_of
from benchmarks.soak_report import Sample, Soak, as_json, table, verdict_table, verdicts
from examples.rtmp_phone import CallRefused
from rtmp.errors import RtmpError

_STATUS = re.compile(r"status: (.*)")
_SETTLE_LIMIT_S = 5.0
_MAX_FAILURES = 20
_AT_REST = {"calls": 0, "conference_ports": 1}
"""The bridge's own port is one."""


class Sampler:
    """Reads what the gateway holds, once that has come to rest."""

    def __init__(self, gateway: GatewayProcess) -> None:
        self._gateway = gateway
        self._start_s = time.monotonic()
        self._first: Resources | None = None

    async def sample(self, calls: int) -> Sample:
        """Wait until there is no more than at first, for a few seconds at most, and note what there is."""
        deadline_s = time.monotonic() + _SETTLE_LIMIT_S
        await asyncio.sleep(0.3)
        held = Resources.of(self._gateway.pid)
        first = self._first or held
        while time.monotonic() < deadline_s and (held.descriptors, held.threads) != (
            first.descriptors,
            first.threads,
        ):
            await asyncio.sleep(0.1)
            held = Resources.of(self._gateway.pid)
        self._first = first
        return Sample(calls, round(time.monotonic() - self._start_s, 1), held, await self._inside())

    async def check_call_is_gone(self) -> None:
        """Wait until nothing of a call is left inside; raises CallWentWrong if something stays."""
        deadline_s = time.monotonic() + _SETTLE_LIMIT_S
        while left := {name: n for name, n in (await self._inside()).items() if n > _AT_REST.get(name, n)}:
            if time.monotonic() > deadline_s:
                raise CallWentWrong(f"still there {_SETTLE_LIMIT_S:g} s after the call: {left}")

    async def _inside(self) -> dict[str, int]:
        gateway = self._gateway
        if not handles_signal(gateway.pid, signal.SIGUSR1):
            return {}
        known = len(_STATUS.findall(gateway.output()))
        os.kill(gateway.pid, signal.SIGUSR1)
        await gateway.until(lambda: len(_STATUS.findall(gateway.output())) > known, 2.0)
        line = _STATUS.findall(gateway.output())[-1]
        return {name: int(number) for name, number in re.findall(r"(\w+)=(\d+)", line)}


async def soak_gateway(options: argparse.Namespace, directory: Path) -> Soak:
    """Make all the calls; stops early when too much goes wrong."""
    soak = Soak()
    phones = Phones(directory)
    async with AsyncExitStack() as stack:
        for phone in phones.all:
            await stack.enter_async_context(phone)
        gateway = await stack.enter_async_context(
            GatewayProcess(directory, shlex.split(options.gateway_args))
        )
        url = gateway.url(f"{USER}@{HOST}:{phones.registrar.port}")
        client = SoakClient(url, phones, directory, gateway.sip_port)
        await _make_calls(options, soak, client, Sampler(gateway))
        await client.close()
        status = await gateway.stop()
        if status:
            soak.failures.append(f"the gateway ended with status {status}")
        for phone in phones.all:
            if failed := await phone.finish():
                soak.failures.append(
                    f"SIPp {phone.name} saw {failed} calls go wrong: {phone.errors()[-1000:]}"
                )
        soak.troubles = gateway.troubles()
    return soak


async def _make_calls(options: argparse.Namespace, soak: Soak, client: SoakClient, sampler: Sampler) -> None:
    """One after another: the next one begins when nothing is left of the one before."""
    ways: Counter[str] = Counter()
    for number in range(options.calls + 1):
        if number % options.every == 0 or number == options.calls:
            await client.close()
            await client.connect()
            soak.samples.append(await sampler.sample(number))
            print(f"  … {number} of {options.calls}: {_brief(soak.samples[-1])}", file=sys.stderr, flush=True)
        if number == options.calls or len(soak.failures) > _MAX_FAILURES:
            break
        way = way_of(number)
        ways[way.value] += 1
        try:
            await client.call(way)
            await sampler.check_call_is_gone()
        except (CallWentWrong, CallRefused, RtmpError) as error:
            soak.failures.append(f"call {number}, {way.value}: {type(error).__name__}: {error}")
    soak.ways = dict(ways)


def _brief(sample: Sample) -> str:
    held = sample.resources
    memory = f"{held.rss_kib / 1024:.1f} MiB"
    return (
        f"{memory}, {held.descriptors} descriptors, {len(held.udp_ports)} UDP ports, {held.threads} threads"
    )


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    add = parser.add_argument
    add("--calls", type=int, default=1000, metavar="N", help="how many calls (default 1000)")
    add("--every", type=int, default=50, metavar="N", help="calls from one sample to the next (default 50)")
    add("--gateway-args", default="", metavar="ARGS", help="appended to the gateway's command line")
    add("--json", type=Path, metavar="FILE", help="write everything there")
    add("--check", action="store_true", help="exit with 1 if something grew or went wrong")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the soak; returns the exit status."""
    options = make_parser().parse_args(argv)
    soak = in_new_directory("soak", lambda directory: asyncio.run(soak_gateway(options, directory)))
    if soak is None:
        return 2
    if options.json is not None:
        options.json.write_text(json.dumps(as_json(soak), indent=2) + "\n")
    found = verdicts(soak)
    print(table(soak.samples), "\n")
    print(", ".join(f"{count} {way}" for way, count in soak.ways.items()), "\n")
    print(verdict_table(found))
    for problem in (*soak.failures, *soak.troubles):
        print(problem)
    return 1 if options.check and not all(verdict.passed for verdict in found) else 0


if __name__ == "__main__":
    end_by_sigterm()
    sys.exit(main())
