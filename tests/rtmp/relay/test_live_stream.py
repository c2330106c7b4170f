"""What players of a live stream get: late, slow, paused, and when the publisher changes."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmp.amf0 import encode_all
from rtmp.enhanced_flv import (
    AudioPacketType,
    EnhancedAudio,
    EnhancedVideo,
    MultitrackType,
    Track,
    VideoPacketType,
)
from rtmp.flv import FrameType
from rtmp.messages import MessageType
from rtmp.relay.limits import RelayLimits
from rtmp.relay.live_player import LivePlayer
from rtmp.relay.live_stream import LiveStream
from rtmp.shared_message import SharedMessage

VIDEO, AUDIO, DATA = MessageType.VIDEO, MessageType.AUDIO, MessageType.DATA_AMF0
METADATA = encode_all(("onMetaData", {"width": 320.0}))
AVC_HEADER = b"\x17\x00\x00\x00\x00avcC"
AAC_HEADER = b"\xaf\x00\x12\x10"


def key(body: bytes = b"") -> bytes:
    return b"\x17\x01\x00\x00\x00" + body


def inter(body: bytes = b"") -> bytes:
    return b"\x27\x01\x00\x00\x00" + body


def aac(body: bytes = b"") -> bytes:
    return b"\xaf\x01" + body


@dataclass
class Outlet:
    """Takes as many messages as it has room for."""

    room: int = 1_000_000
    got: list[tuple[int, bytes]] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    def offer(self, message: SharedMessage) -> bool:
        if self.room <= 0:
            return False
        self.send(message)
        return True

    def send(self, message: SharedMessage) -> None:
        self.room -= 1
        self.got.append((message.timestamp_ms, bytes(message.payload)))

    def begin(self) -> None:
        self.notices.append("begin")

    def end(self) -> None:
        self.notices.append("end")

    @property
    def payloads(self) -> list[bytes]:
        return [payload for _, payload in self.got]


def published(limits: RelayLimits | None = None) -> LiveStream:
    stream = LiveStream("live/cam", limits or RelayLimits())
    stream.begin()
    return stream


def headers(stream: LiveStream) -> None:
    stream.push(DATA, 0, METADATA)
    stream.push(AUDIO, 0, AAC_HEADER)
    stream.push(VIDEO, 0, AVC_HEADER)


def test_a_player_that_was_there_gets_everything_as_it_came() -> None:
    stream = published()
    outlet = Outlet()
    stream.add_player(outlet)
    sent = [
        (DATA, 0, METADATA),
        (VIDEO, 0, AVC_HEADER),
        (VIDEO, 0, key()),
        (AUDIO, 3, aac()),
        (VIDEO, 40, inter()),
    ]
    for type_id, timestamp_ms, payload in sent:
        stream.push(type_id, timestamp_ms, payload)
    assert outlet.got == [(timestamp_ms, payload) for _, timestamp_ms, payload in sent]


def test_a_late_player_begins_with_headers_and_the_last_group_of_pictures() -> None:
    stream = published()
    headers(stream)
    for group in range(3):
        stream.push(VIDEO, group * 1000, key(bytes((group,))))
        stream.push(AUDIO, group * 1000 + 10, aac(bytes((group,))))
        stream.push(VIDEO, group * 1000 + 40, inter(bytes((group,))))
    outlet = Outlet()
    stream.add_player(outlet)
    assert outlet.got == [
        (0, METADATA),
        (2000, AAC_HEADER),
        (2000, AVC_HEADER),
        (2000, key(b"\x02")),
        (2010, aac(b"\x02")),
        (2040, inter(b"\x02")),
    ]
    stream.push(VIDEO, 2080, inter(b"x"))
    assert outlet.got[-1] == (2080, inter(b"x"))


def test_players_get_channels_and_colours_beside_the_headers() -> None:
    def audio(packet: AudioPacketType, track_id: int) -> bytes:
        track = Track("Opus", b"x", track_id)
        return EnhancedAudio(packet, (track,), MultitrackType.ONE_TRACK).serialize()

    def video(packet: VideoPacketType, frame: FrameType = FrameType.KEY) -> bytes:
        return EnhancedVideo(frame, packet, (Track("hvc1", b"x"),)).serialize()

    told = [
        (VIDEO, video(VideoPacketType.SEQUENCE_START)),
        *((AUDIO, audio(AudioPacketType.SEQUENCE_START, track)) for track in (0, 1)),
        *((AUDIO, audio(AudioPacketType.MULTICHANNEL_CONFIG, track)) for track in (0, 1)),
        (VIDEO, video(VideoPacketType.METADATA, FrameType.COMMAND)),
        (VIDEO, video(VideoPacketType.CODED_FRAMES)),
    ]
    stream = published()
    early, late = Outlet(), Outlet()
    stream.add_player(early)
    for type_id, payload in told:
        stream.push(type_id, 7, payload)
    stream.add_player(late)
    assert early.payloads == late.payloads == [payload for _, payload in told]


def test_without_a_key_picture_a_late_player_hears_and_waits_to_see() -> None:
    stream = published()
    headers(stream)
    stream.push(VIDEO, 40, inter())
    outlet = Outlet()
    stream.add_player(outlet)
    del outlet.got[:]
    stream.push(VIDEO, 80, inter())
    stream.push(AUDIO, 81, aac())
    stream.push(VIDEO, 120, key())
    stream.push(VIDEO, 160, inter())
    assert outlet.got == [(81, aac()), (120, key()), (160, inter())]


def test_a_slow_player_that_catches_up_in_time_loses_nothing() -> None:
    stream = published()
    slow, quick = Outlet(room=1), Outlet()
    player = stream.add_player(slow)
    stream.add_player(quick)
    stream.push(VIDEO, 0, key())
    for n in range(1, 5):
        stream.push(VIDEO, n * 40, inter(bytes((n,))))
    assert len(slow.got) == 1
    assert len(quick.got) == 5
    slow.room = 2
    stream.drained(player)
    assert slow.got == quick.got[:3]
    # also past the next key picture, as it is less than max_behind_ms late
    stream.push(VIDEO, 200, key())
    slow.room = 100
    stream.drained(player)
    stream.push(VIDEO, 240, inter())
    assert slow.got == quick.got
    assert player.lost == 0


def test_a_player_that_is_too_late_goes_on_at_the_newest_key_picture() -> None:
    stream = published(RelayLimits(max_behind_ms=1000))
    slow = Outlet(room=1)
    player = stream.add_player(slow)
    stream.push(VIDEO, 0, key(b"0"))
    for n in range(1, 60):
        stream.push(VIDEO, n * 40, key(bytes((n,))) if n % 30 == 0 else inter(bytes((n,))))
    slow.room = 1000
    stream.drained(player)
    assert slow.got[0] == (0, key(b"0"))
    assert slow.got[1] == (1200, key(bytes((30,))))
    assert slow.got[2] == (1240, inter(bytes((31,))))
    assert len(slow.got) == 1 + 30
    assert player.lost == 29


@pytest.mark.parametrize("late_ms", [200, 2000])
def test_how_late_a_player_is_counts_over_the_end_of_32_bits(late_ms: int) -> None:
    stream = published(RelayLimits(max_behind_ms=1000))
    slow = Outlet(room=1)
    player = stream.add_player(slow)
    stream.push(VIDEO, 0xFFFFFFFF - 80, key(b"0"))
    stream.push(VIDEO, 0xFFFFFFFF - 40, inter(b"1"))
    stream.push(VIDEO, late_ms - 40, key(b"2"))
    slow.room = 1000
    stream.drained(player)
    assert slow.payloads == [key(b"0"), *([inter(b"1")] if late_ms == 200 else []), key(b"2")]


def test_a_player_that_skips_a_new_header_gets_it_first() -> None:
    stream = published(RelayLimits(max_behind_ms=100))
    headers(stream)
    slow = Outlet(room=4)
    player = stream.add_player(slow)
    stream.push(VIDEO, 0, key())
    stream.push(VIDEO, 40, inter())
    stream.push(VIDEO, 900, AVC_HEADER + b"new")
    stream.push(VIDEO, 1000, key(b"new"))
    slow.room = 100
    stream.drained(player)
    assert slow.payloads[-4:] == [METADATA, AAC_HEADER, AVC_HEADER + b"new", key(b"new")]


def test_memory_for_a_player_that_never_reads_is_bounded() -> None:
    limits = RelayLimits(max_backlog_bytes=20_000, max_backlog_messages=50)
    stream = published(limits)
    player = stream.add_player(Outlet(room=0))
    for n in range(2000):
        stream.push(VIDEO, n * 40, (key if n % 40 == 0 else inter)(bytes(1000)))
        assert stream.backlog_size <= 20_000 + 1005
    assert player.lost > 1500


def test_a_group_of_pictures_past_the_bound_is_not_kept() -> None:
    stream = published(RelayLimits(max_backlog_bytes=5000))
    stream.push(VIDEO, 0, key(bytes(3000)))
    stream.push(VIDEO, 40, inter(bytes(3000)))
    late = Outlet()
    stream.add_player(late)
    assert late.got == []
    assert stream.backlog_size == 0
    stream.push(VIDEO, 80, inter())
    stream.push(VIDEO, 120, key())
    assert late.payloads == [key()]


def test_a_slow_player_of_sound_alone_goes_on_with_what_is_new() -> None:
    stream = published(RelayLimits(max_behind_ms=200))
    slow = Outlet(room=1)
    player = stream.add_player(slow)
    for n in range(100):
        stream.push(AUDIO, n * 20, b"\xb2" + bytes((n,)))
    slow.room = 1000
    stream.drained(player)
    assert slow.got[0] == (0, b"\xb2\x00")
    assert slow.got[1][0] >= 1780
    assert slow.got[-1] == (1980, b"\xb2\x63")
    assert stream.backlog_size <= 2 * 20


def test_nothing_is_kept_of_sound_that_all_have_heard() -> None:
    stream = published()
    stream.add_player(Outlet())
    for n in range(100):
        stream.push(AUDIO, n * 20, b"\xb2" + bytes(60))
    assert stream.backlog_size == 0


def test_a_paused_player_goes_on_where_it_was_or_at_the_newest_key_picture() -> None:
    for pictures, expected in (
        (3, [inter(b"\x02"), inter(b"\x03"), inter(b"x")]),
        (6, [key(b"\x05"), inter(b"\x06"), inter(b"x")]),
    ):
        stream = published()
        outlet = Outlet()
        player = stream.add_player(outlet)
        stream.push(VIDEO, 0, key())
        stream.push(VIDEO, 40, inter(b"\x01"))
        player.pause()
        del outlet.got[:]
        for n in range(2, pictures + 1):
            stream.push(VIDEO, n * 40, (key if n == 5 else inter)(bytes((n,))))
        assert outlet.got == []
        stream.resume_player(player)
        stream.push(VIDEO, 900, inter(b"x"))
        assert outlet.payloads == expected


def test_pausing_twice_and_resuming_without_a_pause_change_nothing() -> None:
    stream = published()
    outlet = Outlet()
    player = stream.add_player(outlet)
    stream.push(VIDEO, 0, key())
    stream.resume_player(player)
    player.pause()
    stream.push(VIDEO, 40, inter(b"1"))
    player.pause()
    stream.push(VIDEO, 80, inter(b"2"))
    for _ in range(2):
        stream.resume_player(player)
    assert [timestamp_ms for timestamp_ms, _ in outlet.got] == [0, 40, 80]


def test_a_paused_player_hears_of_the_end_and_of_a_new_publisher() -> None:
    stream = published()
    outlet = Outlet(room=1)
    player = stream.add_player(outlet)
    stream.push(VIDEO, 0, key())
    stream.push(VIDEO, 40, inter())
    player.pause()
    stream.end()
    assert outlet.notices == ["end"]
    stream.begin()
    stream.push(VIDEO, 0, key(b"new"))
    outlet.room = 100
    stream.resume_player(player)
    stream.push(VIDEO, 40, inter(b"new"))
    assert outlet.notices == ["end", "begin"]
    assert outlet.payloads == [key(), key(b"new"), inter(b"new")]


def test_what_is_kept_keeps_no_receive_buffers_alive() -> None:
    stream = published()
    for type_id, start in ((VIDEO, key()), (VIDEO, inter()), (AUDIO, aac()), (VIDEO, AVC_HEADER)):
        received = start + bytes(250_000)
        stream.push(type_id, 0, memoryview(received)[: len(start)])
    kept = [*stream._backlog._messages, *stream._headers, *stream._last.values()]
    assert len(kept) == 4 + 1 + 2
    assert all(not isinstance(message.payload, memoryview) for message in kept)


def test_headers_are_bounded() -> None:
    stream = published(RelayLimits(max_header_bytes=1000))
    stream.push(VIDEO, 0, AVC_HEADER)
    for track in range(1, 100):
        start = bytes((0x96, 0x00)) + b"hvc1" + bytes((track,))  # one track of several
        stream.push(VIDEO, 0, start + bytes(200))
    late = Outlet()
    stream.add_player(late)
    assert late.payloads[0] == AVC_HEADER
    assert sum(map(len, late.payloads)) <= 1000
    stream.push(VIDEO, 10, AVC_HEADER + b"new")
    later = Outlet()
    stream.add_player(later)
    assert AVC_HEADER + b"new" in later.payloads


def test_players_stay_when_the_publisher_leaves() -> None:
    stream = published()
    outlet = Outlet()
    stream.add_player(outlet)
    headers(stream)
    stream.push(VIDEO, 0, key())
    stream.end()
    assert outlet.notices == ["end"]
    late = Outlet()
    stream.add_player(late)
    assert late.got == []
    stream.begin()
    assert outlet.notices == ["end", "begin"]
    del outlet.got[:]
    stream.push(VIDEO, 0, inter())
    stream.push(VIDEO, 40, key())
    assert outlet.payloads == late.payloads == [key()]


def test_a_slow_player_gets_the_rest_after_the_end() -> None:
    stream = published()
    slow = Outlet(room=1)
    player = stream.add_player(slow)
    stream.push(VIDEO, 0, key())
    stream.push(VIDEO, 40, inter())
    stream.end()
    assert slow.notices == []
    slow.room = 100
    stream.drained(player)
    assert slow.payloads == [key(), inter()]
    assert slow.notices == ["end"]


def test_a_new_publisher_ends_what_a_slow_player_still_had_to_get() -> None:
    stream = published()
    slow = Outlet(room=1)
    player = stream.add_player(slow)
    stream.push(VIDEO, 0, key())
    stream.push(VIDEO, 40, inter())
    stream.end()
    stream.begin()
    assert slow.notices == ["end", "begin"]
    assert player.lost == 1
    slow.room = 100
    stream.push(VIDEO, 0, key(b"new"))
    assert slow.payloads == [key(), key(b"new")]


def test_metadata_can_be_taken_back() -> None:
    stream = published()
    stream.push(DATA, 0, METADATA)
    stream.push(DATA, 10, encode_all(("@clearDataFrame", "onMetaData")))
    outlet = Outlet()
    stream.add_player(outlet)
    assert outlet.got == []


def test_a_player_that_leaves_gets_no_more() -> None:
    stream = published()
    outlet = Outlet()
    player = stream.add_player(outlet)
    stream.remove_player(player)
    stream.push(VIDEO, 0, key())
    assert outlet.got == []
    assert stream.players == ()


MEDIA = {"key": (VIDEO, key), "inter": (VIDEO, inter), "audio": (AUDIO, aac)}
operations = st.lists(
    st.one_of(
        st.tuples(st.just("key"), st.integers(1, 30)),
        st.tuples(st.just("inter"), st.integers(1, 30)),
        st.tuples(st.just("audio"), st.integers(1, 30)),
        st.tuples(st.just("room"), st.integers(0, 6)),
        st.tuples(st.just("join"), st.just(0)),
        st.tuples(st.just("pause"), st.just(0)),
        st.tuples(st.just("resume"), st.just(0)),
        st.tuples(st.just("republish"), st.just(0)),
    ),
    max_size=80,
)


class Script:
    """Plays steps on a stream, and keeps what its players got."""

    def __init__(self) -> None:
        self.stream = published(
            RelayLimits(max_behind_ms=300, max_backlog_bytes=400, max_backlog_messages=20)
        )
        self.players: list[tuple[Outlet, LivePlayer]] = []
        self.published: list[str] = []
        self._now_ms = 0

    def do(self, step: str, value: int) -> None:
        if step in MEDIA:
            self.published.append(step)
            self._now_ms += value
            type_id, make = MEDIA[step]
            self.stream.push(type_id, self._now_ms, make(len(self.published).to_bytes(4, "big")))
        elif step == "join":
            outlet = Outlet(room=3)
            self.players.append((outlet, self.stream.add_player(outlet)))
        elif step == "republish":
            self.stream.end()
            self.stream.begin()
        else:
            for outlet, player in self.players:
                self._do_to_player(step, value, outlet, player)

    def _do_to_player(self, step: str, value: int, outlet: Outlet, player: LivePlayer) -> None:
        if step == "room":
            outlet.room = value
            self.stream.drained(player)
        elif step == "pause":
            player.pause()
        elif player.is_paused:
            self.stream.resume_player(player)

    def picture_before(self, number: int) -> int:
        """The number of the picture that was published before this one."""
        return max((n for n in range(1, number) if self.published[n - 1] != "audio"), default=0)


@given(operations)
def test_pictures_always_follow_the_ones_they_refer_to(steps: list[tuple[str, int]]) -> None:
    """Whatever happens, an inter picture comes only after the picture before it, and nothing comes twice."""
    script = Script()
    for step, value in steps:
        script.do(step, value)
    for outlet, _ in script.players:
        numbers = [int.from_bytes(payload[-4:], "big") for payload in outlet.payloads]
        assert numbers == sorted(set(numbers))
        last_picture = 0
        for payload, number in zip(outlet.payloads, numbers, strict=True):
            if payload[0] == inter()[0]:
                assert last_picture == script.picture_before(number)
            if payload[0] != aac()[0]:
                last_picture = number
