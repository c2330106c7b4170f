"""What RTP sessions send, read by tshark."""

from __future__ import annotations

import subprocess
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from media_bridge.rtp.outbox import Channel
from media_bridge.rtp.rtcp import parse_compound
from tests.interop.peers.peer import program_path
from tests.interop.peers.udp_pcap import write_pcap
from tests.media_bridge.rtp.peers import A, B, Network, Side, Simulation, make_session

FAULTS = "_ws.malformed or _ws.expert.severity == error"


def tshark(capture: Path, *arguments: str) -> str:
    decode = [
        option
        for port, protocol in ((A[1], "rtp"), (B[1], "rtp"), (A[1] + 1, "rtcp"), (B[1] + 1, "rtcp"))
        for option in ("-d", f"udp.port=={port},{protocol}")
    ]
    command = [program_path("tshark"), "-r", str(capture), *decode, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


def conversation() -> Simulation:
    """Both send over a network that loses something, and ask for everything that can be asked for."""
    dice = Random(3)
    network = Network(lambda now_s: [now_s + 0.02] if dice.random() > 0.05 else [])
    a = make_session(B, seed=1, nack=True, pli=True)
    b = make_session(A, seed=2, nack=True, fir=True)
    simulation = Simulation(a, b, network)
    for frame in range(200):
        for session in (a, b):
            simulation.at(
                frame * 0.02,
                lambda s=session, f=frame: s.send(bytes(100), True, f * 1800, simulation.now_s),  # type: ignore[misc]
            )
    for session in (a, b):
        simulation.at(1.0, lambda s=session: s.request_key_frame(simulation.now_s))  # type: ignore[misc]
        simulation.at(5.0, lambda s=session: s.close(simulation.now_s))  # type: ignore[misc]
    simulation.run(6.0)
    return simulation


def datagrams(side: Side) -> list[tuple[tuple[str, int], tuple[str, int], bytes]]:
    host, port = side.address
    return [((host, port + (each.channel is Channel.RTCP)), each.address, each.data) for each in side.sent]


@pytest.mark.interop("tshark")
def test_tshark_finds_nothing_wrong(tmp_path: Path) -> None:
    simulation = conversation()
    capture = tmp_path / "rtp.pcap"
    sent = datagrams(simulation.a) + datagrams(simulation.b)
    write_pcap(capture, sent)
    assert tshark(capture, "-Y", FAULTS) == ""
    types = tshark(capture, "-Y", "rtcp", "-T", "fields", "-e", "rtcp.pt").replace(",", "\n").split()
    ours = [parse_compound(data) for _, to, data in sent if to[1] % 2]
    assert len(types) == sum(len(compound.packets) for compound in ours)
    assert set(types) == {"200", "201", "202", "203", "205", "206"}
    sequence_numbers = tshark(capture, "-Y", "rtp", "-T", "fields", "-e", "rtp.ssrc", "-e", "rtp.seq")
    count = Counter(line.split()[0] for line in sequence_numbers.splitlines())
    assert sum(count.values()) == len(sent) - len(ours)
