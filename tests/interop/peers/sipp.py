"""SIPp: call flows from XML scenarios (tests/interop/scenarios), as callee (uas) or caller (uac)."""

import asyncio
import signal
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import ClassVar, Literal

from tests.interop.peers.errors import PeerTimeout
from tests.interop.peers.peer import OneProcessPeer, program_path
from tests.interop.peers.polling import until
from tests.interop.peers.ports import HOST, free_port, free_rtp_port, udp_is_bound
from tests.interop.peers.sipp_result import SippResult
from tests.interop.peers.tone import write_tone_ulaw

SCENARIOS = Path(__file__).parents[1] / "scenarios"
TONE_HZ = 1000.0
"""What the scenario uac_play plays (tone.ulaw in its working directory)."""
TONE_S = 1.0


class Sipp(OneProcessPeer):
    """One run of SIPp.

    `scenario` is a file name of tests/interop/scenarios without `.xml`, or a path. One whose name begins with
    `uas` waits for calls; others call `service`@`remote`. `pause_ms` is the length of every `<pause/>`
    of the scenario, `keys` the values of its `[key]`s, `timeout_s` the life of the whole run.

    `rtp_port` is the port that SDP names: SIPp's own media port unless a test receives the media itself
    (RtpCapture). `extra` is appended to the command line.
    """

    program: ClassVar[str] = "sipp"

    def __init__(
        self,
        scenario: str | Path,
        *,
        remote: tuple[str, int] | None = None,
        service: str = "service",
        keys: Mapping[str, str | int] | None = None,
        rtp_echo: bool = False,
        rtp_port: int | None = None,
        calls: int = 1,
        rate: int = 10,
        pause_ms: int = 200,
        timeout_s: float = 30.0,
        transport: Literal["udp", "tcp"] = "udp",
        port: int | None = None,
        user: str = "alice",
        password: str = "alice-secret",
        extra: Iterable[str] = (),
    ) -> None:
        super().__init__()
        self.scenario = SCENARIOS / f"{scenario}.xml" if isinstance(scenario, str) else scenario
        self.remote = remote
        self.port = free_port() if port is None else port
        self.media_port = free_rtp_port()
        self.timeout_s = timeout_s
        self.transport = transport
        self._control_port = free_port()
        self._options = ["-m", str(calls), "-r", str(rate), "-d", str(pause_ms), "-s", service]
        self._options += ["-au", user, "-ap", password, *(["-rtp_echo"] if rtp_echo else []), *extra]
        self._keys: dict[str, str | int] = {
            "rtp_port": self.media_port if rtp_port is None else rtp_port,
            "video_port": self.media_port + 2,
            "caller": "sipp",
            "user": user,
            "password": password,
            "realm": "siprtmp.test",
            "expires": 60,
            **(keys or {}),
        }

    @property
    def address(self) -> tuple[str, int]:
        """Where this SIPp receives SIP."""
        return HOST, self.port

    @property
    def registrar(self) -> str:
        """The SIP URI to register at, for a registrar scenario."""
        return f"sip:{HOST}:{self.port}"

    def sip_uri(self, user: str = "sipp") -> str:
        """A SIP URI that reaches this SIPp."""
        return f"sip:{user}@{HOST}:{self.port}"

    async def start(self) -> None:
        """Start SIPp; returns when its sockets are bound, or when it has already finished."""
        (self.directory / "scenario.xml").write_text(self._scenario_text())
        write_tone_ulaw(self.directory / "tone.ulaw", TONE_HZ, TONE_S)
        await self.launch(self._command())
        await until(self._is_ready, "SIPp to open its ports")

    def _scenario_text(self) -> str:
        """The scenario with its @key@s replaced: they are where SIPp takes no [key], as in a status line."""
        text = self.scenario.read_text()
        for name, value in self._keys.items():
            text = text.replace(f"@{name}@", str(value))
        return text

    def _command(self) -> list[str]:
        command = [program_path("sipp"), "-sf", "scenario.xml", "-nostdin", "-skip_rlimit"]
        command += ["-i", HOST, "-p", str(self.port), "-bind_local", "-t", f"{self.transport[0]}1"]
        command += ["-mi", HOST, "-mp", str(self.media_port), "-ci", HOST, "-cp", str(self._control_port)]
        command += ["-timeout", f"{self.timeout_s:g}s", "-timeout_error"]
        command += ["-trace_stat", "-stf", "stat.csv", "-fd", "1"]
        command += ["-trace_err", "-error_file", "errors.log", "-trace_msg", "-message_file", "messages.log"]
        for name, value in self._keys.items():
            command += ["-key", name, str(value)]
        command += self._options
        if self.remote is not None:
            command.append(f"{self.remote[0]}:{self.remote[1]}")
        return command

    def _is_ready(self) -> bool:
        # The control port is the last that SIPp binds.
        return self.process.returncode is not None or udp_is_bound(self._control_port)

    async def wait(self, timeout_s: float | None = None) -> SippResult:
        """Wait until all calls are over and SIPp has ended.

        Raises PeerTimeout after `timeout_s` (by default a little more than the run's own time-out).
        """
        limit_s = self.timeout_s + 5.0 if timeout_s is None else timeout_s
        try:
            async with asyncio.timeout(limit_s):
                code = await self.process.wait()
        except TimeoutError:
            raise PeerTimeout(
                f"SIPp {self.scenario.stem} did not end in {limit_s:g} s\n{self.log()}"
            ) from None
        return SippResult.read(self.scenario.stem, code, self.directory)

    async def finish(self) -> SippResult:
        """Take no new calls, wait for the end of those that are up (SIPp's `q`), and return the result."""
        self.process.send_signal(signal.SIGUSR1)
        return await self.wait()

    def freeze(self) -> None:
        """Stop all RTP and SIP at once but keep the ports bound, as a peer behind a broken link does."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on after `freeze`."""
        self.process.send_signal(signal.SIGCONT)

    def messages(self) -> str:
        """All SIP messages sent and received so far, as SIPp logged them."""
        path = self.directory / "messages.log"
        return path.read_text(errors="replace") if path.exists() else ""

    async def wait_message(self, text: str, timeout_s: float = 10.0, *, occurrences: int = 1) -> str:
        """Wait until `text` is in the message log so many times; the whole log."""
        what = f"{occurrences} x {text!r} at SIPp {self.scenario.stem}"
        await until(lambda: self.messages().count(text) >= occurrences, what, timeout_s)
        return self.messages()
