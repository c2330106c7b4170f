"""Inputs to begin with: H.264 and its packets, RTP and RTCP, descriptions and SIP messages."""

from __future__ import annotations

from base64 import b64encode

from media_bridge.h264.access_unit import AccessUnit
from media_bridge.h264.avc_tag import END_OF_SEQUENCE, picture_body, sequence_header_body
from media_bridge.h264.configuration import AvcConfiguration
from media_bridge.h264.nal import join_annex_b, join_length_prefixed
from media_bridge.h264.packet_type import PacketizationMode
from media_bridge.h264.packetizer import Packetizer
from media_bridge.rtp.packet import HeaderExtension, RtpPacket
from media_bridge.rtp.rtcp import RtcpPacket, serialize_compound
from media_bridge.rtp.rtcp_feedback import BitrateEntry, BitrateRequest, FullIntraRequest, Nack, PictureLoss
from media_bridge.rtp.rtcp_reports import (
    SDES_CNAME,
    Bye,
    ReceiverReport,
    ReportBlock,
    SdesChunk,
    SenderReport,
    SourceDescription,
)
from media_bridge.x_flv import FlvMessage, XFlvPacketizer
from tests.fuzz.targets import datagrams
from tests.fuzz.targets.rtp import FROM_STRANGER, RENEGOTIATES, RTCP, SENDS, SSRC

_SPS = bytes.fromhex("6742c01e95a0280bfe5c05a80808083c2211a8")
_HIGH_SPS = bytes.fromhex("64001facd940501ebd")
_PPS = bytes.fromhex("68ce3c80")
_KEY, _INTER = b"\x65" + bytes(range(1, 200)), b"\x41" + bytes(range(1, 80))
_CONFIGURATION = AvcConfiguration((_SPS,), (_PPS,))
_SETS_AND_KEY = (_SPS, _PPS, _KEY)
_SMALL = Packetizer(PacketizationMode.NON_INTERLEAVED, max_payload=60)

_MARKER, _LOSS, _NEW_TIME = 1, 2, 4


def nal_units() -> list[bytes]:
    """Seeds of `h264.run_nal_units`."""
    nals = (b"\x09\xf0", *_SETS_AND_KEY, _INTER)
    return [
        join_annex_b(nals),
        b"\0\0\1" + _KEY + b"\0\0\0\1" + _INTER + b"\0\0",
        *(join_length_prefixed(nals, size) for size in (4, 2, 1)),
        b"\0\0\0\0\0\0\0\0",
        b"\0\0\1\0\0\1",
    ]


def configuration() -> list[bytes]:
    """Seeds of `h264.run_configuration`."""
    high = b"\x01\x64\x00\x1f\xff\xe1\x00\x09" + b"\x67" + _HIGH_SPS[:8] + b"\x01\x00\x04" + _PPS
    sprop = b",".join(map(b64encode, (_SPS, _PPS)))
    return [_CONFIGURATION.serialize(), high, high + b"\xfd\xf8\xf8\x00", sprop, b"Z0LAHg==,,aM4", b"="]


def sps() -> list[bytes]:
    """Seeds of `h264.run_sps`."""
    return [_SPS, b"\x67" + _HIGH_SPS, b"\x67\xf4\x00\x1f" + b"\xff" * 20, b"\x67\x42\xc0\x1e" + b"\x95" * 30]


def video_tag() -> list[bytes]:
    """Seeds of `h264.run_video_tag`."""
    picture = picture_body(AccessUnit((_KEY,), 0), 40)
    enhanced = (b"\x90avc1" + _CONFIGURATION.serialize(), b"\x91hvc1\0\0\0" + _KEY, b"\xa3av01" + _INTER)
    flash = (b"\x12\0\0\x84", b"\x24" + bytes(9), b"\x57\x01\0\0\0\x01")
    return [sequence_header_body(_CONFIGURATION), picture, END_OF_SEQUENCE, *enhanced, *flash]


def _stream(*, loss: int = -1, reverse: bool = False) -> bytes:
    """Three pictures in small packets."""
    packets: list[tuple[int, bytes]] = []
    for nals in ((_KEY,), (_INTER,), (_INTER, _INTER)):
        sets = (_SPS, _PPS) if nals[0] is _KEY else ()
        payloads = _SMALL.payloads(AccessUnit(nals, 0), sets)
        for place, payload in enumerate(payloads, 1):
            flags = (place == len(payloads)) * _MARKER | (place == 1) * _NEW_TIME
            packets.append((flags | _LOSS * (len(packets) == loss), payload))
    return datagrams.write(reversed(packets) if reverse else packets)


def depacketizer() -> list[bytes]:
    """Seeds of `h264.run_depacketizer` and of `h264.run_downlink`."""
    fragment = b"\x7c\x85" + _KEY[:30]
    by_hand = [
        (_NEW_TIME, b""),
        (0, b"\x78\x00\x13" + _SPS + b"\x00\x04" + _PPS),
        (0, fragment),
        (_LOSS | _MARKER, b"\x7c\x45" + _KEY[30:60]),
        (_NEW_TIME | _MARKER, b"\x79\0\1\0\3\x41ab"),
        (0xFF, b"\x7a"),
        (_MARKER, b"\x78\xff\xff\x41"),
    ]
    return [_stream(), _stream(loss=2), _stream(loss=6), _stream(reverse=True), datagrams.write(by_hand)]


def _packet(number: int, **changes: object) -> bytes:
    fields = {"payload_type": 96, "marker": False, "timestamp": 0, "ssrc": SSRC, "payload": b"x" * 20}
    return RtpPacket(sequence_number=number & 0xFFFF, **{**fields, **changes}).serialize()  # type: ignore[arg-type]


