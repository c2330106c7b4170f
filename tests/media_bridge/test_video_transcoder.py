"""The transcoder's thread: in order, in time, and gone when it should be."""

import logging
import queue
import threading

import pytest

from media_bridge.video_tag import VideoTag
from media_bridge.video_transcoder import MAX_QUEUED, VideoTranscoder
from media_bridge.video_transcoding import TranscodedPicture, TranscodingChain
from tests.media_bridge.test_video_transcoding import PLAIN, SORENSON, assert_same_pictures

TIMEOUT_S = 10.0
TAGS = [(time_ms, VideoTag.parse(body)) for time_ms, body in SORENSON.tags]


class GatedChain(TranscodingChain):
    """The real chain behind a gate that a test opens: no encoder here is slow by itself."""

    def __init__(self) -> None:
        super().__init__(PLAIN, 25.0)
        self.entered = threading.Semaphore(0)
        self.gate = threading.Semaphore(0)

    def push(self, timestamp_ms: int, tag: VideoTag, *, encodes: bool = True) -> list[TranscodedPicture]:
        self.entered.release()
        assert self.gate.acquire(timeout=TIMEOUT_S)
        return super().push(timestamp_ms, tag, encodes=encodes)


class Receiver:
    """Waits for what a transcoder has."""

    def __init__(self, chain: TranscodingChain) -> None:
        self._woken: queue.SimpleQueue[None] = queue.SimpleQueue()
        self.transcoder = VideoTranscoder(chain, lambda: self._woken.put(None))
        self.pictures: list[TranscodedPicture] = []

    def wait_for(self, count: int) -> None:
        while len(self.pictures) < count:
            self._woken.get(timeout=TIMEOUT_S)
            self.pictures += self.transcoder.take()

    def end(self) -> None:
        self.transcoder.close()
        self.transcoder.join(TIMEOUT_S)
        assert not self.transcoder.is_alive


def threads() -> set[str]:
    return {each.name for each in threading.enumerate() if each.name.startswith("transcode")}


def test_pictures_come_out_in_order_and_the_thread_ends() -> None:
    receiver = Receiver(TranscodingChain(PLAIN, 25.0))
    assert threads() == {"transcode video"}
    for count, (time_ms, tag) in enumerate(TAGS, 1):
        receiver.transcoder.push(time_ms, tag)
        receiver.wait_for(count)
    assert_same_pictures(SORENSON, receiver.pictures)
    receiver.end()
    assert threads() == set()
    assert receiver.transcoder.counters.encoded == 50
    receiver.transcoder.push(0, TAGS[0][1])
    assert receiver.transcoder.take() == []


def test_a_slow_encoder_loses_whole_pictures_only() -> None:
    chain = GatedChain()
    receiver = Receiver(chain)
    for time_ms, tag in TAGS[:20]:
        receiver.transcoder.push(time_ms, tag)
    assert chain.entered.acquire(timeout=TIMEOUT_S)
    chain.gate.release(20)
    receiver.wait_for(4)
    receiver.end()
    counters = receiver.transcoder.counters
    assert counters.decoded == 20
    assert counters.too_late == 20 - len(receiver.pictures) > 10
    assert_same_pictures(SORENSON, receiver.pictures, missing=46)
    assert receiver.pictures[-1].access_unit.timestamp // 90 == TAGS[19][0]


def test_a_full_queue_drops_up_to_the_next_key_picture() -> None:
    chain = GatedChain()
    receiver = Receiver(chain)
    transcoder = receiver.transcoder
    transcoder.push(*TAGS[0])
    assert chain.entered.acquire(timeout=TIMEOUT_S)  # the thread holds the first; the queue is empty
    inter, key = TAGS[1], TAGS[25]
    for _ in range(MAX_QUEUED + 1):
        transcoder.push(*inter)
    assert transcoder.takes_key_wish()
    assert not transcoder.takes_key_wish()
    chain.gate.release(11)
    for _ in range(11):
        assert chain.entered.acquire(timeout=TIMEOUT_S)
    transcoder.push(*inter)
    assert transcoder.dropped == 2
    transcoder.push(*key)
    transcoder.push(*TAGS[26])
    assert transcoder.dropped == 2
    chain.gate.release(MAX_QUEUED + 10)
    receiver.end()


def test_close_ends_a_thread_that_is_at_work() -> None:
    chain = GatedChain()
    receiver = Receiver(chain)
    for time_ms, tag in TAGS[:10]:
        receiver.transcoder.push(time_ms, tag)
    assert chain.entered.acquire(timeout=TIMEOUT_S)
    receiver.transcoder.close()
    chain.gate.release()
    receiver.end()
    assert receiver.transcoder.take() == []
    assert threads() == set()


def test_after_an_error_a_key_picture_is_wished_for_once(caplog: pytest.LogCaptureFixture) -> None:
    receiver = Receiver(TranscodingChain(PLAIN, 25.0))
    receiver.transcoder.push(*TAGS[0])
    receiver.wait_for(1)
    bad = VideoTag.parse(b"\x22\xff\xff\xff")
    for _ in range(3):
        receiver.transcoder.push(40, bad)
    for tag in TAGS[25:28]:
        receiver.transcoder.push(*tag)
    receiver.wait_for(4)
    assert receiver.transcoder.takes_key_wish()
    assert not receiver.transcoder.takes_key_wish()
    receiver.end()
    assert receiver.transcoder.counters.errors == 1
    assert receiver.transcoder.counters.without_key == 2
    assert len([each for each in caplog.records if each.levelno >= logging.WARNING]) == 1


class BrokenChain(TranscodingChain):
    """Raises what no one has documented, once."""

    def push(self, timestamp_ms: int, tag: VideoTag, *, encodes: bool = True) -> list[TranscodedPicture]:
        if timestamp_ms == 40:
            raise ZeroDivisionError
        return super().push(timestamp_ms, tag, encodes=encodes)


def test_nothing_escapes_the_thread(caplog: pytest.LogCaptureFixture) -> None:
    receiver = Receiver(BrokenChain(PLAIN, 25.0))
    for tag in (TAGS[0], TAGS[1], TAGS[25]):
        receiver.transcoder.push(*tag)
    receiver.wait_for(2)
    receiver.end()
    assert "a picture is lost" in caplog.text


def test_a_key_picture_on_demand() -> None:
    receiver = Receiver(TranscodingChain(PLAIN, 25.0))
    receiver.transcoder.push(*TAGS[0])
    receiver.wait_for(1)
    receiver.transcoder.push(*TAGS[1])
    receiver.wait_for(2)
    receiver.transcoder.force_key_picture()
    receiver.transcoder.push(*TAGS[2])
    receiver.wait_for(3)
    receiver.end()
    assert [each.access_unit.is_key for each in receiver.pictures] == [True, False, True]
