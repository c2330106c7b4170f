"""The peers work with each other: what fails here is the test bench, not the gateway."""

import asyncio
import os
import signal

import pytest

from tests.interop.conftest import Peers
from tests.interop.peers import (
    Asterisk,
    Baresip,
    Kamailio,
    PeerFailed,
    PeerMissing,
    PeerTimeout,
    PjsuaPhone,
    RtpCapture,
    Sipp,
    until,
)
from tests.interop.peers.ports import free_port_range, udp_is_bound
from tests.interop.peers.programs import require
from tests.interop.peers.tone import dominant_frequency_hz, wav_samples

FLOWS: dict[str, tuple[str, str, dict[str, str | int]]] = {
    "answered, caller hangs up": ("uac_invite", "uas_answer", {}),
    "must ring first": ("uac_invite_ringing", "uas_answer", {}),
    "callee hangs up": ("uac_wait_bye", "uas_hangup", {}),
    "no pause between ACK and BYE": ("uac_bye_at_once", "uas_answer", {}),
    "answered late": ("uac_invite", "uas_delayed_answer", {}),
    "early media": ("uac_invite", "uas_early_media", {}),
    "busy": ("uac_second_call_busy", "uas_busy", {}),
    "unknown": ("uac_unknown_user", "uas_reject", {"status": "404 Not Found"}),
    "any status": ("uac_expect_reject", "uas_reject", {"status": "480 Gone Home", "code": 480}),
    "no common codec": ("uac_no_common_codec", "uas_reject", {"status": "488 Not Acceptable Here"}),
    "no audio": ("uac_no_audio", "uas_reject", {"status": "488 Not Acceptable Here"}),
    "malformed SDP": ("uac_malformed_sdp", "uas_reject", {"status": "400 Bad Request"}),
    "canceled": ("uac_cancel", "uas_ring_until_cancel", {}),
    "canceled early": ("uac_cancel_race", "uas_ring_until_cancel", {}),
    "text message": ("uac_message", "uas_message", {"text": "hello"}),
    "registration": ("uac_register", "uas_register_401", {"contact_port": 5060, "expires": 0}),
}


@pytest.mark.parametrize("flow", FLOWS)
async def test_sipp_calls_sipp(peers: Peers, flow: str) -> None:
    caller_scenario, callee_scenario, keys = FLOWS[flow]
    callee = await peers.start(Sipp(callee_scenario, keys=keys, pause_ms=50))
    caller = await peers.start(Sipp(caller_scenario, remote=callee.address, keys=keys, pause_ms=50))
    (await caller.wait()).check()
    (await callee.wait()).check()


async def test_sipp_by_tcp_with_several_calls(peers: Peers) -> None:
    callee = await peers.start(Sipp("uas_answer", transport="tcp", calls=5))
    caller = await peers.start(
        Sipp("uac_invite", remote=callee.address, transport="tcp", calls=5, rate=50, pause_ms=20)
    )
    assert (await caller.wait()).check().successful == 5
    (await callee.wait()).check()


async def test_sipp_reports_a_call_that_went_wrong(peers: Peers) -> None:
    callee = await peers.start(Sipp("uas_busy"))
    result = await (await peers.start(Sipp("uac_invite", remote=callee.address))).wait()
    assert (result.ok, result.failed, result.unexpected_messages) == (False, 1, 1)
    with pytest.raises(AssertionError, match="486 Busy Here"):
        result.check()


async def test_sipp_registrar_refuses_a_wrong_password(peers: Peers) -> None:
    registrar = await peers.start(Sipp("uas_register_401", password="right"))
    keys = {"contact_port": 5060, "expires": 60}
    client = await peers.start(Sipp("uac_register", remote=registrar.address, password="wrong", keys=keys))
    assert "403 Forbidden" in (await client.wait()).messages
    assert not (await registrar.wait()).ok


async def test_sipp_vanishes_without_bye(peers: Peers) -> None:
    callee = await peers.start(Sipp("uas_vanish", pause_ms=50))
    caller = await peers.start(Sipp("uac_wait_bye", remote=callee.address))
    assert (await callee.wait()).exit_code == 97
    assert "ACK sip:" in caller.messages()
    assert "BYE sip:" not in caller.messages()


