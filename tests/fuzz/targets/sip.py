"""What is read of SIP before and besides pjsip: messages, and the video of session descriptions."""

from __future__ import annotations

from siprtmp_b2bua.sdp import parse_audio
from siprtmp_b2bua.sip_message import SipMessage
from siprtmp_b2bua.video_agreement import VideoAgreement, accept_answer, answer_video
from siprtmp_b2bua.video_offer import video_formats
from siprtmp_b2bua.video_sdp import H264, X_FLV, VideoLine, parse_video, put_video

_OURS = VideoLine(5004, video_formats((X_FLV, H264), None), address="192.0.2.1")
_PLACE = "v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 5000 RTP/AVP 0\r\nm=video 0 RTP/AVP 96\r\n"


def run_description(data: bytes) -> None:
    """A description, as an offer and as an answer; what we say to it can be read again."""
    text = data.decode("utf-8", "replace")
    parse_audio(text)
    line = parse_video(text)
    put_video(text, _OURS)
    put_video(text, None)
    if line is None:
        return
    assert 0 < line.port <= 65535
    assert line.formats
    _check(accept_answer(_OURS, line))
    answered = answer_video(line, _OURS)
    if answered is None:
        return
    answer, agreement = answered
    _check(agreement)
    again = parse_video(put_video(_PLACE, answer))
    assert again is not None
    assert [each.payload_type for each in again.formats] == [agreement.payload_type]
    assert again.direction == answer.direction


def _check(agreement: VideoAgreement | None) -> None:
    if agreement is not None:
        assert 0 < agreement.port <= 65535
        assert 0 < agreement.rtcp_port <= 65535
        assert agreement.address
        assert 0 <= agreement.payload_type < 128
        assert agreement.payload_type in agreement.received_payload_types


def run_message(data: bytes) -> None:
    """A SIP message, and all that is asked about one."""
    message = SipMessage.parse(data.decode("latin-1"))
    assert all(name == name.strip().lower() for name, _ in message.headers)
    assert message.status_code is None or 0 <= message.status_code < 1000
    assert len(message.audio_sections) <= len(message.body)
    if message.is_consistent:
        assert all(len(message.values(name)) == 1 for name in ("from", "to", "call-id", "cseq"))
    for _ in (
        message.has_description,
        message.asks_for_key_picture,
        message.has_connections,
        message.routes_requests_by_sip,
    ):
        pass
