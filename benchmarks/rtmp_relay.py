"""What relaying live RTMP streams costs a server, and how fast and how whole they arrive.

    python benchmarks/rtmp_relay.py --server ours
    python benchmarks/rtmp_relay.py --compare nginx,bare-uvloop,ours --repeat 3
    python benchmarks/rtmp_relay.py --publishers 20 --players 2 --kind speex --seconds 60

Server and load run on this machine, on a core of their own each if there are two. CPU is user and system time
of the server in percent of one core. Latency is from just before the publisher's write to just before the
player's read of a message's last byte, both in the load's one thread. Memory is what each connection adds to
a server that has none: resident, and what the server itself made of that. Streams are H.264 and AAC at 1 Mb/s
("av") or Speex, 50 messages a second ("speex"). CPU ratios are to the first server of the list.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from functools import partial
from itertools import product
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.calls_report import machine
from benchmarks.local_process import ProgramFailed, end_by_sigterm, in_new_directory
from benchmarks.rtmp_load import RelayLoad, Workload
from benchmarks.rtmp_memory import Memory
from benchmarks.rtmp_peer import Peer, PeerFailed, Peers
from benchmarks.rtmp_relay_report import RelayFigures, RelayRow, report
from benchmarks.rtmp_servers import SERVERS, RelayServer, cores, make_server, on_core, raise_descriptor_limit

WORKLOADS = (Workload("av", 30, 1), Workload("av", 10, 5), Workload("speex", 50, 1))


async def measure(server_name: str, workload: Workload, seconds: float, directory: Path) -> RelayFigures:
    """Start a server, put it under load, end it."""
    server_core, load_core = cores()
    async with make_server(server_name, directory, server_core) as server:
        with on_core(load_core), Peers() as peers:
            # blocks the event loop, which has nothing else to do
            return _measure_server(server, workload, seconds, peers)


def _measure_server(server: RelayServer, workload: Workload, seconds: float, peers: Peers) -> RelayFigures:
    # one connection before, so that what a server makes once is not counted for each
    peers.connect([partial(Peer, server.url)])
    peers.close_all()
    base = Memory.of(server.pid)
    result = RelayLoad(peers, server.url, workload).run(seconds, server.pid)
    return RelayFigures.of_run(workload, result, base, Memory.of(server.pid) - base)


async def run(options: argparse.Namespace, directory: Path) -> list[RelayRow]:
    """All servers and workloads in turn, as often as wanted, so that what else the machine does hits all."""
    workloads: Sequence[Workload] = options.workloads
    runs: dict[tuple[Workload, str], list[RelayFigures]] = {}
    for number, workload, server in product(range(options.repeat), workloads, options.compare):
        print(f"  … {number + 1}: {workload.name}, {server}", file=sys.stderr, flush=True)
        figures = await measure(server, workload, options.seconds, directory)
        runs.setdefault((workload, server), []).append(figures)
    return [RelayRow(workload, server, tuple(figures)) for (workload, server), figures in runs.items()]


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    add = parser.add_argument
    add("--server", choices=SERVERS, default="ours", help="what to measure (default ours)")
    add("--compare", type=server_names, metavar="A,B", help="several servers in turn, instead of --server")
    add("--repeat", type=int, default=1, metavar="K", help="runs of each, of which medians are shown")
    add("--kind", choices=("av", "speex"), help="one workload instead of the usual three: its streams")
    add("--publishers", type=int, metavar="N", help="one workload: how many publish (default 30)")
    add("--players", type=int, metavar="M", help="one workload: how many play each stream (default 1)")
    add("--seconds", type=float, default=20.0, metavar="S", help="time measured in each run (default 20)")
    add("--json", type=Path, metavar="FILE", help="write the figures of all runs there")
    return parser


def server_names(text: str) -> list[str]:
    """A list of servers, for argparse."""
    names = text.split(",")
    if unknown := sorted(set(names) - set(SERVERS)):
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: not among {', '.join(SERVERS)}")
    return names


def parse_options(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line with its defaults filled in; `compare` and `workloads` are never empty."""
    parser = make_parser()
    options = parser.parse_args(argv)
    options.compare = options.compare or [options.server]
    options.workloads = WORKLOADS
    if options.kind or options.publishers is not None or options.players is not None:
        publishers = 30 if options.publishers is None else options.publishers
        players = 1 if options.players is None else options.players
        if publishers < 1 or players < 1:
            parser.error("it takes a publisher and a player")
        options.workloads = (Workload(options.kind or "av", publishers, players),)
    if options.repeat < 1 or options.seconds <= 0:
        parser.error("it takes a run and some time")
    return options


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns the exit status."""
    options = parse_options(argv)
    raise_descriptor_limit()
    rows = in_new_directory(
        "relay", lambda directory: asyncio.run(run(options, directory)), (ProgramFailed, PeerFailed)
    )
    if rows is None:
        return 2
    if options.json is not None:
        data = {"machine": machine(), "seconds": options.seconds, "rows": [row.as_json() for row in rows]}
        options.json.write_text(json.dumps(data, indent=2) + "\n")
    here = machine()
    print(f"{options.seconds:g} s each; {here['cpu']}, {here['cores']} cores, Python {here['python']}\n")
    print(report(rows))
    return 0


if __name__ == "__main__":
    end_by_sigterm()
    sys.exit(main())
