"""A SIP phone that answers every call and sends back what it hears.

It prints one JSON object a line: first {"event": "ready", "uri": "sip:echo@127.0.0.1:40123"}, and then
what happens in its calls. It ends on SIGTERM, on Ctrl-C, and when its standard input is a pipe that closes,
so that it never outlives the program that started it.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import json
import os
import select
import signal
import stat
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from types import FrameType
from typing import Any, Final

if __package__ in (None, ""):  # run as a file: python examples/echo_phone.py
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from media_bridge.pj_module import pj, shared_object_path
from siprtmp_b2bua.pj_events import guarded

_POLL_MS: Final = 20


@dataclass(frozen=True, slots=True)
class EchoSettings:
    """How the phone runs; port 0 takes any free one.

    `rate_hz` is that of the mixer between the streams: where it is the codec's too, nothing is resampled.
    """

    host: str = "127.0.0.1"
    port: int = 0
    rate_hz: int = 16000
    ring_ms: int = 0


def report(event: str, **details: str | int) -> None:
    """Print one line of JSON."""
    print(json.dumps({"event": event, **details}), flush=True)


class EchoCall(pj.Call):  # type: ignore[misc]  # pjsua2 has no type information
    """One call. pjsua2 owns nothing: the phone keeps it, and drops it inside the DISCONNECTED callback."""

    def __init__(self, phone: EchoPhone, call_id: int) -> None:
        super().__init__(phone, call_id)
        self._phone = phone
        self._codec = ""
        self.answer_at_s = 0.0

    def answer_with(self, status: int) -> None:
        """Send a provisional or final answer."""
        operation = pj.CallOpParam()
        operation.statusCode = status
        self.answer(operation)

    @guarded
    def onCallState(self, _prm: Any) -> None:  # noqa: N802 - pjsua2's name
        """Let go of the call when it has ended."""
        info = self.getInfo()  # kept in a variable: what is read from it dies with it
        if info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            report("ended", call=info.id, status=info.lastStatusCode)
            self._phone.forget(info.id)

    @guarded
    def onCallMediaState(self, _prm: Any) -> None:  # noqa: N802
        """Connect the call's audio with itself."""
        info = self.getInfo()
        for media in info.media:
            if media.type == pj.PJMEDIA_TYPE_AUDIO and media.audioConfSlot >= 0:
                audio = self.getAudioMedia(media.index)
                audio.startTransmit(audio)
                self._report_codec(info.id, self.getStreamInfo(media.index))

    @guarded
    def onDtmfDigit(self, prm: Any) -> None:  # noqa: N802
        """Tell of a key that the caller pressed."""
        info = self.getInfo()
        report("dtmf", call=info.id, digit=prm.digit)

    def _report_codec(self, call_id: int, stream: Any) -> None:
        codec = f"{stream.codecName}/{stream.codecClockRate}"
        if codec != self._codec:
            self._codec = codec
            report("media", call=call_id, codec=codec)


class EchoPhone(pj.Account):  # type: ignore[misc]
    """A local account that takes every call; as many at once as the pjsua2 build has slots for (4)."""

    def __init__(self, settings: EchoSettings) -> None:
        super().__init__()
        self._settings = settings
        self._calls: dict[int, EchoCall] = {}

    @guarded
    def onIncomingCall(self, prm: Any) -> None:  # noqa: N802
        """Answer, or ring first."""
        call = EchoCall(self, prm.callId)
        self._calls[prm.callId] = call
        info = call.getInfo()
        report("invited", call=info.id, caller=info.remoteUri)
        if self._settings.ring_ms:
            call.answer_at_s = monotonic() + self._settings.ring_ms / 1000
            call.answer_with(180)
        else:
            call.answer_with(200)

    def answer_due_calls(self) -> None:
        """Answer what has rung long enough."""
        for call in list(self._calls.values()):
            if 0 < call.answer_at_s <= monotonic():
                call.answer_at_s = 0
                call.answer_with(200)

    @property
    def is_idle(self) -> bool:
        """Whether there is no call."""
        return not self._calls

    def forget(self, call_id: int) -> None:
        """Drop a call that has ended."""
        self._calls.pop(call_id, None)


