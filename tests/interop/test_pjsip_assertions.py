"""Messages that end a process with a stock pjsip (its assertions), each of which the gateway must survive.

The peer is a raw socket: no real one sends these.
"""

import asyncio
import contextlib
import os
import re
import signal
import socket
import time

import pytest

from examples.phone_events import Invited, Rejected
from examples.rtmp_phone import CallRefused, RtmpPhone
from rtmp.errors import ConnectRejected
from tests.fuzz.sip_dialog import SipMessage
from tests.interop.gateway_fixtures import ALICE, gateway
from tests.interop.peers.gateway import CALLS, Gateway
from tests.interop.peers.polling import until
from tests.interop.peers.ports import HOST
from tests.interop.raw_peer import Peer, alice, peer, uri
from tests.interop.video_clip import make_clip

__all__ = ["alice", "gateway", "peer"]


@pytest.mark.parametrize(
    "header",
    [
        "Contact: <tel:+12125551234>",
        "Contact: <mailto:a@b.c>",
        "m: <sip:x@y>, <tel:1>",
        "Record-Route: <tel:1>",
    ],
)
async def test_an_answer_whose_ack_could_not_be_sent(gateway: Gateway, peer: Peer, header: str) -> None:
    peer.answers = lambda peer, request: [peer.response(request, "200 OK", peer.sdp, header)]
    phone = await RtmpPhone.connect(gateway.url())
    with pytest.raises(CallRefused, match="502"):
        await phone.invite(uri(peer), "pcmu")
    await phone.close()


async def test_a_good_answer_that_crosses_the_cancel_of_a_bad_one(gateway: Gateway, peer: Peer) -> None:
    peer.answers = lambda peer, request: [
        peer.response(request, "183 Session Progress", peer.sdp.replace(b"RTP/AVP 0", b"RTP/AVP 96")),
        peer.response(request, "200 OK", peer.sdp),
    ]
    phone = await RtmpPhone.connect(gateway.url())
    with pytest.raises(CallRefused):
        await phone.invite(uri(peer), "pcmu")
    await phone.close()


async def test_an_update_of_a_call_without_an_offer(gateway: Gateway, peer: Peer, alice: RtmpPhone) -> None:
    call_id = peer.invite(ALICE, b"")
    await alice.wait_for(Invited, 5)
    while (await peer.dialogs[call_id].responses.get()).code != 180:
        pass
    peer.request(call_id, "UPDATE")
    assert await peer.final_code(call_id) == 481
    peer.request(call_id, "PRACK", "RAck: 1 1 INVITE", body=peer.sdp)
    assert await peer.final_code(call_id) == 481
    await alice.reject("486 Busy Here")
    assert await peer.final_code(call_id) == 486


async def test_an_update_of_a_call_that_rings(gateway: Gateway, peer: Peer, alice: RtmpPhone) -> None:
    """That is allowed, and answered by pjsip: 500 while the first offer has no answer (RFC 3311 §5.2)."""
    call_id = peer.invite(ALICE, peer.sdp)
    await alice.wait_for(Invited, 5)
    while (await peer.dialogs[call_id].responses.get()).code != 180:
        pass
    peer.request(call_id, "UPDATE", body=peer.sdp)
    assert await peer.final_code(call_id) == 500
    await alice.reject("486 Busy Here")
    assert await peer.final_code(call_id) == 486


@pytest.mark.parametrize(
    ("status", "header"), [("401 Unauthorized", "WWW-Authenticate"), ("407 Please", "Proxy-Authenticate")]
)
async def test_a_challenge_to_the_second_bye_of_a_call(
    gateway: Gateway, peer: Peer, alice: RtmpPhone, status: str, header: str
) -> None:
    """Two answers that cannot be used make pjsip send two; the first has ended the call."""
    unusable = [peer.sdp.replace(b"o=- 1", b"o="), peer.sdp.replace(b"c=IN IP4", b"c=ATM NSAP")]
    peer.answers = lambda peer, request: [peer.response(request, "200 OK", sdp) for sdp in unusable]
    peer.answers_to_bye = [["200 OK"], [status, f'{header}: Digest realm="x", nonce="y"']]
    with pytest.raises(CallRefused):
        await alice.invite(uri(peer), "pcmu")
    async with asyncio.timeout(5):
        await peer.byes_answered.wait()


