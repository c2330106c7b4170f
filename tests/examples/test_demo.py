import contextlib
import re
import signal
import socket
import subprocess
import sys
import wave

import pytest

from examples.child_process import ROOT, ChildProcess

PROGRAMS = ["demo", "echo_phone", "place_call", "softphone_gateway"]


def test_each_program_explains_itself_both_ways():
    ways = [how for name in PROGRAMS for how in ([f"examples/{name}.py"], ["-m", f"examples.{name}"])]
    running = [
        subprocess.Popen([sys.executable, *how, "--help"], cwd=ROOT, stdout=subprocess.PIPE) for how in ways
    ]
    for how, process in zip(ways, running, strict=True):
        text, _ = process.communicate(timeout=20)
        assert (process.returncode, text[:6]) == (0, b"usage:"), how


@pytest.mark.undisturbed
async def test_the_demo_brings_audio_back(tmp_path):
    output = tmp_path / "back.wav"
    arguments = ["--seconds", "3", "--codec", "ulaw", "--output", str(output)]
    async with ChildProcess.run("the demo", "examples.demo", *arguments) as demo:
        status = await demo.wait()
    text = "\n".join(demo.lines)
    assert status == 0, text
    assert "the audio came back intact" in text
    assert re.search(r"codec on SIP +PCMU/8000", text)
    assert re.search(r"codec on RTMP +speex", text)
    assert re.search(r" 2 s +up", text)
    counters = re.search(r"frames sent, received +(\d+), (\d+)", text)
    assert counters is not None
    sent, received = map(int, counters.groups())
    assert sent == 3 / 0.02
    assert received >= sent
    with wave.open(str(output)) as file:
        assert (file.getframerate(), file.getnchannels()) == (16000, 1)
        assert file.getnframes() == received * 320  # whole frames of 20 ms, none lost


async def test_the_demo_says_why_it_cannot_run():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        async with ChildProcess.run("the demo", "examples.demo", "--rtmp-port", port) as demo:
            assert await demo.wait() == 2
    assert any(f"cannot listen for RTMP on 127.0.0.1:{port}" in line for line in demo.lines)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_the_children_too(number, tmp_path):
    arguments = ["--output", str(tmp_path / "back.wav")]
    async with ChildProcess.run("the demo", "examples.demo", *arguments) as demo:
        url = await demo.line(r"gateway on rtmp://127.0.0.1:(\d+)\S+, SIP echo phone at sip:echo@\S+:(\d+)")
        await demo.line(r"^ +1 s +up")
        demo.send_signal(number)
        assert await demo.wait() == 130
    assert not (tmp_path / "back.wav").exists()
    # Both ports are free again, so both children are gone.
    with contextlib.closing(socket.create_server(("127.0.0.1", int(url[1])))):
        pass
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sip:
        sip.bind(("127.0.0.1", int(url[2])))


async def test_serve_runs_until_it_is_ended():
    async with ChildProcess.run("the demo", "examples.demo", "--serve") as demo:
        command = await demo.line(r"python examples/place_call.py (\S+) (\S+) --duration 5")
        assert command[1].startswith("rtmp://127.0.0.1:")
        await demo.line("Ctrl-C")
        demo.send_signal(signal.SIGTERM)
        assert await demo.wait() == 0
