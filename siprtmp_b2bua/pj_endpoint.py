"""The process's pjsua2 endpoint: settings, transports, log, and how an INVITE finds its account."""

from __future__ import annotations

import asyncio
import ctypes
import time
from collections.abc import Callable
from typing import Any, Final

from media_bridge.errors import MediaError
from media_bridge.frames import FRAME_MS
from media_bridge.pj_build import installed_build
from media_bridge.pj_module import pj, shared_object
from media_bridge.pj_resampling import pjsua_quality, restore_speex
from media_bridge.pj_ticker import BridgeTicker

from . import __version__
from .bridge_clock import BridgeClock
from .config import GatewayConfig
from .dialog_notes import DialogNote
from .errors import StartupError
from .pj_account import SystemAccount
from .pj_context import PjContext
from .pj_events import EventPoster, guarded
from .pj_guard import PjGuard
from .pj_log import PjLogWriter, pjsip_level
from .pj_structures import SipSettings
from .pj_thread import PjThread
from .rate_limit import RateLimit
from .redirects import Redirects
from .request_uri import RequestUri
from .room import lines_of_process
from .setting_types import SrtpPolicy
from .tcp_gate import TcpGate

_PORT_TRIES: Final = 20
"""For port 0: how often another UDP port is taken when its TCP twin is not free."""

_MEDIA_WINDOW_S: Final = 0.6
"""pjmedia keeps the socket slots of a closed call for 500 ms; when none is free, it asserts."""
_OTHER_SOCKETS: Final = 24
"""Slots that TCP connections leave: for listeners, DNS, and what comes while the gate is being shut."""


class _Endpoint(pj.Endpoint):  # type: ignore[misc]  # pjsua2 has no type information
    def __init__(self, owner: PjEndpoint) -> None:
        super().__init__()
        self._owner = owner

    @guarded
    def onSelectAccount(self, prm: Any) -> None:  # noqa: N802 - pjsua2's name
        prm.accountIndex = self._owner._select_account(prm.rdata.wholeMsg)

    @guarded
    def onTransportState(self, prm: Any) -> None:  # noqa: N802 - pjsua2's name
        self._owner._transport_changed(prm)


_SRTP_USES: Final[dict[SrtpPolicy, Any]] = {
    "accept": pj.PJMEDIA_SRTP_OPTIONAL,
    "require": pj.PJMEDIA_SRTP_MANDATORY,
    "off": pj.PJMEDIA_SRTP_DISABLED,
}
_SRTP_SUITES: Final = ("AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32")
"""Two, best first, for each is a line of every offer that pjsip makes."""