@pytest.mark.parametrize("method", ["REFER", "MESSAGE", "INVITE", "BYE"])
async def test_a_request_in_the_dialog_of_a_call_that_has_ended(
    gateway: Gateway, peer: Peer, alice: RtmpPhone, method: str
) -> None:
    ended = [peer.invite(ALICE, peer.sdp)]
    await alice.wait_for(Invited, 5)
    for _ in range(CALLS):  # the last one has the slot of the first, and rings
        await alice.reject("480 Away")
        assert await peer.final_code(ended[-1]) == 480
        ended.append(peer.invite(ALICE, peer.sdp))
        await alice.wait_for(Invited, 5)
    peer.request(ended[0], method)
    assert await peer.final_code(ended[0]) == 481
    await alice.reject("486 Busy Here")
    assert await peer.final_code(ended[-1]) == 486


@pytest.mark.parametrize("method", ["ACK", "INVITE", "BYE"])
async def test_headers_that_contradict_each_other(gateway: Gateway, peer: Peer, method: str) -> None:
    call_id = peer.invite("nobody", peer.sdp)
    assert await peer.final_code(call_id) == 404
    peer.request(call_id, method, "CSeq: 1 INVITE", body=peer.sdp)
    peer.request(call_id, method, body=peer.sdp, cseq="3 INFO")
    await gateway.wait_logged("its headers contradict each other")


async def test_a_flood_of_calls(gateway: Gateway, peer: Peer) -> None:
    calls = [peer.invite("nobody", peer.sdp) for _ in range(200)]
    assert await peer.final_code(calls[0]) == 404
    await gateway.wait_logged("too many calls at once")
    await recover()


async def test_more_audio_lines_than_anybody_needs(gateway: Gateway, peer: Peer) -> None:
    line = b"m=audio 4000 RTP/AVP 0\r\n"
    assert await peer.final_code(peer.invite("nobody", peer.sdp + 15 * line)) == 488
    assert await peer.final_code(peer.invite("nobody", peer.sdp + line)) == 404


@pytest.mark.parametrize("transport", [b"UDP/TLS/RTP/SAVP", b"udp/tls/rtp/savpf"])
async def test_audio_in_dtls_srtp_alone(
    gateway: Gateway, peer: Peer, alice: RtmpPhone, transport: bytes
) -> None:
    assert await peer.final_code(peer.invite(ALICE, peer.sdp.replace(b"RTP/AVP", transport))) == 488
    await gateway.wait_logged("its audio is in DTLS-SRTP")


@pytest.mark.parametrize("is_first", [False, True])
async def test_audio_in_dtls_srtp_beside_other_audio(
    gateway: Gateway, peer: Peer, alice: RtmpPhone, is_first: bool
) -> None:
    dtls, plain = b"m=audio 4000 UDP/TLS/RTP/SAVP 0\r\n", peer.sdp
    offer = plain.replace(b"m=audio", dtls + b"m=audio") if is_first else plain + dtls
    call_id = peer.invite(ALICE, offer)
    await alice.wait_for(Invited, 5)
    await alice.accept("ulaw")
    answer = await peer.final_response(call_id)
    assert answer.code == 200
    lines = re.findall(rb"m=audio (\S+) (\S+)", answer.body)
    assert lines[not is_first] == (b"0", b"UDP/TLS/RTP/SAVP")
    assert lines[is_first][0] != b"0"


async def test_more_srtp_keys_than_there_is_room_for(gateway: Gateway, peer: Peer) -> None:
    def offer(keys: int) -> bytes:
        lines = (f"a=crypto:{tag} X inline:A\r\n" for tag in range(1, keys + 1))
        return peer.sdp.replace(b"RTP/AVP 0 101", b"RTP/SAVP 0") + "".join(lines).encode()

    assert await peer.final_code(peer.invite("nobody", offer(68))) == 488
    await gateway.wait_logged("it has too many SRTP keys")
    assert await peer.final_code(peer.invite("nobody", offer(32))) in (404, 406), (
        "pjsip knows the suite X not"
    )


