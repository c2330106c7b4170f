"""baresip: an independent SIP phone with H.264, driven over its ctrl_tcp connection (config/baresip.conf)."""

import asyncio
import contextlib
import json
import signal
from pathlib import Path
from typing import ClassVar, Literal

from tests.interop.peers.errors import PeerMissing
from tests.interop.peers.netstring import read_netstring, serialize_netstring
from tests.interop.peers.peer import OneProcessPeer, program_path, render
from tests.interop.peers.polling import until
from tests.interop.peers.ports import HOST, free_port, free_port_range, free_rtp_port, tcp_is_listening
from tests.interop.peers.tone import write_tone_wav

TONE_HZ = 600.0
TONE_S = 60.0

Event = dict[str, object]


class Baresip(OneProcessPeer):
    """One phone. It plays a tone of `tone_hz` and records what it hears; with `video` it sends pictures.

    `registrar` is host:port of a registrar and proxy (None: neither); `answer` says what it does with calls,
    `packetization_modes` in which of those of RFC 6184 it takes and sends H.264, and `srtp` whether media are
    encrypted, with keys in SDP: not, if both want it, or always, in RTP/SAVP or RTP/SAVPF.
    """

    program: ClassVar[str] = "baresip"

    def __init__(
        self,
        user: str = "bob",
        password: str = "bob-secret",
        *,
        registrar: str | None = None,
        domain: str = HOST,
        answer: Literal["auto", "manual"] = "auto",
        codecs: str = "pcmu",
        video: bool = False,
        packetization_modes: Literal["0", "0 and 1"] = "0 and 1",
        rtcp_mux: bool = False,
        srtp: Literal["", "srtp", "srtp-mand", "srtp-mandf"] = "",
        tone_hz: float = TONE_HZ,
    ) -> None:
        super().__init__()
        self.user = user
        self.port = free_rtp_port()  # baresip takes the next port too, for TLS
        self.tone_hz = tone_hz
        self._control_port = free_port()
        self._rtp_ports = free_port_range()
        self._video = video
        self._rtcp_mux = rtcp_mux
        account = [
            f"<sip:{user}@{domain}>",
            f"auth_user={user}",
            f"auth_pass={password}",
            f"answermode={answer}",
        ]
        account += [f"audio_codecs={codecs}", "regint=60" if registrar else "regint=0", "ptime=20"]
        account += [f'outbound="sip:{registrar}"'] if registrar else []
        account += ["video_codecs=h264"] if packetization_modes == "0" else []  # the first of that name
        account += [f"mediaenc={srtp}"] if srtp else []
        self._account = ";".join(account)
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self.events: list[Event] = []

    @property
    def address(self) -> tuple[str, int]:
        """Where it receives SIP."""
        return HOST, self.port

    @property
    def recording(self) -> Path | None:
        """WAV file of what it hears in the newest call, None before. Its length is right once it ended."""
        return max(self.directory.glob("dump-*-dec.wav"), default=None, key=lambda path: path.stat().st_mtime)

    def sip_uri(self) -> str:
        """A SIP URI that reaches the phone directly."""
        return f"sip:{self.user}@{HOST}:{self.port}"

    async def start(self) -> None:
        """Start it and wait until it takes commands."""
        write_tone_wav(self.directory / "tone.wav", self.tone_hz, TONE_S)
        write_tone_wav(self.directory / "alert.wav", self.tone_hz, 0.1)
        (self.directory / "accounts").write_text(self._account + "\n")
        (self.directory / "contacts").write_text("")
        (self.directory / "config").write_text(self._config())
        await self.launch([program_path("baresip"), "-f", str(self.directory), "-s"])
        await until(self._is_ready, "baresip to take commands")
        reader, self._writer = await asyncio.open_connection(HOST, self._control_port)
        self._reading = asyncio.create_task(self._read_events(reader))

    def _config(self) -> str:
        values = {
            "SIP_PORT": self.port,
            "CONTROL_PORT": self._control_port,
            "RTP_PORTS": f"{self._rtp_ports[0]}-{self._rtp_ports[-1]}",
            "RTCP_MUX": "yes" if self._rtcp_mux else "no",
            "TONE": self.directory / "tone.wav",
            "ALERT": self.directory / "alert.wav",
            "RECORDINGS": self.directory,
            "MODULES": _modules(),
            "VIDEO_MODULES": "module avcodec.so\nmodule swscale.so" if self._video else "",
        }
        return render("baresip.conf", values)

    def _is_ready(self) -> bool:
        self.process.check_running()
        return tcp_is_listening(self._control_port)

    async def stop(self) -> None:
        """Close the control connection and end the program."""
        if self._writer is not None:
            self._writer.close()
            with contextlib.suppress(ConnectionError):
                await self._writer.wait_closed()
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])
        if self._process is not None:
            await self._process.stop(signal.SIGINT)

    async def _read_events(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                self.events.append(json.loads(await read_netstring(reader)))

    async def command(self, name: str, parameters: str = "") -> None:
        """Send a command of the menu by its long name: dial, accept, hangup, hold, resume, dtmf..."""
        if self._writer is None:
            raise ConnectionError("baresip was not started")
        message = json.dumps({"command": name, "params": parameters})
        self._writer.write(serialize_netstring(message.encode()))
        await self._writer.drain()

    async def wait_event(self, kind: str, timeout_s: float = 10.0, *, since: int = 0) -> Event:
        """Wait for an event such as REGISTER_OK, CALL_INCOMING, CALL_ESTABLISHED or CALL_CLOSED."""

        def find() -> Event | None:
            self.process.check_running()
            return next((event for event in self.events[since:] if event.get("type") == kind), None)

        return await until(find, f"event {kind} of baresip {self.user}", timeout_s)

    async def call(self, uri: str) -> int:
        """Call a URI. Returns how many events there were before it, for `since`."""
        count = len(self.events)
        await self.command("dial", uri)
        return count

    async def hang_up(self) -> None:
        """End the call, or refuse it."""
        await self.command("hangup")


def _modules() -> Path:
    found = [*Path("/usr/lib").glob("*/baresip/modules"), *Path("/usr").glob("l*/baresip/modules")]
    if not found:
        raise PeerMissing("baresip", "has no modules below /usr/lib")
    return found[0]