def packet() -> list[bytes]:
    """Seeds of `rtp.run_packet`."""
    extension = HeaderExtension(0xBEDE, b"\x10\xff\0\0")
    return [
        _packet(1),
        _packet(65_535, marker=True, csrcs=(1, 2, 3)),
        _packet(5, extension=extension, padding=7),
        b"\x80\x60",
        b"\xbf\xff" + bytes(70),
    ]


_BLOCK = ReportBlock(0x5555, 3, -2, 70_000, 40, 0x12345678, 900)
_ALL: list[RtcpPacket] = [
    SenderReport(SSRC, 0xE8D0_0000_8000_0000, 5000, 10, 900, (_BLOCK,)),
    ReceiverReport(SSRC, (_BLOCK, _BLOCK)),
    SourceDescription((SdesChunk(SSRC, ((SDES_CNAME, b"someone"), (2, b""))), SdesChunk(8, ()))),
    Nack(SSRC, 0x5555, (1, 2, 17, 40_000)),
    PictureLoss(SSRC, 0x5555),
    FullIntraRequest(SSRC, ((0x5555, 3),)),
    BitrateRequest(SSRC, (BitrateEntry(0x5555, 64_000, 40),)),
    Bye((SSRC,), b"the end"),
]


def rtcp() -> list[bytes]:
    """Seeds of `rtp.run_rtcp`."""
    return [serialize_compound(_ALL), *(serialize_compound([each]) for each in _ALL), b"\xa0\xc9\0\1\0\0\0\4"]


def session() -> list[bytes]:
    """Seeds of `rtp.run_session`."""
    order = (0, 1, 2, 5, 4, 3, 3, 9, 10, 5000, 5001, 65_530, 65_531)
    stream = [(0x80, _packet(number, timestamp=3600 * number)) for number in order]
    reports = [(RTCP | SENDS, serialize_compound([_ALL[0], each])) for each in _ALL[2:]]
    strangers = [(FROM_STRANGER, _packet(number, ssrc=9)) for number in range(4)]
    alone = [(RTCP | FROM_STRANGER, serialize_compound([each])) for each in _ALL]
    rest = [(RENEGOTIATES | 0xC0, _packet(20)), (SENDS | 0x40, _packet(21, payload_type=5)), (0, b"\x80")]
    mixed = [each for pair in zip(stream, reports, strict=False) for each in pair]
    return [
        bytes((features,)) + datagrams.write([*stream[:5], *part])
        for features in (0, 1, 0x1E, 0x1F)
        for part in (stream[5:], reports, strangers, alone, mixed, rest)
    ]


def x_flv() -> list[bytes]:
    """Seeds of `rtp.run_x_flv`."""
    packetizer = XFlvPacketizer()
    messages = [packetizer.payloads(FlvMessage(9, 40, bytes(size))) for size in (5, 990, 1100)]
    pieces = [(0, payload) for payloads in messages for payload in payloads]
    return [
        datagrams.write(pieces[:2]),
        datagrams.write([pieces[0], *pieces[2:]])[:1800],
        datagrams.write(
            [(0, b"RTMP" + bytes(6)), (0, b"RTMP" + bytes(8)), (0, b"abc"), (0, pieces[0][1][:-1])]
        ),
    ]


_AUDIO = "v=0\r\no=x 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
_VIDEO = (
    "m=video 4002 RTP/AVPF 99 100\r\na=rtpmap:99 H264/90000\r\na=rtpmap:100 H264/90000\r\n"
    "a=fmtp:99 profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1;max-fs=3600\r\n"
    "a=rtcp-fb:* nack pli\r\na=rtcp-fb:99 ccm fir\r\na=rtcp-mux\r\na=rtcp:4010\r\nb=TIAS:512000\r\n"
)


def description() -> list[bytes]:
    """Seeds of `sip.run_description`."""
    texts = [
        _AUDIO,
        _AUDIO + _VIDEO + "a=sendonly\r\n",
        _AUDIO + _VIDEO.replace("AVPF", "SAVPF") + "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x\r\n",
        _AUDIO + "m=audio 4004 RTP/AVP 8\r\na=inactive\r\n",
        _VIDEO + "c=IN IP4 0.0.0.0\r\n" + _AUDIO,
        _AUDIO + "m=video 0 RTP/AVP 96\r\n" + _VIDEO.replace("=1;", "=2;"),
        _AUDIO + "m=video 4002 RTP/AVP 96\na=rtpmap:96 x-flv/90000\nc=IN IP6 ::1\n",
        "m=\rm= \nm=video\r\n",
    ]
    return [text.encode() for text in texts]


def message() -> list[bytes]:
    """Seeds of `sip.run_message`."""
    head = (
        '{} \r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nf: <sip:a@h>;tag=1\r\nTo: "B \\" <x" <sip:b@h>\r\n'
        'i: 1@h\r\nCSeq: 1 {}\r\nm: <sip:a@h>, "q" <tel:1>\r\nRecord-Route: <sip:p;lr>,\r\n <sip:q;lr>\r\n'
        "c: application/sdp\r\n\r\n"
    )
    info = head.replace("application/sdp", "application/media_control+xml")
    texts = [
        head.format("INVITE sip:b@h SIP/2.0", "INVITE") + _AUDIO + _VIDEO,
        head.format("SIP/2.0 200 OK", "INVITE") + _AUDIO,
        info.format("INFO sip:b@h SIP/2.0", "INFO") + "<picture_fast_update/>",
        head.format("SIP/2.0 1x OK", ""),
        "\n\nACK\rm:<tel:2\r\r m=audio\n",
    ]
    return [text.encode() for text in texts]
