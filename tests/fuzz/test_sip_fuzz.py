"""A gateway that is sent mutated SIP, SDP, RTP and RTCP must survive: with a clean log and all calls free.

A few seconds by default; SIPRTMP_FUZZ_SECONDS=600 goes on for longer, SIPRTMP_FUZZ_SEED=7 starts elsewhere.
What was sent last, and the gateway's log, are kept in sip-fuzz-SEED.log of the temporary directory if it does
not survive.
"""

import asyncio
import contextlib
import os
import random
import tempfile
import time
from collections.abc import Callable, Coroutine
from pathlib import Path

from examples.phone_events import Invited
from examples.rtmp_phone import CallRefused, RtmpPhone
from rtmp.errors import ConnectRejected, RtmpError
from tests.fuzz.odd_sip_peer import OddPeer
from tests.interop.conftest import Peers
from tests.interop.peers.gateway import CALLS, Gateway
from tests.interop.peers.ports import HOST

SECONDS = float(os.environ.get("SIPRTMP_FUZZ_SECONDS", "8"))
IS_LONG = "SIPRTMP_FUZZ_SECONDS" in os.environ
SEED = int(os.environ.get("SIPRTMP_FUZZ_SEED", "1"))
USERS = ("alice", "bob", "carol")
CODECS = ("wideband", "narrowband", "pcmu", "pcma", "ulaw", "alaw", "dtmf", "h264", "flv", "x")
LINES = 7
"""How many clients can be registered in it."""
INVITE_S = 4.0
"""A call may wait two seconds for a place that another has just had."""
FREE_S = 75.0
"""A call whose peer has gone ends after 64·T1 for the 200 and as long for its BYE (RFC 3261 §17.1)."""
LAST_LINES = 60
"""Of the gateway's log, printed if it does not survive."""


Probe = Callable[[Gateway, OddPeer], Coroutine[None, None, bool]]


class RandomClient:
    """A registered RTMP client that accepts, rejects, calls, holds and hangs up at random."""

    def __init__(self, phone: RtmpPhone, peer: OddPeer, rng: random.Random) -> None:
        self.phone = phone
        self._peer = peer
        self._rng = rng

    async def run(self) -> None:
        """Go on until cancelled."""
        while not self.phone.client.is_closed:
            with contextlib.suppress(RtmpError, CallRefused, TimeoutError):
                async with asyncio.timeout(self._rng.choice((0.1, 0.3, 0.6))):
                    await self._act()

    async def _act(self) -> None:
        rng, phone = self._rng, self.phone
        codecs = [rng.choice(CODECS) for _ in range(rng.choice((0, 1, 3)))]
        action = rng.randrange(10)
        if action <= 3:
            await phone.wait_for(Invited)
            await phone.accept(*codecs) if rng.random() < 0.7 else await phone.reject("480 Away")
        elif action <= 5:
            await phone.invite(f"sip:x@{HOST}:{self._peer.port}", *codecs)
        elif action == 6:
            await phone.send_dtmf(rng.choice(("1", "*#ABCD", "123456789")))
        elif action == 7:
            await phone.hold(rng.random() < 0.5)
        else:
            await phone.bye()


async def connect(gateway: Gateway, peer: OddPeer, user: str) -> RtmpPhone:
    """Register a client at the peer."""
    return await RtmpPhone.connect(gateway.url(f"{user}@{HOST}:{peer.port}"), user, "secret")


async def connect_when_free(gateway: Gateway, peer: OddPeer, user: str) -> RtmpPhone:
    """Wait for a line: one whose registrar does not answer when it unregisters is kept for a while."""
    async with asyncio.timeout(FREE_S):
        while True:
            try:
                return await connect(gateway, peer, user)
            except ConnectRejected as refused:
                if "503" not in str(refused):
                    raise
            await asyncio.sleep(0.1)


