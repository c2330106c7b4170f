import asyncio
import json
import signal

from examples.child_process import ChildProcess
from examples.local_stack import local_stack
from examples.phone_events import Byed
from examples.rtmp_phone import RtmpPhone


async def test_it_ends_with_its_parent():
    async with ChildProcess.run("the echo phone", "examples.echo_phone") as echo_phone:
        ready = json.loads((await echo_phone.line(r"\{.*"))[0])
        assert ready == {
            "event": "ready",
            "uri": f"sip:echo@127.0.0.1:{ready['port']}",
            "port": ready["port"],
        }
        echo_phone.close_input()
        assert await echo_phone.wait() == 0


async def test_a_port_that_does_not_exist_is_refused():
    async with ChildProcess.run("the echo phone", "examples.echo_phone", "--port", "99999") as echo_phone:
        assert await echo_phone.wait() == 2
    assert echo_phone.lines[-1].endswith("--port is 0 to 65535, not 99999")


async def test_it_hangs_up_before_it_ends():
    async with local_stack() as stack:
        phone = await RtmpPhone.connect(stack.rtmp_url)
        await phone.invite(stack.echo_uri, "wideband")
        stack.echo_phone.send_signal(signal.SIGTERM)
        await phone.wait_for(Byed, timeout_s=5)
        assert not phone.is_in_call
        assert await stack.echo_phone.wait() == 0
        await phone.close()


async def test_four_calls_at_once():
    async with local_stack() as stack:
        phones = [await RtmpPhone.connect(stack.rtmp_url) for _ in range(4)]
        accepted = await asyncio.gather(*(phone.invite(stack.echo_uri, "pcmu") for phone in phones))
        assert [answer.audio for answer in accepted] == ["pcmu"] * 4
        await asyncio.gather(*(phone.close() for phone in phones))
