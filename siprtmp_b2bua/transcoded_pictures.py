"""Transcoded pictures of one call: to payloads of RTP, and counted over all of its transcoders."""

from __future__ import annotations

from media_bridge.h264.packetizer import Packetizer
from media_bridge.picture_packetizer import PacketizedPicture, PicturePacketizer
from media_bridge.video_transcoder import VideoTranscoder
from media_bridge.video_transcoding import TranscodedPicture


class TranscodedPictures:
    """Packetizes them; `output` counts and may get another packetizer."""

    def __init__(self, packetizer: Packetizer) -> None:
        self.output = PicturePacketizer(packetizer)
        self._transcoders: list[VideoTranscoder] = []

    @property
    def is_unused(self) -> bool:
        """Whether nothing was ever transcoded."""
        return not self._transcoders

    def add(self, transcoder: VideoTranscoder) -> None:
        """Count what this one does, too."""
        self._transcoders.append(transcoder)
        self.output.wait_for_key_picture()

    def packetize(self, picture: TranscodedPicture) -> PacketizedPicture | None:
        """Return the picture in payloads; None before a key picture. Raises OversizeError."""
        return self.output.packetize(picture.access_unit, picture.configuration.parameter_sets)

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
