"""The gateway: RTMP server, pjsip endpoint and lines in one process and one asyncio loop."""

from __future__ import annotations

import logging
import os

from . import __version__
from .applications import Applications, check_recordings
from .config import GatewayConfig
from .control.status import GatewayStatus, WorkerStatus
from .rtmp_front import RtmpFront
from .service import NOTHING_NEW, Reloaded
from .shutdown import shut_down
from .telephone import Telephone

logger = logging.getLogger(__name__)


class Gateway:
    """A SIP-RTMP gateway. `start`, use it for as long as you like, `stop`; on one event loop.

    There can be one in a process, because there can be one pjsua2 endpoint. Take signals by
    `loop.add_signal_handler`: what another handler raises comes out of the loop in the middle of anything.
    """

    def __init__(self, config: GatewayConfig) -> None:
        self.config = config
        self._telephone: Telephone | None = None
        self._applications: Applications | None = None
        self._front: RtmpFront | None = None

    @property
    def rtmp_port(self) -> int:
        """The TCP port that RTMP clients connect to."""
        assert self._front is not None
        return self._front.port

    @property
    def rtmps_port(self) -> int | None:
        """The TCP port of RTMPS, None if there is none."""
        return self._front.tls_port if self._front is not None else None

    @property
    def sip_port(self) -> int:
        """The UDP and TCP port of SIP."""
        assert self._telephone is not None
        return self._telephone.sip_port

    @property
    def line_count(self) -> int:
        """How many clients have a line."""
        return self._telephone.line_count if self._telephone is not None else 0

    async def start(self) -> None:
        """Start both sides; raises `StartupError` with nothing left behind, also if it is cancelled."""
        check_recordings(self.config.live)
        telephone = Telephone(self.config)
        applications = Applications(self.config.live, telephone.make_leg)
        front = RtmpFront(self.config.rtmp, applications.make_handler)
        front.load_certificate()
        self._telephone, self._applications, self._front = telephone, applications, front
        try:
            await telephone.start()
            await front.listen()
            await telephone.keep_registered(self.config.standing_aors)
        except BaseException:
            await self.stop()
            raise
        logger.info("RTMP on %s:%d, SIP on port %d", self.config.rtmp.host, self.rtmp_port, self.sip_port)

    def reload_certificate(self) -> str | None:
        """Read certificate and key of RTMPS again, for new connections; log and return what goes wrong."""
        return self._front.reload_certificate() if self._front is not None else None

    def reload(self, config: GatewayConfig) -> Reloaded:
        """Read certificate and key again; other settings take a restart, or several processes."""
        failure = self.reload_certificate()
        if config == self.config:
            return Reloaded([NOTHING_NEW], failure)
        return Reloaded(["with one process settings change with a restart only (see --workers)"], failure)

    async def status(self) -> GatewayStatus:
        """What goes on."""
        telephone = self._telephone
        worker = WorkerStatus(
            name="gateway",
            pid=os.getpid(),
            state="ready",
            lines=telephone.max_calls if telephone is not None else 0,
            clients=self.line_count,
            sip_port=telephone.sip_port if telephone is not None else None,
            is_overloaded=telephone is not None and telephone.gate.is_overloaded,
            calls=tuple(await telephone.call_statuses()) if telephone is not None else (),
            streams=tuple(self._applications.stream_statuses()) if self._applications is not None else (),
        )
        return GatewayStatus(
            version=__version__,
            pid=os.getpid(),
            rtmp_port=self.rtmp_port,
            is_draining=telephone is not None and telephone.gate.is_draining,
            workers=(worker,),
        )

    async def drain(self) -> None:
        """Take no more clients and calls; return when the last call has ended. `stop` has to follow."""
        if self._telephone is not None:
            await self._telephone.drain()

    async def counts(self) -> dict[str, int]:
        """How many there are of what the gateway holds; what stays when all is quiet, leaks."""
        counts = await self._telephone.counts() if self._telephone is not None else {}
        counts["streams"] = len(self._applications.stream_statuses()) if self._applications else 0
        return counts

    async def stop(self) -> None:
        """Hang up all calls, unregister, close all connections and sockets.

        Cancelled, it leaves out what takes time, but ends pjsip; cancelled in that too, it can be repeated.
        """
        telephone, applications, front = self._telephone, self._applications, self._front
        if telephone is None or applications is None or front is None:
            return
        front.stop_listening()
        await shut_down(telephone, applications, front.close(), self.config.shutdown_timeout_s)
        self._telephone = self._applications = self._front = None
