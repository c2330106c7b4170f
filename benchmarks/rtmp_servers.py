"""The RTMP servers that can be measured, each as a process of its own with one thread that does the work."""

from __future__ import annotations

import os
import re
import resource
import signal
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from benchmarks.local_process import HOST, LocalProcess, free_port

_LISTENING = re.compile(r"^RTMP on \S+:(\d+)$", re.MULTILINE)
_STATUS = re.compile(r"^status: tasks=(\d+) ", re.MULTILINE)
_NGINX_MODULE = Path("/usr/lib/nginx/modules/ngx_rtmp_module.so")
_NGINX_CONFIG = """\
{load}
daemon off;
master_process off;
worker_processes 1;
pid {directory}/nginx.pid;
error_log stderr error;
events {{ worker_connections 16384; }}
rtmp {{
    access_log off;
    server {{
        listen {host}:{port};
        chunk_size 4096;
        application live {{ live on; }}
    }}
}}
"""

PYTHON_SERVERS: Mapping[str, Sequence[str]] = {
    "ours": ("ours", "--loop", "uvloop"),
    "ours-asyncio": ("ours", "--loop", "asyncio"),
    "bare-asyncio": ("bare", "--loop", "asyncio"),
    "bare-uvloop": ("bare", "--loop", "uvloop"),
}
SERVERS = (*PYTHON_SERVERS, "nginx")


@contextmanager
def on_core(core: int | None) -> Iterator[None]:
    """Keep this process, and the processes that it starts meanwhile for ever, on a core; None: anywhere."""
    allowed = os.sched_getaffinity(0)
    if core is not None:
        os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def cores() -> tuple[int | None, int | None]:
    """One core for the server and one for its load; None for both if there is only one."""
    server, load, *_ = [*sorted(os.sched_getaffinity(0)), None, None]
    return (server, load) if load is not None else (None, None)


class RelayServer(LocalProcess):
    """A server that relays live streams of the application `live`."""

    def __init__(self, argv: Sequence[str], directory: Path, name: str, core: int | None) -> None:
        super().__init__(argv, directory, name)
        self._core = core

    async def __aenter__(self) -> Self:
        with on_core(self._core):
            return await super().__aenter__()

    @property
    def port(self) -> int:
        """The TCP port of RTMP."""
        raise NotImplementedError

    @property
    def url(self) -> str:
        """Of its application."""
        return f"rtmp://{HOST}:{self.port}/live"

    async def count_tasks(self) -> int | None:
        """The tasks of its event loop after a collection of garbage; None if it has no such thing."""
        return None


class PythonRelayServer(RelayServer):
    """`relay_server.py`."""

    def __init__(self, name: str, directory: Path, core: int | None) -> None:
        argv = [sys.executable, "-m", "benchmarks.relay_server", *PYTHON_SERVERS[name]]
        super().__init__(argv, directory, name, core)

    def is_ready(self) -> bool:
        """It says so."""
        return _LISTENING.search(self.output()) is not None

    @property
    def port(self) -> int:
        """As it says."""
        match = _LISTENING.search(self.output())
        assert match is not None
        return int(match[1])

    async def count_tasks(self) -> int | None:
        """Ask by SIGUSR1."""
        known = len(_STATUS.findall(self.output()))
        os.kill(self.pid, signal.SIGUSR1)
        await self.until(lambda: len(_STATUS.findall(self.output())) > known, 10.0)
        return int(_STATUS.findall(self.output())[-1])


class NginxRelayServer(RelayServer):
    """nginx with the RTMP module, in one process."""

    def __init__(self, directory: Path, core: int | None) -> None:
        self._port = free_port()
        load = f"load_module {_NGINX_MODULE};" if _NGINX_MODULE.exists() else ""
        config = _NGINX_CONFIG.format(load=load, directory=directory, host=HOST, port=self._port)
        (directory / "nginx.conf").write_text(config)
        argv = ["nginx", "-p", str(directory), "-e", "stderr", "-c", str(directory / "nginx.conf")]
        super().__init__(argv, directory, "nginx", core)

    def is_ready(self) -> bool:
        """It accepts a connection."""
        with socket.socket() as probe:
            return probe.connect_ex((HOST, self._port)) == 0

    @property
    def port(self) -> int:
        """As it was told."""
        return self._port


def raise_descriptor_limit() -> None:
    """Let this process and the servers that it starts have as many connections as the system grants."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def make_server(name: str, directory: Path, core: int | None) -> RelayServer:
    """One of SERVERS, to be started by `async with`."""
    if name == "nginx":
        return NginxRelayServer(directory, core)
    return PythonRelayServer(name, directory, core)
