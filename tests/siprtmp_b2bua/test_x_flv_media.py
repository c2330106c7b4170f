"""x-flv in a call, without SIP: what one client publishes, and what the other plays."""

import logging
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import pytest

from media_bridge.rtp.jitter_buffer import OrderedPacket
from media_bridge.rtp.packet import RtpPacket
from media_bridge.x_flv import MAX_BODY
from rtmp.messages import Payload
from siprtmp_b2bua.call_video import CallVideo
from siprtmp_b2bua.config import GatewayConfig
from siprtmp_b2bua.video_agreement import VideoAgreement
from siprtmp_b2bua.video_sdp import X_FLV, VideoFormat
from siprtmp_b2bua.x_flv_media import XFlvMedia
from tests.interop.peers.polling import until

AUDIO, VIDEO = 8, 9
AAC_HEADER, AVC_HEADER = b"\xaf\x00\x12\x10", b"\x17\x00\x00\x00\x00\x01"
AGREEMENT = VideoAgreement(
    codec=X_FLV,
    address="127.0.0.1",
    port=9,
    rtcp_port=10,
    payload_type=97,
    format=VideoFormat(97, X_FLV),
    received_payload_types=frozenset({97}),
    sends=True,
    receives=True,
)


@dataclass
class Client:
    """What a call asks and tells its client."""

    played: list[tuple[int, int, bytes]] = field(default_factory=list)
    audio_configuration: bytes | None = None
    video_configuration: bytes | None = None
    key_pictures_wanted: int = 0
    stream_time_ms: int = 0

    def play_audio(self, timestamp_ms: int, tag: Payload) -> None:
        self.played.append((AUDIO, timestamp_ms, bytes(tag)))

    def play_video(self, timestamp_ms: int, tag: Payload) -> None:
        self.played.append((VIDEO, timestamp_ms, bytes(tag)))

    def key_picture_wanted(self) -> None:
        self.key_pictures_wanted += 1

    def __getattr__(self, name: str) -> Callable[..., None]:
        raise AssertionError(f"x-flv has nothing to do with {name}")


class Wire:
    """Takes the payloads of one side to the other, but for those whose numbers are `lost`."""

    def __init__(self, lost: Sequence[int] = ()) -> None:
        self.receiver: XFlvMedia | None = None
        self.timestamps: list[int] = []
        self.asked = 0
        self._lost = lost
        self._number = self._missing = 0

    def send(self, payloads: Sequence[bytes], timestamp: int, *, marked: bool) -> None:
        assert not marked
        for payload in payloads:
            self.timestamps.append(timestamp)
            number, self._number = self._number, self._number + 1
            if number in self._lost:
                self._missing += 1
            elif self.receiver is not None:
                packet = RtpPacket(97, False, number & 0xFFFF, timestamp, 1, payload)
                self.receiver.take(OrderedPacket(packet, self._missing))
                self._missing = 0
        if self.receiver is not None:
            self.receiver.ask_if_needed()

    def request_key_picture(self) -> bool:
        self.asked += 1
        return True

    def __getattr__(self, name: str) -> Callable[..., None]:
        raise AssertionError(f"x-flv does not use {name}")


class Pair:
    """A client that publishes and one that plays."""

    def __init__(self, lost: Sequence[int] = ()) -> None:
        self.publisher, self.player = Client(), Client()
        self.wire, self.back = Wire(lost), Wire()
        self.sender = XFlvMedia("call-1", self.publisher, self.wire)  # type: ignore[arg-type]
        self.receiver = XFlvMedia("call-2", self.player, self.back)  # type: ignore[arg-type]
        self.wire.receiver = self.receiver
        self.sender.agree(AGREEMENT)


def test_messages_come_as_they_are_at_the_time_of_the_stream_that_is_played() -> None:
    pair = Pair()
    pair.player.stream_time_ms = 700
    pair.sender.push_audio(5000, b"\xb2speech")
    pair.sender.push_tag(5007, b"\x22" + bytes(3000))
    pair.sender.push_audio(5020, b"")
    assert pair.player.played == [
        (AUDIO, 700, b"\xb2speech"),
        (VIDEO, 707, b"\x22" + bytes(3000)),
        (AUDIO, 720, b""),
    ]
    assert pair.wire.timestamps == [450_000, *[450_630] * 4, 451_800]
    assert pair.sender.summary().sent == "x-flv, 2 audio and 1 video messages, 0 too long"
    assert pair.receiver.summary().received == "2 audio and 1 video messages"


def test_what_was_published_before_comes_first() -> None:
    pair = Pair()
    pair.publisher.audio_configuration, pair.publisher.video_configuration = AAC_HEADER, AVC_HEADER
    pair.sender.push_audio(5000, b"\xaf\x01a")
    pair.sender.push_audio(5021, b"\xaf\x01b")
    assert pair.player.played == [
        (AUDIO, 0, AAC_HEADER),
        (VIDEO, 0, AVC_HEADER),
        (AUDIO, 0, b"\xaf\x01a"),
        (AUDIO, 21, b"\xaf\x01b"),
    ]


