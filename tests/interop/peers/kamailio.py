"""Kamailio: a SIP registrar and proxy with digest, Record-Route and forking (config/kamailio.cfg)."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from tests.interop.peers.errors import PeerMissing
from tests.interop.peers.peer import OneProcessPeer, program_path, render
from tests.interop.peers.polling import until
from tests.interop.peers.ports import HOST, free_port
from tests.interop.peers.sip_options import answers_options

USERS: Mapping[str, str] = {
    name: f"{name}-secret" for name in ("alice", "bob", "carol", "dave", "erin", "frank")
}
"""Passwords by user name, as in the Asterisk peer."""


class Kamailio(OneProcessPeer):
    """One Kamailio. Its domains are 127.0.0.1 and `domain`; its answers: 404 for a user it does not know,
    480 for one that is not registered, 407 for a call from one of its users without credentials."""

    program: ClassVar[str] = "kamailio"

    def __init__(
        self,
        *,
        users: Mapping[str, str] = USERS,
        domain: str = "sip.test",
        port: int | None = None,
        max_expires_s: int = 3600,
    ) -> None:
        super().__init__()
        self.users = dict(users)
        self.domain = domain
        self.max_expires_s = max_expires_s
        self.port = free_port() if port is None else port

    @property
    def address(self) -> tuple[str, int]:
        """Where it receives SIP, by UDP and TCP."""
        return HOST, self.port

    @property
    def registrar(self) -> str:
        """The SIP URI to register at."""
        return f"sip:{HOST}:{self.port}"

    def sip_uri(self, user: str) -> str:
        """The address of record of a user, with the port that finds this server without DNS."""
        return f"sip:{user}@{HOST}:{self.port}"

    async def start(self) -> None:
        """Start it and wait until it answers OPTIONS."""
        config = self.directory / "kamailio.cfg"
        config.write_text(self._config())
        program = program_path("kamailio")
        await self.launch(
            [program, "-f", str(config), "-DD", "-E", "-m", "32", "-M", "4", "-Y", str(self.directory)]
        )
        await until(self._is_ready, "Kamailio to answer OPTIONS")

    def _config(self) -> str:
        values = {
            "SIP_PORT": self.port,
            "DOMAIN": self.domain,
            "MAX_EXPIRES": self.max_expires_s,
            "MODULES": _modules(),
            "CONTROL": self._control,
            "PASSWORDS": "\n".join(
                f'    $sht(passwords=>{user}) = "{word}";' for user, word in self.users.items()
            ),
        }
        return render("kamailio.cfg", values)

    @property
    def _control(self) -> Path:
        return self.directory / "ctl.sock"

    async def _is_ready(self) -> bool:
        self.process.check_running()
        return await answers_options(self.port)

    async def rpc(self, *command: str) -> str:
        """Run an RPC command through kamcmd, such as `ul.dump`; its output, also that of a failed one."""
        process = await asyncio.create_subprocess_exec(
            program_path("kamcmd"),
            "-s",
            f"unix:{self._control}",
            *command,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        return output.decode(errors="replace")

    async def contacts(self, user: str) -> list[str]:
        """The contact URIs registered for a user."""
        output = await self.rpc("ul.lookup", "location", user)
        return [line.split("Address:", 1)[1].strip() for line in output.splitlines() if "Address:" in line]

    async def wait_registered(self, user: str, timeout_s: float = 10.0) -> list[str]:
        """Wait until the user has a contact; all of them."""
        return await until(lambda: self.contacts(user), f"{user} to register at Kamailio", timeout_s)

    async def wait_unregistered(self, user: str, timeout_s: float = 10.0) -> None:
        """Wait until the user has no contact."""

        async def is_gone() -> bool:
            return not await self.contacts(user)

        await until(is_gone, f"{user} to unregister at Kamailio", timeout_s)


def _modules() -> Path:
    """Where the distribution keeps the modules."""
    found = [*Path("/usr/lib").glob("*/kamailio/modules"), *Path("/usr").glob("l*/kamailio/modules")]
    if not found:
        raise PeerMissing("kamailio", "has no modules below /usr/lib")
    return found[0]