async def test_sipp_plays_a_tone_that_rtp_capture_receives(peers: Peers) -> None:
    async with RtpCapture() as capture:
        callee = await peers.start(Sipp("uas_answer", rtp_port=capture.port))
        caller = await peers.start(Sipp("uac_play", remote=callee.address, pause_ms=500))
        await capture.wait_packets(20)
        (await caller.wait()).check()
    assert {packet.payload_type for packet in capture.packets} == {0}
    assert {len(packet.payload) for packet in capture.packets} == {160}
    assert capture.sequence_gaps() == 0


async def test_pjsua_phone_and_sipp_cross_byes(peers: Peers) -> None:
    phone = await peers.start(PjsuaPhone("carol"))
    callee = await peers.start(Sipp("uas_bye_crossing"))
    await phone.call(callee.sip_uri())
    await phone.wait_event("state", state="CONFIRMED")
    await phone.hang_up()
    (await callee.wait()).check()


async def test_rtp_capture_reads_digits_of_the_pjsua_phone(peers: Peers) -> None:
    async with RtpCapture() as capture:
        phone = await peers.start(PjsuaPhone("carol"))
        callee = await peers.start(Sipp("uas_answer", rtp_port=capture.port))
        await phone.call(callee.sip_uri())
        await phone.wait_event("state", state="CONFIRMED")
        await phone.command("dtmf", "1#D")
        await capture.wait_digits("1#D", payload_type=120)
        await until(lambda: capture.telephone_events(120)[-1].end_packets == 3, "the last packet of the D")
    assert [(e.marked, e.end_packets) for e in capture.telephone_events(120)] == [(True, 3)] * 3


async def test_pjsua_phone_is_held_and_taken_back(peers: Peers) -> None:
    phone = await peers.start(PjsuaPhone("carol"))
    caller = await peers.start(Sipp("uac_reinvite_hold", remote=phone.address, service="carol", pause_ms=100))
    (await caller.wait()).check()
    holder = await peers.start(Sipp("uas_hold", pause_ms=100))
    call = await phone.call(holder.sip_uri())
    await holder.wait_message("CSeq: 2 ACK")
    await phone.wait_event("state", since=call, state="CONFIRMED")
    await phone.hang_up()
    (await holder.wait()).check()


@pytest.mark.parametrize("rate_hz", [8000, 16000])
async def test_sipp_echoes_speex(peers: Peers, rate_hz: int) -> None:
    phone = await peers.start(PjsuaPhone("carol", codec=f"speex/{rate_hz}"))
    callee = await peers.start(Sipp(f"uas_answer_speex_{rate_hz}", rtp_echo=True))
    await phone.call(callee.sip_uri())
    await hears(phone, phone.tone_hz)
    await phone.hang_up()
    (await callee.wait()).check()


async def test_sipp_echoes_h264(peers: Peers) -> None:
    phone = await peers.start(Baresip("bob", video=True))
    callee = await peers.start(Sipp("uas_answer_h264", rtp_echo=True))
    await phone.call(callee.sip_uri())
    await phone.wait_event("CALL_ESTABLISHED")
    await hears(phone, phone.tone_hz)
    await phone.hang_up()
    (await callee.wait()).check()


@pytest.mark.parametrize("scenario", ["uas_register_ok", "uas_register_401"])
async def test_sipp_registers_a_phone_until_it_unregisters(peers: Peers, scenario: str) -> None:
    registrar = await peers.start(Sipp(scenario, user="carol", password="carol-secret"))
    phone = await peers.start(PjsuaPhone("carol", "carol-secret", registrar=registrar.registrar))
    await phone.wait_registered()
    await phone.command("unregister")
    (await registrar.wait()).check()


async def test_sipp_refuses_a_registration(peers: Peers) -> None:
    registrar = await peers.start(Sipp("uas_register_403"))
    phone = await peers.start(PjsuaPhone("carol", registrar=registrar.registrar))
    await phone.wait_event("registered", code=403)
    (await registrar.wait()).check()


