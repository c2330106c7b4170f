"""Players that do as Flash did, in what they ask and in AMF3, and a publisher in AMF3."""

import pytest

from rtmp.aio import ClientStream
from rtmp.amf0 import AmfValue, encode_all
from rtmp.messages import MessageType
from tests.interop.conftest import Peers
from tests.interop.flash_client import FlashClient
from tests.interop.flv_tags import read_tags
from tests.interop.live_relay import NAME, LiveRelay, relay
from tests.interop.peers.ffmpeg import FfmpegMetadata
from tests.interop.peers.librtmp import Rtmpdump

__all__ = ["relay"]

AVC_HEADER = b"\x17\x00\x00\x00\x00avcC"
AAC_HEADER = b"\xaf\x00\x12\x08"
KEY, INTER = b"\x17\x01\x00\x00\x00key", b"\x27\x01\x00\x00\x00inter"
PCM = b"\x3e" + bytes(882)  # 16 bit, 44100 Hz, mono
METADATA: dict[str, AmfValue] = {"title": "ring ring", "width": 320.0, "tags": ["a", "b"]}


async def publish(relay: LiveRelay, object_encoding: int = 0) -> ClientStream:
    """A publisher of our own."""
    stream = await (await relay.connect(object_encoding=object_encoding)).create_stream()
    await stream.publish(NAME)
    return stream


@pytest.mark.parametrize("start", [-1.0, -2.0, 0.0, -1000.0, -2000.0])
@pytest.mark.parametrize("reset", [True, False])
async def test_the_order_of_answers_to_a_flash_player(relay: LiveRelay, start: float, reset: bool) -> None:
    publisher = await publish(relay)
    publisher.send_data(0, "@setDataFrame", "onMetaData", METADATA)
    publisher.send_video(0, AVC_HEADER)
    publisher.send_audio(0, AAC_HEADER)
    publisher.send_video(20, KEY)
    observer = await relay.play()
    await observer.wait_key_pictures(1)

    flash = await FlashClient.connect(relay.server.port, flashVer="WIN 32,0,0,465", capabilities=239.0)
    begin = len(flash.said)
    flash.command("FCSubscribe", NAME)
    flash.command("createStream")
    flash.command("play", NAME, start, -1.0, reset, stream_id=1)
    await flash.wait(lambda said: said.what == "VIDEO")
    publisher.send_video(60, INTER)
    publisher.stop()
    await flash.wait(lambda said: said.what == "onStatus NetStream.Play.UnpublishNotify")

    assert flash.said[begin:] == [
        (0, "_result"),
        (0, "onFCSubscribe NetStream.Play.Start"),
        (0, "_result"),
        (0, "STREAM_BEGIN 1"),
        *([(1, "onStatus NetStream.Play.Reset")] if reset else []),
        (1, "onStatus NetStream.Play.Start"),
        (1, "onMetaData"),
        (1, "VIDEO"),
        (1, "AUDIO"),
        (1, "VIDEO"),
        (1, "VIDEO"),
        (0, "STREAM_EOF 1"),
        (1, "onStatus NetStream.Play.UnpublishNotify"),
    ]
    assert [m.payload for m in flash.messages if m.type_id == MessageType.VIDEO] == [AVC_HEADER, KEY, INTER]
    flash.close()


@pytest.mark.interop("ffmpeg", "rtmpdump")
@pytest.mark.parametrize("object_encoding", [0, 3])
async def test_data_reach_players_in_amf0_and_amf3(
    peers: Peers, relay: LiveRelay, object_encoding: int
) -> None:
    players = [await relay.play(object_encoding=encoding) for encoding in (0, 3)]
    rtmpdump = await peers.start(Rtmpdump(relay.url()))
    ffmpeg = await peers.start(FfmpegMetadata(relay.url()))
    await relay.wait_players(4)
    publisher = await publish(relay, object_encoding)
    publisher.send_data(0, "@setDataFrame", "onMetaData", METADATA)
    for number in range(100):
        publisher.send_audio(10 * number, PCM)
    publisher.send_data(1000, "onCuePoint", {"name": "end"})
    publisher.stop()

    for player in players:
        await player.wait_unpublished()
        assert player.data == [("onMetaData", METADATA), ("onCuePoint", {"name": "end"})]
    await rtmpdump.finish()
    data = [tag.payload for tag in read_tags(rtmpdump.output) if tag.type_id == MessageType.DATA_AMF0]
    assert data == [encode_all(("onMetaData", METADATA))]  # it leaves out other data
    await ffmpeg.finish()
    assert "title=ring ring" in ffmpeg.output.read_text().splitlines()
