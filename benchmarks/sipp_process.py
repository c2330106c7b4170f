"""SIPp as the other side of the gateway: scenarios of benchmarks/scenarios, as many calls as come."""

from __future__ import annotations

import csv
import signal
import tempfile
from collections.abc import Mapping
from pathlib import Path

from benchmarks.local_process import HOST, LocalProcess, free_port, free_ports, udp_is_bound

SCENARIOS = Path(__file__).parent / "scenarios"

USER = "bench"
PASSWORD = "bench-secret"
"""What the scenario `registrar` takes."""


class SippProcess(LocalProcess):
    """A scenario that waits for calls, or that makes one to `remote` (host, port) if that is given.

    `texts` replaces `@name@` in the scenario, where SIPp itself takes no key. Media are echoed.
    """

    def __init__(
        self,
        scenario: str,
        directory: Path,
        *,
        texts: Mapping[str, str] | None = None,
        pause_ms: int = 200,
        remote: tuple[str, int] | None = None,
        service: str = USER,
    ) -> None:
        self.port = free_port()
        self._control_port = free_port()
        own = Path(tempfile.mkdtemp(prefix=f"{scenario}-", dir=directory))
        text = (SCENARIOS / f"{scenario}.xml").read_text()
        for name, value in (texts or {}).items():
            text = text.replace(f"@{name}@", value)
        (own / "scenario.xml").write_text(text)
        super().__init__([], own, scenario)
        self.argv = ["sipp", "-sf", "scenario.xml", "-nostdin", "-skip_rlimit", "-rtp_echo"]
        self.argv += ["-i", HOST, "-p", str(self.port), "-bind_local", "-d", str(pause_ms)]
        self.argv += [
            "-mi",
            HOST,
            "-mp",
            str(free_ports(4).start),
            "-ci",
            HOST,
            "-cp",
            str(self._control_port),
        ]
        self.argv += ["-key", "user", USER, "-key", "password", PASSWORD, "-s", service]
        self.argv += [
            "-trace_stat",
            "-stf",
            "stat.csv",
            "-fd",
            "1",
            "-trace_err",
            "-error_file",
            "errors.log",
        ]
        if remote is not None:
            self.argv += ["-m", "1", "-timeout", "10s", f"{remote[0]}:{remote[1]}"]

    @property
    def uri(self) -> str:
        """A SIP URI that reaches it."""
        return f"sip:echo@{HOST}:{self.port}"

    def is_ready(self) -> bool:
        """The control port is the last that SIPp binds; one that made its only call may have ended."""
        return udp_is_bound(self._control_port) or self.returncode == 0

    async def finish(self) -> int:
        """Let calls come to their end; returns how many went otherwise than the scenario."""
        await self.stop(signal.SIGUSR1)
        path = self.directory / "stat.csv"
        text = path.read_text() if path.exists() else ""
        rows = list(csv.DictReader(text.splitlines(), delimiter=";"))
        return int(rows[-1]["FailedCall(C)"]) if rows else 0

    def errors(self) -> str:
        """What SIPp found wrong."""
        path = self.directory / "errors.log"
        return path.read_text(errors="replace") if path.exists() else ""
