"""A polite SIP peer on a raw socket whose answers a test can choose: no real one sends what it then does.

A test imports the fixtures `peer` and `alice`, and `gateway` with them.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

import pytest

from examples.rtmp_phone import RtmpPhone
from tests.fuzz.odd_sip_peer import OddPeer
from tests.fuzz.sip_dialog import Address, SipMessage
from tests.interop.gateway_fixtures import ALICE
from tests.interop.peers.gateway import Gateway
from tests.interop.peers.ports import HOST

Answers = Callable[["Peer", SipMessage], list[bytes]]


class Peer(OddPeer):
    """Polite, but for its answers to INVITEs while `answers` is set."""

    answers: Answers | None = None
    contact: str | None = None
    """What REGISTER is answered with instead of what is asked for."""
    answers_to_bye: Sequence[Sequence[str]] = ()
    """Status and header of the answers to the first BYEs; those after them get a 200."""
    on_end: Callable[[], None] | None = None
    """Called when the gateway ends a call by BYE or CANCEL."""

    def __init__(self, seed: str, gateway: Address) -> None:
        super().__init__(seed, gateway)
        self.byes_answered = asyncio.Event()

    def datagram_received(self, data: bytes, addr: Address) -> None:
        super().datagram_received(data, addr)
        if self.on_end is not None and data.startswith((b"BYE ", b"CANCEL ")):
            self.on_end()

    def _answer(self, request: SipMessage) -> None:
        if request.method != "BYE" or not self.answers_to_bye:
            super()._answer(request)
            return
        (status, *headers), *self.answers_to_bye = self.answers_to_bye
        self.send(self._response(request, status, headers))
        if not self.answers_to_bye:
            self.byes_answered.set()

    def _answer_register(self, request: SipMessage) -> None:
        if self.contact is None:
            super()._answer_register(request)
        else:
            self.send(self._response(request, "200 OK", [self.contact]))

    async def _answer_invite(self, request: SipMessage) -> None:
        if self.answers is None:
            await super()._answer_invite(request)
            return
        for packet in self.answers(self, request):
            self.send(packet)

    def response(self, request: SipMessage, status: str, sdp: bytes = b"", contact: str = "") -> bytes:
        """Make a response."""
        return self._response(request, status, [contact or self._own_contact], sdp)

    @property
    def sdp(self) -> bytes:
        """A description that can be agreed with."""
        return self.mutator.plain_sdp(self.media_port)

    def invite(self, user: str, sdp: bytes, *headers: str) -> str:
        """Send an INVITE; its Call-ID."""
        dialog = self.new_dialog(user)
        self.send(self._request(dialog, "INVITE", extra=[self._own_contact, *headers], body=sdp))
        return dialog.call_id

    async def final_code(self, call_id: str) -> int:
        """Wait for the final response; its status."""
        return (await self.final_response(call_id)).code

    async def final_response(self, call_id: str) -> SipMessage:
        """Wait for the final response."""
        async with asyncio.timeout(5):
            while True:
                response = await self.dialogs[call_id].responses.get()
                if response.code >= 200:
                    return response

    def request(self, call_id: str, method: str, *headers: str, body: bytes = b"", cseq: str = "") -> None:
        """Send a request in a dialog."""
        dialog = self.dialogs[call_id]
        extra = [self._own_contact, *headers]
        self.send(self._request(dialog, method, cseq=cseq or None, extra=extra, body=body))


@pytest.fixture
async def peer(gateway: Gateway) -> AsyncIterator[Peer]:
    """A peer of the gateway, which must still be able to place a call at the end."""
    started = Peer("", gateway.sip_address)
    await started.start()
    yield started
    started.answers = None
    await started.ping()
    phone = await RtmpPhone.connect(gateway.url())
    await phone.invite(uri(started), "pcmu")
    await phone.bye()
    await phone.close()
    await started.stop()


@pytest.fixture
async def alice(gateway: Gateway, peer: Peer) -> AsyncIterator[RtmpPhone]:
    """A client that is registered at the peer."""
    phone = await RtmpPhone.connect(gateway.url(f"{ALICE}@{HOST}:{peer.port}"), ALICE, "pw")
    yield phone
    await phone.close()


def uri(peer: Peer) -> str:
    """The address at which the peer is called."""
    return f"sip:x@{HOST}:{peer.port}"