@pytest.mark.parametrize(
    ("scenario", "request_of"),
    [
        ("uas_no_response", "uac_invite"),
        ("uas_never_answers", "uac_invite"),
        ("uas_register_silent", "uac_register"),
    ],
)
async def test_sipp_keeps_silent(peers: Peers, scenario: str, request_of: str) -> None:
    callee = await peers.start(Sipp(scenario, pause_ms=100))
    await peers.start(Sipp(request_of, remote=callee.address, keys={"contact_port": 5060}))
    assert "SIP/2.0 200" not in (await callee.wait()).check().messages


async def test_sipp_takes_digits_as_info_and_a_transfer(peers: Peers) -> None:
    phone = await peers.start(PjsuaPhone("carol"))
    for scenario, command in (
        ("uas_info_dtmf", ("info", "5")),
        ("uas_refer", ("transfer", "sip:dave@127.0.0.1")),
    ):
        callee = await peers.start(Sipp(scenario, keys={"digit": "5"}))
        call = await phone.call(callee.sip_uri())
        await phone.wait_event("state", since=call, state="CONFIRMED")
        await phone.command(*command)
        await callee.wait_message("SIP/2.0 200 OK", occurrences=3 if scenario == "uas_refer" else 2)
        await phone.hang_up()
        (await callee.wait()).check()
        await phone.wait_event("state", since=call, state="DISCONNECTED")


async def test_kamailio_registers_and_connects_two_phones(peers: Peers) -> None:
    proxy = await peers.start(Kamailio())
    bob = await peers.start(Baresip("bob", "bob-secret", registrar=f"127.0.0.1:{proxy.port}"))
    alice = await peers.start(PjsuaPhone("alice", "alice-secret", registrar=proxy.registrar))
    await alice.wait_registered()
    await proxy.wait_registered("bob")
    await alice.call(proxy.sip_uri("bob"))
    await bob.wait_event("CALL_ESTABLISHED")
    await hears(alice, bob.tone_hz)
    await alice.hang_up()
    await bob.wait_event("CALL_CLOSED")


async def test_kamailio_knows_who_is_who(peers: Peers) -> None:
    proxy = await peers.start(Kamailio())
    bob = await peers.start(Sipp("uas_answer"))
    register = Sipp(
        "uac_register",
        remote=proxy.address,
        user="bob",
        password="bob-secret",
        keys={"contact_port": bob.port},
    )
    (await (await peers.start(register)).wait()).check()
    assert await proxy.contacts("bob") == [f"sip:bob@127.0.0.1:{bob.port};transport=UDP"]
    for flow in (
        Sipp(
            "uac_register", remote=proxy.address, password="wrong", keys={"contact_port": 5060, "expires": 60}
        ),
        Sipp("uac_invite", remote=proxy.address, service="alice"),
    ):
        assert not (await (await peers.start(flow)).wait()).ok
    for flow in (
        Sipp("uac_unknown_user", remote=proxy.address, service="nobody"),
        Sipp("uac_expect_reject", remote=proxy.address, service="alice", keys={"code": 480}),
        Sipp("uac_invite_digest", remote=proxy.address, service="bob"),
    ):
        (await (await peers.start(flow)).wait()).check()
    (await bob.wait()).check()


async def test_asterisk_registers_calls_and_reads_digits(peers: Peers) -> None:
    pbx = await peers.start(Asterisk())
    alice = await peers.start(PjsuaPhone("alice", "alice-secret", registrar=pbx.registrar))
    await alice.wait_registered()
    assert len(await pbx.wait_registered("alice")) == 1

    await alice.call(pbx.sip_uri("echo"))
    await hears(alice, alice.tone_hz)
    await hang_up(alice, pbx)

    call = await alice.call(pbx.sip_uri("dtmf"))
    await alice.wait_event("state", since=call, state="CONFIRMED")
    await alice.command("dtmf", "1*#9")
    await pbx.wait_dtmf("1*#9")
    await hang_up(alice, pbx)

    await pbx.originate_extension("alice", "tone")
    await alice.wait_event("incoming")
    await pbx.wait_channels(1)
    await pbx.hang_up_all()
    await pbx.wait_channels(0)


