"""A relay as a process of its own: that of the library, or the bare one.

    python -m benchmarks.relay_server ours --loop uvloop

Says where it listens. SIGUSR1 makes it collect garbage and say how many tasks and connections there are.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import signal
from collections.abc import Callable

import uvloop

from benchmarks.bare_relay import BareRelay

HOST = "127.0.0.1"
_REST_S = 0.001
"""As the gateway's own process for live streams has it."""


async def _serve_ours() -> tuple[int, Callable[[], int]]:
    from rtmp.aio.live import LiveApplication  # noqa: PLC0415 - the bare relay does without the library
    from rtmp.aio.server import start_server  # noqa: PLC0415

    live = LiveApplication(rest_s=_REST_S)
    server = await start_server(live.make_handler, HOST, 0)
    return server.port, lambda: len(server.connections)


async def _serve_bare() -> tuple[int, Callable[[], int]]:
    relay = BareRelay()
    server = await asyncio.get_running_loop().create_server(relay.make_protocol, HOST, 0, backlog=511)
    return int(server.sockets[0].getsockname()[1]), lambda: relay.connections


async def _run(relay: str) -> None:
    port, count_connections = await (_serve_ours() if relay == "ours" else _serve_bare())

    def tell_status() -> None:
        gc.collect()
        print(f"status: tasks={len(asyncio.all_tasks())} connections={count_connections()}", flush=True)

    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, tell_status)
    print(f"RTMP on {HOST}:{port}", flush=True)
    await asyncio.Event().wait()


def main() -> None:
    """Serve until a signal ends the process."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("relay", choices=("ours", "bare"))
    parser.add_argument("--loop", choices=("asyncio", "uvloop"), default="uvloop")
    options = parser.parse_args()
    new_loop = uvloop.new_event_loop if options.loop == "uvloop" else asyncio.new_event_loop
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(_run(options.relay))


if __name__ == "__main__":
    main()
