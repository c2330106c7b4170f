"""Calls and clients that have gone leave nothing to the collector, whose full runs are far apart."""

import asyncio
import sys
from asyncio.subprocess import PIPE

import pytest

from tests.interop.peers.ports import HOST, free_port
from tests.interop.peers.sipp import Sipp
from tests.siprtmp_b2bua.test_cli import REPOSITORY

pytestmark = pytest.mark.interop("sipp")

_ROUNDS = 3
_SCRIPT = """
import asyncio, collections, gc, itertools, sys
from examples.rtmp_phone import RtmpPhone
from siprtmp_b2bua.app import Gateway
from siprtmp_b2bua.config import GatewayConfig

host, sip_port, uri, rounds = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
ours = ("siprtmp_b2bua", "media_bridge", "rtmp", "ctypes")


async def connect(gateway):
    return await RtmpPhone.connect(f"rtmp://{host}:{gateway.rtmp_port}/sip/anonymous@invalid")


async def talk(phone):
    await phone.invite(uri, "ulaw")
    await phone.send_in_real_time(itertools.repeat(bytes(phone.send_codec.frame_bytes), 10))


async def ended(gateway):
    while (await gateway.status()).workers[0].calls:
        await asyncio.sleep(0.01)


async def call(gateway, phone):
    await talk(phone)
    await phone.bye()
    await ended(gateway)


async def come_and_go(gateway):
    phone = await connect(gateway)
    await call(gateway, phone)
    await phone.close()


async def leave_in_a_call(gateway):
    phone = await connect(gateway)
    await talk(phone)
    await phone.close()
    await ended(gateway)


async def main():
    gateway = Gateway(GatewayConfig(
        rtmp={"host": host, "port": 0}, sip={"int_ip": host, "port": sip_port}, workers={"count": 1}))
    await gateway.start()
    phone = await connect(gateway)
    await call(gateway, phone)
    gc.collect()
    gc.disable()
    for _ in range(rounds):
        await WORK
    gc.set_debug(gc.DEBUG_SAVEALL)
    gc.collect()
    gc.set_debug(0)
    garbage = [each for each in gc.garbage if type(each).__module__.startswith(ours)]
    left = collections.Counter(type(each).__qualname__ for each in garbage)
    gc.garbage.clear()
    await phone.close()
    await gateway.stop()
    print(sum(left.values()), dict(left))


asyncio.run(main())
"""


@pytest.mark.parametrize("work", ["call(gateway, phone)", "come_and_go(gateway)", "leave_in_a_call(gateway)"])
async def test_nothing_is_left_for_the_collector(work: str) -> None:
    async with Sipp("uas_answer", rtp_echo=True, calls=_ROUNDS + 1) as callee:
        script = _SCRIPT.replace("WORK", work)
        arguments = [HOST, str(free_port()), callee.sip_uri(), str(_ROUNDS)]
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", script, *arguments, cwd=REPOSITORY, stdout=PIPE, stderr=PIPE
        )
        async with asyncio.timeout(60):
            output, errors = await process.communicate()
        assert process.returncode == 0, errors.decode()
        assert output.startswith(b"0 "), output
        (await callee.wait()).check()
