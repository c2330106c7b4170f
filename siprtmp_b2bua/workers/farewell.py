"""BYE to the peers of a worker that has died: they would go on to send, for minutes or for good."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Collection
from typing import Final, cast

from ..dialog_notes import DialogNote
from ..sip_message import SipMessage

logger = logging.getLogger(__name__)

_SENT_AGAIN_S: Final = (0.5, 1.0, 2.0)
"""RFC 3261 §17.1.2.2: what is not answered is sent again after T1, and after twice that each time."""


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


async def say_farewell(dialogs: Collection[DialogNote], bound_to: str) -> int:
    """Send a BYE in each dialog, from an address of this machine; return how many were answered.

    Returns after four seconds at most. Raises OSError if no socket can be had.
    """
    waiting: dict[str, bytes] = {}
    protocol = _Answers(waiting)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: protocol, local_addr=(bound_to or "0.0.0.0", 0)  # noqa: S104 - as SIP itself is
    )
    try:
        port = int(transport.get_extra_info("sockname")[1])
        waiting |= {each.call_id: serialize_bye(each, bound_to or "0.0.0.0", port) for each in dialogs}  # noqa: S104
        places = {each.call_id: (each.host, each.port) for each in dialogs}
        for pause_s in _SENT_AGAIN_S:
            for call_id, bye in waiting.items():
                cast("asyncio.DatagramTransport", transport).sendto(bye, places[call_id])
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
