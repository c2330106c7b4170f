"""The headers of a stream as they are now: what somebody who begins in its middle needs first.

In Enhanced RTMP each track has headers of its own, and one message may be for several tracks. So a header
takes the place of an earlier one only if it is of the same kind and for the same tracks.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Generic, TypeVar

from rtmp.enhanced_flv import EnhancedAudio, EnhancedVideo
from rtmp.errors import RemoteProtocolError
from rtmp.limits import KIB
from rtmp.media_kind import MediaKind
from rtmp.messages import Payload

T = TypeVar("T")

HeaderPlace = tuple[MediaKind, tuple[int, ...]]
"""What a header is, and which tracks it is for; messages that name no track are for track 0."""

MAX_HEADERS: Final = 32
MAX_HEADER_BYTES: Final = 256 * KIB
AUDIO_HEADERS: Final = (MediaKind.AUDIO_HEADER, MediaKind.AUDIO_CHANNELS)
VIDEO_HEADERS: Final = (MediaKind.VIDEO_HEADER, MediaKind.VIDEO_METADATA)
_METADATA: Final[HeaderPlace] = (MediaKind.METADATA, ())


def header_place(kind: MediaKind, payload: Payload) -> HeaderPlace | None:
    """Return the place of a header or of metadata, of which all is needed; None for other messages."""
    if kind is MediaKind.METADATA:
        return _METADATA
    if not kind.is_header:
        return None
    parse = EnhancedAudio.parse if kind in AUDIO_HEADERS else EnhancedVideo.parse
    try:
        return kind, tuple(track.track_id for track in parse(payload).tracks)
    except RemoteProtocolError:  # one of before Enhanced RTMP, or nonsense
        return kind, (0,)


class HeaderKeeper(Generic[T]):
    """The newest metadata and headers, as whatever its user keeps of them.

    At most `max_count`, of `max_bytes` of payload together. What would be more is not kept, and what
    it should have replaced is void.
    """

    def __init__(self, max_count: int = MAX_HEADERS, max_bytes: int = MAX_HEADER_BYTES) -> None:
        self._max_count = max_count
        self._max_bytes = max_bytes
        self._kept: dict[HeaderPlace, tuple[int, T]] = {}
        self._size = 0

    def __len__(self) -> int:
        return len(self._kept)

    def __iter__(self) -> Iterator[T]:
        """Metadata first, then the headers in the order in which their places were first taken."""
        if (metadata := self.metadata) is not None:
            yield metadata
        yield from self.headers

    @property
    def metadata(self) -> T | None:
        """The metadata."""
        kept = self._kept.get(_METADATA)
        return None if kept is None else kept[1]

    @property
    def headers(self) -> Iterator[T]:
        """All but the metadata."""
        return (value for place, (_, value) in self._kept.items() if place != _METADATA)

    def put(self, kind: MediaKind, payload: Payload, value: T) -> bool:
        """Keep a message if it is a header or metadata; return whether it is kept.

        NO_METADATA makes the metadata void.
        """
        if kind is MediaKind.NO_METADATA:
            self._drop(_METADATA)
        place = header_place(kind, payload)
        return place is not None and self.put_at(place, len(payload), value)

    def put_at(self, place: HeaderPlace, size: int, value: T) -> bool:
        """Keep a header of `size` bytes; return whether it is kept."""
        before = self._kept.get(place)
        others = self._size - (0 if before is None else before[0])
        if others + size > self._max_bytes or (before is None and len(self._kept) >= self._max_count):
            self._drop(place)
            return False
        self._size = others + size
        self._kept[place] = (size, value)
        return True

    def get(self, kind: MediaKind, payload: Payload) -> T | None:
        """Return what is kept of the header whose place this one has."""
        place = header_place(kind, payload)
        kept = self._kept.get(place) if place is not None else None
        return None if kept is None else kept[1]

    def discard(self, kind: MediaKind, payload: Payload) -> None:
        """Forget the header whose place this one has."""
        place = header_place(kind, payload)
        if place is not None:
            self._drop(place)

    def of(self, kinds: tuple[MediaKind, ...]) -> list[T]:
        """Return the headers of these kinds."""
        return [value for (kind, _), (_, value) in self._kept.items() if kind in kinds]

    def clear(self) -> None:
        """Forget all."""
        self._kept.clear()
        self._size = 0

    def _drop(self, place: HeaderPlace) -> None:
        size, _ = self._kept.pop(place, (0, None))
        self._size -= size
