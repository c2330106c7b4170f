import asyncio

import pytest

from examples.phone_audio import SendCodec
from examples.phone_events import (
    Accepted,
    Byed,
    Cancelled,
    Holded,
    Invited,
    Rejected,
)
from examples.rtmp_phone import CallRefused, RtmpPhone
from rtmp.errors import CallFailed, ConnectionLost, ConnectRejected

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_calls_one_after_the_other(stack):
    phone = await RtmpPhone.connect(stack.rtmp_url, display_name="Ann", rate="narrowband")
    with pytest.raises(CallRefused, match="404 Not Found"):
        await phone.invite("<>")
    assert await phone.next_event(1) == Rejected("404 Not Found")
    assert await phone.invite(stack.echo_uri) == Accepted(None, None)
    assert await phone.wait_for(Accepted, 1) == Accepted(None, None)
    assert phone.send_codec is SendCodec.SPEEX_WIDEBAND
    with pytest.raises(CallFailed):
        await phone.invite(stack.echo_uri)
    await phone.bye()
    await stack.echo_phone.line('"event": "ended"')
    assert (await phone.invite(stack.echo_uri, "pcma")).audio == "pcma"
    assert phone.send_codec is SendCodec.PCMA
    await phone.close()
    with pytest.raises(ConnectionLost):
        await phone.wait_for(Byed, 1)
    with pytest.raises(ConnectionLost):
        await phone.invite(stack.echo_uri)


async def test_called_by_another(stack, registrar):
    aor = f"alice@127.0.0.1:{registrar.port}"
    url = f"rtmp://127.0.0.1:{stack.rtmp_port}/sip/{aor}"
    with pytest.raises(ConnectRejected) as refusal:
        await RtmpPhone.connect(url, "", "wrong")
    assert refusal.value.description.startswith("403")
    alice = await RtmpPhone.connect(url, "", registrar.password)
    bob = await RtmpPhone.connect(stack.rtmp_url, display_name="Bob")

    calling = asyncio.create_task(bob.invite(registrar.contact_uri, "wideband"))
    assert (await alice.wait_for(Invited, 5)).caller == '"Bob" <sip:anonymous@invalid>'
    await alice.reject("486 Busy Here")
    with pytest.raises(CallRefused, match="486 Busy Here"):
        await calling

    calling = asyncio.create_task(bob.invite(registrar.contact_uri, "wideband"))
    await alice.wait_for(Invited, 5)
    await bob.bye()
    assert isinstance(await alice.wait_for(Cancelled, 5), Cancelled)
    with pytest.raises(CallRefused, match="487"):
        await calling

    calling = asyncio.create_task(bob.invite(registrar.contact_uri, "wideband", "dtmf"))
    await alice.wait_for(Invited, 5)
    assert (await alice.accept("wideband", "dtmf")).audio == "speex"
    assert (await calling).audio == "speex"
    await bob.hold(True)
    assert await alice.wait_for(Holded, 5) == Holded(True)
    await bob.hold(False)
    assert await alice.wait_for(Holded, 5) == Holded(False)
    await alice.bye()
    await bob.wait_for(Byed, 5)

    successor = await RtmpPhone.connect(url, "", registrar.password)
    with pytest.raises(ConnectionLost, match="has connected from elsewhere"):
        await alice.wait_for(Byed, 5)
    await asyncio.gather(bob.close(), successor.close())
