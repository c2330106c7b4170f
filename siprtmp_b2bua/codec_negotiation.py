"""Which codecs a call's descriptions name (RFC 3264), decided on text each time pjsip has made one."""

from __future__ import annotations

from .client_codecs import CodecPreference
from .sdp import SdpCodec, parse_audio, restrict_audio


class CodecNegotiation:
    """The codecs of one call.

    An offer of ours names all that the client likes, best first; an answer of ours names the one that both
    sides want and the client likes best, so that pjsip has no reason to send a re-INVITE for a choice.

    pjsip makes the answer to an INVITE when it arrives. The client has not spoken then: that first answer is
    kept as it is, and narrowed when the client accepts.
    """

    def __init__(self, preference: CodecPreference, *, answers_invite: bool) -> None:
        self.preference = preference
        self._answers_invite = answers_invite
        self._kept_answer = ""
        self._offered: tuple[SdpCodec, ...] = ()

    def local_created(self, local: str, remote: str) -> str:
        """Return what to send instead of pjsip's `local`; `remote` is the offer, empty if we make one.

        pjsua2 shows no description of more than 1024 bytes: such an offer counts as none.
        """
        offer = parse_audio(remote)
        if offer is None:
            preference = self.preference
            return restrict_audio(local, preference.sdp_codecs, preference.sdp_events) or local
        if self._answers_invite and not self._kept_answer:
            self._kept_answer, self._offered = local, offer.codecs
            return local
        return self._narrow(local, offer.codecs) or local

    @property
    def has_kept_answer(self) -> bool:
        """Whether the INVITE had an offer, whose answer is `accepted_answer`."""
        return bool(self._kept_answer)

    def accepted_answer(self) -> str | None:
        """The answer to the INVITE in the client's codecs; None if none of them was offered."""
        return self._narrow(self._kept_answer, self._offered)

    def _narrow(self, sdp: str, offered: tuple[SdpCodec, ...]) -> str | None:
        for codec in self.preference.sdp_codecs:
            if codec in offered:
                # RFC 4733 §2.1: a telephone-event uses the clock rate of the audio it stands in for.
                events = [e for e in self.preference.sdp_events if e.clock_rate_hz == codec.rtp_rate_hz]
                narrowed = restrict_audio(sdp, [codec], events)
                if narrowed is not None:
                    return narrowed
        return None
