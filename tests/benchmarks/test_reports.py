import json
import math

import pytest

from benchmarks import soak_report
from benchmarks.calls_report import Figure, Measured, Target, as_json, figures, table
from benchmarks.gateway_process import CallSummary
from benchmarks.process_stats import Resources
from benchmarks.soak_calls import Way, way_of
from benchmarks.soak_report import Sample, Soak, verdicts


@pytest.mark.parametrize(
    ("target", "met", "missed"),
    [
        (Target("at most", 9.0), 9.0, 9.01),
        (Target("at least", 99.9), 99.9, 99.89),
        (Target("within ±", 1.0), -1.0, -1.01),
    ],
)
def test_targets_include_their_bound_and_nan_misses_them(target: Target, met: float, missed: float):
    assert target.is_met(met)
    assert not target.is_met(missed)
    assert not target.is_met(math.nan)


def test_the_cpu_target_is_for_four_calls_with_ulaw_alone():
    def cpu_target(codec: str, calls: int) -> Target | None:
        measured = Measured(codec, calls, 60, cpu_percent=8.0, peak_rss_kib=1024)
        return next(row.target for row in figures(measured) if row.name == f"CPU, {calls} calls")

    assert cpu_target("ulaw", 4) == Target("at most", 9.0)
    assert cpu_target("ulaw", 2) is None
    assert cpu_target("pcmu", 4) is None


def test_the_table_shows_verdicts_and_json_can_be_read_without_nan():
    rows = [
        Figure("good", 1.0, "ms", Target("at most", 2)),
        Figure("bad", 3.0, "ms", Target("at most", 2)),
        Figure("nothing", math.nan, "ms", Target("at most", 2)),
        Figure("free", 4.0, "%"),
    ]
    lines = table(rows).splitlines()
    data = json.loads(json.dumps(as_json(Measured("ulaw", 1, 2.0), rows), allow_nan=False))

    assert ["pass" in line for line in lines[2:]] == [True, False, False, False]
    assert ["miss" in line for line in lines[2:]] == [False, True, True, False]
    assert len({len(line) for line in lines}) == 1
    assert [figure["passed"] for figure in data["figures"]] == [True, False, False, None]


def test_the_gateways_call_summary_is_found_in_its_log():
    log = (
        "x INFO call-3: ended while active: 200 OK\n"
        "x INFO call-3: to SIP speex/16000 → queue 16000: 3200 samples, 1 dropped, 640 concealed, "
        "queue 12 ms, 2 bad tags; to RTMP port 16000 → speex/16000: 500 frames, 3 samples missing\n"
    )

    assert CallSummary.parse_all(log) == [CallSummary(3200, 1, 640, 12, 2, 500, 3)]


def test_of_a_thousand_calls_each_way_has_its_share():
    ways = [way_of(number) for number in range(1000)]

    assert ways.count(Way.CLIENT_CANCELS) == ways.count(Way.PHONE_IS_BUSY) == 100
    incoming = [way for way in ways if way.name.startswith("INCOMING")]
    assert len(incoming) == 50
    assert len(set(incoming)) == 3
    assert ways.count(Way.CLIENT_HANGS_UP) == 400
    assert ways.count(Way.PHONE_HANGS_UP) == 350


def sample(calls: int, *, rss_kib: int = 70_000, sockets: int = 7, tasks: int = 5) -> Sample:
    held = Resources(rss_kib, 9, 11 + sockets, {"socket": sockets}, (5060,), (1935,), 1)
    return Sample(calls, calls / 5, held, {"tasks": tasks})


def missed(*samples: Sample) -> list[str]:
    return [verdict.name for verdict in verdicts(Soak(samples=list(samples))) if not verdict.passed]


def test_what_grows_before_the_first_hundred_calls_is_warming_up():
    assert (
        missed(sample(0), sample(50, sockets=8), sample(100, rss_kib=75_000), sample(1000, rss_kib=75_500))
        == []
    )


def test_growth_after_it_is_a_miss():
    warm = sample(100)

    assert missed(sample(0), warm, sample(150, sockets=8)) == ["descriptors", "sockets"]
    assert missed(sample(0), warm, sample(150, rss_kib=72_049)) == ["memory in KiB"]
    assert missed(sample(0), warm, sample(150, tasks=6)) == ["gateway: tasks"]


def test_steady_memory_is_watched_more_closely_than_that_of_the_first_calls():
    steady = sample(300, rss_kib=71_500)

    assert missed(sample(0), sample(100), steady, sample(1000, rss_kib=71_900)) == []
    assert missed(sample(0), sample(100, rss_kib=71_000), steady, sample(1000, rss_kib=72_600)) == [
        "memory in KiB, from 60 s on"
    ]


def test_a_failed_call_is_a_miss():
    soak = Soak(failures=["call 7: no audio came"], samples=[sample(0), sample(100)])

    assert [verdict.name for verdict in verdicts(soak) if not verdict.passed] == ["calls that went wrong"]


def test_the_soak_table_has_a_line_for_each_sample():
    lines = soak_report.table([sample(0), sample(50)]).splitlines()

    assert len(lines) == 4
    assert len({len(line) for line in lines}) == 1
    assert "tasks" in lines[0]
