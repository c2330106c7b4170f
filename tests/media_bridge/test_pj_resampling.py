"""A telephone's stream at a bridge of 16 kHz. Each test is a process: pjsua2 allows one endpoint in each."""

import pytest

from .bridge_process import run_script

_BEGIN = """
    import ctypes
    from queue import Queue
    from random import Random
    from media_bridge.pj_module import shared_object_path
    from media_bridge.pj_port import PcmPort
    from media_bridge.pj_resampling import pjsua_quality, restore_speex
    from media_bridge.resample import Decimator, SampleRepeater
    library = ctypes.CDLL(shared_object_path())
    noise = Random(1).randbytes(320 * 60)  # all frequencies up to 4 kHz
    frames = iter(noise[at : at + 320] for at in range(0, len(noise), 320))
    heard = Queue()
    def check_heard():
        got = b""
        while noise[320 * 40 : 320 * 41] not in got:
            got += heard.get(timeout=10)
        assert noise[320 * 5 : 320 * 41] in got
"""


def test_what_it_gets_is_what_the_port_has() -> None:
    run_script(
        _BEGIN
        + """
    repeater = SampleRepeater(8000, 16000)
    with running_bridge(16000, pjsua_quality(library, 16000, 8)):
        ours = PcmPort("ours", 16000, source=lambda n: repeater.push(next(frames, b"")))
        stream = PcmPort("stream", 8000, sink=heard.put)
        ours.startTransmit(stream)
        check_heard()
        ours.close(); stream.close()
    """
    )


def test_what_the_port_gets_is_what_it_sends() -> None:
    run_script(
        _BEGIN
        + """
    decimator = Decimator(16000, 8000)
    with running_bridge(16000, pjsua_quality(library, 16000, 8)):
        stream = PcmPort("stream", 8000, source=lambda n: next(frames, b""))
        ours = PcmPort("ours", 16000, sink=lambda pcm: heard.put(decimator.push(pcm)))
        stream.startTransmit(ours)
        check_heard()
        ours.close(); stream.close()
    """
    )


@pytest.mark.parametrize("quality", [4, 8])
def test_speex_has_the_quality_that_was_wanted(quality: int) -> None:
    run_script(
        _BEGIN
        + f"""
    def rates(quality, bridge_hz):
        with running_bridge(bridge_hz, quality) as endpoint:
            if bridge_hz == 16000:
                restore_speex(library, {quality})
            return [endpoint.codecGetParam(f"speex/{{hz}}/1").info.avgBps for hz in (8000, 16000)]
    told = pjsua_quality(library, 16000, {quality})
    assert told < 3
    assert pjsua_quality(library, 8000, {quality}) == {quality}
    assert rates(told, 16000) == rates({quality}, 8000) != [0, 0]
    """
    )
