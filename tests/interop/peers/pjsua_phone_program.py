"""The program behind PjsuaPhone: settings from a JSON file, commands on stdin, events to events.log."""

# ruff: noqa: N802 - pjsua2 calls these methods by their names
# mypy: disable-error-code="misc, no-any-return"

import json
import os
import queue
import sys
import threading
from pathlib import Path
from typing import Any

try:
    import pjsua2.pjsua2 as pj
except ImportError:
    import pjsua2 as pj

EVENTS = Path("events.log")
HANDLE_EVENTS_MS = 10

Settings = dict[str, Any]


def report(event: str, **fields: str | int) -> None:
    with EVENTS.open("a") as file:
        file.write(json.dumps({"event": event, **fields}) + "\n")


class Phone(pj.Account):
    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.settings = settings
        self.call: PhoneCall | None = None

    def onRegState(self, prm: Any) -> None:
        if prm.code >= 200:
            report("registered", code=prm.code, expires=prm.expiration)

    def onIncomingCall(self, prm: Any) -> None:
        incoming = PhoneCall(self, prm.callId)
        if self.call is not None:
            incoming.hang_up(486)
            return
        self.call = incoming
        report("incoming", uri=incoming.getInfo().remoteUri)
        incoming.reply(200 if self.settings["auto_answer"] else 180)

    def onInstantMessage(self, prm: Any) -> None:
        report("message", text=prm.msgBody, uri=prm.fromUri)

    def make_call(self, uri: str) -> None:
        self.call = PhoneCall(self)
        self.call.makeCall(uri, pj.CallOpParam(True))


class PhoneCall(pj.Call):
    def __init__(self, phone: Phone, call_id: int = pj.PJSUA_INVALID_ID) -> None:
        super().__init__(phone, call_id)
        self.phone = phone
        self.player: Any = None
        self.recorder: Any = None

    def onCallState(self, prm: Any) -> None:
        info = self.getInfo()
        report("state", state=info.stateText, code=info.lastStatusCode)
        if info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            self.player = self.recorder = None
            if self.phone.call is self:
                self.phone.call = None

    def onCallMediaState(self, prm: Any) -> None:
        info = self.getInfo()  # keeps its vector of media alive
        for media in info.media:
            if media.type == pj.PJMEDIA_TYPE_AUDIO:
                report("media", status=media.status, direction=media.dir)
                if media.status == pj.PJSUA_CALL_MEDIA_ACTIVE:
                    self.connect(self.getAudioMedia(media.index))

    def connect(self, audio: Any) -> None:
        if self.player is None:
            self.player = pj.AudioMediaPlayer()
            self.player.createPlayer(self.phone.settings["tone"])
            self.recorder = pj.AudioMediaRecorder()
            self.recorder.createRecorder(self.phone.settings["recording"])
        self.player.startTransmit(audio)
        audio.startTransmit(self.recorder)

    def onDtmfDigit(self, prm: Any) -> None:
        report("digit", digit=prm.digit)

    def onCallTransferRequest(self, prm: Any) -> None:
        report("transfer", uri=prm.dstUri)

    def onInstantMessage(self, prm: Any) -> None:
        report("message", text=prm.msgBody, uri=prm.fromUri)

    def reply(self, status: int) -> None:
        prm = pj.CallOpParam(True)
        prm.statusCode = status
        self.answer(prm)

    def hang_up(self, status: int = 0) -> None:
        prm = pj.CallOpParam()
        prm.statusCode = status
        self.hangup(prm)

    def send_info(self, digits: str) -> None:
        prm = pj.CallSendDtmfParam()
        prm.digits = digits
        prm.method = pj.PJSUA_DTMF_METHOD_SIP_INFO
        self.sendDtmf(prm)

    def unhold(self) -> None:
        prm = pj.CallOpParam(True)
        prm.opt.flag = pj.PJSUA_CALL_UNHOLD
        self.reinvite(prm)


def make_endpoint(settings: Settings) -> Any:
    endpoint = pj.Endpoint()
    endpoint.libCreate()
    config = pj.EpConfig()
    config.uaConfig.threadCnt = 0
    config.uaConfig.mainThreadOnly = False
    config.logConfig.level = 4
    config.logConfig.consoleLevel = 4
    config.medConfig.noVad = True
    config.medConfig.ecTailLen = 0
    endpoint.libInit(config)
    transport = pj.TransportConfig()
    transport.port = settings["port"]
    transport.boundAddress = "127.0.0.1"
    endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport)
    endpoint.libStart()
    endpoint.audDevManager().setNullDev()
    for codec in endpoint.codecEnum2():
        endpoint.codecSetPriority(codec.codecId, 255 if codec.codecId.startswith(settings["codec"]) else 0)
    return endpoint


def make_phone(settings: Settings) -> Phone:
    config = pj.AccountConfig()
    config.idUri = f"sip:{settings['user']}@{settings['domain']}"
    config.regConfig.registrarUri = settings["registrar"]
    config.regConfig.timeoutSec = 60
    config.regConfig.retryIntervalSec = 0
    config.sipConfig.authCreds.append(
        pj.AuthCredInfo("digest", "*", settings["user"], 0, settings["password"])
    )
    config.mediaConfig.transportConfig.boundAddress = "127.0.0.1"
    config.mediaConfig.transportConfig.port = settings["rtp_port"]
    config.mediaConfig.lockCodecEnabled = False
    config.natConfig.iceEnabled = False
    phone = Phone(settings)
    phone.create(config)
    return phone


def run_command(phone: Phone, line: str) -> None:
    name, _, argument = line.partition(" ")
    if name == "call":
        phone.make_call(argument)
    elif name == "unregister":
        phone.setRegistration(False)
    elif phone.call is None:
        report("ignored", command=line)
    elif name == "answer":
        phone.call.reply(int(argument or 200))
    elif name == "hangup":
        phone.call.hang_up()
    elif name == "hold":
        phone.call.setHold(pj.CallOpParam(True))
    elif name == "unhold":
        phone.call.unhold()
    elif name == "dtmf":
        phone.call.dialDtmf(argument)
    elif name == "info":
        phone.call.send_info(argument)
    elif name == "transfer":
        phone.call.xfer(argument, pj.CallOpParam(True))
    else:
        report("unknown", command=line)


def read_commands(commands: queue.Queue[str]) -> None:
    for line in sys.stdin:
        commands.put(line.strip())
    commands.put("quit")


def main() -> None:
    settings = json.loads(Path(sys.argv[1]).read_text())
    endpoint = make_endpoint(settings)
    phone = make_phone(settings)
    report("ready")
    commands: queue.Queue[str] = queue.Queue()
    threading.Thread(target=read_commands, args=(commands,), daemon=True).start()
    while True:
        endpoint.libHandleEvents(HANDLE_EVENTS_MS)
        try:
            line = commands.get_nowait()
        except queue.Empty:
            continue
        if line == "quit":
            break
        try:
            run_command(phone, line)
        except pj.Error as error:
            report("error", command=line, reason=error.reason)
    endpoint.hangupAllCalls()
    # libDestroy wants every Python object gone first; this process has nothing more to lose.
    os._exit(0)


main()
