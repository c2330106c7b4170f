"""The video of one call through all its offers and answers (RFC 3264)."""

from __future__ import annotations

from dataclasses import replace

from . import sdes
from .sdes import SrtpKeys
from .setting_types import SrtpPolicy
from .video_agreement import VideoAgreement, accept_answer, answer_video, narrower
from .video_sdp import VideoLine, audio_direction, has_place_for_video, local_address, parse_video, put_video


class VideoNegotiation:
    """Puts our m=video section into each description that pjsip makes, and says what came of it.

    `ours` is the section that we would like: where video is received, and in which formats. With None video
    is rejected. On hold it goes the way of the audio. `srtp` says whether it is encrypted.
    """

    def __init__(self, srtp: SrtpPolicy) -> None:
        self.ours: VideoLine | None = None
        self._srtp = srtp
        self.agreement: VideoAgreement | None = None
        self._offered: VideoLine | None = None
        self._is_rejected = False  # by the peer, in the answer to an offer of ours

    def offer_anew(self, ours: VideoLine) -> None:
        """Have the next offer ask for other video than what the peer may have rejected."""
        self.ours = ours
        self._is_rejected = False

    def offer(self, local: str) -> str:
        """Return an offer of ours with the video in it, if pjsip has left a place."""
        if not has_place_for_video(local):
            self._offered = None
            return local
        ours = self._placed(local)
        self._offered = None if self._is_rejected or ours is None else self._secured(self._agreed(ours))
        return put_video(local, self._offered)

    def answer(self, local: str, remote: str) -> str:
        """Return an answer of ours to the offer `remote`."""
        offer, ours = parse_video(remote), self._placed(local)
        answered = None if offer is None or ours is None else self._answered(offer, ours)
        if offer is None or answered is None:
            self.agreement = None
            return local  # where pjsip has rejected it
        line, self.agreement = answered
        self._is_rejected = False
        return put_video(local, line, offer.index)

    def hear_answer(self, remote: str) -> None:
        """Take the peer's answer to our last offer."""
        if self._offered is not None:
            self.agreement = accept_answer(self._offered, parse_video(remote))
            self._is_rejected = self.agreement is None

    def offer_refused(self) -> None:
        """Note that the peer has refused our last offer as a whole: because of the video, if that was new."""
        self._is_rejected = self._is_rejected or (self._offered is not None and self.agreement is None)

    def _answered(self, offer: VideoLine, ours: VideoLine) -> tuple[VideoLine, VideoAgreement] | None:
        if self._srtp == "off":
            return answer_video(offer, ours)
        if self._srtp == "require" and not offer.is_secure:
            return None
        return answer_video(offer, ours, keys=sdes.answer_offer(offer.crypto, self._keys))

    @property
    def _keys(self) -> SrtpKeys | None:
        return None if self.agreement is None else self.agreement.srtp

    def _placed(self, local: str) -> VideoLine | None:
        """Return our section for this description: with its address, and on hold if its audio is."""
        ours = self.ours
        if ours is None:
            return None
        direction = narrower(ours.direction, audio_direction(local))
        return replace(ours, address=local_address(local), direction=direction)

    def _agreed(self, ours: VideoLine) -> VideoLine:
        """Return what to offer again: what was agreed on, whose payload type must keep its meaning."""
        if self.agreement is None:
            return ours
        return replace(ours, formats=(self.agreement.format,))

    def _secured(self, ours: VideoLine) -> VideoLine:
        """Return an offer with a key if it is to be encrypted, or is already, then as it is."""
        if self.agreement is not None and self.agreement.srtp is not None:
            protocol = self.agreement.protocol
        elif self._srtp == "require":
            protocol = "RTP/SAVP"
        else:
            return ours
        return replace(ours, protocol=protocol, crypto=(sdes.make_offer(self._keys).serialize(),))