def start_endpoint(settings: EchoSettings) -> tuple[Any, int]:
    """Start pjsua2, silent and without sound card; return it and its SIP port."""
    ctypes.CDLL(shared_object_path()).pj_log_set_level(0)  # else it greets on standard output
    endpoint = pj.Endpoint()
    endpoint.libCreate()
    config = pj.EpConfig()
    config.logConfig.level = config.logConfig.consoleLevel = 0
    config.uaConfig.threadCnt = 0  # callbacks run in libHandleEvents, on our thread
    config.uaConfig.mainThreadOnly = True
    config.uaConfig.userAgent = "echo-phone"
    media = config.medConfig
    media.clockRate = media.sndClockRate = settings.rate_hz
    media.audioFramePtime = 20
    media.noVad = True
    media.ecTailLen = 0
    media.quality = 10  # a resampler that keeps the level, in case that the codec has another rate
    endpoint.libInit(config)
    transport = pj.TransportConfig()
    transport.boundAddress = settings.host
    transport.port = settings.port
    udp = endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport)
    info = endpoint.transportGetInfo(udp)
    port = int(info.localAddress.rpartition(":")[2])
    endpoint.audDevManager().setNullDev()
    endpoint.libStart()
    return endpoint, port


def account_config(settings: EchoSettings, port: int) -> Any:
    """Settings of an account without registrar."""
    config = pj.AccountConfig()
    config.idUri = f"sip:echo@{settings.host}:{port}"
    config.regConfig.registerOnAdd = False
    config.mediaConfig.transportConfig.boundAddress = settings.host
    config.mediaConfig.transportConfig.port = 0
    config.mediaConfig.lockCodecEnabled = False
    return config


def run(settings: EchoSettings) -> None:
    """Answer calls until it is time to end."""
    stopping = False

    def stop(_signal: int, _frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    endpoint, port = start_endpoint(settings)
    phone = EchoPhone(settings)
    phone.create(account_config(settings, port), True)
    report("ready", uri=f"sip:echo@{settings.host}:{port}", port=port)
    parent_may_leave = _is_pipe(sys.stdin.fileno())
    while not stopping and not (parent_may_leave and _is_at_end(sys.stdin.fileno())):
        endpoint.libHandleEvents(_POLL_MS)
        phone.answer_due_calls()
    if phone.is_idle:
        flags = pj.PJSUA_DESTROY_NO_RX_MSG  # nobody is to answer a BYE, so do not wait for it
    else:
        endpoint.hangupAllCalls()
        flags = 0
    phone.shutdown()
    del phone
    endpoint.libDestroy(flags)


def _is_pipe(descriptor: int) -> bool:
    mode = os.fstat(descriptor).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def _is_at_end(descriptor: int) -> bool:
    readable, _, _ = select.select([descriptor], [], [], 0)
    return bool(readable) and not os.read(descriptor, 4096)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    parser = argparse.ArgumentParser(prog="echo_phone", description=(__doc__ or "").partition("\n\n")[0])
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to bind SIP and RTP to (default %(default)s)")
    add("--port", type=int, default=0, help="UDP port of SIP (default: any free one)")
    add("--rate", type=int, choices=(8000, 16000), default=16000, help="sampling rate of the mixer, in Hz")
    add("--ring-ms", type=int, default=0, metavar="MS", help="ring so long before answering (default: not)")
    arguments = parser.parse_args(argv)
    if not 0 <= arguments.port <= 65535:  # pjsua2 would take what 16 bits hold of it
        parser.error(f"--port is 0 to 65535, not {arguments.port}")
    settings = EchoSettings(arguments.host, arguments.port, arguments.rate, arguments.ring_ms)
    try:
        run(settings)
    except pj.Error as error:
        reason = str(error.reason).strip()
        print(f"echo_phone: cannot run on {settings.host}:{settings.port}: {reason}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        sys.exit(main())