async def test_asterisk_answers_each_extension_as_documented(peers: Peers) -> None:
    pbx = await peers.start(Asterisk())
    flows = [
        Sipp("uac_expect_reject", remote=pbx.address, service=service, keys={"code": code})
        for service, code in {
            "busy": 486,
            "congestion": 503,
            "forbidden": 403,
            "unavailable": 480,
            "bob": 480,
            "nobody": 404,
        }.items()
    ]
    flows += [
        Sipp(scenario, remote=pbx.address, service=service, pause_ms=50)
        for scenario, service in (
            ("uac_invite_digest", "echo"),
            ("uac_delayed_offer", "echo"),
            ("uac_reinvite_hold", "echo"),
            ("uac_cancel", "ring"),
            ("uac_bye_race", "hangup-after"),
            ("uac_wait_bye", "hangup-after"),
            ("uac_invite", "early-media"),
        )
    ]
    for flow in flows:
        await peers.start(flow)
    for flow in flows:
        (await flow.wait()).check()


async def test_baresip_sends_and_receives_video_through_asterisk(peers: Peers) -> None:
    pbx = await peers.start(Asterisk())
    bob = await peers.start(Baresip("bob", "bob-secret", registrar=f"127.0.0.1:{pbx.port}", video=True))
    await pbx.wait_registered("bob")
    await bob.call(pbx.sip_uri("stream-echo"))
    await bob.wait_event("CALL_ESTABLISHED")
    await hears(bob, bob.tone_hz)
    assert "H264" in bob.log()
    await bob.hang_up()
    await bob.wait_event("CALL_CLOSED")


async def test_several_run_in_parallel(peers: Peers) -> None:
    first, second = await asyncio.gather(peers.start(Asterisk()), peers.start(Asterisk()))
    assert first.port != second.port
    await asyncio.gather(first.wait_channels(0), second.wait_channels(0))


async def test_a_program_that_dies_is_reported_with_its_log(peers: Peers) -> None:
    proxy = await peers.start(Kamailio())
    os.killpg(proxy.process.pid, signal.SIGKILL)
    with pytest.raises((PeerFailed, PeerTimeout), match="Listening on"):
        await until(proxy._is_ready, "the end")


@pytest.mark.interop("sipp")
async def test_nothing_is_left_of_a_stopped_peer() -> None:
    async with Sipp("uas_answer") as callee:
        pid, port, directory = callee.process.pid, callee.port, callee.directory
        assert udp_is_bound(port)
    assert not udp_is_bound(port)
    assert not directory.exists()
    with pytest.raises(ProcessLookupError):
        os.killpg(pid, 0)


async def test_a_frozen_peer_still_ends(peers: Peers) -> None:
    callee = await peers.start(Sipp("uas_answer"))
    callee.freeze()
    await callee.stop()
    assert callee.process.returncode is not None


def test_ports_are_handed_out_once() -> None:
    ranges = [free_port_range() for _ in range(5)]
    assert len({port for block in ranges for port in block}) == 100


def test_a_missing_program_says_how_to_get_it() -> None:
    with pytest.raises(PeerMissing, match=r"no-such-program .*tests/interop/install-peers"):
        require("no-such-program")


async def hears(phone: PjsuaPhone | Baresip, frequency_hz: float) -> None:
    """Wait until the last quarter of a second that the phone recorded is a tone of this frequency."""

    def is_heard() -> bool:
        if phone.recording is None or not phone.recording.exists():
            return False
        samples, rate_hz = wav_samples(phone.recording)
        quarter = samples[-rate_hz // 4 :]
        return (
            quarter.size == rate_hz // 4 and abs(dominant_frequency_hz(quarter, rate_hz) - frequency_hz) <= 8
        )

    await until(is_heard, f"{phone.user} to hear {frequency_hz:g} Hz")


async def hang_up(phone: PjsuaPhone, pbx: Asterisk) -> None:
    """End the phone's call and wait until the PBX has no channel left."""
    count = len(phone.events())
    await phone.hang_up()
    await phone.wait_event("state", since=count, state="DISCONNECTED")
    await pbx.wait_channels(0)
