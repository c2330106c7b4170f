"""H.264 over a call's m=video line: FLV tags of the client to RFC 6184, and back."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final

from media_bridge.errors import MediaError
from media_bridge.h264.access_unit import rtp_timestamp
from media_bridge.h264.configuration import AvcConfiguration
from media_bridge.h264.depacketizer import Depacketizer
from media_bridge.h264.drop_reason import BAD_INPUT
from media_bridge.picture_packetizer import PacketizedPicture
from media_bridge.rtp.jitter_buffer import OrderedPacket
from media_bridge.video_downlink import VideoDownlink
from media_bridge.video_tag import is_configuration
from rtmp.messages import Payload

from .client_port import ClientPort
from .config import MediaConfig
from .default_track import default_track
from .lip_sync import LipSync
from .video_agreement import VideoAgreement
from .video_media import MediaSummary, VideoRtp, counted
from .video_to_sip import VideoToSip

logger = logging.getLogger(__name__)

_KEY_PICTURE_SPACING_S: Final = 1.0
_KEY_PICTURE: Final = b"\x17\x01"
"""How the tag of one begins."""


class H264Media:
    """A `VideoMedia`. `ask_by_sip` asks the peer for a key picture where RTCP cannot."""

    def __init__(
        self,
        name: str,
        config: MediaConfig,
        client: ClientPort,
        rtp: VideoRtp,
        ask_by_sip: Callable[[], object],
    ) -> None:
        self._name = name
        self._client = client
        self._rtp = rtp
        self._ask_by_sip = ask_by_sip
        self._loop = asyncio.get_running_loop()
        self._stream_begin_s = self._loop.time() - client.stream_time_ms / 1000
        self._agreement: VideoAgreement | None = None
        self._to_sip = VideoToSip(name, config, client, self._send)
        self.sync = LipSync()
        """Keeps it with the audio of the bridge."""
        self._downlink = VideoDownlink(Depacketizer())
        self._has_begun = False
        self._sprop = ""
        self._asked_s = float("-inf")

    @property
    def configuration(self) -> AvcConfiguration | None:
        """The parameter sets of what the client publishes, if that is H.264."""
        return self._to_sip.configuration

    def agree(self, agreement: VideoAgreement | None) -> None:
        """See `VideoMedia`."""
        self._agreement = agreement
        self._to_sip.agree(agreement)
        if agreement is not None:
            self._has_begun = True
            self._take_sprop(agreement.sprop_parameter_sets)

    def push_tag(self, timestamp_ms: int, tag: Payload) -> None:
        """See `VideoMedia`."""
        plain = default_track(tag)
        if plain is None:
            return
        if self._has_begun and not is_configuration(plain):
            moment_s = self.sync.moment_s(timestamp_ms, time.monotonic())
            self._rtp.map_timestamp(rtp_timestamp(timestamp_ms), moment_s)
        self._to_sip.push_tag(timestamp_ms, plain)

    def note_audio(self, timestamp_ms: int) -> None:
        """Note that audio with this time goes to the client now: video has to keep to its times."""
        self.sync.note_audio(timestamp_ms, self._stream_now_ms())
        self._downlink.delay_ms = self.sync.delay_ms

    def take(self, ordered: OrderedPacket) -> None:
        """See `VideoMedia`."""
        packet = ordered.packet
        tags = self._downlink.push(
            packet.payload,
            timestamp=packet.timestamp,
            marker=packet.marker,
            is_after_loss=ordered.missing > 0,
            now_ms=self._stream_now_ms(),
        )
        for tag in tags:
            self._client.play_video(*tag)
            if tag.body.startswith(_KEY_PICTURE):
                self._rtp.note_key_picture()
        if tags:
            self.sync.note_picture(packet.ssrc, self._downlink.decoding_timestamp, time.monotonic())

    def ask_if_needed(self) -> None:
        """See `VideoMedia`."""
        if self._downlink.wants_key_picture():
            self._ask_for_key_picture()

    def restart(self) -> None:
        """See `VideoMedia`."""
        self._downlink.restart()

    def key_picture_requested(self) -> None:
        """See `VideoMedia`."""
        self._to_sip.key_picture_requested()

    def client_plays(self) -> None:
        """See `VideoMedia`."""
        if (tag := self._downlink.configuration_tag()) is not None:
            self._client.play_video(*tag)
            self._ask_for_key_picture()

    def close(self) -> None:
        """End the transcoder's thread; nothing is sent any more."""
        self._to_sip.close()

    def summary(self) -> MediaSummary:
        """See `VideoMedia`."""
        down = self._downlink.stats()
        dropped = {reason.name.lower(): count for reason, count in down.dropped.items()}
        bad = {reason.name.lower(): count for reason, count in down.dropped.items() if reason in BAD_INPUT}
        received = f"{down.access_units} pictures, {down.key_pictures} key"
        return MediaSummary(self._to_sip.summary(), received, counted(dropped), bad)

    # -- helpers -------------------------------------------------------------------------------------------

    def _send(self, picture: PacketizedPicture) -> None:
        self._rtp.send(picture.payloads, picture.timestamp, marked=True)

    def _stream_now_ms(self) -> float:
        return (self._loop.time() - self._stream_begin_s) * 1000

    def _take_sprop(self, sprop: str) -> None:
        """Take the parameter sets of a description, unless it says what the one before has said.

        It may say that again long after others have come in band, which are the ones in force.
        """
        if not sprop or sprop == self._sprop:
            return
        self._sprop = sprop
        try:
            parameter_sets = AvcConfiguration.from_sprop(sprop).parameter_sets
        except MediaError as error:
            logger.info("%s: the peer's parameter sets are passed over: %s", self._name, error)
            return
        self._downlink.add_parameter_sets(parameter_sets)

    def _ask_for_key_picture(self) -> None:
        if self._agreement is None or not self._agreement.receives or self._rtp.request_key_picture():
            return
        now_s = time.monotonic()
        if now_s - self._asked_s >= _KEY_PICTURE_SPACING_S:
            self._asked_s = now_s
            self._ask_by_sip()
