"""Calls through workers: what becomes of them, and of their peers, when a worker dies."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal

import pytest

from examples.phone_events import Byed, Invited
from examples.rtmp_phone import CallRefused, RtmpPhone
from rtmp.errors import ConnectionLost, ConnectRejected
from tests.interop.conftest import Peers
from tests.interop.peers.asterisk import Asterisk
from tests.interop.peers.gateway import CALLS, Gateway
from tests.interop.peers.kamailio import Kamailio
from tests.interop.peers.polling import until
from tests.interop.peers.ports import HOST
from tests.interop.peers.sipp import SCENARIOS, Sipp
from tests.interop.signals import assert_tone_heard

pytestmark = pytest.mark.interop("sipp", "kamailio")


@pytest.fixture
async def gateway(peers: Peers) -> AsyncIterator[Gateway]:
    """One worker."""
    yield await peers.start(Gateway("-d", workers=1))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGABRT])
async def test_the_peers_of_a_dead_worker_get_a_bye_and_its_successor_takes_calls(
    gateway: Gateway, number: signal.Signals
) -> None:
    async with Sipp("uas_answer", rtp_echo=True) as callee, Sipp("uas_answer", rtp_echo=True) as next_callee:
        phone = await RtmpPhone.connect(gateway.url())
        await phone.invite(callee.sip_uri(), "ulaw", "dtmf")
        await assert_tone_heard(phone)
        await gateway.kill_worker(fault=number)
        async with asyncio.timeout(10):
            await phone.client.closed
        (await callee.wait()).check()  # it has had a BYE
        await gateway.wait_logged("sent a BYE to the peers of worker 1; 1 of 1 answered")
        phone = await RtmpPhone.connect(gateway.url())
        await phone.invite(next_callee.sip_uri(), "ulaw", "dtmf")
        await assert_tone_heard(phone)
        await phone.bye()
        (await next_callee.wait()).check()
        await phone.close()


async def test_a_call_that_has_ended_gets_no_bye(gateway: Gateway) -> None:
    async with Sipp("uas_answer", rtp_echo=True) as callee:
        phone = await RtmpPhone.connect(gateway.url())
        await phone.invite(callee.sip_uri(), "ulaw", "dtmf")
        await phone.bye()
        (await callee.wait()).check()
        await phone.close()
    dead = await gateway.kill_worker()
    await gateway.wait_logged(rf"worker 1 \(pid (?!{dead}\b)\d+\) has started")  # which follows on the BYE
    assert "sent a BYE" not in gateway.log()


async def test_a_line_is_given_away_once_the_call_that_it_had_has_ended(
    gateway: Gateway, tmp_path: Path
) -> None:
    late = tmp_path / "uas_late_bye.xml"
    scenario = (SCENARIOS / "uas_answer.xml").read_text()
    late.write_text(scenario.replace('"BYE"/>', '"BYE"/>\n  <pause milliseconds="700"/>'))

    async def connect() -> RtmpPhone | None:
        with contextlib.suppress(ConnectRejected):
            return await RtmpPhone.connect(gateway.url())
        return None

    async with Sipp(late, calls=CALLS) as slow, Sipp("uas_answer") as callee:
        phones = [await RtmpPhone.connect(gateway.url()) for _ in range(CALLS)]
        for phone in phones:
            await phone.invite(slow.sip_uri(), "ulaw")
        phones[0].client.abort()
        phone = await until(connect, "a line to be free")
        await phone.invite(callee.sip_uri(), "ulaw")
        await phone.bye()
        (await callee.wait()).check()
        for each in (*phones[1:], phone):
            await each.close()


async def test_a_client_that_comes_back_after_a_reload_replaces_itself(peers: Peers, tmp_path: Path) -> None:
    registrar = await peers.start(Kamailio())
    file = tmp_path / "siprtmp.toml"
    file.write_text("drain_timeout_s = 30.0\n")
    gateway = await peers.start(Gateway("-d", "--config", str(file), workers=3))

    async def connect(user: str, instance: str = "") -> RtmpPhone:
        url = gateway.url(f"{user}@{HOST}:{registrar.port}{instance}")
        return await RtmpPhone.connect(url, user, registrar.users[user])

    before, desk, bob = await connect("alice"), await connect("alice", "/desk"), await connect("bob")
    file.write_text("drain_timeout_s = 31.0\n")
    os.kill(gateway.process.pid, signal.SIGHUP)
    await gateway.wait_logged("new settings are in force for new clients")
    after = await connect("alice")
    with pytest.raises(ConnectionLost, match="connected from elsewhere"):
        await before.next_event(5)

    async def is_replaced() -> bool:
        return len(await registrar.contacts("alice")) == 2

    await until(is_replaced, "the old registration to end")
    assert not any(phone.client.is_closed for phone in (desk, bob, after))
    for phone in (desk, bob, after):
        await phone.close()
    gateway.check_clean()


async def sip_port(gateway: Gateway, number: int) -> int:
    """Wait for a worker, and return its SIP port."""
    line = await gateway.wait_logged(rf"worker {number} \(pid \d+\) has started")
    found = re.search(r"SIP on port (\d+)", line)
    assert found is not None
    return int(found[1])


async def connect_elsewhere(gateway: Gateway, registrar: Kamailio | Asterisk, user: str) -> RtmpPhone:
    """Connect a user whose line is at the second worker: the first gets two clients before."""
    for _ in range(2):
        await RtmpPhone.connect(gateway.url())
    await sip_port(gateway, 2)
    aor = f"{user}@{HOST}:{registrar.address[1]}"
    phone = await RtmpPhone.connect(gateway.url(aor), user, registrar.users[user])
    (contact,) = await registrar.contacts(user)
    assert f":{await sip_port(gateway, 2)}" in contact
    return phone


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_call_to_the_first_worker_finds_who_is_at_another(
    peers: Peers, transport: Literal["udp", "tcp"]
) -> None:
    registrar = await peers.start(Kamailio())
    gateway = await peers.start(Gateway("-d", workers=2))
    phone = await connect_elsewhere(gateway, registrar, "alice")
    first = HOST, await sip_port(gateway, 1)
    if transport == "udp":
        caller = await peers.start(Sipp("uac_follow_redirect", remote=first, service="alice"))
        await phone.wait_for(Invited, 5)
        await phone.accept()
        await phone.wait_for(Byed, 5)
    else:  # a connection to the other port would be another one, which SIPp does not open
        caller = await peers.start(
            Sipp("uac_expect_reject", remote=first, service="alice", keys={"code": 302}, transport="tcp")
        )
    (await caller.wait()).check()
    await phone.close()
    await gateway.wait_logged("a call is redirected: another process has the line of sip:alice@")
    caller = await peers.start(Sipp("uac_expect_reject", remote=first, service="alice", keys={"code": 404}))
    (await caller.wait()).check()
    gateway.check_clean()


@pytest.mark.interop("asterisk")
async def test_a_trunk_of_a_pbx_finds_who_is_at_another_worker(peers: Peers) -> None:
    asterisk = await peers.start(Asterisk())
    gateway = await peers.start(Gateway("-d", workers=2))
    phone = await connect_elsewhere(gateway, asterisk, "alice")
    call = asyncio.ensure_future(
        asterisk.originate_uri(f"sip:alice@{HOST}:{await sip_port(gateway, 1)}", "Echo")
    )
    await phone.wait_for(Invited, 5)
    await phone.accept("ulaw", "wideband")
    await assert_tone_heard(phone, seconds=1.0)
    await phone.bye()
    await call
    await asterisk.wait_channels(0)
    await gateway.wait_logged("a call is redirected: another process has the line of sip:alice@")
    await phone.close()
    gateway.check_clean()


async def test_no_more_calls_than_there_may_be_whichever_workers_have_them(peers: Peers) -> None:
    registrar = await peers.start(Kamailio())
    gateway = await peers.start(Gateway("-d", "--max-calls", "2", workers=2))
    callee = await peers.start(Sipp("uas_answer", rtp_echo=True, calls=3))
    alice = await connect_elsewhere(gateway, registrar, "alice")
    phones = [await RtmpPhone.connect(gateway.url()) for _ in range(3)]
    await alice.invite(callee.sip_uri(), "ulaw")
    await phones[0].invite(callee.sip_uri(), "ulaw")
    await until(lambda: gateway.log().count("as many calls as there may be") == 2, "both workers to know")
    with pytest.raises(CallRefused, match="503 Service Unavailable"):
        await phones[1].invite(callee.sip_uri(), "ulaw")
    with pytest.raises(ConnectRejected, match="busy: this gateway has as many calls as it may"):
        await RtmpPhone.connect(gateway.url())
    called = HOST, await sip_port(gateway, 2)
    caller = Sipp("uac_expect_reject", remote=called, service="alice", keys={"code": 503})
    async with caller:
        (await caller.wait()).check()
        assert "Retry-After: 10" in caller.messages()
    await assert_tone_heard(phones[0])
    await alice.bye()
    await until(lambda: gateway.log().count("have fewer calls") == 2, "both workers to know")
    await phones[2].invite(callee.sip_uri(), "ulaw")
    for phone in (phones[0], phones[2]):
        await phone.bye()
    (await callee.wait()).check()
    for phone in (alice, *phones):
        await phone.close()
    gateway.check_clean()
