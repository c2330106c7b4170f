"""The gateway itself, as users start it: a process of its own on free ports of 127.0.0.1."""

import os
import re
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from siprtmp_b2bua.config import GatewayConfig
from siprtmp_b2bua.workers.slots import min_rtp_ports
from tests.interop.peers.peer import OneProcessPeer
from tests.interop.peers.polling import until
from tests.interop.peers.ports import HOST, free_port, free_port_range

REPOSITORY = Path(__file__).parents[3]
CALLS = 4
"""How many calls one process can have with the stock pjsua2 build."""


class Gateway(OneProcessPeer):
    """`python -m siprtmp_b2bua`; `settings` become environment: `{"SIP__REGISTER_TIMEOUT_S": "1"}`.

    With `workers` it is a supervisor with up to that many, each on a SIP port that only its log tells.
    """

    program: ClassVar[str] = "gateway"

    def __init__(
        self, *arguments: str, settings: Mapping[str, str] | None = None, workers: int | None = None
    ) -> None:
        super().__init__()
        self.rtmp_port = free_port()
        self.sip_port = free_port() if workers is None else 0
        self.rtp_ports = free_port_range()
        if workers is not None:
            self.rtp_ports = free_port_range(workers * min_rtp_ports(GatewayConfig.load()))
            arguments = (*arguments, "--workers", "auto", "--max-workers", str(workers))
        self._arguments = arguments
        self._settings = settings or {}

    @property
    def sip_address(self) -> tuple[str, int]:
        """Where it receives SIP."""
        return HOST, self.sip_port

    def url(self, aor: str = "anonymous@invalid") -> str:
        """The URL with which the client of an address of record connects."""
        return f"rtmp://{HOST}:{self.rtmp_port}/sip/{aor}"

    async def start(self) -> None:
        """Start it and wait until it listens on both sides."""
        command = [sys.executable, "-m", "siprtmp_b2bua", "-i", HOST, "-p", str(self.rtmp_port), "-l", HOST]
        command += ["--sip-port", str(self.sip_port), *self._arguments]
        command += ["--rtp-ports", f"{self.rtp_ports.start}-{self.rtp_ports.stop - 1}"]
        environment = {f"SIPRTMP_{name}": value for name, value in self._settings.items()}
        paths = [str(REPOSITORY), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment |= {"PYTHONFAULTHANDLER": "1", "PYTHONPATH": os.pathsep.join(paths)}
        await self.launch(command, env=environment)
        await until(self._is_ready, "the gateway to listen")

    def _is_ready(self) -> bool:
        self.process.check_running()
        return "RTMP on " in self.log()

    async def wait_logged(self, pattern: str, timeout_s: float = 10.0) -> str:
        """Wait until a line of the log matches, and return that line."""

        def find() -> str | None:
            return next((line for line in self._log_lines() if re.search(pattern, line)), None)

        return await until(find, f"{pattern!r} in the gateway's log", timeout_s)

    async def kill_worker(self, number: int = 1, fault: signal.Signals = signal.SIGKILL) -> int:
        """Have a worker fail, and wait until that is noticed; return the process that it was."""
        started = re.search(r"pid (\d+)", await self.wait_logged(rf"worker {number} .* has started"))
        assert started is not None
        pid = int(started[1])
        os.kill(pid, fault)
        await self.wait_logged(rf"worker {number} \(pid {pid}\) has died")
        return pid

    def check_clean(self) -> None:
        """Raise AssertionError if the gateway died or its log shows an unhandled error."""
        self.process.check_running()
        # pjsip calls a peer's faults ERROR; they are no concern of this check.
        lines = [line for line in self._log_lines() if " pjsip: " not in line]
        for mark in ("Traceback", "ERROR", "Fatal Python error", "Assertion"):
            found = [line for line in lines if mark in line]
            assert not found, f"{found[0]} in the gateway's log:\n{self.log()}"

    def _log_lines(self) -> list[str]:
        return self.process.output_path.read_text(errors="replace").splitlines()
