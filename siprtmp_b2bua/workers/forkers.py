"""The supervisor's side of the forker: starts it, has it fork, hears how workers ended."""

from __future__ import annotations

import asyncio
import pickle
import socket
from collections.abc import Callable, Sequence
from typing import Final

from media_bridge.python_process import module_command, module_environment

from ..errors import StartupError
from .channel import Channel, socket_pair
from .fork_request import Exited, Fork, Forked

_END_S: Final = 10.0


class ForkerProcess:
    """One forker. `on_forked` and `on_exited` hear of its workers, `on_lost` of its own end."""

    def __init__(
        self,
        on_forked: Callable[[Forked], None],
        on_exited: Callable[[Exited], None],
        on_lost: Callable[[], None],
    ) -> None:
        self._on_forked = on_forked
        self._on_exited = on_exited
        self._on_lost = on_lost
        self._channel: Channel | None = None
        self._process: asyncio.subprocess.Process | None = None

    @property
    def is_running(self) -> bool:
        """Whether it can fork."""
        return self._channel is not None

    async def start(self) -> None:
        """Start it; it imports what workers need while others go on. Raises `StartupError`."""
        ours, theirs = socket_pair()
        try:
            self._process = await asyncio.create_subprocess_exec(
                *module_command(f"{__package__}.forker", str(theirs.fileno())),
                env=module_environment(),
                pass_fds=[theirs.fileno()],
            )
        except OSError as error:
            ours.close()
            raise StartupError(f"cannot start the process that workers are forked from: {error}") from None
        finally:
            theirs.close()
        self._channel = Channel(ours, self._told, self._lost)

    def fork(self, request: Fork, sock: socket.socket) -> bool:
        """Have a worker forked, whose channel ends in `sock`; return False if there is nobody to do it."""
        if self._channel is None:
            sock.close()
            return False
        self._channel.send(pickle.dumps(request), (sock,))
        return True

    async def stop(self) -> None:
        """Have it end; workers that are left then are killed, after a time."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None
        if self._process is not None:
            try:
                async with asyncio.timeout(_END_S):
                    await self._process.wait()
            except TimeoutError:
                self._process.kill()
                await self._process.wait()

    def _told(self, message: bytes, _descriptors: Sequence[int]) -> None:
        report: Forked | Exited = pickle.loads(message)  # noqa: S301 - from our own process, which reads no peer
        if isinstance(report, Forked):
            self._on_forked(report)
        else:
            self._on_exited(report)

    def _lost(self) -> None:
        self._channel = None
        self._on_lost()
