import wave

import pytest

from examples.audio_probe import find_tone, level_dbfs, tone
from examples.child_process import ChildProcess
from examples.wav_file import write_wav

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.undisturbed]

PLACE_CALL = "examples.place_call"


def run(*arguments: str):
    return ChildProcess.run("place_call", PLACE_CALL, *arguments)


async def test_play_record_and_dtmf(stack, tmp_path):
    write_wav(tmp_path / "in.wav", 16000, tone(16000, 1.5))
    files = ["--play", str(tmp_path / "in.wav"), "--record", str(tmp_path / "out.wav")]
    async with run(stack.rtmp_url, stack.echo_uri, "--codec", "pcmu", "--dtmf", "1#", *files) as call:
        assert await call.wait() == 0, list(call.lines)
    assert "accepted pcmu" in call.lines
    await stack.echo_phone.line('"digit": "1"')
    await stack.echo_phone.line('"digit": "#"')
    with wave.open(str(tmp_path / "out.wav")) as file:
        assert file.getframerate() == 8000
        pcm = file.readframes(file.getnframes())
    span = find_tone(pcm, 8000)
    assert span is not None
    assert level_dbfs(pcm[2 * span.start : 2 * span.end]) == pytest.approx(-12, abs=3)


async def test_refusals_and_wrong_usage(stack, tmp_path):
    (tmp_path / "text.wav").write_text("no sound")
    for arguments, status, reason in (
        ((stack.rtmp_url, "<>"), 1, "404 Not Found"),
        ((stack.rtmp_url, stack.echo_uri, "--codec", "dtmf"), 1, "488 Not Acceptable Here"),
        ((stack.rtmp_url,), 2, "name a destination"),
        ((stack.rtmp_url, stack.echo_uri, "--play", str(tmp_path / "text.wav")), 2, "as a WAV file"),
        ((stack.rtmp_url, "x", "--password-file", str(tmp_path / "none")), 2, "cannot read the password"),
        (("rtmp://127.0.0.1:1/sip/a@b", "x"), 2, "is the gateway running there?"),
        (("http://127.0.0.1/", "x"), 2, "rtmp://HOST/sip/USER@DOMAIN"),
        (("rtmp://127.0.0.1/live/cam", "x"), 2, "'live/cam' is no phone's application; the URL should be"),
        ((stack.rtmp_url, "x", "--dtmf", "xyz"), 2, "out of 0-9*#A-D, not 'xyz'"),
        ((stack.rtmp_url, "x", "--codec", "foo"), 2, "there is no codec 'foo'; there are alaw, "),
    ):
        async with run(*arguments) as call:
            assert await call.wait() == status, (arguments, list(call.lines))
        assert any(reason in line for line in call.lines), list(call.lines)
        assert not any("Traceback" in line for line in call.lines)


async def test_unanswered_call_is_given_up(stack):
    async with ChildProcess.run("the phone", "examples.echo_phone", "--ring-ms", "60000") as ringing:
        uri = (await ringing.line(r'"uri": "([^"]+)"'))[1]
        async with run(stack.rtmp_url, uri, "--ring-timeout", "0.5") as call:
            assert await call.wait() == 1
        assert "ringing 180 Ringing" in call.lines
        assert call.lines[-1] == "place_call: no answer within 0.5 s"
        await ringing.line('"event": "ended", "call": 0, "status": 487')


async def test_one_calls_and_the_other_answers(stack, registrar, password_file):
    url = f"rtmp://127.0.0.1:{stack.rtmp_port}/sip/alice@127.0.0.1:{registrar.port}"
    async with run(url, "--answer", "--password-file", str(password_file)) as callee:
        await callee.line("waiting for a call")
        call = run(stack.rtmp_url, registrar.contact_uri, "--duration", "1", "--display-name", "Bob")
        async with call as caller:
            assert await caller.wait() == 0, list(caller.lines)
        assert await callee.wait() == 0, list(callee.lines)
    assert any(line.startswith('invited "Bob" <sip:anonymous@invalid>') for line in callee.lines)
    assert "byed" in callee.lines


async def test_wrong_password(stack, registrar, tmp_path):
    (tmp_path / "password").write_text("battery staple")
    url = f"rtmp://127.0.0.1:{stack.rtmp_port}/sip/alice@127.0.0.1:{registrar.port}"
    async with run(url, "bob", "--password-file", str(tmp_path / "password")) as call:
        assert await call.wait() == 2
    (line,) = call.lines
    assert "403 Forbidden (check login and password)" in line
