"""A program that a benchmark runs beside itself, with its output in a file, and free ports for it."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self, TypeVar

HOST = "127.0.0.1"
ROOT = Path(__file__).parents[1]
"""Where the packages lie."""

_LOG_TAIL_CHARS = 3000
_PROBED_PORTS = range(10_000, 19_800, 2)
"""Below the ports that the kernel gives to clients, so that none of those gets in between."""


_running: set[int] = set()


T = TypeVar("T")


class ProgramFailed(Exception):  # noqa: N818 - named for what happened
    """A program did not start, or ended too early; the text has the end of its output."""


def in_new_directory(
    name: str, work: Callable[[Path], T], failures: tuple[type[Exception], ...] = (ProgramFailed,)
) -> T | None:
    """Return what `work` makes of a directory that it has for its logs.

    None: it raised one of `failures`, which is told with the place of the logs, as they stay then.
    """
    directory = Path(tempfile.mkdtemp(prefix=f"siprtmp-{name}-"))
    try:
        found = work(directory)
    except failures as error:
        print(f"{error}\nlogs: {directory}", file=sys.stderr)
        return None
    shutil.rmtree(directory)
    return found


class LocalProcess:
    """One program in a process group of its own; `async with` starts and ends it."""

    def __init__(self, argv: Sequence[str], directory: Path, name: str) -> None:
        self.argv = list(argv)
        self.directory = directory
        self.name = name
        self.output_path = directory / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """Its exit status; None while it runs."""
        assert self._process is not None
        return self._process.poll()

    async def __aenter__(self) -> Self:
        try:
            with self.output_path.open("wb") as output:
                self._process = subprocess.Popen(  # noqa: ASYNC220 - it starts at once
                    self.argv,
                    cwd=self.directory,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    env={**os.environ, "PYTHONPATH": str(ROOT)},
                )
        except FileNotFoundError:
            raise ProgramFailed(f"{self.argv[0]} is not installed") from None
        _running.add(self._process.pid)
        try:
            await self.until(self.is_ready, 10.0)
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.stop()

    def is_ready(self) -> bool:
        """Whether it can be used."""
        return True

    def output(self) -> str:
        """All that it has written so far."""
        return self.output_path.read_text(errors="replace")

    async def until(self, condition: Callable[[], bool], timeout_s: float) -> None:
        """Wait until `condition`; raises ProgramFailed if the program ends or the time is over."""
        deadline_s = time.monotonic() + timeout_s
        while not condition():
            if self.returncode is not None:
                raise ProgramFailed(f"{self.name} ended with {self.returncode}:\n{self._tail()}")
            if time.monotonic() > deadline_s:
                raise ProgramFailed(f"{self.name} was not ready after {timeout_s:g} s:\n{self._tail()}")
            await asyncio.sleep(0.02)

    async def stop(self, number: signal.Signals = signal.SIGTERM, timeout_s: float = 8.0) -> int:
        """Ask it to end, and kill what is left of its group; returns the exit status."""
        process = self._process
        assert process is not None
        if process.poll() is None:
            process.send_signal(number)
            deadline_s = time.monotonic() + timeout_s
            while process.poll() is None and time.monotonic() < deadline_s:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        _kill_group(process.pid)
        return process.wait()

    def _tail(self) -> str:
        return self.output()[-_LOG_TAIL_CHARS:]


def end_by_sigterm() -> None:
    """Let SIGTERM end this process as an exception does, so that what it runs ends with it."""
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))


def _kill_group(pid: int) -> None:
    _running.discard(pid)
    with contextlib.suppress(ProcessLookupError):  # all of it has ended
        os.killpg(pid, signal.SIGKILL)


@atexit.register
def _kill_what_is_left() -> None:
    for pid in list(_running):
        _kill_group(pid)


def free_port() -> int:
    """A port on which neither UDP nor TCP is bound now."""
    return free_ports(1).start


def free_ports(count: int) -> range:
    """That many free ports in a row, the first of them even."""
    for _ in range(200):
        start = random.choice(_PROBED_PORTS)
        if all(_is_free(port) for port in range(start, start + count)):
            return range(start, start + count)
    raise ProgramFailed(f"there are no {count} free ports in a row on {HOST}")


def _is_free(port: int) -> bool:
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                return False
    return True


def udp_is_bound(port: int) -> bool:
    """Whether somebody has the UDP port, without taking it away for the time of the question."""
    suffix = f":{port:04X}"
    lines = Path("/proc/net/udp").read_text().splitlines()[1:]
    return any(line.split()[1].endswith(suffix) for line in lines)
