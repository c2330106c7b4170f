"""What players of a live stream get that are slow, or pause."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmp.relay.limits import RelayLimits
from rtmp.relay.live_player import LivePlayer
from tests.rtmp.relay.live_outlet import (
    AAC_HEADER,
    AUDIO,
    AVC_HEADER,
    METADATA,
    VIDEO,
    Outlet,
    aac,
    headers,
    inter,
    key,
    published,
)


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
