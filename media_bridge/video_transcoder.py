"""A thread that transcodes the video of one call."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from media_bridge.errors import MediaError
from media_bridge.video_tag import VideoTag, VideoTagKind
from media_bridge.video_transcoding import TranscodedPicture, TranscodingChain, TranscodingCounters

logger = logging.getLogger(__name__)

MAX_QUEUED: Final = 60
MAX_QUEUED_BYTES: Final = 8 << 20
"""RTMP comes in lumps: after a lost packet all that TCP has held back is there at once."""
_MAX_BACKLOG: Final = 3
"""So many pictures may wait; while there are more, they are decoded only, to catch up."""


class VideoTranscoder:
    """Runs a chain in a thread of its own. All methods are for one other thread, and never wait for it.

    Where encoding is too slow, pictures are left out. Where decoding is too slow as well, the queue runs
    full, and what comes is dropped up to the next key picture. `on_ready` is called in the thread when there
    is something to `take`, or a key picture to be asked for; it must do no more than wake the other thread.
    """

    def __init__(self, chain: TranscodingChain, on_ready: Callable[[], object], name: str = "video") -> None:
        self._chain = chain
        self._on_ready = on_ready
        self._condition = threading.Condition()
        self._queue: deque[tuple[int, VideoTag]] = deque()
        self._queued_bytes = 0
        self._ready: list[TranscodedPicture] = []
        self._is_closed = False
        self._key_forced = False
        self._key_wanted = False
        self._needed_key = True
        self._drops_to_key = False
        self._dropped = 0
        self._thread = threading.Thread(target=self._work, name=f"transcode {name}", daemon=True)
        self._thread.start()

    @property
    def counters(self) -> TranscodingCounters:
        """A snapshot."""
        return replace(self._chain.counters)

    @property
    def dropped(self) -> int:
        """How many pictures did not fit the queue."""
        return self._dropped

    @property
    def is_alive(self) -> bool:
        """Whether the thread still runs; after `close` it ends with the picture that it works on."""
        return self._thread.is_alive()

    def push(self, timestamp_ms: int, tag: VideoTag) -> None:
        """Queue a message, with its time of decoding. After `close` it is passed over."""
        if tag.kind is VideoTagKind.OTHER:
            return
        kept = replace(tag, data=memoryview(bytes(tag.data)))
        with self._condition:
            if not self._is_closed and self._has_room(kept):
                self._queue.append((timestamp_ms, kept))
                self._queued_bytes += len(kept.data)
                self._condition.notify()

    def force_key_picture(self) -> None:
        """Make the next picture a key picture."""
        with self._condition:
            self._key_forced = True

    def take(self) -> list[TranscodedPicture]:
        """Return what is ready to be sent, in order."""
        with self._condition:
            ready, self._ready = self._ready, []
        return ready

    def takes_key_wish(self) -> bool:
        """Whether the sender should be asked for a key picture; True once for each time."""
        with self._condition:
            wanted, self._key_wanted = self._key_wanted, False
        return wanted

    def close(self) -> None:
        """End the thread; what is queued is dropped."""
        with self._condition:
            self._is_closed = True
            self._queue.clear()
            self._ready.clear()
            self._condition.notify()

    def join(self, timeout_s: float) -> None:
        """Wait for the thread's end, which `close` has begun."""
        self._thread.join(timeout_s)

    # -- with the lock -------------------------------------------------------------------------------------

    def _has_room(self, tag: VideoTag) -> bool:
        is_full = len(self._queue) >= MAX_QUEUED or self._queued_bytes + len(tag.data) > MAX_QUEUED_BYTES
        self._key_wanted |= is_full and not self._drops_to_key
        is_beginning = tag.is_key or tag.kind is VideoTagKind.CONFIGURATION
        self._drops_to_key = is_full or (self._drops_to_key and not is_beginning)
        self._dropped += self._drops_to_key
        return not self._drops_to_key

    # -- in the thread -------------------------------------------------------------------------------------

    def _work(self) -> None:
        while (job := self._next()) is not None:
            timestamp_ms, tag, encodes = job
            pictures = self._transcode(timestamp_ms, tag, encodes)
            if self._hand_over(pictures):
                self._on_ready()

    def _next(self) -> tuple[int, VideoTag, bool] | None:
        with self._condition:
            while not self._queue and not self._is_closed:
                self._condition.wait()
            if self._is_closed:
                return None
            timestamp_ms, tag = self._queue.popleft()
            self._queued_bytes -= len(tag.data)
            if self._key_forced:
                self._key_forced = False
                self._chain.force_key_picture()
            return timestamp_ms, tag, len(self._queue) <= _MAX_BACKLOG

    def _transcode(self, timestamp_ms: int, tag: VideoTag, encodes: bool) -> list[TranscodedPicture]:
        try:
            return self._chain.push(timestamp_ms, tag, encodes=encodes)
        except MediaError as error:
            if self._chain.counters.errors == 1:
                logger.warning("%s: %s (more are only counted)", self._thread.name, error)
        except Exception:
            logger.exception("%s: a picture is lost", self._thread.name)
            self._chain.begin_anew()
        return []

    def _hand_over(self, pictures: list[TranscodedPicture]) -> bool:
        """Returns whether there is anything new for the other thread."""
        needs_key = self._chain.needs_key_picture
        with self._condition:
            lacks_key = needs_key and not self._needed_key
            self._needed_key = needs_key
            self._key_wanted |= lacks_key
            if not self._is_closed:
                self._ready += pictures
            return not self._is_closed and (bool(pictures) or lacks_key)
