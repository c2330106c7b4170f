"""A peer program in a process group of its own, with its output in a file."""

import asyncio
import atexit
import contextlib
import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.interop.peers.errors import PeerFailed

STOP_TIMEOUT_S = 5.0
LOG_TAIL_CHARS = 6000

_running_groups: set[int] = set()


class PeerProcess:
    """Starts one program, tells whether it still runs, and ends it together with its children."""

    def __init__(
        self,
        argv: Sequence[str],
        directory: Path,
        *,
        env: Mapping[str, str] | None = None,
        stdin: bool = False,
    ) -> None:
        self.argv = list(argv)
        self.directory = directory
        self.output_path = directory / "output.log"
        self._env = {**os.environ, **env} if env else None
        self._stdin = stdin
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start the program in its directory; OSError if it cannot be run at all."""
        with self.output_path.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *self.argv,
                cwd=self.directory,
                env=self._env,
                stdin=asyncio.subprocess.PIPE if self._stdin else asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        _running_groups.add(self._process.pid)

    @property
    def pid(self) -> int:
        """Process id, which is the id of the process group too."""
        return self._started.pid

    @property
    def returncode(self) -> int | None:
        """Exit code, negative for a signal; None while it runs."""
        return self._started.returncode

    @property
    def _started(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise PeerFailed(f"{self.argv[0]} was not started")
        return self._process

    def check_running(self) -> None:
        """Raise PeerFailed, with the log, if the program has ended."""
        if self.returncode is not None:
            raise PeerFailed(f"{self.argv[0]} ended with {self.returncode}\n{self.output_tail()}")

    async def wait(self) -> int:
        """Wait for the end of the program; its exit code."""
        code = await self._started.wait()
        self._end_group()
        return code

    async def write_line(self, line: str) -> None:
        """Write a line to the program's standard input."""
        stdin = self._started.stdin
        if stdin is None:
            raise PeerFailed(f"{self.argv[0]} has no standard input")
        stdin.write(line.encode() + b"\n")
        await stdin.drain()

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to the whole group; nothing happens if it is gone."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End the group: the given signal first, SIGKILL for what is left after a few seconds."""
        if self._process is None:
            return
        if self.returncode is None:
            self.send_signal(signal.SIGCONT)
            self.send_signal(number)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), STOP_TIMEOUT_S)
        self._end_group()
        await self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()

    def _end_group(self) -> None:
        self.send_signal(signal.SIGKILL)
        _running_groups.discard(self.pid)

    def output(self) -> str:
        """Everything the program has written to stdout and stderr so far."""
        return self.output_path.read_text(errors="replace") if self.output_path.exists() else ""

    def output_tail(self) -> str:
        """The end of `output`, short enough to be shown."""
        return self.output()[-LOG_TAIL_CHARS:]


def _end_what_is_left() -> None:
    for group in _running_groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


atexit.register(_end_what_is_left)
