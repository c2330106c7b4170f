"""What the forker is asked for, and what it tells: pickled, as both ends are ours and read no peer."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass

from ..config import GatewayConfig
from .kind import WorkerKind


@dataclass(frozen=True, slots=True)
class Fork:
    """Make a worker; its end of a channel comes along."""

    serial: int
    """Which worker of all that there have been; a number is given again."""
    number: int
    kind: WorkerKind
    config: GatewayConfig
    verbosity: int


@dataclass(frozen=True, slots=True)
class Forked:
    """The worker's process."""

    serial: int
    pid: int


@dataclass(frozen=True, slots=True)
class Exited:
    """How a worker ended: the status of `os.waitpid`."""

    pid: int
    status: int

    @property
    def how(self) -> str:
        """In words."""
        if os.WIFSIGNALED(self.status):
            return f"killed by {signal.Signals(os.WTERMSIG(self.status)).name}"
        return f"exit status {os.waitstatus_to_exitcode(self.status)}"
