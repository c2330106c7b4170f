"""What the RTMP programs have in common: a command line, an end that counts, a file of what they played."""

import asyncio
import signal
from pathlib import Path

from tests.interop.peers.errors import PeerFailed, PeerTimeout
from tests.interop.peers.peer import OneProcessPeer, program_path

TIMEOUT_S = 20.0


class RtmpProgram(OneProcessPeer):
    """A program that publishes or plays, and ends by itself. `@OUTPUT@` in an argument is `output`."""

    def __init__(self, *arguments: str, stdin: bool = False) -> None:
        super().__init__()
        self._arguments = arguments
        self._stdin = stdin

    @property
    def output(self) -> Path:
        """The file that it writes."""
        return self.directory / "output"

    def command(self) -> list[str]:
        """What is started, without the arguments."""
        return [program_path(self.program)]

    async def start(self) -> None:
        """Start it; a player has joined when the server says so."""
        arguments = [argument.replace("@OUTPUT@", str(self.output)) for argument in self._arguments]
        await self.launch([*self.command(), *arguments], stdin=self._stdin)

    async def finish(self, timeout_s: float = TIMEOUT_S) -> str:
        """Wait until it ends by itself and with success; what it printed. Raises PeerFailed, PeerTimeout."""
        try:
            async with asyncio.timeout(timeout_s):
                code = await self.process.wait()
        except TimeoutError:
            raise PeerTimeout(f"{self.program} still runs after {timeout_s:g} s\n{self.log()}") from None
        if code != 0:
            raise PeerFailed(f"{self.program} ended with {code}\n{self.log()}")
        return self.process.output()

    def freeze(self) -> None:
        """Stop it in its tracks until `thaw`."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self.process.send_signal(signal.SIGCONT)
