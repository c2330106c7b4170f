"""BYE to the peers of a worker that has died: they would go on to send, for minutes or for good."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Callable, Collection, Iterable
from typing import Final

from ..dialog_notes import DialogNote
from ..sip_message import SipMessage
from ..tasks import TaskGroup

logger = logging.getLogger(__name__)

_SENT_AGAIN_S: Final = (0.2, 0.3)
"""How long an answer is waited for, and what then is not answered is sent again. Less than RFC 3261 §17.1.2.2
has it: the port is for the next worker."""


class Farewells:
    """Sends them for the workers of a crew, each from the SIP port that its worker had.

    From there they pass where its calls have passed, and the peers' answers come back.
    """

    def __init__(self, bound_to: str) -> None:
        self.numbers: set[int] = set()
        """The workers whose SIP ports are still needed."""
        self.on_said: Callable[[], None] = lambda: None
        """Called when another may have one of them."""
        self._bound_to = bound_to
        self._tasks = TaskGroup("farewell")

    def say(self, number: int, sip_port: int, dialogs: Iterable[DialogNote]) -> None:
        """Send a BYE in each dialog of the worker that had the port."""
        if notes := list(dialogs):
            self.numbers.add(number)
            self._tasks.start(self._say(number, sip_port, notes))

    async def wait(self) -> None:
        """Wait until all are sent."""
        await self._tasks.wait()

    async def _say(self, number: int, sip_port: int, dialogs: list[DialogNote]) -> None:
        try:
            answered = await say_farewell(dialogs, self._bound_to, sip_port)
        except OSError as error:
            logger.warning("no BYE for the calls of worker %d: %s", number, error)
        else:
            logger.info(
                "sent a BYE to the peers of worker %d; %d of %d answered", number, answered, len(dialogs)
            )
        finally:
            self.numbers.discard(number)
            self.on_said()


class _Answers(asyncio.DatagramProtocol):
    """Forgets each dialog whose BYE has been answered."""

    def __init__(self, waiting: dict[str, bytes]) -> None:
        self._waiting = waiting
        self.all_answered = asyncio.Event()

    def datagram_received(self, data: bytes, addr: object) -> None:
        message = SipMessage.parse(data.decode("latin-1"))
        if (message.status_code or 0) >= 200 and message.is_consistent:
            self._waiting.pop(message.values("call-id")[0], None)
            if not self._waiting:
                self.all_answered.set()


async def say_farewell(dialogs: Collection[DialogNote], bound_to: str, port: int) -> int:
    """Send a BYE in each dialog, from an address of this machine; return how many were answered.

    Returns after half a second at most. Raises OSError if there is no such socket.
    """
    waiting: dict[str, bytes] = {}
    protocol = _Answers(waiting)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: protocol,
        local_addr=(bound_to or "0.0.0.0", port),
    )
    try:
        waiting |= {each.call_id: serialize_bye(each, bound_to or "0.0.0.0", port) for each in dialogs}
        places = {each.call_id: (each.host, each.port) for each in dialogs}
        for pause_s in _SENT_AGAIN_S:
            for call_id, bye in waiting.items():
                transport.sendto(bye, places[call_id])
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await protocol.all_answered.wait()
                    break
    finally:
        transport.close()
    return len(dialogs) - len(waiting)


def serialize_bye(dialog: DialogNote, host: str, port: int) -> bytes:
    """Return the request (RFC 3261 §15.1.1); `rport` has the answer come to where it comes from."""
    lines = [
        f"BYE {dialog.target} SIP/2.0",
        f"Via: SIP/2.0/UDP {host}:{port};rport;branch=z9hG4bK{secrets.token_hex(8)}",
        "Max-Forwards: 70",
        *(f"Route: {route}" for route in dialog.routes),
        f"From: {dialog.local}",
        f"To: {dialog.remote}",
        f"Call-ID: {dialog.call_id}",
        f"CSeq: {dialog.cseq} BYE",
        'Reason: SIP;cause=503;text="The gateway has lost this call"',
        "Content-Length: 0",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")
