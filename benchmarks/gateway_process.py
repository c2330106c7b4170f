"""The gateway as a process of its own, on free ports of 127.0.0.1, and what its log says of calls."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.local_process import HOST, LocalProcess, free_ports
from siprtmp_b2bua.config import GatewayConfig
from siprtmp_b2bua.workers.slots import min_rtp_ports

_LISTENING = re.compile(r"RTMP on \S+:(\d+), SIP on port (\d+)")
_CALL_SUMMARY = re.compile(
    r"to SIP .*: (\d+) samples, (\d+) dropped, (\d+) concealed, queue (\d+) ms, (\d+) bad tags; "
    r"to RTMP .*: (\d+) frames, (\d+) samples missing"
)
_RTP_PORTS = 400


@dataclass(frozen=True, slots=True)
class CallSummary:
    """What the gateway logs of a call's audio at its end; samples are at the rate of the RTMP codec."""

    samples: int
    dropped: int
    concealed: int
    queue_ms: int
    bad_tags: int
    frames_to_rtmp: int
    samples_missing_to_rtmp: int

    @classmethod
    def parse_all(cls, log: str) -> list[CallSummary]:
        """All of them, in the order of the log."""
        return [cls(*map(int, match.groups())) for match in _CALL_SUMMARY.finditer(log)]


class GatewayProcess(LocalProcess):
    """`python -m siprtmp_b2bua`; `extra` is appended to its command line.

    With `workers` above 1 it is a supervisor with up to that many.
    """

    def __init__(self, directory: Path, extra: Sequence[str] = (), *, workers: int = 1) -> None:
        rtp = free_ports(max(_RTP_PORTS, (min_rtp_ports(GatewayConfig.load()) + 2) * workers))
        count = ["--workers", "auto", "--max-workers", str(workers)] if workers > 1 else ["--workers", "1"]
        argv = [sys.executable, "-m", "siprtmp_b2bua", "-i", HOST, "-p", "0", "-l", HOST, "--sip-port", "0"]
        super().__init__(
            [*argv, "--rtp-ports", f"{rtp.start}-{rtp.stop - 1}", *count, *extra], directory, "gateway"
        )

    @property
    def rtmp_port(self) -> int:
        """The TCP port of RTMP."""
        return self._ports()[0]

    @property
    def sip_port(self) -> int:
        """The UDP and TCP port of SIP."""
        return self._ports()[1]

    def is_ready(self) -> bool:
        """It says so in its log."""
        return _LISTENING.search(self.output()) is not None

    def url(self, address: str) -> str:
        """The RTMP URL of a line with that address of record."""
        return f"rtmp://{HOST}:{self.rtmp_port}/sip/{address}"

    def troubles(self) -> list[str]:
        """Lines of the log that are warnings or worse."""
        pattern = re.compile(r" (WARNING|ERROR|CRITICAL) |Traceback|Assert")
        return [line for line in self.output().splitlines() if pattern.search(line)]

    def _ports(self) -> tuple[int, int]:
        match = _LISTENING.search(self.output())
        assert match is not None
        return int(match[1]), int(match[2])
