"""Forty calls through ten workers, and what can go wrong: only the calls of a worker that is hit end."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import signal
from collections.abc import Iterable

import pytest

from benchmarks import process_stats
from examples.phone_events import Byed, Invited
from examples.rtmp_phone import RtmpPhone
from rtmp.errors import RtmpError
from tests.interop.conftest import Peers
from tests.interop.peers.gateway import CALLS, Gateway
from tests.interop.peers.kamailio import Kamailio
from tests.interop.peers.ports import HOST
from tests.interop.peers.sipp import Sipp
from tests.interop.signals import assert_tone_heard

pytestmark = pytest.mark.interop("sipp", "kamailio")

WORKERS = 10
USERS = {f"user{number}": f"secret{number}" for number in range(WORKERS * CALLS)}
EXPIRES_S = 8
"""Then pjsip renews a registration every three seconds."""
REGISTRAR_GONE_S = 30.0
REGISTERED_S = 40.0
"""A REGISTER goes on for 32 s (RFC 3261 §17.1.2.2); if it was in vain, the next comes 30 s later."""
AT_ONCE = 8
"""How many calls this process can have speak at the same time, beside all else that it does."""
ENDED_S = 5.0


async def test_of_forty_calls_only_those_of_a_worker_that_is_hit_end(peers: Peers) -> None:
    registrar = await peers.start(Kamailio(users=USERS, max_expires_s=EXPIRES_S))
    gateway = await peers.start(Gateway("-d", workers=WORKERS))
    callee = await peers.start(Sipp("uas_answer", rtp_echo=True, calls=10 * len(USERS), timeout_s=300))
    calls = Calls(gateway, registrar, callee)
    await calls.place(USERS)
    await calls.assert_heard()
    await calls.outlive_the_registrar(peers)
    gateway.check_clean()
    for number, fault in enumerate((signal.SIGKILL, signal.SIGABRT, signal.SIGSTOP), start=2):
        await calls.outlive_a_worker(number, fault)
    await calls.outlive_a_full_disk()
    await calls.end(USERS)
    (await callee.finish()).check()


class Calls:
    """Calls of registered clients to one that sends all sound back, by user."""

    def __init__(self, gateway: Gateway, registrar: Kamailio, callee: Sipp) -> None:
        self._gateway = gateway
        self._registrar = registrar
        self._callee = callee
        self._phones: dict[str, RtmpPhone] = {}

    async def place(self, users: Iterable[str]) -> None:
        """Have these register and call."""
        for user in users:
            url = self._gateway.url(f"{user}@{HOST}:{self._registrar.port}")
            self._phones[user] = await RtmpPhone.connect(url, user, USERS[user])
            await self._call(user)

    async def _call(self, user: str) -> None:
        await self._phones[user].invite(self._callee.sip_uri(), "ulaw", "dtmf")

    async def end(self, users: Iterable[str]) -> None:
        """Have these hang up and leave."""
        for user in users:
            phone = self._phones.pop(user)
            await phone.bye()
            await phone.close()

    async def assert_heard(self) -> None:
        """Assert that each caller is connected and hears itself."""
        phones = list(self._phones.values())
        for first in range(0, len(phones), AT_ONCE):
            await asyncio.gather(*(assert_tone_heard(phone) for phone in phones[first : first + AT_ONCE]))
        assert not any(phone.client.is_closed for phone in phones)

    async def outlive_a_worker(self, number: int, fault: signal.Signals) -> None:
        """Have a worker fail: its clients lose their connections, come back and call again."""
        before = {asyncio.ensure_future(_has_ended(phone)): user for user, phone in self._phones.items()}
        await self._gateway.kill_worker(number, fault)
        ended: set[asyncio.Future[None]] = set()
        async with asyncio.timeout(ENDED_S):
            while len(ended) < CALLS:
                done, _ = await asyncio.wait(before.keys() - ended, return_when=asyncio.FIRST_COMPLETED)
                ended |= done
        byes = f"sent a BYE to the peers of worker {number}; {CALLS} of {CALLS} answered"
        await self._gateway.wait_logged(byes)
        hit = [before[end] for end in ended]
        for user in hit:
            del self._phones[user]
        await self.assert_heard()
        assert sum(end.done() for end in before) == CALLS
        await self.place(hit)  # with its successor
        await self.assert_heard()
        for end in before:
            end.cancel()

    async def outlive_the_registrar(self, peers: Peers) -> None:
        """End the registrar for a while. All registrations end meanwhile, and are made again after it."""
        await self._registrar.stop()
        back = asyncio.ensure_future(self._start_registrar_later())
        while not back.done():
            await self.assert_heard()
        await back
        for user in USERS:
            await self._registrar.wait_registered(user, REGISTERED_S)
        await self.assert_heard()
        for user in ("user0", f"user{len(USERS) - 1}"):
            phone = self._phones[user]
            await phone.bye()
            caller = await peers.start(
                Sipp("uac_invite_ringing", remote=self._registrar.address, service=user)
            )
            await phone.wait_for(Invited, 5)
            await phone.accept()
            await phone.wait_for(Byed, 5)
            (await caller.wait()).check()
            await self._call(user)

    async def _start_registrar_later(self) -> None:
        await asyncio.sleep(REGISTRAR_GONE_S)
        await self._registrar.start()  # anew: it knows of no binding

    async def outlive_a_full_disk(self) -> None:
        """Have every write to a file fail, in all processes of the gateway: its log is one."""
        for pid in process_stats.process_tree(self._gateway.process.pid):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        log = self._gateway.process.output_path
        size = log.stat().st_size
        await self.assert_heard()
        again = list(USERS)[: 2 * CALLS]
        await self.end(again)
        await self.place(again)
        await self.assert_heard()
        assert log.stat().st_size == size


async def _has_ended(phone: RtmpPhone) -> None:
    with contextlib.suppress(RtmpError):
        await phone.client.closed
