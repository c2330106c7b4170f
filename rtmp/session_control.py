"""Control messages, which both sides answer alike: acknowledgements, windows and pings."""

from __future__ import annotations

from collections import deque

from rtmp.events import Event, PongReceived
from rtmp.messages import (
    BandwidthLimit,
    Message,
    MessageType,
    UserControl,
    UserControlType,
    pack_u32,
    parse_u32,
)
from rtmp.session_output import SessionOutput

DEFAULT_WINDOW = 2_500_000


class SessionControl(SessionOutput):
    """What a connection has received, and what the two sides say of it."""

    def __init__(self, chunk_size: int) -> None:
        super().__init__(chunk_size)
        self.bytes_received = 0
        self.bytes_acknowledged = 0
        self._events: deque[Event] = deque()
        self._is_hard_limit = False  # the last that the peer set
        self._ack_step = self._ack_due = DEFAULT_WINDOW // 2

    def send_ping(self, timestamp_ms: int) -> None:
        """Ask the peer for a PongReceived with this time."""
        self._check_open()
        self._send_user_control(UserControlType.PING_REQUEST, timestamp_ms & 0xFFFFFFFF)

    def _on_acknowledgement(self, message: Message) -> None:
        self.bytes_acknowledged = parse_u32(message.payload, "Acknowledgement")

    def _on_window_ack_size(self, message: Message) -> None:
        window = parse_u32(message.payload, "Window Acknowledgement Size") or DEFAULT_WINDOW
        last = self._ack_due - self._ack_step
        self._ack_step = max(window // 2, 1)
        self._ack_due = last + self._ack_step

    def _on_set_peer_bandwidth(self, message: Message) -> None:
        """Answer a limit to what may be unacknowledged on its way to the peer (§5.4.5).

        It asks for a Window Acknowledgement Size if that changes. What is sent is bounded by TCP and `Limits`
        anyway. A dynamic limit is a hard one after a hard one, and else nothing; peers that leave out the
        type mean a hard one.
        """
        payload = message.payload
        window = parse_u32(payload, "Set Peer Bandwidth")
        limit = payload[4] if len(payload) > 4 else BandwidthLimit.HARD
        if limit == BandwidthLimit.DYNAMIC and not self._is_hard_limit:
            return
        self._is_hard_limit = limit != BandwidthLimit.SOFT
        if limit == BandwidthLimit.SOFT and self._announced_window:
            window = min(window, self._announced_window)
        if window and window != self._announced_window:
            self._announce_window(window)

    def _on_user_control(self, message: Message) -> None:
        control = UserControl.parse(message.payload)
        if control.event_type == UserControlType.PING_REQUEST:
            self._send_user_control(UserControlType.PING_RESPONSE, control.values[0])
        elif control.event_type == UserControlType.PING_RESPONSE:
            self._events.append(PongReceived(control.values[0]))
        else:
            self._on_stream_control(control)

    def _acknowledge(self) -> None:
        """Acknowledge what has come (§5.4.3); again when half a window more has: too soon does no harm."""
        self._ack_due = self.bytes_received + self._ack_step
        self._send_control(MessageType.ACKNOWLEDGEMENT, pack_u32(self.bytes_received))

    def _on_stream_control(self, control: UserControl) -> None:
        raise NotImplementedError
