"""Asterisk: a PBX with PJSIP, digest, echo, tones, DTMF and calls between its users (config/asterisk)."""

import asyncio
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import ClassVar

from tests.interop.peers.asterisk_installation import AsteriskInstallation
from tests.interop.peers.errors import PeerFailed
from tests.interop.peers.kamailio import USERS
from tests.interop.peers.peer import CONFIG, OneProcessPeer, render
from tests.interop.peers.polling import until
from tests.interop.peers.ports import HOST, free_port, free_port_range

CODECS = "speex16,speex,ulaw,alaw,h264"
WRITABLE = ("etc", "db", "keys", "spool", "run", "log", "cache")


class Asterisk(OneProcessPeer):
    """One Asterisk. `users` maps names to passwords, `codecs` is its `allow=` line, in order of preference.

    With `srtp` its users' media are encrypted, with keys in SDP, or else there is no call.

    What can be called is in config/asterisk/extensions.conf: echo, stream-echo, ring-echo, tone, milliwatt,
    silence, early-media, busy, congestion, forbidden, unavailable, ring, hangup-after, dtmf, send-dtmf,
    transfer, and the users.
    """

    program: ClassVar[str] = "asterisk"

    def __init__(
        self,
        *,
        users: Mapping[str, str] = USERS,
        codecs: str = CODECS,
        port: int | None = None,
        srtp: bool = False,
    ) -> None:
        super().__init__()
        self.users = dict(users)
        self.codecs = codecs
        self.port = free_port() if port is None else port
        self._media_encryption = "sdes" if srtp else "no"
        self._rtp_ports = free_port_range()
        self._installation: AsteriskInstallation | None = None

    @property
    def installation(self) -> AsteriskInstallation:
        """The Asterisk in use; PeerMissing if there is none."""
        if self._installation is None:
            self._installation = AsteriskInstallation.find()
        return self._installation

    @property
    def address(self) -> tuple[str, int]:
        """Where it receives SIP, by UDP and TCP."""
        return HOST, self.port

    @property
    def registrar(self) -> str:
        """The SIP URI to register at."""
        return f"sip:{HOST}:{self.port}"

    def sip_uri(self, extension: str) -> str:
        """A SIP URI of an extension or user."""
        return f"sip:{extension}@{HOST}:{self.port}"

    def make_directory(self) -> Path:
        """A directory that the chroot can see."""
        return self.installation.make_run_directory()

    def log_paths(self) -> Iterable[Path]:
        """Asterisk's own log and what it printed."""
        return [self.directory / "log/messages.log", self.directory / "output.log"]

    async def start(self) -> None:
        """Start it and wait until it has fully booted."""
        self._write_configuration()
        await self.launch(self.installation.daemon_command("-C", self._config_file))
        await until(self._is_ready, "Asterisk to boot", timeout_s=30)

    def _write_configuration(self) -> None:
        for name in WRITABLE:
            (self.directory / name).mkdir()
        values = {
            "RUN": self.installation.inside(self.directory),
            "MODULES": self.installation.modules,
            "SIP_PORT": self.port,
            "RTP_START": self._rtp_ports[0],
            "RTP_END": self._rtp_ports[-1],
            "CODECS": self.codecs,
        }
        for template in (CONFIG / "asterisk").glob("*.conf"):
            if template.name != "endpoint.conf":
                (self.directory / "etc" / template.name).write_text(
                    render(f"asterisk/{template.name}", values)
                )
        with (self.directory / "etc/pjsip.conf").open("a") as file:
            for user, password in self.users.items():
                user_values = {"USER": user, "PASSWORD": password, "MEDIA_ENCRYPTION": self._media_encryption}
                file.write(render("asterisk/endpoint.conf", user_values))
        self.installation.give_away(self.directory)

    @property
    def _config_file(self) -> str:
        return self.installation.inside(self.directory / "etc/asterisk.conf")

    async def _is_ready(self) -> bool:
        self.process.check_running()
        return "fully booted" in await self._run_command("core waitfullybooted")

    async def rx(self, command: str) -> str:
        """The output of a command of Asterisk's console (`asterisk -rx`). PeerFailed if unreachable."""
        output = await self._run_command(command)
        if "Unable to connect to remote asterisk" in output:
            self.process.check_running()
            raise PeerFailed(f"{command!r}: {output}")
        return output

    async def _run_command(self, command: str) -> str:
        process = await asyncio.create_subprocess_exec(
            *self.installation.command("-C", self._config_file, "-rx", command),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        return output.decode(errors="replace")

    async def contacts(self, user: str) -> list[str]:
        """The contact URIs registered for a user."""
        output = await self.rx(f"pjsip show aor {user}")
        return re.findall(rf"Contact:\s+{re.escape(user)}/(\S+)", output)

    async def wait_registered(self, user: str, timeout_s: float = 10.0) -> list[str]:
        """Wait until the user has a contact; all of them."""
        return await until(lambda: self.contacts(user), f"{user} to register at Asterisk", timeout_s)

    async def wait_unregistered(self, user: str, timeout_s: float = 10.0) -> None:
        """Wait until the user has no contact."""

        async def is_gone() -> bool:
            return not await self.contacts(user)

        await until(is_gone, f"{user} to unregister at Asterisk", timeout_s)

    async def originate(self, user: str, application: str = "Echo", data: str = "") -> None:
        """Call a registered user; once answered, the call runs a dialplan application."""
        await self.rx(f"channel originate PJSIP/{user} application {application} {data}".rstrip())

    async def originate_uri(self, uri: str, application: str = "Echo") -> None:
        """Call a SIP URI as a trunk would, following redirections; then as `originate`."""
        await self.rx(f"channel originate PJSIP/trunk/{uri} application {application}")

    async def originate_extension(self, user: str, extension: str) -> None:
        """Call a registered user; once answered, the call goes to an extension, such as `tone`."""
        await self.rx(f"channel originate PJSIP/{user} extension {extension}@from-phones")

    async def channel_count(self) -> int:
        """How many channels are up."""
        match = re.search(r"(\d+) active channel", await self.rx("core show channels count"))
        return int(match[1]) if match else 0

    async def wait_channels(self, count: int, timeout_s: float = 10.0) -> None:
        """Wait until exactly `count` channels are up; 0 shows that nothing was left behind."""

        async def is_count() -> bool:
            return await self.channel_count() == count

        await until(is_count, f"Asterisk to have {count} channels", timeout_s)

    async def hang_up_all(self) -> None:
        """Hang up every channel, which sends BYE to every phone."""
        await self.rx("channel request hangup all")

    async def dtmf_digits(self) -> str:
        """The digits that the extension `dtmf` has read since its last call began."""
        match = re.search(r"Value: (\S*)", await self.rx("database get dtmf digits"))
        return match[1] if match else ""

    async def wait_dtmf(self, digits: str, timeout_s: float = 10.0) -> None:
        """Wait until the extension `dtmf` has read exactly these digits."""

        async def is_read() -> bool:
            return await self.dtmf_digits() == digits

        await until(is_read, f"Asterisk to read the digits {digits}", timeout_s)
