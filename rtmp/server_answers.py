"""What a server answers by itself: errors, statuses, and the habits of encoders that need no decision."""

from __future__ import annotations

from collections.abc import Mapping

from rtmp.amf0 import AmfValue
from rtmp.commands import ERROR, ON_STATUS, RESULT, Command, make_info
from rtmp.errors import LocalProtocolError
from rtmp.handshake import Handshake
from rtmp.limits import DEFAULT_LIMITS, Limits
from rtmp.session import Session

NOTICES = {
    "FCPublish": "NetStream.Publish.Start",
    "FCUnpublish": "NetStream.Unpublish.Success",
    "FCSubscribe": "NetStream.Play.Start",
    "FCUnsubscribe": "NetStream.Play.Stop",
}
"""Commands by which clients of a content network announce a stream, and the code of the notice `on…` that
some of them wait for. What really happens to the stream, its own onStatus says."""


class ServerAnswers(Session):
    """Answers, and counts the calls that wait for one of the program's."""

    def __init__(self, handshake: Handshake, limits: Limits = DEFAULT_LIMITS, chunk_size: int = 4096) -> None:
        super().__init__(handshake, limits, chunk_size)
        # transaction ids that wait for an answer; clients may use one twice
        self._pending: dict[float, int] = {}

    def _may_wait(self, transaction_id: float) -> bool:
        """Note that a call waits for an answer; if there are too many, answer it and return False."""
        if transaction_id:
            if sum(self._pending.values()) >= self.limits.max_pending_calls:
                self._send_error(
                    transaction_id, "NetConnection.Call.Failed", "too many calls wait for an answer"
                )
                return False
            self._pending[transaction_id] = self._pending.get(transaction_id, 0) + 1
        return True

    def _take_pending(self, transaction_id: float) -> bool:
        """Note that a call gets its answer; return whether that is to be sent."""
        self._check_connected()
        if not transaction_id:
            return False
        count = self._pending.pop(transaction_id, 0)
        if count == 0:
            raise LocalProtocolError(f"no call {transaction_id} waits for an answer")
        if count > 1:
            self._pending[transaction_id] = count - 1
        return True

    def _answer_undefined(self, command: Command, _stream_id: int) -> None:
        if command.transaction_id:
            self._send_command(Command(RESULT, command.transaction_id))

    def _answer_with_notice(self, command: Command, stream_id: int) -> None:
        self._answer_undefined(command, stream_id)
        name = command.arguments[0] if command.arguments else None
        info = make_info("status", NOTICES[command.name], name if isinstance(name, str) else "")
        self._send_command(Command(f"on{command.name}", 0.0, None, (info,)))

    def _answer_bandwidth(self, command: Command, stream_id: int) -> None:
        """Nothing is measured: say at once that it is over, for clients wait for that."""
        self._answer_undefined(command, stream_id)
        self._send_command(Command("onBWDone", 0.0))

    def _send_status(
        self,
        stream_id: int,
        level: str,
        code: str,
        description: str,
        extra: Mapping[str, AmfValue] | None = None,
    ) -> None:
        info = make_info(level, code, description, extra)
        self._send_command(Command(ON_STATUS, 0.0, None, (info,)), stream_id)

    def _send_error(
        self, transaction_id: float, code: str, description: str, extra: Mapping[str, AmfValue] | None = None
    ) -> None:
        if transaction_id:
            info = make_info("error", code, description, extra)
            self._send_command(Command(ERROR, transaction_id, None, (info,)))
