"""Many calls through workers that begin and end all the time: does one fail, and does anything grow?

    python benchmarks/churn.py --clients 24 --rate 20 --seconds 600
    python benchmarks/churn.py --clients 40 --steady 4 --rate 2 --hold 20 --seconds 3600

Each client calls again and again. Some hang up, some lose their connection in the middle of a call and come
back. Between two phases all their calls end, and what all processes of the gateway hold is written down:
after the first phase descriptors and threads must not grow at all, memory (PSS) by no more than 2 MiB a
worker. Of the clients `--steady` have a single call all the time, whose timestamps must stay within 20 ms of
the clock. Needs SIPp.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import process_stats
from benchmarks.call_load import invite_when_free
from benchmarks.gateway_process import GatewayProcess
from benchmarks.local_process import end_by_sigterm, in_new_directory
from benchmarks.markdown_table import markdown
from benchmarks.process_stats import Resources
from benchmarks.sipp_process import SippProcess
from benchmarks.timestamp_drift import TimestampDrift
from examples.rtmp_phone import CallRefused, RtmpPhone
from rtmp.errors import ConnectRejected, RtmpError
from rtmp.messages import Payload
from siprtmp_b2bua.config import GatewayConfig
from siprtmp_b2bua.room import lines_of_process

_REFUSED_S = 1.0
"""How long a client that was refused waits before it connects again."""
_SETTLE_S = 2.0
"""pjmedia keeps the sockets of a call that has ended for half a second."""
_GROWTH_KIB = 2048
_DRIFT_MS = 20
_LOSS_SHARE = 0.1
"""The share of calls whose client loses its connection instead of hanging up."""


@dataclass(frozen=True, slots=True)
class Held:
    """What all processes of the gateway hold while no call is up."""

    calls: int
    seconds: float
    processes: int
    descriptors: int
    threads: int
    pss_kib: int

    @classmethod
    def of(cls, pid: int, calls: int, seconds: float) -> Held:
        """Read it."""
        tree = process_stats.process_tree(pid)
        each = [Resources.of(member) for member in tree]
        return cls(
            calls,
            seconds,
            len(tree),
            sum(one.descriptors for one in each),
            sum(one.threads for one in each),
            process_stats.pss_kib(pid),
        )


class Churn:
    """The clients, and the turns in which they call."""

    def __init__(self, gateway: GatewayProcess, destination: str, options: argparse.Namespace) -> None:
        self.calls = 0
        self.failures: Counter[str] = Counter()
        self._gateway = gateway
        self._destination = destination
        self._hold_s: float = options.hold
        self._period_s = 1 / options.rate
        self._next_s = time.monotonic()
        self._random = random.Random(options.seed)
        self._may_call = asyncio.Event()
        self._under_way: set[int] = set()
        self._all_ended = asyncio.Event()

    def begin(self) -> None:
        """Let the clients call."""
        self._next_s = time.monotonic()
        self._may_call.set()

    async def rest(self) -> None:
        """Let no client begin another call, and wait until the last one has ended."""
        self._may_call.clear()
        while self._under_way:
            self._all_ended.clear()
            await self._all_ended.wait()
        await asyncio.sleep(_SETTLE_S)

    async def run_client(self, number: int) -> None:
        """Call until cancelled."""
        phone = await self._connect()
        while True:
            await self._wait_for_turn()
            self._under_way.add(number)
            try:
                await self._call(phone)
                self.calls += 1
                if self._random.random() < _LOSS_SHARE:
                    phone.client.abort()
                    await phone.client.wait_closed()
                    phone = await self._connect()
                else:
                    await phone.bye()
            except (CallRefused, RtmpError, TimeoutError) as error:
                self.failures[f"{type(error).__name__}: {error}"] += 1
                if phone.client.is_closed:
                    phone = await self._connect()
            finally:
                self._under_way.discard(number)
                self._all_ended.set()

    async def _connect(self) -> RtmpPhone:
        """Connect; who is refused, as by a gateway that is overloaded, tries again, as phones do."""
        while True:
            try:
                return await RtmpPhone.connect(self._gateway.url("anonymous@invalid"))
            except ConnectRejected as refused:
                self.failures[str(refused)] += 1
            await asyncio.sleep(_REFUSED_S)

    async def _wait_for_turn(self) -> None:
        while True:
            await self._may_call.wait()
            due_s = self._next_s = max(self._next_s, time.monotonic() - 1.0) + self._period_s
            await asyncio.sleep(max(due_s - time.monotonic(), 0.0))
            if self._may_call.is_set():
                return

    async def _call(self, phone: RtmpPhone) -> None:
        await invite_when_free(phone, self._destination, "ulaw")
        hold_s = self._random.uniform(0.5, 1.5) * self._hold_s
        await phone.send_in_real_time(repeat(silence(phone), max(int(hold_s * 50), 1)))


async def call_steadily(gateway: GatewayProcess, destination: str, drift: TimestampDrift) -> None:
    """Have one call until cancelled, and measure its timestamps."""

    def hear(timestamp_ms: int, _tag: Payload) -> None:
        drift.note(timestamp_ms, time.monotonic())

    phone = await RtmpPhone.connect(gateway.url("anonymous@invalid"))
    await phone.invite(destination, "ulaw")
    phone.on_audio = hear
    try:
        await phone.send_in_real_time(repeat(silence(phone)))
    finally:
        await phone.bye()
        await phone.close()


def silence(phone: RtmpPhone) -> bytes:
    """A frame."""
    return bytes(phone.send_codec.frame_bytes)


async def churn(
    options: argparse.Namespace, directory: Path
) -> tuple[Churn, list[Held], list[TimestampDrift], list[str]]:
    """Run all phases; return the clients, what was held after each phase, what drifted, and what is wrong."""
    workers = math.ceil(options.clients / lines_of_process(GatewayConfig.load())) + 1
    held: list[Held] = []
    drifts = [TimestampDrift() for _ in range(options.steady)]
    async with AsyncExitStack() as stack:
        phone = await stack.enter_async_context(
            SippProcess("answer", directory, texts={"rtpmap": "PCMU/8000"})
        )
        fixed = ["--workers", str(workers)]  # those that come and go would hide what grows
        gateway = await stack.enter_async_context(GatewayProcess(directory, fixed, workers=workers))
        clients = Churn(gateway, phone.uri, options)
        works = [call_steadily(gateway, phone.uri, drift) for drift in drifts]
        works += [clients.run_client(number) for number in range(options.clients - options.steady)]
        tasks = [asyncio.create_task(work) for work in works]
        begun_s = time.monotonic()
        for phase in range(options.phases):
            clients.begin()
            done, _ = await asyncio.wait(tasks, timeout=options.seconds / options.phases)
            for task in done:
                task.result()  # a client that has ended has failed
            await clients.rest()
            held.append(Held.of(gateway.pid, clients.calls, time.monotonic() - begun_s))
            print(f"  … phase {phase + 1} of {options.phases}: {held[-1]}", file=sys.stderr, flush=True)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        status = await gateway.stop()
        troubles = gateway.troubles()
        if status:
            troubles.append(f"the gateway ended with status {status}")
    return clients, held, drifts, troubles


def growth(held: Sequence[Held]) -> list[str]:
    """What has grown since the first phase, and may not."""
    first, last = held[0], held[-1]
    found = []
    for name in ("processes", "descriptors", "threads"):
        before, after = getattr(first, name), getattr(last, name)
        if after > before:
            found.append(f"{name}: {before} after the first phase, {after} after the last")
    grown_kib = (last.pss_kib - first.pss_kib) / first.processes
    if grown_kib > _GROWTH_KIB:
        found.append(f"memory: {grown_kib:.0f} KiB more a process after the last phase")
    return found


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    add = parser.add_argument
    add("--clients", type=int, default=24, metavar="N", help="clients that call (default 24)")
    add("--steady", type=int, default=0, metavar="N", help="of these, how many never hang up (default 0)")
    add("--rate", type=float, default=20.0, metavar="R", help="calls a second, at most (default 20)")
    add(
        "--hold", type=float, default=0.5, metavar="S", help="how long a call lasts, on average (default 0.5)"
    )
    add("--seconds", type=float, default=600.0, metavar="S", help="how long all takes (default 600)")
    add(
        "--phases",
        type=int,
        default=10,
        metavar="N",
        help="how often all calls end in that time (default 10)",
    )
    add("--seed", type=int, default=1, metavar="N", help="of what is random (default 1)")
    add("--check", action="store_true", help="exit with 1 if something grew or went wrong")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run it; returns the exit status."""
    parser = make_parser()
    options = parser.parse_args(argv)
    if not 0 <= options.steady <= options.clients:
        parser.error("--steady is a part of --clients")
    found = in_new_directory("churn", lambda directory: asyncio.run(churn(options, directory)))
    if found is None:
        return 2
    clients, held, drifts, troubles = found
    heading = ("after", "calls", "processes", "descriptors", "threads", "memory (PSS)")
    rows = [
        (f"{h.seconds:.0f} s", str(h.calls), str(h.processes), str(h.descriptors), str(h.threads),
         f"{h.pss_kib / 1024:.1f} MiB")
        for h in held
    ]  # fmt: skip
    print(markdown(heading, rows, texts=1), "\n")
    print(f"{clients.calls} calls, {clients.calls / held[-1].seconds:.1f} a second")
    for drift in drifts:
        print(f"timestamps of a steady call: {drift}")
    wrong = [f"{count} times {what}" for what, count in clients.failures.most_common()]
    wrong += growth(held) + troubles
    wrong += [f"timestamps: {drift}" for drift in drifts if not drift.is_within(_DRIFT_MS)]
    for what in wrong:
        print(what)
    return 1 if options.check and wrong else 0


if __name__ == "__main__":
    end_by_sigterm()
    sys.exit(main())
