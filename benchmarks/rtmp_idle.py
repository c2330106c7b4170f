"""What clients cost an RTMP server that do nothing, and what those leave behind that come and go.

    python benchmarks/rtmp_idle.py --server ours
    python benchmarks/rtmp_idle.py --compare ours,nginx --clients 1000 --seconds 60 --churn 10000

Idle clients have connected and made a message stream; then they only answer pings. CPU is user and system
time of the server in percent of one core. The memory, descriptors and tasks of a server are compared before
and after many clients have connected, made a stream and gone.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import repeat
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.calls import CpuMeter
from benchmarks.calls_report import machine
from benchmarks.local_process import ProgramFailed, end_by_sigterm, in_new_directory
from benchmarks.markdown_table import markdown
from benchmarks.process_stats import Resources, cpu_seconds
from benchmarks.rtmp_memory import Memory
from benchmarks.rtmp_peer import Peer, PeerFailed, Peers
from benchmarks.rtmp_relay import server_names
from benchmarks.rtmp_servers import SERVERS, RelayServer, cores, make_server, on_core, raise_descriptor_limit

_GONE_S = 10.0


@dataclass(frozen=True, slots=True)
class Holding:
    """What a server holds while it has no client."""

    memory: Memory
    descriptors: int
    tasks: int | None

    @classmethod
    async def of(cls, server: RelayServer) -> Holding:
        """Wait until all connections are gone, and look."""
        await server.until(lambda: Resources.of(server.pid).tcp_connections == 0, _GONE_S)
        tasks = await server.count_tasks()
        return cls(Memory.of(server.pid), Resources.of(server.pid).descriptors, tasks)


@dataclass(frozen=True, slots=True)
class IdleFigures:
    """Of one server; CPU is in percent of one core."""

    server: str
    idle_cpu_percent: float
    rss_kib_per_client: float
    anonymous_kib_per_client: float
    connect_cpu_ms: float
    """CPU of the server for a client that comes and goes."""
    before: Holding
    after: Holding


async def measure(server_name: str, options: argparse.Namespace, directory: Path) -> IdleFigures:
    """Start a server, do both to it, end it."""
    server_core, load_core = cores()
    async with make_server(server_name, directory, server_core) as server:
        with on_core(load_core), Peers() as peers:
            # one before, so that what a server makes once is not counted for each
            _come_and_go(peers, server.url, 1, 1)
            empty = (await Holding.of(server)).memory
            peers.connect(repeat(partial(Peer, server.url), options.clients), options.at_once)
            grown = Memory.of(server.pid) - empty
            meter = CpuMeter(server.pid)
            peers.listen(options.seconds)
            idle_cpu_percent = meter.percent()
            peers.close_all()
            _come_and_go(peers, server.url, options.warm_up, options.at_once)
            before, cpu_s = await Holding.of(server), cpu_seconds(server.pid)
            _come_and_go(peers, server.url, options.churn, options.at_once)
            after, cpu_s = await Holding.of(server), cpu_seconds(server.pid) - cpu_s
    return IdleFigures(
        server_name,
        idle_cpu_percent,
        grown.rss_kib / options.clients,
        grown.anonymous_kib / options.clients,
        1000 * cpu_s / options.churn,
        before,
        after,
    )


def _come_and_go(peers: Peers, url: str, count: int, at_once: int) -> None:
    for begin in range(0, count, at_once):
        peers.connect(repeat(partial(Peer, url), min(at_once, count - begin)), at_once)
        peers.close_all()


def report(rows: Sequence[IdleFigures], options: argparse.Namespace) -> str:
    """Two tables, as Markdown that can also be read as it is."""
    idle = ["server", "CPU %", "RSS KiB each", "own KiB each"]
    churn = ["server", "CPU ms each", "RSS KiB before", "grows", "own grows", "descriptors", "tasks"]
    return "\n\n".join(
        [
            f"{options.clients} idle clients for {options.seconds:g} s",
            markdown(idle, map(_idle_line, rows), texts=1),
            f"{options.churn} clients come and go, {options.at_once} at once",
            markdown(churn, map(_churn_line, rows), texts=1),
        ]
    )


def _idle_line(row: IdleFigures) -> list[str]:
    memory = row.rss_kib_per_client, row.anonymous_kib_per_client
    return [row.server, f"{row.idle_cpu_percent:.2f}", *(f"{kib:.1f}" for kib in memory)]


def _churn_line(row: IdleFigures) -> list[str]:
    before, after = row.before, row.after
    grown = after.memory - before.memory
    tasks = "" if before.tasks is None else f"{before.tasks} → {after.tasks}"
    return [
        row.server, f"{row.connect_cpu_ms:.2f}", str(before.memory.rss_kib), f"{grown.rss_kib:+}",
        f"{grown.anonymous_kib:+}", f"{before.descriptors} → {after.descriptors}", tasks,
    ]  # fmt: skip


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    add = parser.add_argument
    add("--server", choices=SERVERS, default="ours", help="what to measure (default ours)")
    add("--compare", type=server_names, metavar="A,B", help="several servers in turn, instead of --server")
    add("--clients", type=int, default=1000, metavar="N", help="idle clients (default 1000)")
    add("--seconds", type=float, default=60.0, metavar="S", help="how long they are idle (default 60)")
    add("--churn", type=int, default=10_000, metavar="N", help="how many come and go (default 10000)")
    add("--warm-up", type=int, default=1000, metavar="N", help="how many do so before (default 1000)")
    add("--at-once", type=int, default=100, metavar="N", help="how many connect together (default 100)")
    add("--json", type=Path, metavar="FILE", help="write the figures there")
    return parser


async def _run(options: argparse.Namespace, directory: Path) -> list[IdleFigures]:
    rows = []
    for server in options.compare or [options.server]:
        print(f"  … {server}", file=sys.stderr, flush=True)
        rows.append(await measure(server, options, directory))
    return rows


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns the exit status."""
    parser = make_parser()
    options = parser.parse_args(argv)
    if min(options.clients, options.churn, options.at_once) < 1:
        parser.error("it takes at least one client")
    raise_descriptor_limit()
    rows = in_new_directory(
        "idle", lambda directory: asyncio.run(_run(options, directory)), (ProgramFailed, PeerFailed)
    )
    if rows is None:
        return 2
    if options.json is not None:
        data = {"machine": machine(), "rows": [asdict(row) for row in rows]}
        options.json.write_text(json.dumps(data, indent=2) + "\n")
    print(report(rows, options))
    return 0


if __name__ == "__main__":
    end_by_sigterm()
    sys.exit(main())