class PjEndpoint:
    """Starts and stops pjsua2 in this process, of which there can be one."""

    def __init__(self, config: GatewayConfig) -> None:
        self.config = config
        self.thread = PjThread(self._set_up, self._poll, self._tear_down)
        poster = EventPoster(asyncio.get_running_loop())
        self.ticker = BridgeTicker(asyncio.get_running_loop())
        """The bridge's."""
        self.max_calls = lines_of_process(config)
        """How many calls there can be."""
        budget = RateLimit(installed_build().media_to_open(self.max_calls), _MEDIA_WINDOW_S)
        self.context = PjContext(
            config, self.thread, poster, self.account_config, BridgeClock(self.ticker), budget
        )
        self.sip_port = config.sip.port
        self._endpoint: _Endpoint | None = None
        self._master_port = 0
        self._system_account: SystemAccount | None = None
        self._log_writer: PjLogWriter | None = None
        self._guard: PjGuard | None = None
        self._gate: TcpGate | None = None
        self._on_dialog: Callable[[DialogNote | str], None] | None = None
        self.redirects = Redirects(self.context.accounts, config.sip.ext_ip or _bound_host(config.sip.int_ip))
        """Whose calls are for another process."""

    @property
    def system_account(self) -> Any:
        """The account for calls of clients that do not register."""
        return self._system_account

    async def count_conference_ports(self) -> int:
        """Return how many ports of the conference bridge are in use, its own included."""
        library = shared_object()
        return await self.thread.run(lambda: int(library.pjsua_conf_get_active_ports()))

    def watch_dialogs(self, on_dialog: Callable[[DialogNote | str], None]) -> None:
        """Have `on_dialog` hear, on the loop, of calls that have been answered and ended; before `start`."""
        self._on_dialog = on_dialog

    async def start(self) -> None:
        """Start pjsip and its transports; raises `StartupError`."""
        await self.thread.start()
        try:
            self.ticker.open(self._endpoint, self._master_port, self.config.media.bridge_rate_hz)
        except MediaError as error:
            await self.stop()
            raise StartupError(str(error)) from None

    async def stop(self) -> None:
        """Hang up what is left and destroy the endpoint. The accounts must be closed."""
        self.ticker.close()
        await self.thread.stop()
        self.context.poster.close()

    # -- on the pjsip thread -----------------------------------------------------------------------------

    def account_config(self) -> Any:
        """Settings that all accounts share."""
        sip, media = self.config.sip, self.config.media
        config = pj.AccountConfig()
        config.natConfig.sipOutboundUse = 0  # one instance id for all lines would merge their bindings
        config.natConfig.contactRewriteUse = 0 if sip.ext_ip else 2
        config.natConfig.viaRewriteUse = not sip.ext_ip
        config.mediaConfig.lockCodecEnabled = False  # our answers name one codec; no re-INVITE is needed
        _set_srtp(config.mediaConfig, media.srtp)
        config.mediaConfig.transportConfig.port = media.rtp_ports.low
        config.mediaConfig.transportConfig.portRange = media.rtp_ports.high - media.rtp_ports.low
        config.mediaConfig.transportConfig.boundAddress = sip.int_ip
        config.mediaConfig.transportConfig.publicAddress = sip.ext_ip
        if sip.outbound_proxy:
            config.sipConfig.proxies.append(sip.outbound_proxy_uri)
        return config

    def _set_up(self) -> tuple[str, int]:
        library = shared_object()
        # pjlib logs to the console until libInit gives it our writer.
        library.pj_log_set_level(0)
        # Large requests by TCP first, as RFC 3261 §18.1.1 has it, would stall where only UDP passes.
        SipSettings.in_dll(library, "pjsip_sip_cfg_var").disable_tcp_switch = 1
        endpoint = _Endpoint(self)
        self._endpoint = endpoint
        endpoint.libCreate()
        endpoint.libInit(self._endpoint_config(library))
        restore_speex(library, self.config.media.quality)
        self._guard = PjGuard(
            self.context.media_budget,
            self.context.live_calls,
            self.redirects,
            max_calls=self.max_calls,
            requires_srtp=self.config.media.srtp == "require",
        )
        if (on_dialog := self._on_dialog) is not None:
            self._guard.on_dialog = lambda dialog: self.context.poster.post(on_dialog, dialog)
        address = self._create_transports(endpoint)
        self.context.codecs.set_up()
        endpoint.libStart()
        self._master_port = int(endpoint.audDevManager().setNoDev())
        account = SystemAccount(self.context)
        settings = self.account_config()
        settings.idUri = f"<sip:siprtmp@{self._advertised_address(address)}>"
        account.create(settings, True)
        self._system_account = account
        if self._log_writer is not None:
            self._log_writer.started = True
        return address

    def _endpoint_config(self, library: ctypes.CDLL) -> Any:
        config = pj.EpConfig()
        config.uaConfig.threadCnt = 0
        config.uaConfig.mainThreadOnly = True
        config.uaConfig.maxCalls = self.max_calls
        config.uaConfig.userAgent = f"siprtmp-b2bua/{__version__}"
        self._log_writer = PjLogWriter()
        config.logConfig.writer = self._log_writer
        config.logConfig.decor = pj.PJ_LOG_HAS_SENDER
        config.logConfig.level = pjsip_level()
        config.logConfig.consoleLevel = config.logConfig.level
        config.logConfig.msgLogging = config.logConfig.level >= 5
        media = config.medConfig
        wanted = self.config.media
        media.clockRate = media.sndClockRate = wanted.bridge_rate_hz
        media.audioFramePtime = FRAME_MS
        media.channelCount = 1
        media.quality = pjsua_quality(library, wanted.bridge_rate_hz, wanted.quality)
        media.noVad = True
        media.ecTailLen = 0
        media.threadCnt = 1
        return config

    def _create_transports(self, endpoint: _Endpoint) -> tuple[str, int]:
        sip = self.config.sip
        for tries_left in reversed(range(_PORT_TRIES if sip.port == 0 else 1)):
            try:
                self.sip_port = self._create_transport_pair(endpoint)
                break
            except pj.Error as error:
                if not tries_left:
                    raise StartupError(
                        f"cannot listen for SIP on {sip.int_ip or '0.0.0.0'}:{sip.port}: "
                        f"{str(error.reason).strip()}; choose another --sip-port or --int-ip"
                    ) from None
        return _bound_host(sip.int_ip) or "127.0.0.1", self.sip_port

    def _create_transport_pair(self, endpoint: _Endpoint) -> int:
        """Listen by UDP and by TCP on one port, and return it: of port 0, UDP takes any and TCP the same."""
        transport = pj.TransportConfig()
        transport.port = self.config.sip.port
        transport.boundAddress = self.config.sip.int_ip
        transport.publicAddress = self.config.sip.ext_ip
        udp = endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport)
        info = endpoint.transportGetInfo(udp)
        transport.port = int(info.localAddress.rpartition(":")[2])
        try:
            endpoint.transportCreate(pj.PJSIP_TRANSPORT_TCP, transport)
            self._gate = TcpGate(transport.port, installed_build().sockets - _OTHER_SOCKETS)
        except pj.Error:
            endpoint.transportClose(udp)
            raise
        return int(transport.port)

    def _advertised_address(self, address: tuple[str, int]) -> str:
        return f"{self.config.sip.ext_ip or address[0]}:{address[1]}"

    def _poll(self, timeout_ms: int) -> None:
        assert self._endpoint is not None
        self._endpoint.libHandleEvents(timeout_ms)
        if self._gate is not None:
            self._gate.update(time.monotonic())

    def _transport_changed(self, state: Any) -> None:
        if self._gate is None or not state.type.startswith("TCP"):
            return
        connection = int(state.hnd)
        if state.state == pj.PJSIP_TP_STATE_CONNECTED:
            self._gate.connection_opened(connection, time.monotonic())
        elif state.state == pj.PJSIP_TP_STATE_DESTROY:
            self._gate.connection_closed(connection, time.monotonic())

    def _select_account(self, message: str) -> int:
        """Find the account of a request: by the line parameter of our Contact, else by user name."""
        uri = RequestUri.parse(message)
        found = uri.find_account(self.context.accounts) if uri is not None else None
        assert self._system_account is not None
        return int(self._system_account.getId()) if found is None else found

    def _tear_down(self) -> None:
        if self._endpoint is None:
            return
        for call in list(self.context.live_calls):
            call.refuse(0)
        self._system_account = None
        # Everything was hung up and unregistered before: pjsua need not spend its second on that.
        self._endpoint.libDestroy(pj.PJSUA_DESTROY_NO_TX_MSG)
        self._endpoint = None
        if self._gate is not None:
            self._gate.close()


def _bound_host(int_ip: str) -> str:
    """Return the one address that is listened on, "" if it is all of them."""
    return "" if int_ip == "0.0.0.0" else int_ip


def _set_srtp(config: Any, policy: SrtpPolicy) -> None:
    config.srtpUse = _SRTP_USES[policy]
    config.srtpSecureSignaling = 0  # the way of the SIP messages is the operator's affair
    config.srtpOpt.keyings.append(pj.PJMEDIA_SRTP_KEYING_SDES)  # and not DTLS
    for suite in _SRTP_SUITES:
        crypto = pj.SrtpCrypto()
        crypto.name = suite
        config.srtpOpt.cryptos.append(crypto)
