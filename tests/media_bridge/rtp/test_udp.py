"""Sessions on real sockets of this machine, on both event loops."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from random import Random

import pytest

from media_bridge.errors import PortsInUseError
from media_bridge.rtp.crypto_attribute import CryptoAttribute, CryptoSuite
from media_bridge.rtp.events import Event, KeyFrameRequested, PeerLeft
from media_bridge.rtp.jitter_buffer import OrderedPacket
from media_bridge.rtp.session import RtpSession
from media_bridge.rtp.srtp import SrtpContext
from media_bridge.rtp.udp import RtpEndpoint
from media_bridge.rtp.udp_ports import MAX_TRIES, UdpPorts, bind_udp_ports
from tests.interop.peers.polling import until
from tests.interop.peers.ports import HOST, free_port_range, free_rtp_port
from tests.rtmp.both_loops import on_both_loops

from .peers import make_session, negotiated

PICTURE = [bytes([k]) * 1200 for k in range(170)]


class Peer:
    """An endpoint that keeps what it is told, and lets a test wait for it."""

    def __init__(self, session: RtpSession, ports: UdpPorts) -> None:
        self.events: list[Event] = []
        self._changed = asyncio.Event()
        self.endpoint = RtpEndpoint(session, ports, self._note)

    def _note(self, events: list[Event]) -> None:
        assert events
        self.events += events
        self._changed.set()

    def count(self, kind: type[Event]) -> int:
        return sum(isinstance(event, kind) for event in self.events)

    @property
    def payloads(self) -> list[bytes]:
        return [event.packet.payload for event in self.events if isinstance(event, OrderedPacket)]

    async def wait(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not condition():
                self._changed.clear()
                await self._changed.wait()


def bind(*, rtcp_mux: bool = False) -> UdpPorts:
    ports = free_port_range()
    return bind_udp_ports(HOST, ports[0], ports[-1], rtcp_mux=rtcp_mux)


@asynccontextmanager
async def peers(*, encrypted: bool = False, **changes: object) -> AsyncIterator[tuple[Peer, Peer]]:
    mux = bool(changes.get("rtcp_mux"))
    bound = [bind(rtcp_mux=mux) for _ in range(2)]
    addresses = [(HOST, ports.rtp_port) for ports in bound]
    keys = [CryptoAttribute.generate(1, CryptoSuite.AES_CM_128_HMAC_SHA1_80) for _ in range(2)]
    made = []
    for k in range(2):
        srtp = SrtpContext(keys[k], keys[1 - k]) if encrypted else None
        loop_now_s = asyncio.get_running_loop().time()
        session = make_session(addresses[1 - k], seed=k, now_s=loop_now_s, srtp=srtp, **changes)
        made.append(Peer(session, bound[k]))
    try:
        yield made[0], made[1]
    finally:
        for peer in made:
            peer.endpoint.close()


@pytest.mark.parametrize("encrypted", [False, True])
@pytest.mark.parametrize("rtcp_mux", [False, True])
@on_both_loops
async def test_a_key_picture_and_a_request_for_one(rtcp_mux: bool, encrypted: bool) -> None:
    async with peers(rtcp_mux=rtcp_mux, encrypted=encrypted, pli=True, nack=True) as (a, b):
        a.endpoint.send(PICTURE, 0)
        await b.wait(lambda: len(b.payloads) == 170)
        assert b.payloads == PICTURE
        assert [event.packet.marker for event in b.events if isinstance(event, OrderedPacket)].index(
            True
        ) == 169
        assert b.endpoint.request_key_frame()
        await a.wait(lambda: a.count(KeyFrameRequested) == 1)
        a.endpoint.close()
        await b.wait(lambda: b.count(PeerLeft) == 1)
        assert a.endpoint.socket_errors == b.endpoint.socket_errors == 0


@on_both_loops
async def test_reports_tell_the_round_trip() -> None:
    async with peers() as (a, b):

        def measured() -> float | None:
            a.endpoint.send([b"x"], 0)
            return a.endpoint.session.statistics().round_trip_s

        assert await until(measured, "a report about what is sent") < 0.1
        assert set(b.payloads) == {b"x"}


@on_both_loops
async def test_a_peer_that_is_not_there_ends_nothing() -> None:
    """The kernel answers for it: ICMP port unreachable, which a connected socket is told of."""
    port = free_rtp_port()
    ports = bind()
    ports.rtp.connect((HOST, port))
    peer = Peer(make_session((HOST, port)), ports)
    peer.endpoint.send([b"x"], 0)
    await until(lambda: peer.endpoint.socket_errors, "the ICMP error")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as there:
        there.bind((HOST, port))
        there.setblocking(False)
        peer.endpoint.send([b"again"], 0)
        async with asyncio.timeout(10):
            data = await asyncio.get_running_loop().sock_recv(there, 100)
    assert data.endswith(b"again")
    peer.endpoint.close()


@on_both_loops
async def test_what_the_user_raises_is_reported_and_ends_nothing() -> None:
    reported: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context["exception"]))
    ports = bind()
    calls = asyncio.Semaphore(0)

    def fail(_: list[Event]) -> None:
        calls.release()
        raise RuntimeError("of the user")

    endpoint = RtpEndpoint(make_session((HOST, free_rtp_port())), ports, fail)
    sender = bind()
    session = make_session((HOST, ports.rtp_port), seed=9)
    other = Peer(session, sender)
    endpoint.session.renegotiate(negotiated((HOST, sender.rtp_port)), 0.0, srtp=None)
    for _ in range(2):
        other.endpoint.send([b"x"], 0)
        async with asyncio.timeout(10):
            await calls.acquire()
    other.endpoint.close()
    endpoint.close()
    assert [str(error) for error in reported] == ["of the user"] * len(reported)
    assert len(reported) >= 1


@on_both_loops
async def test_closing_leaves_nothing_behind() -> None:
    ports = bind()
    peer = Peer(make_session((HOST, free_rtp_port())), ports)
    peer.endpoint.send(PICTURE, 0)
    for _ in range(2):
        peer.endpoint.close()
    assert ports.rtcp is not None
    assert (ports.rtp.fileno(), ports.rtcp.fileno()) == (-1, -1)
    peer.endpoint.send([b"x"], 0)
    assert not peer.endpoint.request_key_frame()
    peer.endpoint.flush()
    assert peer.endpoint.session.statistics().counters.unsent == 1


@on_both_loops
async def test_a_peer_that_cannot_be_reached_ends_nothing() -> None:
    """No route (a socket of the loopback address cannot leave the machine), and no socket for RTCP."""
    ports = bind(rtcp_mux=True)
    peer = Peer(make_session(("192.0.2.1", 4000)), ports)
    peer.endpoint.send([b"x"], 0)
    assert peer.endpoint.socket_errors == 2
    peer.endpoint.close()


# -- ports


def test_an_even_port_and_the_odd_one_above_it() -> None:
    ports = bind()
    assert ports.rtp_port % 2 == 0
    assert ports.rtcp is not None
    assert ports.rtcp.getsockname() == (HOST, ports.rtp_port + 1)
    assert not ports.rtp.getblocking()
    ports.close()


def test_one_port_for_both() -> None:
    ports = bind(rtcp_mux=True)
    assert ports.rtcp is None
    assert ports.rtp_port % 2 == 0
    ports.close()


@pytest.mark.parametrize("taken", [0, 1])
def test_the_next_pair_is_tried(taken: int) -> None:
    block = free_port_range()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as holder:
        holder.bind((HOST, block[taken]))
        for seed in range(8):
            ports = bind_udp_ports(HOST, block[0], block[3], random=Random(seed))
            assert ports.rtp_port == block[2]
            ports.close()


def test_a_range_that_is_taken() -> None:
    block = free_port_range()
    holders = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
    for holder, port in zip(holders, block[1:4:2], strict=True):
        holder.bind((HOST, port))
    with pytest.raises(PortsInUseError, match="2 pairs tried"):
        bind_udp_ports(HOST, block[0], block[3])
    for holder in holders:
        holder.close()
    bind_udp_ports(HOST, block[0], block[1]).close()


def test_the_tries_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    tries = []
    monkeypatch.setattr("media_bridge.rtp.udp_ports._bind", lambda host, port: tries.append(port))
    with pytest.raises(PortsInUseError):
        bind_udp_ports(HOST, 10_000, 60_000)
    assert len(set(tries)) == MAX_TRIES
    assert all(port % 2 == 0 for port in tries)


def test_a_range_without_a_pair_and_an_address_that_is_not_ours() -> None:
    with pytest.raises(ValueError, match="no even port"):
        bind_udp_ports(HOST, 10_001, 10_002)
    with pytest.raises(OSError, match="assign") as caught:
        bind_udp_ports("192.0.2.1", 10_000, 10_999)
    assert caught.value.errno == errno.EADDRNOTAVAIL


def test_ipv6() -> None:
    block = free_port_range()
    try:
        ports = bind_udp_ports("::1", block[0], block[-1])
    except OSError as error:
        pytest.skip(f"no IPv6 here: {error}")
    assert ports.rtp.family is socket.AF_INET6
    ports.close()
