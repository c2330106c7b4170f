"""A SIP phone in a process of its own: pjsua2, which cannot share a process with the gateway's endpoint."""

import json
import sys
from pathlib import Path
from typing import ClassVar

from tests.interop.peers.errors import PeerFailed
from tests.interop.peers.peer import OneProcessPeer
from tests.interop.peers.polling import until
from tests.interop.peers.ports import HOST, free_port, free_port_range
from tests.interop.peers.tone import write_tone_wav

PROGRAM = Path(__file__).parent / "pjsua_phone_program.py"
TONE_HZ = 440.0
TONE_S = 2.0

Event = dict[str, str | int]


class PjsuaPhone(OneProcessPeer):
    """One phone with one account. It plays a tone of `tone_hz` in every call and records what it hears.

    `registrar` is the SIP URI of the registrar (None: do not register); with `auto_answer` it answers calls
    with 200 at once, else they ring until `answer`. It reports the events registered (code), incoming (uri),
    state (state: CALLING, EARLY, CONNECTING, CONFIRMED, DISCONNECTED; code), media (status, direction), digit
    (digit), message (text, uri), transfer (uri).
    """

    program: ClassVar[str] = "pjsua2"

    def __init__(
        self,
        user: str = "alice",
        password: str = "alice-secret",
        *,
        registrar: str | None = None,
        domain: str = HOST,
        auto_answer: bool = True,
        tone_hz: float = TONE_HZ,
        codec: str = "PCMU/8000",
        port: int | None = None,
    ) -> None:
        super().__init__()
        self.user = user
        self.port = free_port() if port is None else port
        self.tone_hz = tone_hz
        self._settings = {
            "user": user,
            "password": password,
            "registrar": registrar or "",
            "domain": domain,
            "auto_answer": auto_answer,
            "codec": codec,
            "port": self.port,
            "rtp_port": free_port_range()[0],
            "tone": "tone.wav",
            "recording": "recording.wav",
        }

    @property
    def address(self) -> tuple[str, int]:
        """Where it receives SIP."""
        return HOST, self.port

    @property
    def recording(self) -> Path:
        """WAV file of what it hears; its length field is right only after a call has ended."""
        return self.directory / "recording.wav"

    def sip_uri(self) -> str:
        """A SIP URI that reaches the phone directly."""
        return f"sip:{self.user}@{HOST}:{self.port}"

    async def start(self) -> None:
        """Start it and wait until its SIP transport is up."""
        write_tone_wav(self.directory / "tone.wav", self.tone_hz, TONE_S)
        (self.directory / "settings.json").write_text(json.dumps(self._settings))
        await self.launch([sys.executable, str(PROGRAM), "settings.json"], stdin=True)
        await self.wait_event("ready")

    def events(self, name: str | None = None) -> list[Event]:
        """All events so far, or those of one name."""
        path = self.directory / "events.log"
        lines = path.read_text().split("\n")[:-1] if path.exists() else []
        found: list[Event] = [json.loads(line) for line in lines]
        return [event for event in found if name is None or event["event"] == name]

    async def wait_event(
        self, name: str, timeout_s: float = 10.0, *, since: int = 0, **fields: str | int
    ) -> Event:
        """Wait for an event with the given fields that is not among the first `since` events."""
        wanted = {"event": name, **fields}.items()

        def find() -> Event | None:
            self.process.check_running()
            return next((event for event in self.events()[since:] if wanted <= event.items()), None)

        return await until(find, f"event {name} {fields or ''} of the phone {self.user}", timeout_s)

    async def wait_registered(self, timeout_s: float = 10.0) -> None:
        """Wait for the registrar's final response; PeerFailed unless it is 200."""
        event = await self.wait_event("registered", timeout_s)
        if event["code"] != 200:
            raise PeerFailed(f"registration of {self.user} ended with {event['code']}")

    async def command(self, name: str, argument: str = "") -> None:
        """Send a command to the program.

        call URI, answer STATUS, hangup, hold, unhold, dtmf DIGITS (RFC 4733), info DIGITS (SIP INFO),
        transfer URI, unregister, quit.
        """
        await self.process.write_line(f"{name} {argument}".rstrip())

    async def call(self, uri: str) -> int:
        """Call a URI; the events `state` tell how it goes. Returns how many events there were before it."""
        count = len(self.events())
        await self.command("call", uri)
        return count

    async def hang_up(self) -> None:
        """End the call, or refuse it."""
        await self.command("hangup")
