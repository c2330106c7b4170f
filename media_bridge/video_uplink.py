"""Video from RTMP to SIP without touching the pictures: FLV AVC tags to payloads of RFC 6184."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from media_bridge.errors import CodecDataError, OversizeError
from media_bridge.frames import Payload
from media_bridge.h264.avc_tag import AvcTag, AvcTagKind
from media_bridge.h264.configuration import AvcConfiguration
from media_bridge.h264.packetizer import Packetizer
from media_bridge.picture_packetizer import PacketizedPicture, PicturePacketizer


@dataclass(frozen=True, slots=True)
class UplinkVideoStats:
    """Pictures that went on, key pictures among them, and what was dropped, by reason."""

    pictures: int
    key_pictures: int
    dropped: dict[str, int]


class VideoUplink:
    """Takes the tags that a client publishes. Pictures go on from a key picture on, and after each fault.

    `configuration` is that of the stream if its tag has come before.
    """

    def __init__(self, packetizer: Packetizer, configuration: AvcConfiguration | None = None) -> None:
        self._pictures = PicturePacketizer(packetizer)
        self._configuration = configuration
        self._dropped: Counter[str] = Counter()

    @property
    def configuration(self) -> AvcConfiguration | None:
        """The parameter sets of what the client publishes, None before it has said."""
        return self._configuration

    def wait_for_key_picture(self) -> None:
        """Let nothing go on before the next key picture: the peer has missed some."""
        self._pictures.wait_for_key_picture()

    def stats(self) -> UplinkVideoStats:
        """A snapshot."""
        pictures, dropped = self._pictures, dict(self._dropped)
        if pictures.without_key:
            dropped["no key picture yet"] = pictures.without_key
        return UplinkVideoStats(pictures.pictures, pictures.key_pictures, dropped)

    def push(self, timestamp_ms: int, tag: Payload) -> PacketizedPicture | None:
        """Take a tag, with its time of decoding; return the picture in it, if it can go on.

        Raises CodecDataError, OversizeError: nothing goes on then before the next key picture.
        """
        try:
            return self._push(timestamp_ms, tag)
        except (CodecDataError, OversizeError) as error:
            self._pictures.wait_for_key_picture()
            self._dropped[type(error).__name__] += 1
            raise

    def _push(self, timestamp_ms: int, tag: Payload) -> PacketizedPicture | None:
        parsed = AvcTag.parse(tag)
        if parsed is None or parsed.kind is AvcTagKind.END_OF_SEQUENCE:
            return None
        if parsed.kind is AvcTagKind.SEQUENCE_HEADER:
            self._configuration = AvcConfiguration.parse(parsed.data)
            return None
        if self._configuration is None:
            self._dropped["no configuration"] += 1
            return None
        access_unit = parsed.access_unit(timestamp_ms, self._configuration.length_size)
        return self._pictures.packetize(access_unit, self._configuration.parameter_sets)
