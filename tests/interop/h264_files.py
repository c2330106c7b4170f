"""H.264 in files that GStreamer reads and writes: FLV, and RTP packets (RFC 4571: each behind its length)."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

from media_bridge.h264.access_unit import AccessUnit
from media_bridge.h264.avc_tag import END_OF_SEQUENCE, picture_body, sequence_header_body
from media_bridge.h264.configuration import AvcConfiguration
from media_bridge.h264.nal import DISPENSABLE_TYPES, PARAMETER_SET_TYPES, nal_type, split_annex_b
from rtmp.flv_file import FlvHeader, FlvTag
from rtmp.messages import MessageType
from tests.media_bridge.h264.rtp_packets import Packet
from tests.media_bridge.h264.x264_pictures import EncodedPicture

PAYLOAD_TYPE = 96
_HEADER = 12
_LEFT_OUT = DISPENSABLE_TYPES | PARAMETER_SET_TYPES


def picture_nals(nals: Sequence[bytes]) -> tuple[bytes, ...]:
    """Those that a depacketizer leaves in an access unit."""
    return tuple(nal for nal in nals if nal_type(nal) not in _LEFT_OUT)


def write_flv(path: Path, pictures: Sequence[EncodedPicture], rate: Fraction) -> list[tuple[int, int]]:
    """Write pictures without their parameter sets; return their times of decoding and presentation in ms."""
    first = pictures[0].dts
    times = [(_to_ms(p.dts - first, rate), _to_ms(p.pts - first, rate)) for p in pictures]
    bodies = [(0, sequence_header_body(AvcConfiguration.of(pictures[0].nals)))]
    for picture, (dts_ms, pts_ms) in zip(pictures, times, strict=True):
        bodies.append((dts_ms, picture_body(AccessUnit(picture_nals(picture.nals), 0), pts_ms - dts_ms)))
    bodies.append((times[-1][0], END_OF_SEQUENCE))
    tags = (FlvTag(MessageType.VIDEO, time_ms, body).serialize() for time_ms, body in bodies)
    path.write_bytes(FlvHeader(has_audio=False, has_video=True).serialize() + b"".join(tags))
    return times


def _to_ms(frames: int, rate: Fraction) -> int:
    return round(frames * 1000 / rate)


def write_rtp(path: Path, packets: Sequence[Packet]) -> None:
    """Write packets with the sequence numbers from 65000 on, which wrap."""
    with path.open("wb") as file:
        for number, packet in enumerate(packets, 65_000):
            fields = (packet.marker << 7 | PAYLOAD_TYPE, number & 0xFFFF, packet.timestamp, 0x5350)
            header = b"\x80" + b"".join(
                value.to_bytes(size, "big") for value, size in zip(fields, (1, 2, 4, 4), strict=True)
            )
            file.write((_HEADER + len(packet.payload)).to_bytes(2, "big") + header + packet.payload)


def read_rtp(path: Path) -> Iterator[Packet]:
    """Yield the packets; AssertionError if one is missing or none of ours."""
    data, at, expected = path.read_bytes(), 0, None
    while at < len(data):
        start, at = at + 2, at + 2 + int.from_bytes(data[at : at + 2], "big")
        packet = data[start:at]
        assert len(packet) > _HEADER
        assert packet[0] == 0x80, "padding, an extension or CSRCs"
        number = int.from_bytes(packet[2:4], "big")
        assert expected in (None, number), f"packet {number} follows {expected}"
        expected = number + 1 & 0xFFFF
        timestamp = int.from_bytes(packet[4:8], "big")
        yield Packet(packet[_HEADER:], timestamp, bool(packet[1] & 0x80))


def read_buffers(output: Path) -> list[tuple[bytes, ...]]:
    """The NAL units of each access unit that multifilesink has written to `output`.00000 and so on."""
    files = sorted(output.parent.glob(f"{output.name}.[0-9]*"))
    return [tuple(map(bytes, split_annex_b(file.read_bytes()))) for file in files]
