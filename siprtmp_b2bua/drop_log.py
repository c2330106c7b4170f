"""Says in the log what is dropped of what comes for a call's video, seldom enough for any flood."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from typing import Final

from media_bridge.rtp.session_statistics import SessionCounters

from .video_media import counted

logger = logging.getLogger(__name__)

FIRST_PAUSE_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 60.0

_REFUSED: Final = {
    "strangers": "from strangers",
    "flooded": "too many",
    "oversized": "too large",
    "malformed": "malformed RTP",
    "rtcp_malformed": "malformed RTCP",
    "unauthenticated": "not authentic",
    "wrong_payload_type": "of a wrong payload type",
    "stray": "stray",
}


def refused(counters: SessionCounters) -> dict[str, int]:
    """Return how many datagrams an RTP session has refused, and why, in words; no zeros."""
    numbers = {words: int(getattr(counters, name)) for name, words in _REFUSED.items()}
    return {words: number for words, number in numbers.items() if number}


class DropLog:
    """The log of one call, whose id is `name`: a line a second at most, and fewer while it goes on."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._logged: dict[str, int] = {}
        self._next_s = -math.inf
        self._pause_s = FIRST_PAUSE_S

    def look(self, counts: Mapping[str, int], now_s: float) -> None:
        """Take the counts since the call's beginning; log what is new if it is time for that."""
        if now_s < self._next_s:
            return
        new = {
            what: more for what, count in counts.items() if (more := count - self._logged.get(what, 0)) > 0
        }
        if not new:
            self._pause_s = FIRST_PAUSE_S
            return
        self._logged = dict(counts)
        logger.warning("%s: dropped of what came for its video: %s", self._name, counted(new))
        self._next_s = now_s + self._pause_s
        self._pause_s = min(self._pause_s * 2, _LONGEST_PAUSE_S)