async def test_a_rejected_media_line_without_an_address(gateway: Gateway, peer: Peer) -> None:
    session, media = peer.sdp.split(b"t=0 0\r\n")
    connection = b"c=IN IP4 127.0.0.1\r\n"
    assert connection in session
    audio = media.replace(b"\r\n", b"\r\n" + connection, 1)
    offer = session.replace(connection, b"") + b"t=0 0\r\n" + audio
    assert await peer.final_code(peer.invite("nobody", offer)) == 404
    assert await peer.final_code(peer.invite("nobody", offer + b"m=video 0 RTP/AVP 34\r\n")) == 488


@pytest.mark.parametrize("address", [b"::1", b"no.such.host.invalid", b"x" * 300])
async def test_an_offer_whose_address_is_none(gateway: Gateway, peer: Peer, address: bytes) -> None:
    offer = peer.sdp.replace(b"IP4 127.0.0.1\r\nt=", b"IP4 %b\r\nt=" % address)
    assert address in offer
    assert await peer.final_code(peer.invite("nobody", offer)) == 488


@pytest.mark.parametrize("status", ["183 Session Progress", "200 OK"])
@pytest.mark.parametrize("address", [b"::1", b"no.such.host.invalid", b"x" * 300])
async def test_an_answer_whose_address_is_none(
    gateway: Gateway, peer: Peer, address: bytes, status: str
) -> None:
    """The call ends, for the peer as well: by a BYE after a 200, by a CANCEL before it."""
    ended = asyncio.Event()

    def answer(peer: Peer, request: SipMessage) -> list[bytes]:
        return [
            peer.response(
                request, status, peer.sdp.replace(b"IP4 127.0.0.1\r\nt=", b"IP4 %b\r\nt=" % address)
            )
        ]

    peer.answers = answer
    peer.on_end = ended.set
    phone = await RtmpPhone.connect(gateway.url())
    with pytest.raises(CallRefused):
        await phone.invite(uri(peer), "pcmu")
    async with asyncio.timeout(5):
        await ended.wait()
    await phone.close()


async def test_a_large_invite_goes_by_udp(gateway: Gateway, peer: Peer) -> None:
    """Where only UDP passes a firewall, TCP would have to time out first."""
    connections: list[object] = []
    invites: list[int] = []

    def answer(peer: Peer, request: SipMessage) -> list[bytes]:
        invites.append(sum(map(len, (request.first_line, *map("".join, request.headers), request.body))))
        return [peer.response(request, "200 OK", peer.sdp)]

    peer.answers = answer
    server = await asyncio.start_server(lambda reader, _: connections.append(reader), HOST, peer.port)
    async with server:
        phone = await RtmpPhone.connect(gateway.url())
        await phone.invite(f"sip:{'x' * 200}@{HOST}:{peer.port}")
        await phone.bye()
        await phone.close()
    assert invites[0] > 1300
    assert not connections


async def test_video_in_the_call_that_the_peer_refuses(gateway: Gateway, peer: Peer) -> None:
    """It refuses the whole re-INVITE; the next one, which is for something else, does without."""
    offers: list[str] = []

    def answer(peer: Peer, request: SipMessage) -> list[bytes]:
        offers.append(request.body.decode())
        if "H264" in offers[-1]:
            return [peer.response(request, "488 Not Acceptable Here")]
        return [peer.response(request, "200 OK", peer.sdp + b"m=video 0 RTP/AVP 97\r\n")]

    peer.answers = answer
    phone = await RtmpPhone.connect(gateway.url())
    await phone.invite(uri(peer))
    phone.send_video(0, make_clip(1).header)
    await until(lambda: len(offers) == 2, "video to be offered")
    await phone.hold(True)
    await until(lambda: len(offers) == 3, "the hold")
    assert ["x-flv" in offers[0], "H264" in offers[1], "m=video 0 " in offers[2]] == [True] * 3
    await phone.bye()
    await phone.close()


