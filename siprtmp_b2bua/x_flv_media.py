"""x-flv: the client's stream as it is, sound and pictures, to the client of another gateway, and back."""

from __future__ import annotations

import logging
from collections import Counter
from typing import Final

from media_bridge.errors import OversizeError
from media_bridge.h264.access_unit import rtp_timestamp
from media_bridge.relayed_times import RelayedTimes
from media_bridge.rtp.jitter_buffer import OrderedPacket
from media_bridge.x_flv import FlvMessage, XFlvDepacketizer, XFlvDropReason, XFlvPacketizer
from rtmp.headers import HeaderKeeper
from rtmp.media_kind import media_kind
from rtmp.messages import MessageType, Payload

from .client_port import ClientPort
from .video_agreement import VideoAgreement
from .video_media import MediaSummary, VideoRtp, counted

logger = logging.getLogger(__name__)

_AUDIO: Final = int(MessageType.AUDIO)
_VIDEO: Final = int(MessageType.VIDEO)
_LOST_CHUNK: Final = XFlvDropReason.MISSING_CHUNK.name.lower()


class XFlvMedia:
    """Carries whole RTMP messages; a `VideoMedia` that has the audio, too. What is in them does not matter.

    The peer is asked for a key picture by RTCP, between gateways that have agreed on that; else not at all.
    """

    def __init__(self, name: str, client: ClientPort, rtp: VideoRtp) -> None:
        self._name = name
        self._client = client
        self._rtp = rtp
        self._packetizer = XFlvPacketizer()
        self._depacketizer = XFlvDepacketizer()
        self._times = RelayedTimes()
        self._headers = HeaderKeeper[FlvMessage]()
        self._sends = False
        self._owes_headers = True
        self._sent: Counter[int] = Counter()
        self._received: Counter[int] = Counter()
        self._too_long = 0
        self._has_lost = False

    def agree(self, agreement: VideoAgreement | None) -> None:
        """See `VideoMedia`. Whoever has not heard the client so far needs its headers and a key picture."""
        sends = agreement is not None and agreement.sends
        begins, self._sends = sends and not self._sends, sends
        if begins:
            self._owes_headers = True
            self.key_picture_requested()

    def push_audio(self, timestamp_ms: int, tag: Payload) -> None:
        """Send an FLV audio tag of the client to the peer."""
        self._push(FlvMessage(_AUDIO, timestamp_ms, tag))

    def push_tag(self, timestamp_ms: int, tag: Payload) -> None:
        """See `VideoMedia`."""
        self._push(FlvMessage(_VIDEO, timestamp_ms, tag))

    def take(self, ordered: OrderedPacket) -> None:
        """See `VideoMedia`."""
        self._has_lost |= ordered.missing > 0
        message = self._depacketizer.push(ordered.packet.payload)
        if message is None:
            return
        self._received[message.type_id] += 1
        kind = media_kind(message.type_id, message.body)
        if kind.is_header:
            self._headers.put(kind, message.body, message)
        self._play(message, self._times.place(message.timestamp_ms, self._client.stream_time_ms))

    def ask_if_needed(self) -> None:
        """See `VideoMedia`: a picture may be among what was lost."""
        if self._has_lost and self._received[_VIDEO]:
            self._rtp.request_key_picture()
        self._has_lost = False

    def restart(self) -> None:
        """See `VideoMedia`."""
        self._times.restart()

    def key_picture_requested(self) -> None:
        """See `VideoMedia`; a client that sends sound alone is not asked."""
        if self._sent[_VIDEO] or self._client.video_configuration is not None:
            self._client.key_picture_wanted()

    def client_plays(self) -> None:
        """See `VideoMedia`: the headers that came last, so that it can decode what follows."""
        for header in self._headers.headers:
            self._play(header, self._times.last_ms)
        if self._received[_VIDEO]:
            self._rtp.request_key_picture()

    def summary(self) -> MediaSummary:
        """See `VideoMedia`."""
        sent = f"x-flv, {_in_words(self._sent)}, {self._too_long} too long"
        dropped = {reason.name.lower(): count for reason, count in self._depacketizer.dropped.items()}
        bad = {name: count for name, count in dropped.items() if name != _LOST_CHUNK}
        return MediaSummary(sent, _in_words(self._received), counted(dropped), bad)

    # -- helpers -------------------------------------------------------------------------------------------

    def _push(self, message: FlvMessage) -> None:
        if not self._sends:
            return
        if self._owes_headers:
            self._owes_headers = False
            self._send_headers(message)
        self._send(message)

    def _send_headers(self, first: FlvMessage) -> None:
        """Send what the client has published before `first`, with its time: the peer goes by the steps."""
        for type_id, header in (
            (_AUDIO, self._client.audio_configuration),
            (_VIDEO, self._client.video_configuration),
        ):
            if header is not None and header != first.body:
                self._send(FlvMessage(type_id, first.timestamp_ms, header))

    def _send(self, message: FlvMessage) -> None:
        try:
            payloads = self._packetizer.payloads(message)
        except OversizeError as error:
            self._too_long += 1
            if self._too_long == 1:
                logger.warning("%s: dropped: %s (more are only counted)", self._name, error)
            return
        self._sent[message.type_id] += 1
        self._rtp.send(payloads, rtp_timestamp(message.timestamp_ms), marked=False)

    def _play(self, message: FlvMessage, time_ms: int) -> None:
        if message.type_id == _AUDIO:
            self._client.play_audio(time_ms, message.body)
        else:
            self._client.play_video(time_ms, message.body)


def _in_words(counts: Counter[int]) -> str:
    return f"{counts[_AUDIO]} audio and {counts[_VIDEO]} video messages"
