"""A call that has ended is gone without the collector, whose full runs are far apart: memory would grow."""

import asyncio
import sys
from asyncio.subprocess import PIPE

import pytest

from tests.interop.peers.ports import HOST, free_port
from tests.interop.peers.sipp import Sipp
from tests.siprtmp_b2bua.test_cli import REPOSITORY

pytestmark = pytest.mark.interop("sipp")

_CALLS = 3
_SCRIPT = """
import asyncio, collections, gc, itertools, sys
from examples.rtmp_phone import RtmpPhone
from siprtmp_b2bua.app import Gateway
from siprtmp_b2bua.config import GatewayConfig

host, sip_port, uri, calls = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
ours = ("siprtmp_b2bua", "media_bridge", "rtmp", "ctypes")


async def call(gateway, phone):
    await phone.invite(uri, "ulaw")
    await phone.send_in_real_time(itertools.repeat(bytes(phone.send_codec.frame_bytes), 10))
    await phone.bye()
    while (await gateway.status()).workers[0].calls:
        await asyncio.sleep(0.01)


async def main():
    gateway = Gateway(GatewayConfig(
        rtmp={"host": host, "port": 0}, sip={"int_ip": host, "port": sip_port}, workers={"count": 1}))
    await gateway.start()
    phone = await RtmpPhone.connect(f"rtmp://{host}:{gateway.rtmp_port}/sip/anonymous@invalid")
    await call(gateway, phone)
    gc.collect()
    gc.disable()
    for _ in range(calls):
        await call(gateway, phone)
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


async def test_a_call_leaves_nothing_for_the_collector() -> None:
    async with Sipp("uas_answer", rtp_echo=True, calls=_CALLS + 1) as callee:
        arguments = [HOST, str(free_port()), callee.sip_uri(), str(_CALLS)]
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", _SCRIPT, *arguments, cwd=REPOSITORY, stdout=PIPE, stderr=PIPE
        )
        async with asyncio.timeout(60):
            output, errors = await process.communicate()
        assert process.returncode == 0, errors.decode()
        assert output.startswith(b"0 "), output
        (await callee.wait()).check()
