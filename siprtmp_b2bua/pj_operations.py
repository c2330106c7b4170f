"""What is asked of a pjsua2 call: parameters of its methods, and reading its audio. On the pjsip thread."""

from __future__ import annotations

from typing import Any, Final

from media_bridge.frames import frame_samples
from media_bridge.pj_module import pj

from .call_gate import RETRY_AFTER_S
from .errors import SipError
from .pj_events import SentAudio, StreamStats
from .sdp import SdpCodec

_INVALID_SLOT: Final = -1
_PICTURE_FAST_UPDATE: Final = (
    '<?xml version="1.0" encoding="utf-8"?>\r\n'
    "<media_control><vc_primitive><to_encoder><picture_fast_update/></to_encoder></vc_primitive></media_control>\r\n"
)


def operation(code: int, reason: str = "") -> Any:
    """Parameters of a response; reason "": the usual one. With 503 goes when to try again."""
    parameters = pj.CallOpParam()
    parameters.statusCode = code
    parameters.reason = reason
    if code == pj.PJSIP_SC_SERVICE_UNAVAILABLE:
        retry = pj.SipHeader()
        retry.hName, retry.hValue = "Retry-After", str(RETRY_AFTER_S)
        parameters.txOption.headers.append(retry)
    return parameters


def ring(call: Any) -> None:
    """Answer with 180."""
    call.answer(operation(180))


def audio_call(lines: int = 1) -> Any:
    """Parameters of an INVITE with so many audio lines."""
    parameters = pj.CallOpParam(True)
    parameters.opt.audioCount = lines
    parameters.opt.videoCount = 0
    return parameters


def hold(call: Any) -> None:
    """Send the re-INVITE that puts the peer on hold."""
    call.setHold(pj.CallOpParam(True))


def unhold(call: Any, lines: int) -> None:
    """Send the re-INVITE that takes the peer off hold; `lines` as in the call's INVITE."""
    parameters = audio_call(lines)
    parameters.opt.flag = pj.PJSUA_CALL_UNHOLD
    call.reinvite(parameters)


def active_audio(call: Any) -> int | None:
    """Index of the call's audio that has a place in the conference bridge."""
    if not call.isActive():
        return None
    info = call.getInfo()  # must live as long as what is taken out of it: SWIG does not see to that
    for media in info.media:
        if media.type == pj.PJMEDIA_TYPE_AUDIO and media.audioConfSlot != _INVALID_SLOT:
            return int(media.index)
    return None


def request_key_picture(call: Any) -> None:
    """Ask the peer for a key picture by SIP INFO (RFC 5168), where it knows no feedback by RTCP.

    Raises `SipError` 405 if the peer has said which methods it allows, and INFO is none of them.
    """
    if call.remoteHasCap(pj.PJSIP_H_ALLOW, "", "INFO") == pj.PJSIP_DIALOG_CAP_UNSUPPORTED:
        raise SipError(405, "Method Not Allowed")
    parameters = pj.CallSendRequestParam()
    parameters.method = "INFO"
    parameters.txOption.contentType = "application/media_control+xml"
    parameters.txOption.msgBody = _PICTURE_FAST_UPDATE
    call.sendRequest(parameters)


def stream_codec(call: Any, index: int) -> SdpCodec:
    """The codec of a running stream."""
    stream = call.getStreamInfo(index)
    return SdpCodec(stream.codecName, stream.codecClockRate)


def stream_stats(call: Any, index: int) -> StreamStats:
    """RTP counters of a running stream."""
    stats = call.getStreamStat(index)  # kept while it is read, see `active_audio`
    received, sent = stats.rtcp.rxStat, stats.rtcp.txStat
    round_trip, buffer = stats.rtcp.rttUsec, stats.jbuf
    return StreamStats(
        packets_received=received.pkt,
        packets_lost=received.loss,
        packets_discarded=received.discard,
        packets_sent=sent.pkt,
        jitter_ms=received.jitterUsec.last / 1000,
        round_trip_ms=round_trip.last / 1000 if round_trip.n else None,
        buffered_ms=float(buffer.avgDelayMsec),
    )


def waiting_audio_ms(call: Any, index: int) -> int:
    """How much of what came waits in the jitter buffer of a running stream."""
    stats, stream = call.getStreamStat(index), call.getStreamInfo(index)  # kept, see `active_audio`
    return int(stats.jbuf.size * stream.audCodecParam.info.frameLen)


class SentAudioReader:
    """Reads how far the audio of a call has come, through all the streams that a call can have in turn."""

    def __init__(self) -> None:
        self._began_s = 0.0
        self._first_timestamp = 0

    def note_stream(self, call: Any, index: int) -> None:
        """Note where a stream begins, when it has just been made: a packet or two may be out already."""
        began_s, last_timestamp = _began_and_last(call, index)
        if began_s != self._began_s:
            rate_hz = stream_codec(call, index).rtp_rate_hz
            sent = stream_stats(call, index).packets_sent * frame_samples(rate_hz)
            self._began_s, self._first_timestamp = began_s, last_timestamp - sent & 0xFFFFFFFF

    def read(self, call: Any, index: int, bridge_ticks: int) -> SentAudio | None:
        """Return how far it is after so many ticks, None before it has sent anything."""
        began_s, last_timestamp = _began_and_last(call, index)
        if began_s != self._began_s or last_timestamp == self._first_timestamp:
            return None
        rate_hz = stream_codec(call, index).rtp_rate_hz
        return SentAudio(began_s, self._first_timestamp, last_timestamp, rate_hz, bridge_ticks)


def _began_and_last(call: Any, index: int) -> tuple[float, int]:
    """When a stream was made, and its last timestamp."""
    stats = call.getStreamStat(index)  # kept while it is read, see `active_audio`
    start = stats.rtcp.start
    return start.sec + start.msec / 1000, int(stats.rtcp.rtpTxLastTs)


def dial_dtmf(call: Any, index: int, digits: str) -> None:
    """Send digits as telephone-events (RFC 4733), or by SIP INFO if the peer did not agree to those."""
    if call.getStreamInfo(index).audTxEventPt >= 0:
        call.dialDtmf(digits)
    else:
        dial_dtmf_by_info(call, digits)


def dial_dtmf_by_info(call: Any, digits: str) -> None:
    """Send digits by SIP INFO (`application/dtmf-relay`)."""
    parameters = pj.CallSendDtmfParam()
    parameters.method = pj.PJSUA_DTMF_METHOD_SIP_INFO
    parameters.digits = digits
    call.sendDtmf(parameters)
