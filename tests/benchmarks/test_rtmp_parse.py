"""What the parsing benchmark stands on: streams as real ones, and the plain code it compares with."""

import sys
from statistics import mean

import pytest

from benchmarks import rtmp_parse
from benchmarks.bare_parse import BareParser, bare_write
from benchmarks.rtmp_parse import write_ours
from benchmarks.rtmp_stream import CYCLE_MS, Kind, make_cycle
from rtmp.chunk_reader import ChunkReader
from rtmp.flv import AudioTagHeader, FrameType, VideoTagHeader
from rtmp.messages import Message, MessageType


def read(data: bytes, chunk_size: int) -> list[Message]:
    reader = ChunkReader()
    reader.chunk_size = chunk_size
    messages: list[Message] = []
    reader.receive_data(data, messages)
    return messages


def test_video_and_audio_are_one_megabit_a_second():
    cycle = make_cycle("av")

    assert sum(len(message.payload) for message in cycle) * 8 == CYCLE_MS / 1000 * 1_000_000
    assert [message.due_ms for message in cycle] == sorted(message.due_ms for message in cycle)
    video = [message for message in cycle if message.type_id is MessageType.VIDEO]
    keys = [m for m in video if VideoTagHeader.parse(m.payload).frame_type is FrameType.KEY]
    assert len(video) == CYCLE_MS / 1000 * 25
    assert [message.timestamp_ms for message in keys] == [0, 2000, 4000, 6000]
    assert all(15_000 <= len(message.payload) < 25_000 for message in keys)
    assert len(cycle) - len(video) == CYCLE_MS / 1000 * 46.875


def test_speex_is_fifty_small_messages_a_second():
    cycle = make_cycle("speex")

    assert len(cycle) == CYCLE_MS / 1000 * 50
    sizes = {len(message.payload) for message in cycle}
    assert (min(sizes), max(sizes)) == (43, 70)
    assert 50 < mean(sizes) < 65


@pytest.mark.parametrize("kind", ["av", "speex"])
def test_the_codec_headers_are_as_long_as_said(kind: Kind):
    for message in make_cycle(kind):
        parse = AudioTagHeader.parse if message.type_id is MessageType.AUDIO else VideoTagHeader.parse
        assert parse(message.payload).size == message.header_size


@pytest.mark.parametrize("chunk_size", [128, 4096])
@pytest.mark.parametrize("read_size", [1, 100, 65536])
def test_the_plain_code_means_the_same_as_the_library(chunk_size: int, read_size: int):
    cycle = make_cycle("av")[:40]
    data = b"".join(
        bare_write(m.chunk_stream_id, m.type_id, 1, m.timestamp_ms, m.payload, chunk_size) for m in cycle
    )
    parser = BareParser(chunk_size)

    parsed = [
        message for at in range(0, len(data), read_size) for message in parser.feed(data[at : at + read_size])
    ]

    assert parsed == [tuple(message) for message in read(data, chunk_size)]
    assert [payload for *_, payload in parsed] == [message.payload for message in cycle]


def test_the_plain_parser_reads_headers_that_leave_fields_out():
    cycle = make_cycle("speex")
    data = b"".join(write_ours(cycle, 4096))

    parsed = BareParser(4096).feed(data)

    assert len(data) < sum(12 + len(message.payload) for message in cycle)
    assert parsed == [tuple(message) for message in read(data, 4096)]


def test_parsing_is_compared(capsys: pytest.CaptureFixture[str]):
    assert rtmp_parse.main(["--rounds", "1"]) == 0

    out = capsys.readouterr().out
    assert "| av, chunks of 128, read each " in out
    assert "| speex, chunks of 4096, write " in out


def test_another_library_need_not_be_there(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setitem(sys.modules, "pyrtmp", None)
    with pytest.raises(SystemExit, match="2"):
        rtmp_parse.main(["--compare", "pyrtmp"])
    assert "python -m pip install pyrtmp" in capsys.readouterr().err
