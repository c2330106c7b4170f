"""Tells the listener of a call what happens on the pjsip thread, each thing once."""

from __future__ import annotations

from collections.abc import Callable

from .pj_events import CallListener, EventPoster
from .video_agreement import VideoAgreement


class CallReports:
    """Posts to the listener. Who that is is looked up on the loop: of an incoming call it is set there."""

    def __init__(self, poster: EventPoster, listener: CallListener | None) -> None:
        self.listener = listener
        """To be set on the loop, in the turn that learns of the call."""
        self._poster = poster
        self._is_answered = False  # and the listener does not know yet
        self._is_held = False
        self._video: VideoAgreement | None = None
        self._last_progress: tuple[int, str] | None = None

    def tell(self, message: Callable[[CallListener], None]) -> None:
        """Post a message."""

        def deliver() -> None:
            if self.listener is not None:
                message(self.listener)

        self._poster.post(deliver)

    def progress(self, code: int, reason: str) -> None:
        """Tell of a provisional response, unless it says the same again."""
        if (code, reason) != self._last_progress:
            self._last_progress = (code, reason)
            self.tell(lambda listener: listener.on_progress(code, reason))

    def note_answered(self) -> None:
        """Note that the call is answered: `answered` tells."""
        self._is_answered = True

    def answered(self) -> None:
        """Tell that the call is answered, if it is and nobody has been told."""
        if self._is_answered:
            self._is_answered = False
            self.tell(lambda listener: listener.on_answered())

    def hold(self, held: bool) -> None:
        """Tell that the peer holds, or does no longer."""
        if held != self._is_held:
            self._is_held = held
            self.tell(lambda listener: listener.on_remote_hold(held))

    def video(self, video: VideoAgreement | None) -> bool:
        """Tell what is agreed on for video; returns whether it is something else than before."""
        if video == self._video:
            return False
        self._video = video
        self.tell(lambda listener: listener.on_video(video))
        return True

    def disconnected(self, code: int, reason: str) -> None:
        """Tell that the call is over, which is the last that the listener hears."""

        def part(listener: CallListener) -> None:
            # Let go of each other: in a circle both would stay until the collector comes, which may be long.
            self.listener = None
            listener.on_disconnected(code, reason)

        self.tell(part)
