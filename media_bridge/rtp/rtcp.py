"""RTCP datagrams: compound packets (RFC 3550 §6.1, A.2) and those of reduced size (RFC 5506)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from media_bridge.errors import PacketError
from media_bridge.rtp import rtcp_feedback as feedback
from media_bridge.rtp import rtcp_reports as reports

RtcpPacket = (
    reports.SenderReport
    | reports.ReceiverReport
    | reports.SourceDescription
    | reports.Bye
    | feedback.Nack
    | feedback.PictureLoss
    | feedback.FullIntraRequest
    | feedback.BitrateRequest
    | feedback.BitrateNotification
)

SR, RR, SDES, BYE, RTPFB, PSFB = 200, 201, 202, 203, 205, 206

MAX_PACKETS = 64
"""Packets of one datagram that are looked at. A peer of ours needs five."""

_HEADER_BYTES = 4
_PADDING_BIT = 0x20


@dataclass(frozen=True, slots=True)
class Compound:
    """What a datagram held that we know; `skipped` packets were of other types, `malformed` ones broken.

    `is_full` says that it begins with a report, as RFC 3550 demands.
    """

    packets: tuple[RtcpPacket, ...]
    is_full: bool
    skipped: int = 0
    malformed: int = 0


def parse_compound(data: bytes) -> Compound:
    """Parse a datagram. Raises `PacketError` if its packets do not fill it exactly, or are too many.

    A packet whose length is right and whose body is not is left out and counted; the others are good.
    """
    packets: list[RtcpPacket] = []
    skipped = malformed = 0
    framed = list(_frames(data))
    for kind, count, body in framed:
        parse = _PARSERS.get((kind, count) if kind in {RTPFB, PSFB} else (kind, -1))
        if parse is None:
            skipped += 1
            continue
        try:
            packets.append(parse(count, body))
        except PacketError:
            malformed += 1
    return Compound(tuple(packets), framed[0][0] in {SR, RR}, skipped, malformed)


def serialize_compound(packets: Iterable[RtcpPacket]) -> bytes:
    """Return the packets one after the other, as one datagram."""
    return b"".join(_serialize(packet) for packet in packets)


def _frames(data: bytes) -> Iterable[tuple[int, int, bytes]]:
    """Yield type, count (or format) and body of each packet."""
    at = number = 0
    while at < len(data) or not number:
        end = at + _HEADER_BYTES
        if len(data) < end:
            raise PacketError(f"{len(data) - at} bytes are no RTCP packet")
        if data[at] >> 6 != 2:
            raise PacketError(f"version {data[at] >> 6} of RTCP")
        end += 4 * int.from_bytes(data[at + 2 : end])
        number += 1
        if end > len(data) or number > MAX_PACKETS:
            raise PacketError(f"RTCP packet {number} does not fit into the datagram")
        body = data[at + _HEADER_BYTES : end]
        yield data[at + 1], data[at] & 0x1F, _without_padding(body) if data[at] & _PADDING_BIT else body
        at = end


def _without_padding(body: bytes) -> bytes:
    padding = body[-1] if body else 0
    if not 0 < padding <= len(body):
        raise PacketError(f"{padding} bytes of padding in an RTCP packet of {len(body)}")
    return body[:-padding]


def _parse_tmmbr(_format: int, body: bytes) -> RtcpPacket:
    return feedback.BitrateRequest(*feedback.parse_bitrate_entries(body))


def _parse_tmmbn(_format: int, body: bytes) -> RtcpPacket:
    if len(body) == 8:  # no limit is in force
        return feedback.BitrateNotification(int.from_bytes(body[:4]), ())
    return feedback.BitrateNotification(*feedback.parse_bitrate_entries(body))


_PARSERS: dict[tuple[int, int], Callable[[int, bytes], RtcpPacket]] = {
    (SR, -1): reports.parse_sender_report,
    (RR, -1): reports.parse_receiver_report,
    (SDES, -1): reports.parse_sdes,
    (BYE, -1): reports.parse_bye,
    (RTPFB, 1): lambda _format, body: feedback.parse_nack(body),
    (RTPFB, 3): _parse_tmmbr,
    (RTPFB, 4): _parse_tmmbn,
    (PSFB, 1): lambda _format, body: feedback.parse_picture_loss(body),
    (PSFB, 4): lambda _format, body: feedback.parse_full_intra_request(body),
}


def _serialize(packet: RtcpPacket) -> bytes:
    kind, count, body = _kind_and_body(packet)
    if count > reports.MAX_COUNT or len(body) % 4:
        raise ValueError(f"{packet} does not fit into an RTCP packet")
    return bytes([0x80 | count, kind]) + (len(body) // 4).to_bytes(2) + body


def _kind_and_body(packet: RtcpPacket) -> tuple[int, int, bytes]:
    match packet:
        case reports.SenderReport():
            return SR, len(packet.blocks), reports.serialize_sender_report(packet)
        case reports.ReceiverReport():
            return RR, len(packet.blocks), reports.serialize_receiver_report(packet)
        case reports.SourceDescription():
            return SDES, len(packet.chunks), reports.serialize_sdes(packet)
        case reports.Bye():
            return BYE, len(packet.ssrcs), reports.serialize_bye(packet)
        case feedback.Nack():
            return RTPFB, 1, feedback.serialize_nack(packet)
        case feedback.PictureLoss():
            return PSFB, 1, feedback.serialize_picture_loss(packet)
        case feedback.FullIntraRequest():
            return PSFB, 4, feedback.serialize_full_intra_request(packet)
        case feedback.BitrateRequest():
            return RTPFB, 3, feedback.serialize_bitrate_entries(packet.sender_ssrc, packet.entries)
        case feedback.BitrateNotification():
            return RTPFB, 4, feedback.serialize_bitrate_entries(packet.sender_ssrc, packet.entries)
