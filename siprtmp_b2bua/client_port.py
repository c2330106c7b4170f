"""What a call tells its RTMP client, and nothing else that it may do with it."""

from __future__ import annotations

from typing import Protocol

from rtmp.messages import Payload


class ClientPort(Protocol):
    """The methods of NetConnection.client, and the stream that the client plays. See docs/client-api.md."""

    def invited(self, caller: str, called: str) -> None:
        """Tell of an incoming call."""

    def ringing(self, status: str) -> None:
        """Tell of a provisional response, such as `180 Ringing`."""

    def accepted(self, audio: str | None, video: str | None, *, named: bool) -> None:
        """Tell that the call is up; the codecs only go out if the client `named` any."""

    def rejected(self, status: str) -> None:
        """Tell why a call of the client's did not come about, such as `486 Busy Here`."""

    def cancelled(self, caller: str, called: str) -> None:
        """Tell that the incoming call is gone before it was answered."""

    def byed(self) -> None:
        """Tell that the call is over."""

    def holded(self, held: bool) -> None:
        """Tell that the peer put us on hold, or took us off."""

    @property
    def stream_time_ms(self) -> int:
        """The time on the stream that the client plays: later than every timestamp that was sent on it."""

    @property
    def audio_configuration(self) -> bytes | None:
        """The FLV tag with the configuration of the audio that the client publishes, if its codec has one."""

    @property
    def video_configuration(self) -> bytes | None:
        """The FLV tag with the configuration of the video that the client publishes, if it publishes any."""

    def play_audio(self, timestamp_ms: int, tag: Payload) -> None:
        """Send an FLV audio tag on the stream that the client plays, if it plays one."""

    def play_video(self, timestamp_ms: int, tag: Payload) -> None:
        """Send an FLV video tag on that stream."""

    def key_picture_wanted(self) -> None:
        """Tell that the peer cannot go on before it gets a key picture."""
