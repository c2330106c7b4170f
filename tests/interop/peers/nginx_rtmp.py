"""nginx with its RTMP module, as a relay that is a client of another server."""

from pathlib import Path
from typing import ClassVar

from tests.interop.peers.errors import PeerMissing
from tests.interop.peers.peer import OneProcessPeer, program_path, render
from tests.interop.peers.polling import until
from tests.interop.peers.ports import HOST, free_port, tcp_is_listening

MODULE = Path("/usr/lib/nginx/modules/ngx_rtmp_module.so")


class NginxRtmp(OneProcessPeer):
    """Pushes to `upstream` what is published at `push_url()`, pulls from it what is played at `pull_url()`.

    All three URLs end in the same stream name.
    """

    program: ClassVar[str] = "nginx"

    def __init__(self, upstream: str) -> None:
        super().__init__()
        self.port = free_port()
        self._upstream = upstream

    def push_url(self, name: str = "cam") -> str:
        """Where to publish what upstream is to get."""
        return f"rtmp://{HOST}:{self.port}/push/{name}"

    def pull_url(self, name: str = "cam") -> str:
        """Where to play what upstream has."""
        return f"rtmp://{HOST}:{self.port}/pull/{name}"

    async def start(self) -> None:
        """Start it and wait until it listens."""
        program = program_path(self.program)
        self._configure()
        await self.launch([program, "-p", str(self.directory), "-e", "stderr", "-c", "nginx.conf"])
        await until(self._is_ready, "nginx to listen")

    def _configure(self) -> None:
        if not MODULE.exists():
            raise PeerMissing(self.program, "has no RTMP module")
        values = {"MODULE": MODULE, "HOST": HOST, "PORT": self.port, "UPSTREAM": self._upstream}
        (self.directory / "nginx.conf").write_text(render("nginx-rtmp.conf", values))

    def _is_ready(self) -> bool:
        self.process.check_running()
        return tcp_is_listening(self.port)