async def test_a_registrar_that_answers_with_a_star(gateway: Gateway, peer: Peer) -> None:
    peer.contact = "Contact: *"
    with pytest.raises(ConnectRejected, match="502"):
        await RtmpPhone.connect(gateway.url(f"{ALICE}@{HOST}:{peer.port}"), ALICE, "pw")


async def test_a_flood_of_tcp_connections(gateway: Gateway, peer: Peer) -> None:
    gate_shuts = asyncio.ensure_future(
        gateway.wait_logged("TCP connections for SIP: new ones have to wait", 30)
    )
    with contextlib.ExitStack() as stack:
        # The kernel drops what does not fit into the backlog, and clients try again after a second: so 20 at
        # a time until the gate is shut, and then a burst of as many as there can be.
        while not gate_shuts.done():
            await asyncio.gather(*(_open_tcp(gateway, stack) for _ in range(20)))
        await gate_shuts
        await asyncio.gather(*(_open_tcp(gateway, stack) for _ in range(200)))
    deadline = time.monotonic() + 10
    while not await _answers_over_tcp(gateway, peer):
        assert time.monotonic() < deadline


async def _open_tcp(gateway: Gateway, stack: contextlib.ExitStack) -> None:
    """Open a connection that stays; not within a fifth of a second means not at all."""
    connection = stack.enter_context(socket.socket())
    connection.setblocking(False)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.2):
            await asyncio.get_running_loop().sock_connect(connection, gateway.sip_address)


async def _answers_over_tcp(gateway: Gateway, peer: Peer) -> bool:
    packet = peer._request(peer.new_dialog("x"), "OPTIONS", extra=[peer._own_contact], transport="TCP")
    try:
        async with asyncio.timeout(2):
            reader, writer = await asyncio.open_connection(*gateway.sip_address)
            writer.write(packet)
            answer = await reader.readuntil(b"\r\n")
    except (TimeoutError, OSError, asyncio.IncompleteReadError):
        return False
    writer.close()
    return answer.startswith(b"SIP/2.0 200")


async def test_texts_that_are_no_utf8(gateway: Gateway, peer: Peer, alice: RtmpPhone) -> None:
    peer.answers = lambda peer, request: [peer.response(request, "486 bes\xe4tzt")]
    with pytest.raises(CallRefused, match="486 bes\ufffdtzt"):
        await alice.invite(uri(peer), "pcmu")
    await alice.wait_for(Rejected, 5)
    dialog = peer.new_dialog(ALICE)
    dialog.local = f'"J\xfcrgen" <sip:j@{HOST}>;tag=us'
    peer.send(peer._request(dialog, "INVITE", extra=[peer._own_contact], body=peer.sdp))
    assert (await alice.wait_for(Invited, 5)).caller.startswith('"J\ufffdrgen"')
    await alice.reject("486 Busy Here")
    assert await peer.final_code(dialog.call_id) == 486


async def test_what_short_calls_leave_behind(gateway: Gateway, peer: Peer) -> None:
    """Each call has a port of pjmedia's conference bridge, which has 254."""
    phone = await RtmpPhone.connect(gateway.url())
    for _ in range(8):
        await phone.invite(uri(peer), "pcmu")
        await phone.bye()
    await phone.close()
    async with asyncio.timeout(5):
        while "calls=0 accounts=0 conference_ports=1 " not in (await status(gateway)):
            pass


async def status(gateway: Gateway) -> str:
    """What the gateway says that it holds."""
    before = gateway.process.output().count("status: ")
    os.kill(gateway.process.pid, signal.SIGUSR1)
    while gateway.process.output().count("status: ") == before:
        gateway.process.check_running()
        await asyncio.sleep(0.02)
    return gateway.process.output().rpartition("status: ")[2]


async def recover() -> None:
    """Wait until the gateway takes calls again, after a flood."""
    await asyncio.sleep(0.7)
