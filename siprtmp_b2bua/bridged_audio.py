"""The audio of a call by way of the bridge: connected, made anew for another codec, and taken out again."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from media_bridge.errors import MediaError
from rtmp.messages import Payload

from .call_audio import CallAudio, EmitAudio
from .call_status import with_audio
from .call_video import CallVideo
from .client_codecs import RtmpAudio
from .client_port import ClientPort
from .control.status import CallStatus
from .errors import B2buaError, SipError
from .pj_call import PjCall
from .pj_events import StreamStats
from .sdp import SdpCodec
from .services import Services
from .tasks import TaskGroup

logger = logging.getLogger(__name__)

_PERIOD_S: Final = 0.507
"""Between looks at the RTP of the audio, each of which finds another part of a frame of 20 ms."""


class BridgedAudio:
    """Has a `CallAudio` while the call is in the bridge; on the loop's thread.

    `emit` gets what is for the client. What pjsip has to do is done in `tasks`, the call's.
    """

    def __init__(
        self, sip: PjCall, client: ClientPort, services: Services, tasks: TaskGroup, emit: EmitAudio
    ) -> None:
        self._sip = sip
        self._client = client
        self._services = services
        self._tasks = tasks
        self._emit = emit
        self._audio: CallAudio | None = None

    def connect(self, codec: SdpCodec, rtmp_audio: RtmpAudio) -> None:
        """Put the call in the bridge for these codecs, unless it is there with that one of SIP."""
        if self._audio is not None and self._audio.sip_codec == codec:
            return
        if self._audio is not None:
            self._audio.close()
        services, name = self._services, self._sip.name
        self._audio = CallAudio(
            name,
            rtmp_audio,
            codec,
            services.config.media,
            services.endpoint.ticker.listen,
            self._emit,
            start_ms=self._client.stream_time_ms,
        )
        self._tasks.start(self._attach(self._audio))
        logger.info("%s: audio %s on SIP, %s on RTMP", name, codec, rtmp_audio.name.lower())

    def disconnect(self) -> None:
        """Take the call out of the bridge."""
        if self._audio is not None:
            self._audio.close()
            self._audio = None
            self._tasks.start(self._detach())

    def push_tag(self, timestamp_ms: int, tag: Payload) -> None:
        """Play an FLV audio tag of the client to the peer; outside of the bridge it is dropped."""
        if self._audio is not None:
            self._audio.push_tag(timestamp_ms, tag)

    async def keep_in_step(self, video: CallVideo) -> None:
        """Tell the video again and again how far the audio is, both ways: lip-sync is a matter of both."""
        while True:
            arrivals, audio = self._sip.take_audio_arrivals(), self._audio
            if audio is not None:
                rate_hz, playout = audio.sip_codec.rtp_rate_hz, audio.follow_playout()
                for arrival in arrivals:
                    video.note_audio_arrival(arrival, rate_hz)
                progress = await self._sip.audio_progress(playout.count_ticks)
                if progress is not None and audio is self._audio:
                    video.note_audio_progress(progress, playout)
            await asyncio.sleep(_PERIOD_S)

    def describe(self, status: CallStatus, stats: StreamStats | None) -> CallStatus:
        """Add to a call's status what is known of its audio; `stats` is None while there is no stream."""
        return with_audio(status, self._audio, stats)

    def close(self) -> None:
        """Let go of everything: the call has ended, and with it its place in the bridge."""
        if self._audio is not None:
            logger.info("%s: %s", self._sip.name, self._audio.summary())
            self._audio.close()
            self._audio = None
        self._emit = _drop  # nothing comes any more, and the call is free of us

    # -- helpers -------------------------------------------------------------------------------------------

    async def _attach(self, audio: CallAudio) -> None:
        await self._sip.wait_for_bridge()
        if audio is not self._audio:
            return
        try:
            await self._sip.attach(audio.make_port)
        except MediaError as error:
            logger.warning("%s: no audio is possible, hanging up: %s", self._sip.name, error)
            await self._sip.hang_up()
        except B2buaError as error:
            # The call ended in this moment; its own event follows.
            logger.info("%s: audio not connected: %s", self._sip.name, error)

    async def _detach(self) -> None:
        try:
            await self._sip.detach()
        except SipError as error:
            logger.info("%s: audio not disconnected: %s", self._sip.name, error)


def _drop(_timestamp_ms: int, _tag: bytes) -> None:
    """Take audio that nobody wants."""
