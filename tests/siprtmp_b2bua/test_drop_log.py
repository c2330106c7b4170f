"""The log of what was dropped: what it says, and how often."""

import logging
import socket

import pytest

from benchmarks.lossy_network import HOST
from benchmarks.video_ends import Client, agreement, call_video
from media_bridge.rtp.packet import serialize_plain
from media_bridge.rtp.session_statistics import SessionCounters
from siprtmp_b2bua.drop_log import DropLog, refused
from siprtmp_b2bua.video_sdp import FEEDBACK, H264
from tests.interop.peers.polling import until


def test_what_is_refused_in_words() -> None:
    assert refused(SessionCounters(sent=7, received=9, unsent=3)) == {}
    counters = SessionCounters(strangers=1, flooded=2, malformed=3, wrong_payload_type=4, unauthenticated=5)
    assert refused(counters) == {
        "from strangers": 1,
        "too many": 2,
        "malformed RTP": 3,
        "not authentic": 5,
        "of a wrong payload type": 4,
    }


def test_a_line_says_what_is_new(caplog: pytest.LogCaptureFixture) -> None:
    log = DropLog("call-7")
    log.look({}, 10.0)
    log.look({"a": 2}, 11.0)
    log.look({"a": 2}, 12.0)
    log.look({"a": 3, "b": 5}, 13.0)
    assert [each.getMessage() for each in caplog.records] == [
        "call-7: dropped of what came for its video: 2 a",
        "call-7: dropped of what came for its video: 1 a, 5 b",
    ]
    assert {each.levelno for each in caplog.records} == {logging.WARNING}


def test_it_says_less_and_less_while_it_goes_on_and_leaves_nothing_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log, times = DropLog("call-7"), []
    for tick in range(0, 3000):
        before = len(caplog.records)
        log.look({"a": tick + 1}, tick / 10)
        times += [tick / 10] * (len(caplog.records) - before)
    assert times[:5] == [0.0, 1.0, 3.0, 7.0, 15.0]
    assert times[-2:] == [183.0, 243.0]
    counts = [int(each.getMessage().split(": ")[2].split()[0]) for each in caplog.records]
    assert sum(counts) == 2431
    log.look({"a": 3000}, 303.0)
    log.look({"a": 3000}, 363.0)
    for now_s in (364.0, 365.0):
        log.look({"a": int(10 * now_s)}, now_s)
    assert len(caplog.records) == len(times) + 3, "after a pause it speaks again at once"


async def test_a_call_tells_what_it_has_dropped(caplog: pytest.LogCaptureFixture) -> None:
    """A stranger beside the peer; a wrong payload type, half a packet and half a NAL unit of the peer."""
    with (
        call_video(Client(), []) as video,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger,
    ):
        peer.bind((HOST, 0))
        port = peer.getsockname()[1]
        target = (HOST, video.line((H264,)).port)
        video.agree(agreement(port, port + 1, frozenset(FEEDBACK)))
        delimiter, cut = b"\x09\x10", b"\x7c\x05rest"
        numbers = iter(range(100))

        def send(payload: bytes, payload_type: int = 96) -> None:
            number = next(numbers)
            peer.sendto(serialize_plain(payload_type, True, number, number * 3600, 1, payload), target)

        for payload in (delimiter, delimiter, cut):
            send(payload)
        send(delimiter, payload_type=34)
        peer.sendto(b"\x80\x60", target)
        await until(lambda: video.packets_received == 3, "the peer's packets")
        for _ in range(4):
            stranger.sendto(serialize_plain(96, True, 1, 0, 2, delimiter), target)
        await until(lambda: "4 from strangers" in caplog.text, "a line in the log", 3.0)
        for what in ("1 cut_fragment", "1 of a wrong payload type", "1 malformed RTP"):
            assert what in caplog.text
        assert caplog.text.count("dropped of what came") <= 2
        words = "refused: 4 from strangers, 1 malformed RTP, 1 of a wrong payload type;"
        assert words in video.summary()
