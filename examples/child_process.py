"""Running programs: as a child that is ended with us, with the lines that it prints, and how a user would."""

from __future__ import annotations

import asyncio
import contextlib
import re
import shlex
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections import deque
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
_STOP_S: Final = 8.0


def run_command(module: str) -> str:
    """What to type to run an example with this Python, from the directory that one is in."""
    return shlex.join([_shown(Path(sys.executable)), _shown(ROOT / "examples" / f"{module}.py")])


def _shown(path: Path) -> str:
    """The path as seen from here, if it is below. Links are kept: an environment's Python is one."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


class ChildFailed(Exception):  # noqa: N818 - named for what happened
    """A child did not start, or ended by itself; the text has its last lines."""


class ChildProcess:
    """A Python module run as a child. Its standard input is a pipe that closes when we end."""

    def __init__(self, name: str, process: Process) -> None:
        self.name = name
        self.lines: deque[str] = deque(maxlen=500)
        self.on_line: Callable[[str], None] | None = None
        self._process = process
        self._news = asyncio.Condition()
        self._at_end = False
        self._reader = asyncio.create_task(self._read())

    @classmethod
    @contextlib.asynccontextmanager
    async def run(cls, name: str, module: str, *arguments: str) -> AsyncIterator[ChildProcess]:
        """Run `python -m module` for as long as the context lasts."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", module, *arguments, cwd=ROOT, stdin=PIPE, stdout=PIPE, stderr=STDOUT
        )
        child = cls(name, process)
        try:
            yield child
        finally:
            await child.stop()

    async def line(self, pattern: str, timeout_s: float = 10.0) -> re.Match[str]:
        """Wait for a line that has the pattern, and return the match. Raises ChildFailed."""
        found: list[re.Match[str]] = []

        def seen() -> bool:
            found.extend(match for text in self.lines if (match := re.search(pattern, text)))
            return bool(found) or self._at_end

        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s), self._news:
                await self._news.wait_for(seen)
        if not found:
            what = "has ended" if self._at_end else f"did not say {pattern!r} within {timeout_s:g} s"
            raise ChildFailed("\n  ".join([f"{self.name} {what}; its last lines:", *list(self.lines)[-10:]]))
        return found[0]

    async def wait(self) -> int:
        """Wait until the child ends by itself and all its lines are read; returns its exit status."""
        await asyncio.shield(self._reader)
        return await self._process.wait()

    def send_signal(self, number: int) -> None:
        """Send a signal to the child."""
        self._process.send_signal(number)

    def close_input(self) -> None:
        """Close the child's standard input."""
        assert self._process.stdin is not None
        self._process.stdin.close()

    async def stop(self) -> None:
        """End the child: politely first, then surely."""
        if self._process.returncode is None:
            self._process.terminate()
            try:
                async with asyncio.timeout(_STOP_S):
                    await self._process.wait()
            except TimeoutError:
                self._process.kill()
        await self._process.wait()
        await self._reader

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            async with self._news:
                self.lines.append(line.decode(errors="replace").rstrip())
                if self.on_line is not None:
                    self.on_line(self.lines[-1])
                self._news.notify_all()
        async with self._news:
            self._at_end = True
            self._news.notify_all()
