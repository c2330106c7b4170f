"""A SIP phone and registrar on a raw socket that misbehaves at random, or is polite when told to.

No real peer sends such answers, which is why this one is made by hand.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import deque

from tests.fuzz.sip_dialog import Address, Dialog, SipMessage, rtp_address
from tests.fuzz.sip_mutations import Mutator
from tests.fuzz.sip_oddities import HOST, METHODS

ANSWER_S = 0.25
"""How long the peer waits for an answer before it goes on: a damaged request gets none."""
SETTLE_S = 5.0
RETRANSMIT_S = 0.5


class OddPeer(asyncio.DatagramProtocol):
    """`polite` switches all mutations off, and then every call can be placed and ended properly.

    One that `vanishes` also does what leaves the gateway waiting for half a minute, or twice that.
    """

    def __init__(self, seed: str, gateway: Address, *, vanishes: bool = False) -> None:
        self.mutator = Mutator(seed)
        self.gateway = gateway
        self.polite = True
        self.vanishes = vanishes
        self.dialogs: dict[str, Dialog] = {}
        self.sent: deque[bytes] = deque(maxlen=400)
        """The last messages, to be printed when the gateway has not survived them."""
        self.options_answered = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._connections: set[asyncio.StreamWriter] = set()
        self._udp: asyncio.DatagramTransport | None = None
        self._media = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._media.bind((HOST, 0))
        self._answered: set[str] = set()
        self._number = 0

    # -- life ----------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Bind a port."""
        loop = asyncio.get_running_loop()
        self._udp, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(HOST, 0))

    def close_connections(self) -> None:
        """Close those by TCP, of which the gateway can have some forty: later peers need them."""
        for connection in self._connections:
            connection.close()

    async def stop(self) -> None:
        """End what still runs."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        assert self._udp is not None
        self._udp.close()
        self._media.close()

    @property
    def port(self) -> int:
        """Where it receives SIP."""
        assert self._udp is not None
        return int(self._udp.get_extra_info("sockname")[1])

    @property
    def media_port(self) -> int:
        """The port that its descriptions name; what arrives there is not read."""
        return int(self._media.getsockname()[1])

    def send(self, packet: bytes) -> None:
        """Send one datagram to the gateway."""
        assert self._udp is not None
        self.sent.append(packet)
        with contextlib.suppress(OSError):
            self._udp.sendto(packet[:60000], self.gateway)

    def error_received(self, exc: Exception) -> None:
        """Ignore that nobody listens at a port that we were told."""

    # -- what the gateway sends ----------------------------------------------------------------------------

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """Take a message."""
        message = SipMessage.parse(data)
        if message is None:
            return
        if message.code:
            self._take_response(message)
        elif message.method == "REGISTER":
            self._answer_register(message)
        elif message.method == "INVITE":
            self._start(self._answer_invite(message))
        elif message.method == "CANCEL":
            self._answer_cancel(message)
        elif message.method != "ACK":
            self._answer(message)

    def _start(self, work: object) -> None:
        task = asyncio.ensure_future(work)  # type: ignore[call-overload]
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _take_response(self, response: SipMessage) -> None:
        if response.method == "OPTIONS":
            self.options_answered.set()
        dialog = self.dialogs.get(response.get("call-id")) or self._dialog_of(response)
        if dialog is None:
            return
        if "tag=" in response.get("to"):
            dialog.remote = response.get("to")
        if contact := response.get("contact"):
            dialog.target = contact.partition("<")[2].partition(">")[0] or dialog.target
        dialog.rtp = rtp_address(response.body) or dialog.rtp
        if response.method == "INVITE" and response.code >= 200:
            self._acknowledge(dialog, response)
        dialog.responses.put_nowait(response)

    def _dialog_of(self, response: SipMessage) -> Dialog | None:
        """A dialog whose INVITE we damaged, or sent to have it answered to us, must be ended as well."""
        if response.method != "INVITE" or response.code < 200:
            return None
        call_id, contact = response.get("call-id"), response.get("contact")
        target = contact.partition("<")[2].partition(">")[0]
        dialog = Dialog(call_id, response.get("from"), response.get("to"), target, cseq=5000)
        self.dialogs[call_id] = dialog
        return dialog

    def _acknowledge(self, dialog: Dialog, response: SipMessage) -> None:
        if self.polite or not self.vanishes or self.mutator.chance(0.9):
            cseq = response.get("cseq").partition(" ")[0]
            # A non-2xx ACK belongs to its transaction and repeats its branch (RFC 3261 §17.1.1.3).
            via = response.get("via") if response.code >= 300 else None
            body = b"" if dialog.confirmed or self.polite or self.mutator.chance(0.8) else self._sdp()
            self.send(self._request(dialog, "ACK", cseq=f"{cseq} ACK", body=body, via=via))
        if response.code < 300:
            dialog.confirmed = True
            if self.polite:
                self.end(dialog)

    # -- answers -------------------------------------------------------------------------------------------

    def _response(self, request: SipMessage, status: str, extra: list[str], body: bytes = b"") -> bytes:
        to = request.get("to")
        tag = self.mutator.rng.choice("abcd") if not self.polite and self.mutator.chance(0.1) else "peer"
        lines = [f"SIP/2.0 {status}"]
        lines += [f"Via: {value}" for name, value in request.headers if name == "via"]
        lines += [f"From: {request.get('from')}", f"To: {to}" if "tag=" in to else f"To: {to};tag={tag}"]
        lines += [f"Call-ID: {request.get('call-id')}", f"CSeq: {request.get('cseq')}", *extra]
        if body:
            lines.append("Content-Type: application/sdp")
        lines.append(f"Content-Length: {len(body)}")
        packet = "\r\n".join([*lines, "", ""]).encode("latin-1", "replace") + body
        if not self.polite and self.mutator.chance(0.05):
            return self.mutator.damage(packet)
        return packet

    @property
    def _own_contact(self) -> str:
        return f"Contact: <sip:peer@{HOST}:{self.port}>"

    def _contact(self) -> str:
        return self._own_contact if self.polite or self.mutator.chance(0.8) else self.mutator.contact()

    def _sdp(self) -> bytes:
        if self.polite:
            return self.mutator.plain_sdp(self.media_port)
        return self.mutator.sdp(self.media_port)

    def _answer(self, request: SipMessage) -> None:
        if self.polite or self.mutator.chance(0.7):
            self.send(self._response(request, "200 OK", [self._own_contact]))
        else:
            extra = [self._contact(), *self.mutator.headers(), self.mutator.challenge()]
            self.send(self._response(request, self.mutator.status(), extra, self._sdp()))

    def _answer_register(self, request: SipMessage) -> None:
        if self.polite:
            bound = "expires=0" in request.get("contact") or request.get("expires") == "0"
            contact = [] if bound else [f"Contact: {request.get('contact')};expires=3600"]
            self.send(self._response(request, "200 OK", contact))
            return
        kind = self.mutator.rng.randrange(5)
        if kind == 0:
            extra = [self.mutator.challenge() for _ in range(self.mutator.rng.choice((1, 1, 2, 12)))]
            self.send(self._response(request, self.mutator.rng.choice(("401 x", "407 x")), extra))
        elif kind == 1:
            extra = self.mutator.some(("Min-Expires: 0", "Min-Expires: 4294967296", "Min-Expires: x"), 2)
            self.send(self._response(request, "423 Interval Too Brief", extra))
        elif kind == 2:
            self.send(self._response(request, self.mutator.status(), [self.mutator.contact()]))
        else:
            contacts = [self.mutator.contact() for _ in range(self.mutator.rng.choice((0, 1, 2, 30)))]
            contacts += [f"Contact: {request.get('contact')};expires=60"] if kind == 4 else []
            self.send(self._response(request, "200 OK", [*contacts, *self.mutator.headers(2)]))

    async def _answer_invite(self, request: SipMessage) -> None:
        branch = request.get("via")
        if branch in self._answered:
            return
        self._answered.add(branch)
        call_id, tagged = request.get("call-id"), "tag=" in request.get("to")
        if not tagged:
            contact = request.get("contact").partition("<")[2].partition(">")[0]
            to = request.get("to") + ";tag=peer"
            self.dialogs[call_id] = Dialog(call_id, to, request.get("from"), contact, cseq=1000)
            self.dialogs[call_id].rtp = rtp_address(request.body)
            self.dialogs[call_id].incoming_via = branch
        if self.polite or (tagged and self.mutator.chance(0.4)):
            self.send(self._response(request, "200 OK", [self._own_contact], self._sdp()))
            return
        await self._answer_oddly(request)

    async def _answer_oddly(self, request: SipMessage) -> None:
        mutator = self.mutator
        if mutator.chance(0.9):
            self.send(self._response(request, "100 Trying", []))
        for _ in range(mutator.rng.choice((0, 0, 1, 2, 6))):
            extra = [self._contact(), *(["Require: 100rel", "RSeq: 1"] if mutator.chance(0.3) else [])]
            code = mutator.rng.choice((180, 183, 183, 182, 199))
            self.send(
                self._response(request, f"{code} x", extra, self._sdp() if mutator.chance(0.7) else b"")
            )
            await asyncio.sleep(0)
            if mutator.chance(0.3):
                self.in_dialog(self.dialogs[request.get("call-id")])
        if mutator.chance(0.6):
            for _ in range(mutator.rng.choice((1, 1, 1, 2))):
                extra = [self._contact(), *(mutator.headers(2) if mutator.chance(0.3) else [])]
                self.send(self._response(request, "200 OK", extra, self._sdp()))
        elif mutator.chance(0.9):
            extra = [self.mutator.contact(), mutator.challenge(), *mutator.headers(3)]
            self.send(self._response(request, mutator.status(), extra, self._sdp()))

    def _answer_cancel(self, request: SipMessage) -> None:
        self.send(self._response(request, "200 OK", []))
        invite = SipMessage(
            request.first_line,
            tuple(
                (name, value.replace("CANCEL", "INVITE") if name == "cseq" else value)
                for name, value in request.headers
            ),
            b"",
        )
        self.send(self._response(invite, "487 Request Terminated", [self._own_contact]))

    # -- requests ------------------------------------------------------------------------------------------

    def _request(
        self,
        dialog: Dialog,
        method: str,
        *,
        cseq: str | None = None,
        extra: list[str] | None = None,
        body: bytes = b"",
        kind: str = "application/sdp",
        via: str | None = None,
        transport: str = "UDP",
    ) -> bytes:
        if cseq is None:
            dialog.cseq += 1
            cseq = f"{dialog.cseq} {method}"
        self._number += 1
        via = via or f"SIP/2.0/{transport} {HOST}:{self.port};rport;branch=z9hG4bK{self._number}"
        lines = [f"{method} {dialog.target} SIP/2.0", f"Via: {via}"]
        lines += [f"From: {dialog.local}", f"To: {dialog.remote}", f"Call-ID: {dialog.call_id}"]
        lines += [f"CSeq: {cseq}", "Max-Forwards: 70", *(extra or [])]
        if body:
            lines.append(f"Content-Type: {kind}")
        lines.append(f"Content-Length: {len(body)}")
        return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace") + body

    def new_dialog(self, user: str) -> Dialog:
        """A dialog that we are about to begin with a user of the gateway."""
        self._number += 1
        call_id = f"{self.port}-{self._number}"
        target = f"sip:{user}@{self.gateway[0]}:{self.gateway[1]}"
        dialog = Dialog(call_id, f"<sip:peer@{HOST}:{self.port}>;tag=us", f"<{target}>", target)
        self.dialogs[call_id] = dialog
        return dialog

    async def call(self, user: str, transport: str = "UDP") -> Dialog:
        """Call a user with an odd INVITE, do odd things in the call, and end it."""
        mutator, dialog = self.mutator, self.new_dialog(user)
        if mutator.chance(0.15):
            dialog.local = f"{mutator.rng.choice(('', chr(0xE4)))}<{mutator.uri()}>;tag=us"
        if mutator.chance(0.1):
            dialog.remote = f"<{mutator.uri()}>"
        extra = [self._contact(), *(mutator.headers(3) if mutator.chance(0.5) else [])]
        if mutator.chance(0.15):
            extra.append(self._replaces(mutator.rng.choice(("Replaces", "Replaces", "Join"))))
        packet = self._request(dialog, "INVITE", extra=extra, body=self._sdp(), transport=transport)
        if mutator.chance(0.1):
            packet = mutator.damage(packet)
        await self._transmit(packet, transport)
        for _ in range(mutator.rng.choice((0, 1, 3, 6))):
            await self.response(dialog)
            self.in_dialog(dialog)
        await self.response(dialog)
        self.end(dialog)
        return dialog

    async def _transmit(self, packet: bytes, transport: str) -> None:
        if transport == "UDP":
            self.send(packet)
            return
        reader, writer = await asyncio.open_connection(*self.gateway)
        packet += self.mutator.damage(packet) if self.mutator.chance(0.3) else b""
        cut = self.mutator.rng.randrange(len(packet) + 1)
        self.sent.append(packet)
        writer.write(packet[:cut])
        await writer.drain()
        writer.write(packet[cut:])
        if self.vanishes and self.mutator.chance(0.5):
            writer.transport.abort()  # the gateway's answer finds nobody
        else:
            self._start(self._read_tcp(reader, writer))

    async def _read_tcp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                message = SipMessage.parse(head)
                length = int(message.get("content-length") or 0) if message else 0
                self.datagram_received(head + await reader.readexactly(length), self.gateway)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # the gateway has had enough
        finally:
            self._connections.discard(writer)
            writer.close()

    def _replaces(self, header: str) -> str:
        """A header that names one of the dialogs that there are."""
        dialog = self.mutator.rng.choice(list(self.dialogs.values()))
        tags = [value.partition("tag=")[2] or "x" for value in (dialog.remote, dialog.local)]
        return f"{header}: {dialog.call_id};to-tag={tags[0]};from-tag={tags[1]}"

    def in_dialog(self, dialog: Dialog) -> None:
        """Send any request in a dialog, then some RTP and RTCP."""
        mutator = self.mutator
        method = mutator.rng.choice((*METHODS, "INVITE", "INVITE", "UPDATE", "UPDATE", "PRACK", "INFO"))
        kind, body = mutator.body(self.media_port)
        if method in ("INVITE", "UPDATE") and mutator.chance(0.8):
            kind, body = "application/sdp", self._sdp()
        extra = [self._contact(), *(mutator.headers(3) if mutator.chance(0.5) else [])]
        packet = self._request(dialog, method, extra=extra, body=body, kind=kind)
        self.send(mutator.damage(packet) if mutator.chance(0.1) else packet)
        self.send_media(dialog, mutator.rng.choice((0, 5, 60)))

    def send_media(self, dialog: Dialog, packets: int) -> None:
        """Send noise to the gateway's RTP and RTCP ports of this call."""
        if dialog.rtp is None:
            return
        host, port = dialog.rtp
        for _ in range(packets):
            is_rtcp = self.mutator.chance(0.3)
            packet = self.mutator.rtcp() if is_rtcp else self.mutator.rtp()
            with contextlib.suppress(OSError):
                self._media.sendto(packet, (host, port + is_rtcp))

    async def response(self, dialog: Dialog) -> SipMessage | None:
        """Wait a moment for a response."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ANSWER_S):
                return await dialog.responses.get()
        return None

    def end(self, dialog: Dialog) -> None:
        """Send what ends a call in any state: CANCEL and BYE."""
        if not dialog.incoming_via and not dialog.confirmed:
            via = f"SIP/2.0/UDP {HOST}:{self.port};rport;branch=z9hG4bK{dialog.call_id.rpartition('-')[2]}"
            self.send(self._request(dialog, "CANCEL", cseq="2 CANCEL", via=via))
        dialog.cseq += 100
        self.send(self._request(dialog, "BYE"))

    async def ping(self) -> None:
        """Ask with OPTIONS whether the gateway is there; TimeoutError if it does not answer."""
        self.options_answered.clear()
        async with asyncio.timeout(SETTLE_S):
            while not self.options_answered.is_set():
                self.send(self._request(self.new_dialog("ping"), "OPTIONS", extra=[self._own_contact]))
                with contextlib.suppress(TimeoutError):  # UDP may lose it among all the rest
                    await asyncio.wait_for(self.options_answered.wait(), RETRANSMIT_S)
