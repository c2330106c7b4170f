"""GStreamer's rtpbin, srtpdec and FFmpeg as peers of an RTP session. Payloads are H.264, or anything."""

from pathlib import Path
from typing import ClassVar

from tests.interop.peers.gstreamer import Gstreamer
from tests.interop.peers.ports import HOST
from tests.interop.peers.rtmp_program import RtmpProgram

CAPS = "application/x-rtp,media=video,clock-rate=90000,encoding-name=H264,payload=96"
FEEDBACK_CAPS = f"{CAPS},rtcp-fb-nack=(boolean)true,rtcp-fb-nack-pli=(boolean)true"


def _sink(port: int) -> str:
    return f"udpsink host={HOST} port={port} sync=false async=false"


def _source(port: int) -> str:
    return f"udpsrc address={HOST} port={port}"


def rtpbin_sender(remote: int, rtcp_port: int, remote_rtcp: int) -> Gstreamer:
    """Encode a test picture and send it, with one key picture and another one only when asked by PLI."""
    return Gstreamer(
        "rtpbin name=rtp rtp-profile=avpf "
        "videotestsrc is-live=true ! video/x-raw,width=320,height=240,framerate=25/1 "
        "! openh264enc gop-size=100000 ! rtph264pay pt=96 aggregate-mode=none "
        f"! rtp.send_rtp_sink_0 rtp.send_rtp_src_0 ! {_sink(remote)} "
        f"rtp.send_rtcp_src_0 ! {_sink(remote_rtcp)} "
        f"{_source(rtcp_port)} ! rtp.recv_rtcp_sink_0"
    )


def rtpbin_receiver(port: int, rtcp_port: int, remote_rtcp: int, *, retransmission: bool) -> Gstreamer:
    """Receive H.264, and ask for what is missing by NACK, or else for a key picture by PLI."""
    asks = "do-retransmission=true" if retransmission else "do-lost=true"
    return Gstreamer(
        f"rtpbin name=rtp rtp-profile=avpf latency=100 {asks} "
        f'{_source(port)} caps="{FEEDBACK_CAPS}" ! rtp.recv_rtp_sink_0 '
        "rtp. ! rtph264depay request-keyframe=true ! fakesink sync=false async=false "
        f"{_source(rtcp_port)} ! rtp.recv_rtcp_sink_0 "
        f"rtp.send_rtcp_src_0 ! {_sink(remote_rtcp)}"
    )


def srtp_receiver(port: int, key: bytes, ssrc: int, count: int) -> Gstreamer:
    """Decrypt packets of AES_CM_128_HMAC_SHA1_80; `output` is what is in the RTP packets."""
    ciphers = (
        "srtp-cipher=aes-128-icm,srtcp-cipher=aes-128-icm,srtp-auth=hmac-sha1-80,srtcp-auth=hmac-sha1-80"
    )
    caps = f"application/x-srtp,payload=96,ssrc=(uint){ssrc},srtp-key=(buffer){key.hex()},{ciphers}"
    return Gstreamer(
        f'{_source(port)} num-buffers={count} caps="{caps}" ! srtpdec ! filesink location=@OUTPUT@'
    )


class FfmpegSrtpSender(RtmpProgram):
    """Sends a test picture as MPEG-4 by SRTP; FFmpeg has an implementation of its own."""

    program: ClassVar[str] = "ffmpeg"

    def __init__(self, remote: int, key: str) -> None:
        picture = ("-re", "-f", "lavfi", "-i", "testsrc=size=320x240:rate=25", "-c:v", "mpeg4")
        srtp = ("-srtp_out_suite", "AES_CM_128_HMAC_SHA1_80", "-srtp_out_params", key)
        url = f"srtp://{HOST}:{remote}?rtcpport={remote + 1}"
        super().__init__(
            "-nostdin",
            "-hide_banner",
            "-v",
            "error",
            *picture,
            "-f",
            "rtp",
            "-payload_type",
            "96",
            *srtp,
            url,
        )


def read_output(program: RtmpProgram) -> bytes:
    """What the program has written so far."""
    path: Path = program.output
    return path.read_bytes() if path.exists() else b""
