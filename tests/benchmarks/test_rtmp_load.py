"""What the relay benchmark stands on: streams on the wire, bookkeeping, report."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.rtmp_arrivals import Arrivals, LatencyLog
from benchmarks.rtmp_load import Workload
from benchmarks.rtmp_relay import parse_options
from benchmarks.rtmp_relay_report import RelayFigures, RelayRow, report
from benchmarks.rtmp_stream import Kind, make_cycle
from benchmarks.rtmp_wire import CHUNK_SIZE, STAMP, WireStream
from rtmp.chunk_reader import ChunkReader
from rtmp.messages import Message


def read(data: bytes, chunk_size: int) -> list[Message]:
    reader = ChunkReader()
    reader.chunk_size = chunk_size
    messages: list[Message] = []
    reader.receive_data(data, messages)
    return messages


@pytest.mark.parametrize("kind", ["av", "speex"])
def test_a_stream_on_the_wire_goes_on_for_ever(kind: Kind):
    cycle, stream = make_cycle(kind), WireStream(kind, stream_id=1)
    count = 3 * len(cycle) + 5

    data = b"".join(bytes(stream.stamped(n, 7, 1000 + n)) for n in range(count))
    messages = read(data, CHUNK_SIZE)

    assert len(messages) == count
    due_ms = [stream.due_ns(n) / 1e6 for n in range(count)]
    assert [message.timestamp_ms for message in messages] == [int(round(due, 3)) for due in due_ms]
    for n, (message, expected) in enumerate(zip(messages, itertools.cycle(cycle), strict=False)):
        assert (message.type_id, message.stream_id) == (expected.type_id, 1)
        assert len(message.payload) == len(expected.payload)
        assert STAMP.unpack_from(message.payload, expected.header_size) == (7, n, 1000 + n)


def test_missing_doubled_and_late_messages_are_told_apart():
    arrivals = Arrivals()
    for number in (0, 1, 4, 3, 4, 5):
        arrivals.note(number)

    assert arrivals.lost(8) == 3  # 2, 6 and 7
    assert (arrivals.duplicated, arrivals.out_of_order) == (1, 1)


@given(st.permutations(range(8)), st.integers(0, 8))
def test_what_arrives_in_any_order_is_not_lost(order: list[int], count: int):
    arrivals = Arrivals()
    for number in order[:count]:
        arrivals.note(number)

    assert arrivals.lost(8) == 8 - count
    assert arrivals.duplicated == 0


def test_latencies_before_the_measured_time_do_not_count():
    log = LatencyLog(since_ns=100)
    log.note(99, 200)
    log.note(100, 350)

    assert list(log.values_ns) == [250]


def figures(cpu_percent: float, lost: int, lag_p99_ms: float) -> RelayFigures:
    return RelayFigures(cpu_percent, 1, 2, 3, 4, 100, 200, lost, 0, 0, 0, 50, 40, 20_000, lag_p99_ms, 5, 30)


def test_the_report_has_medians_sums_ratios_and_doubts():
    workload = Workload("av", 30, 1)
    rows = [
        RelayRow(workload, "nginx", (figures(5, 0, 1),)),
        RelayRow(workload, "ours", tuple(figures(cpu, 1, lag) for cpu, lag in ((9, 1), (10, 1), (20, 9)))),
    ]

    text = report(rows)

    assert rows[1].figures.cpu_percent == 10
    assert rows[1].figures.lost == 3
    (line,) = [line for line in text.splitlines() if "| ours " in line and " 2.00 |" in line]
    assert [cell.strip() for cell in line.split("|")[1:5]] == ["av 30×1", "ours", "10.0", "2.00"]
    assert text.endswith("av 30×1, ours: the load was late in 1 runs: p99 9.0 ms")


def test_options_choose_one_workload_or_the_usual_ones():
    assert len(parse_options([]).workloads) == 3
    assert parse_options(["--kind", "speex", "--players", "2"]).workloads == (Workload("speex", 30, 2),)
    assert parse_options(["--compare", "nginx,ours"]).compare == ["nginx", "ours"]
    for wrong in (["--compare", "apache"], ["--publishers", "0"], ["--repeat", "0"]):
        with pytest.raises(SystemExit):
            parse_options(wrong)
