"""Transcoded pictures of one call: to payloads of RTP, and counted over all of its transcoders."""

from __future__ import annotations

from media_bridge.errors import MediaError
from media_bridge.h264.packetizer import Packetizer
from media_bridge.video_transcoder import VideoTranscoder
from media_bridge.video_transcoding import TranscodedPicture
from media_bridge.video_uplink import PacketizedPicture


class TranscodedPictures:
    """Packetizes with `packetizer`, which may be replaced. After a picture that does not fit, the next key
    picture counts."""

    def __init__(self, packetizer: Packetizer) -> None:
        self.packetizer = packetizer
        self.pictures = self.key_pictures = 0
        self._waits_for_key = False
        self._transcoders: list[VideoTranscoder] = []

    @property
    def is_unused(self) -> bool:
        """Whether nothing was ever transcoded."""
        return not self._transcoders

    def add(self, transcoder: VideoTranscoder) -> None:
        """Count what this one does, too."""
        self._transcoders.append(transcoder)
        self._waits_for_key = True

    def packetize(self, picture: TranscodedPicture) -> PacketizedPicture | None:
        """Return the picture in payloads; None before a key picture. Raises OversizeError."""
        unit = picture.access_unit
        if self._waits_for_key and not unit.is_key:
            return None
        try:
            payloads = self.packetizer.payloads(unit, picture.configuration.parameter_sets)
        except MediaError:
            self._waits_for_key = True
            raise
        self._waits_for_key = False
        self.pictures += 1
        self.key_pictures += unit.is_key
        return PacketizedPicture(payloads, unit.timestamp, unit.is_key)

    def summary(self) -> str:
        """Some words for the log."""
        counters = [each.counters for each in self._transcoders]
        dropped = sum(each.dropped for each in self._transcoders)
        names = ("decoded", "too_many", "too_late", "without_key", "errors")
        words = [
            f"{total} {name.replace('_', ' ')}"
            for name in names
            if (total := sum(getattr(each, name) for each in counters))
        ]
        return ", ".join(words + ([f"{dropped} dropped"] if dropped else [])) or "none"
