"""Which headers are in force."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmp.enhanced_flv import (
    AudioPacketType,
    EnhancedAudio,
    EnhancedVideo,
    MultitrackType,
    Track,
    VideoPacketType,
)
from rtmp.flv import FrameType
from rtmp.headers import AUDIO_HEADERS, VIDEO_HEADERS, HeaderKeeper
from rtmp.media_kind import MediaKind, media_kind
from rtmp.messages import MessageType
from tests.rtmp import flv_samples as flv

Keeper = HeaderKeeper[bytes]


def video_header(*track_ids: int, body: bytes = b"hvcC") -> bytes:
    tracks = tuple(Track("hvc1", body, track_id) for track_id in track_ids)
    multitrack = MultitrackType.MANY_TRACKS if len(tracks) > 1 else MultitrackType.ONE_TRACK
    return EnhancedVideo(FrameType.KEY, VideoPacketType.SEQUENCE_START, tracks, multitrack).serialize()


def put(keeper: Keeper, type_id: int, payload: bytes) -> bool:
    return keeper.put(media_kind(type_id, payload), payload, payload)


def test_a_header_replaces_that_of_its_tracks_and_metadata_come_first() -> None:
    keeper = Keeper()
    opus = EnhancedAudio(AudioPacketType.SEQUENCE_START, (Track("Opus", b"head"),)).serialize()
    old, new = video_header(1, body=b"old"), video_header(1, body=b"new")
    metadata = flv.METADATA[16:]
    for type_id, payload in (
        (9, flv.AVC_HEADER), (9, old), (9, video_header(1, 2)), (8, opus), (18, metadata), (9, new)
    ):  # fmt: skip
        assert put(keeper, type_id, payload)
    assert list(keeper) == [metadata, flv.AVC_HEADER, new, video_header(1, 2), opus]
    assert keeper.metadata == metadata
    assert keeper.of(VIDEO_HEADERS) == [flv.AVC_HEADER, new, video_header(1, 2)]
    # without tracks the one there is
    assert put(keeper, 9, video_header(0))
    assert keeper.of(VIDEO_HEADERS)[0] == video_header(0)
    assert not put(keeper, 18, b"\x02\x00\x0f@clearDataFrame")
    keeper.discard(MediaKind.AUDIO_HEADER, flv.AAC_HEADER)
    assert (keeper.metadata, keeper.of(AUDIO_HEADERS), len(keeper)) == (None, [], 3)
    keeper.clear()
    assert list(keeper) == []


@pytest.mark.parametrize(("type_id", "payload"), [(9, flv.key_frame()), (8, flv.sound()), (18, b"")])
def test_other_messages_are_not_kept(type_id: int, payload: bytes) -> None:
    keeper = Keeper()
    assert not put(keeper, type_id, payload)
    keeper.discard(media_kind(type_id, payload), payload)
    assert list(keeper) == []


def test_one_that_is_too_large_makes_the_one_before_void() -> None:
    keeper = Keeper(max_bytes=100)
    assert put(keeper, 9, video_header(1, body=bytes(50)))
    assert not put(keeper, 9, video_header(2, body=bytes(50)))
    assert not put(keeper, 9, video_header(1, body=bytes(100)))
    assert put(keeper, 9, video_header(1, body=bytes(80)))
    assert list(keeper) == [video_header(1, body=bytes(80))]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 60), st.booleans())))
def test_the_bounds_hold_whatever_comes(sent: list[tuple[int, int, bool]]) -> None:
    keeper = Keeper(max_count=4, max_bytes=200)
    newest: dict[int, bytes] = {}
    for track_id, size, kept in sent:
        payload = newest[track_id] = video_header(track_id, body=bytes(size))
        if kept:
            put(keeper, MessageType.VIDEO, payload)
        else:
            keeper.discard(MediaKind.VIDEO_HEADER, payload)
            del newest[track_id]
        values = list(keeper)
        assert len(values) <= 4
        assert sum(map(len, values)) <= 200
        assert set(values) <= set(newest.values())
