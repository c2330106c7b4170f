"""The session descriptions of one call: what pjsip makes of them, with our codecs and our video."""

from __future__ import annotations

from .client_codecs import CodecPreference
from .codec_negotiation import CodecNegotiation
from .sdp import parse_audio, without_optional_audio_keys
from .setting_types import SrtpPolicy
from .video_agreement import VideoAgreement
from .video_negotiation import VideoNegotiation
from .video_sdp import VideoLine


class CallDescriptions:
    """Rewrites each description of ours, and reads those of the peer. Pure functions on text and their state.

    pjsip answers an INVITE as soon as it arrives; see `CodecNegotiation`. Video is rejected there, and put in
    when the client accepts.
    """

    def __init__(self, *, answers_invite: bool, srtp: SrtpPolicy) -> None:
        self._codecs = CodecNegotiation(CodecPreference.default(), answers_invite=answers_invite)
        self._video = VideoNegotiation(srtp)
        self._offer = ""
        self._srtp = srtp
        self._is_audio_encrypted = False
        self.offers_keys = False
        """Whether our last offer had keys."""

    def prefer(self, preference: CodecPreference, video: VideoLine | None) -> None:
        """Set what the client wants. `video` says where and how it is received; None: there is none."""
        self._codecs.preference = preference
        self._video.ours = video

    def offer_video(self, video: VideoLine) -> None:
        """Have the next offer ask for video, even where the peer has rejected it before."""
        self._video.offer_anew(video)

    @property
    def video(self) -> VideoAgreement | None:
        """What both sides have agreed on for video, None if it was rejected."""
        return self._video.agreement

    def local_created(self, local: str, remote: str) -> str:
        """Return what to send instead of pjsip's `local`; `remote` is the offer, empty if we make one."""
        waits_for_client = bool(remote) and not self._codecs.has_kept_answer
        rewritten = self._codecs.local_created(local, remote)
        if not remote:
            offer = self._video.offer(self._offered_audio(rewritten))
            self.offers_keys = "\na=crypto:" in offer
            return offer
        if waits_for_client and self._codecs.has_kept_answer:
            self._offer = remote
            return rewritten
        return self._answered(rewritten, remote)

    def offer_refused(self) -> None:
        """Note that the peer has refused our last offer as a whole: what was agreed on before goes on."""
        self._video.offer_refused()

    def remote_answered(self, remote: str) -> None:
        """Take the peer's answer to an offer of ours."""
        self._is_audio_encrypted = self.offers_keys and _has_audio_keys(remote)
        self._video.hear_answer(remote)

    @property
    def has_kept_answer(self) -> bool:
        """Whether the INVITE had an offer, whose answer is `accepted_answer`."""
        return self._codecs.has_kept_answer

    def accepted_answer(self) -> str | None:
        """The answer to the INVITE as the client wants it; None if none of its codecs was offered."""
        answer = self._codecs.accepted_answer()
        return None if answer is None else self._answered(answer, self._offer)

    def _offered_audio(self, local: str) -> str:
        """Take out the keys that pjsip offers wherever SRTP is optional, unless they are in use."""
        if self._srtp != "accept" or self._is_audio_encrypted:
            return local
        return without_optional_audio_keys(local)

    def _answered(self, local: str, remote: str) -> str:
        self._is_audio_encrypted = _has_audio_keys(local)
        return self._video.answer(local, remote)


def _has_audio_keys(sdp: str) -> bool:
    audio = parse_audio(sdp)
    return audio is not None and audio.has_keys
