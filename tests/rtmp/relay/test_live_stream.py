"""What players of a live stream get: from the first, late, and when the publisher changes."""

from __future__ import annotations

import pytest

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
from rtmp.relay.limits import RelayLimits
from tests.rtmp.relay.live_outlet import (
    AAC_HEADER,
    AUDIO,
    AVC_HEADER,
    DATA,
    METADATA,
    VIDEO,
    Outlet,
    aac,
    headers,
    inter,
    key,
    published,
)


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


LAST_MS = (1 << 32) - 1


def test_after_the_wrap_a_late_player_without_pictures_begins_where_the_sound_is() -> None:
    stream = published()
    stream.push(DATA, LAST_MS - 99, METADATA)
    stream.push(AUDIO, LAST_MS - 99, AAC_HEADER)
    for time_ms in range(LAST_MS - 79, LAST_MS + 19_900, 20):
        stream.push(AUDIO, time_ms, aac())
    late = Outlet()
    stream.add_player(late)
    stream.push(AUDIO, 19_900, aac(b"next"))
    assert late.got == [
        (LAST_MS - 99, METADATA),
        (19_880, AAC_HEADER),
        (19_900, aac(b"next")),
    ]


@pytest.mark.parametrize("start_ms", [0, LAST_MS - 150, LAST_MS - 120, LAST_MS - 100, LAST_MS - 50, LAST_MS])
def test_the_newest_time_is_that_of_the_later_medium(start_ms: int) -> None:
    stream = published()
    headers(stream)
    for offset_ms, type_id, payload in ((0, VIDEO, key()), (120, AUDIO, aac()), (80, VIDEO, inter())):
        stream.push(type_id, start_ms + offset_ms, payload)
    assert stream.newest_ms == (start_ms + 120) % (LAST_MS + 1)
    stream.push(DATA, 0, METADATA)
    assert stream.newest_ms == (start_ms + 120) % (LAST_MS + 1)
    stream.end()
    assert stream.newest_ms == (start_ms + 120) % (LAST_MS + 1)


def test_what_came_last_weeks_ago_does_not_count() -> None:
    stream = published()
    headers(stream)
    stream.push(AUDIO, 0, aac())
    for time_ms in (1 << 30, 2 << 30, 3 << 30):  # 12 days each: sound of time 0 looks later than the last
        stream.push(VIDEO, time_ms, inter())
        assert stream.newest_ms == time_ms


def test_without_media_the_newest_time_is_that_of_the_data() -> None:
    stream = published()
    assert stream.newest_ms == 0
    stream.push(DATA, LAST_MS, METADATA)
    stream.push(DATA, 7, METADATA)
    assert stream.newest_ms == 7


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