async def one_batch(gateway: Gateway, seed: str) -> OddPeer:
    """Some seconds of mutated traffic to and from three clients, which the gateway must survive.

    The peer is returned running, and polite: it answers what the gateway still sends to end its calls.
    """
    peer = OddPeer(seed, gateway.sip_address, vanishes=IS_LONG)
    await peer.start()
    try:
        await _misbehave(gateway, peer)
        await _settle(gateway, peer)
    except BaseException:
        record = Path(tempfile.gettempdir()) / f"sip-fuzz-{seed}.log"
        record.write_bytes(b"\n----\n".join([*peer.sent, gateway.process.output().encode()]))
        print(*gateway.process.output().splitlines()[-LAST_LINES:], sep="\n")
        print(f"seed {seed}: what was sent is in {record}")
        await peer.stop()
        raise
    return peer


async def _misbehave(gateway: Gateway, peer: OddPeer) -> None:
    phones = [await connect_when_free(gateway, peer, user) for user in USERS]
    peer.polite = False
    rng = peer.mutator.rng
    clients = [asyncio.ensure_future(RandomClient(phone, peer, rng).run()) for phone in phones]
    callers = [_call_often(peer, user, 3) for user in (*USERS, "nobody")]
    strangers = asyncio.ensure_future(_register_oddly(gateway, peer))
    await asyncio.gather(*callers)
    await strangers
    for client in clients:
        client.cancel()
    await asyncio.gather(*clients, return_exceptions=True)
    peer.polite = True
    for dialog in peer.dialogs.values():
        peer.end(dialog)
    for phone in phones:
        await phone.close()


async def _call_often(peer: OddPeer, user: str, calls: int) -> None:
    for _ in range(calls):
        await peer.call(user, peer.mutator.rng.choice(("UDP", "UDP", "UDP", "TCP")))


async def _register_oddly(gateway: Gateway, peer: OddPeer) -> None:
    """Connect while the registrar answers anything; most of these are refused."""
    with contextlib.suppress(RtmpError, TimeoutError, OSError):
        async with asyncio.timeout(1.5):
            await (await connect(gateway, peer, "dora")).close()


async def _settle(gateway: Gateway, peer: OddPeer) -> None:
    await peer.ping()
    gateway.check_clean()
    peer.close_connections()


async def simultaneous_calls(gateway: Gateway, peer: OddPeer) -> bool:
    """Whether all calls of the process are free: place them all, and end them."""
    phones = [await RtmpPhone.connect(gateway.url()) for _ in range(CALLS)]
    try:
        for phone in phones:
            async with asyncio.timeout(INVITE_S):
                await phone.invite(f"sip:x@{HOST}:{peer.port}", "pcmu")
    except CallRefused as refused:
        if not refused.status.startswith("503"):
            raise
        return False
    finally:
        for phone in phones:
            with contextlib.suppress(RtmpError):
                await phone.bye()
            await phone.close()
    return True


async def lines_are_free(gateway: Gateway, peer: OddPeer) -> bool:
    """Whether all seven registrations of the process are free."""
    phones = []
    try:
        for number in range(LINES):
            phone = await connect(gateway, peer, f"line{number}")
            phones.append(phone)  # one by one: those before a refused one must be closed as well
    except RtmpError:
        return False
    finally:
        for phone in phones:
            await phone.close()
    return True


async def eventually(probe: Probe, gateway: Gateway, peer: OddPeer) -> None:
    """Ask once a second, which is what a gateway that limits the rate of calls allows."""
    deadline = time.monotonic() + FREE_S
    while not await probe(gateway, peer):
        assert time.monotonic() < deadline, f"{probe.__name__} is not true after {FREE_S:g} s"
        await asyncio.sleep(1)


async def test_mutated_sip(peers: Peers) -> None:
    gateway = await peers.start(Gateway("-d", settings={"SIP__REGISTER_TIMEOUT_S": "1"}))
    end, batch = time.monotonic() + SECONDS, 0
    async with contextlib.AsyncExitStack() as stack:
        while time.monotonic() < end:
            stack.push_async_callback((await one_batch(gateway, f"{SEED}.{batch}")).stop)
            batch += 1
        # It answers until the end: calls and lines that it has ended would otherwise not be free for long.
        polite = OddPeer("polite", gateway.sip_address)
        await polite.start()
        stack.push_async_callback(polite.stop)
        await eventually(simultaneous_calls, gateway, polite)
        await eventually(lines_are_free, gateway, polite)
        gateway.check_clean()
    print(f"{batch} batches survived")
