"""The application `sip`: pjsip's endpoint, and the lines of the RTMP clients that use it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection

from media_bridge.codecs.registry import prepare
from media_bridge.errors import MediaError
from rtmp.aio.server import ServerConnection

from .call_gate import CallGate
from .config import GatewayConfig
from .connect_request import LineKey
from .control.status import CallStatus
from .dialog_notes import DialogNote
from .errors import B2buaError, StartupError
from .line_table import LineTable
from .pj_endpoint import PjEndpoint
from .rtmp_leg import RtmpLeg
from .services import Services


class Telephone:
    """Lets RTMP clients be SIP phones. `start`, `make_leg` for each client, then `close_lines` and `stop`.

    There can be one in a process, because there can be one pjsua2 endpoint.
    """

    def __init__(self, config: GatewayConfig) -> None:
        self._config = config
        self._endpoint = PjEndpoint(config)
        self.gate = CallGate(config.workers.max_lag_ms / 1000, config.max_calls)
        """Whether new clients and calls are taken."""
        self._lines = LineTable(Services(config, self._endpoint, self.gate))
        self._legs: set[RtmpLeg] = set()

    @property
    def sip_port(self) -> int:
        """The UDP and TCP port of SIP."""
        return self._endpoint.sip_port

    @property
    def max_calls(self) -> int:
        """How many calls pjsua2 can hold: a constant of its build, or less by configuration."""
        return self._endpoint.max_calls

    @property
    def line_count(self) -> int:
        """How many clients have a line."""
        return len(self._lines)

    def watch_dialogs(self, on_dialog: Callable[[DialogNote | str], None]) -> None:
        """Have `on_dialog` hear how calls that are answered could be ended by others; before `start`."""
        self._endpoint.watch_dialogs(on_dialog)

    async def start(self) -> None:
        """Start pjsip; raises `StartupError` with nothing left behind."""
        try:
            prepare()
        except MediaError as error:
            raise StartupError(str(error)) from None
        await self._endpoint.start()
        self.gate.start()

    async def keep_registered(self, aors: Collection[str]) -> None:
        """Register these accounts of the configuration; what a registrar refuses is tried again.

        Raises `StartupError` if pjsip cannot have so many.
        """
        try:
            await self._lines.keep_registered(aors)
        except B2buaError as error:
            raise StartupError(f"cannot register the accounts of the configuration: {error}") from None

    def make_leg(self, connection: ServerConnection) -> RtmpLeg:
        """Return the handler of a client that connects to `sip`."""
        leg = RtmpLeg(connection, self._lines, self._legs.discard)
        self._legs.add(leg)
        return leg

    def redirect(self, user: str, sip_port: int) -> None:
        """Send callers of a user, unless the user is here, to another process; 0: to none any more."""
        self._endpoint.redirects.put(user, sip_port)

    async def put_out(self, key: LineKey) -> None:
        """Part with the client that has this address and instance: another process has its successor."""
        await self._lines.put_out(key)

    async def drain(self) -> None:
        """Take no more clients and calls; return when the last call has ended, and its client is out.

        Bounded in time by the configuration.
        """
        self.gate.is_draining = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._config.drain_timeout_s):
                await asyncio.gather(*(self._drain(leg) for leg in list(self._legs)))

    async def _drain(self, leg: RtmpLeg) -> None:
        await leg.wait_free()
        leg.disconnect("the gateway is shutting down")

    def disconnect_all(self, reason: str) -> None:
        """Tell all clients that they are out, and close their connections."""
        for leg in list(self._legs):
            leg.disconnect(reason)

    async def close_lines(self) -> None:
        """Hang up all calls and unregister."""
        await self._lines.close_all()

    async def stop(self) -> None:
        """End pjsip; `close_lines` comes before that."""
        self.gate.stop()
        await self._endpoint.stop()

    async def call_statuses(self) -> list[CallStatus]:
        """What goes on in each call."""
        return await self._lines.call_statuses()

    async def counts(self) -> dict[str, int]:
        """Count what is held; what stays when all is quiet, leaks."""
        context = self._endpoint.context
        return {
            "lines": len(self._lines),
            "legs": len(self._legs),
            "calls": len(context.live_calls),
            "accounts": len(context.accounts),
            "conference_ports": await self._endpoint.count_conference_ports(),
        }
