"""The codec names of the client API, and what each means on the SIP and on the RTMP side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Final

from .errors import RequestError
from .sdp import SdpCodec
from .video_sdp import H264, X_FLV


class RtmpAudio(Enum):
    """How audio travels towards the RTMP client."""

    SPEEX_WIDEBAND = auto()
    SPEEX_NARROWBAND = auto()
    PCMU = auto()
    PCMA = auto()

    @property
    def reported_name(self) -> str:
        """The audioCodec argument of `accepted`."""
        return (
            "speex" if self in (RtmpAudio.SPEEX_WIDEBAND, RtmpAudio.SPEEX_NARROWBAND) else self.name.lower()
        )


SPEEX_16000: Final = SdpCodec("speex", 16000)
SPEEX_8000: Final = SdpCodec("speex", 8000)
PCMU_8000: Final = SdpCodec("PCMU", 8000)
PCMA_8000: Final = SdpCodec("PCMA", 8000)
TELEPHONE_EVENT_8000: Final = SdpCodec("telephone-event", 8000)
TELEPHONE_EVENT_16000: Final = SdpCodec("telephone-event", 16000)

_AUDIO_NAMES: Final[dict[str, tuple[SdpCodec, RtmpAudio]]] = {
    "wideband": (SPEEX_16000, RtmpAudio.SPEEX_WIDEBAND),
    "narrowband": (SPEEX_8000, RtmpAudio.SPEEX_NARROWBAND),
    "pcmu": (PCMU_8000, RtmpAudio.PCMU),
    "pcma": (PCMA_8000, RtmpAudio.PCMA),
    "ulaw": (PCMU_8000, RtmpAudio.SPEEX_WIDEBAND),
    "alaw": (PCMA_8000, RtmpAudio.SPEEX_WIDEBAND),
}

_TRANSCODED: Final = (
    PCMU_8000,
    PCMA_8000,
    SdpCodec("G722", 8000),
    SdpCodec("G722", 16000),
    SdpCodec("GSM", 8000),
    SdpCodec("iLBC", 8000),
)
"""What the SIP side may choose beside Speex if the client named nothing."""

_VIDEO_NAMES: Final = {"h264": H264, "flv": X_FLV}
KNOWN_NAMES: Final = frozenset(_AUDIO_NAMES) | frozenset(_VIDEO_NAMES) | {"dtmf"}


@dataclass(frozen=True, slots=True)
class CodecPreference:
    """What the client is willing to use, best first: SDP codec and how it then travels by RTMP."""

    audio: tuple[tuple[SdpCodec, RtmpAudio], ...]
    dtmf: bool
    """Whether telephone-event (RFC 4733) is offered."""
    named: bool
    """Whether the client named codecs: only then does `accepted` report them."""
    video: tuple[str, ...] = ()
    """SDP names of the video codecs that it named."""

    @classmethod
    def default(cls, rate: str = "wideband") -> CodecPreference:
        """The preference of a client that names none; `rate` is the last argument of connect."""
        wideband = (SPEEX_16000, RtmpAudio.SPEEX_WIDEBAND)
        narrowband = (SPEEX_8000, RtmpAudio.SPEEX_NARROWBAND)
        first, second = (narrowband, wideband) if rate == "narrowband" else (wideband, narrowband)
        audio = (first, second, *((codec, first[1]) for codec in _TRANSCODED))
        return cls(audio, dtmf=True, named=False, video=(X_FLV,))

    @classmethod
    def parse(cls, names: Sequence[str], rate: str = "wideband") -> CodecPreference:
        """Make the preference of the codec arguments of invite or accept.

        Unknown names are passed over, as other clients' names may be; who names video alone gets the audio of
        one that names nothing. Raises `RequestError` if no codec that we know remains.
        """
        if not names:
            return cls.default(rate)
        audio = tuple(dict.fromkeys(_AUDIO_NAMES[name] for name in names if name in _AUDIO_NAMES))
        video = tuple(dict.fromkeys(_VIDEO_NAMES[name] for name in names if name in _VIDEO_NAMES))
        if video and not audio:
            return replace(cls.default(rate), named=True, video=video)
        if not audio:
            raise RequestError(
                f"none of the codecs {', '.join(names)} carries audio; "
                f"those that do: {', '.join(sorted(_AUDIO_NAMES))}"
            )
        return cls(audio, dtmf="dtmf" in names, named=True, video=video)

    @property
    def sdp_codecs(self) -> tuple[SdpCodec, ...]:
        """The SDP codecs, best first, without repetition."""
        return tuple(dict.fromkeys(codec for codec, _ in self.audio))

    @property
    def sdp_events(self) -> tuple[SdpCodec, ...]:
        """The telephone-event formats that may stand beside them."""
        return (TELEPHONE_EVENT_8000, TELEPHONE_EVENT_16000) if self.dtmf else ()

    def rtmp_audio(self, negotiated: SdpCodec) -> RtmpAudio | None:
        """How audio travels by RTMP when SIP agreed on `negotiated`; None: the preference lacks it."""
        return next((rtmp for codec, rtmp in self.audio if codec == negotiated), None)