def test_a_header_that_comes_first_comes_once() -> None:
    pair = Pair()
    pair.publisher.audio_configuration = AAC_HEADER
    pair.sender.push_audio(0, AAC_HEADER)
    assert pair.player.played == [(AUDIO, 0, AAC_HEADER)]


def test_nothing_is_sent_on_hold_and_headers_again_after_it() -> None:
    pair = Pair()
    pair.publisher.video_configuration = AVC_HEADER
    pair.sender.push_tag(0, AVC_HEADER)
    pair.sender.agree(replace(AGREEMENT, sends=False))
    pair.sender.push_audio(20, b"\xb2unheard")
    assert pair.publisher.key_pictures_wanted == 0
    pair.sender.agree(AGREEMENT)
    assert pair.publisher.key_pictures_wanted == 1
    pair.sender.push_audio(40, b"\xb2heard")
    assert [tag for _, _, tag in pair.player.played] == [AVC_HEADER, AVC_HEADER, b"\xb2heard"]
    pair.sender.agree(AGREEMENT)
    assert pair.publisher.key_pictures_wanted == 1, "nothing has changed"


def test_too_long_messages_are_dropped_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    pair = Pair()
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            pair.sender.push_tag(0, b"\x17" + bytes(MAX_BODY))
    pair.sender.push_tag(40, b"\x27" + bytes(MAX_BODY - 1))
    assert len(pair.player.played) == 1
    assert len(caplog.records) == 1
    assert pair.sender.summary().sent.endswith("1 video messages, 3 too long")


def test_a_lost_packet_costs_one_message() -> None:
    pair = Pair(lost=[4])  # of the second message's four
    for number in range(3):
        pair.sender.push_tag(number * 40, bytes((0x22, number)) + bytes(3000))
    assert [tag[1] for _, _, tag in pair.player.played] == [0, 2]
    assert pair.receiver.summary().dropped == "1 missing_chunk"
    assert pair.back.asked == 1


@pytest.mark.parametrize("seed", range(5))
def test_what_comes_after_losses_was_sent(seed: int) -> None:
    chance = random.Random(seed)
    pair = Pair(lost=[number for number in range(2000) if chance.random() < 0.1])
    sent = [bytes((0x22, number & 0xFF)) + chance.randbytes(chance.randrange(4000)) for number in range(200)]
    for number, body in enumerate(sent):
        pair.sender.push_tag(number * 40, body)
    received = iter(tag for _, _, tag in pair.player.played)
    assert len(pair.player.played) > 50
    remaining = iter(sent)
    assert all(body in remaining for body in received), "damaged, twice, or out of order"


def test_lost_sound_is_no_reason_to_ask_for_a_picture() -> None:
    pair = Pair(lost=[1])
    for number in range(3):
        pair.sender.push_audio(number * 20, b"\xb2")
    assert pair.back.asked == 0


def test_who_begins_to_play_gets_the_newest_headers_and_a_key_picture_is_asked_for() -> None:
    pair = Pair()
    pair.receiver.client_plays()
    assert (pair.player.played, pair.back.asked) == ([], 0), "there is nothing to be had"
    pair.sender.push_tag(0, AVC_HEADER + b"old")
    pair.sender.push_tag(0, AVC_HEADER)
    pair.sender.push_audio(0, AAC_HEADER)
    pair.sender.push_audio(100, b"\xaf\x01")
    pair.player.played.clear()
    pair.receiver.client_plays()
    assert sorted(pair.player.played) == [(AUDIO, 100, AAC_HEADER), (VIDEO, 100, AVC_HEADER)]
    assert pair.back.asked == 1


def test_a_client_is_asked_for_a_key_picture_only_if_it_sends_pictures() -> None:
    pair = Pair()
    pair.sender.push_audio(0, b"\xb2")
    pair.sender.key_picture_requested()
    assert pair.publisher.key_pictures_wanted == 0
    pair.sender.push_tag(0, b"\x12")
    pair.sender.key_picture_requested()
    assert pair.publisher.key_pictures_wanted == 1


async def test_two_that_send_nothing_hear_each_other_all_the_same() -> None:
    """RTCP says that the other side is there."""
    config = GatewayConfig.model_validate({"sip": {"int_ip": "127.0.0.1"}})
    ends = [CallVideo("call", config, Client(), lambda: None) for _ in range(2)]  # type: ignore[arg-type]
    ports = [end.line([X_FLV]).port for end in ends]
    for end, port in zip(ends, reversed(ports), strict=True):
        assert not end.carries_audio
        end.agree(replace(AGREEMENT, port=port, rtcp_port=port + 1))
        assert end.carries_audio
    await until(lambda: all(end.packets_received > 1 for end in ends), "RTCP", 20.0)
    for end in ends:
        end.close()
