"""What a worker says is checked."""

from __future__ import annotations

import pytest

from siprtmp_b2bua.workers import reports


@pytest.mark.parametrize(
    "report",
    [
        reports.Ready(lines=4, sip_port=5060),
        reports.Failed(reason="the port is taken"),
        reports.Beat(is_overloaded=True, calls=3),
        reports.Closed(connection_id=77),
    ],
)
def test_round_trip(report: reports.Report) -> None:
    assert reports.unpack(reports.pack(report)) == report


@pytest.mark.parametrize(
    "message",
    [b"{", b"[]", b'{"kind":"beat"}', b'{"kind":"ready","lines":0,"sip_port":1}', b'{"kind":"x"}', b"\xff"],
)
def test_what_is_no_report_is_refused(message: bytes) -> None:
    with pytest.raises(ValueError, match="faults in a report"):
        reports.unpack(message)


def test_a_long_reason_is_cut() -> None:
    assert reports.Failed(reason=reports.short("x" * 10_000)).reason == "x" * 500


def test_the_texts_of_a_report_do_not_stay_in_memory() -> None:
    message = reports.pack(reports.DialogEnded(call_id="7a1c@192.0.2.1"))
    one, another = reports.unpack(message), reports.unpack(message)
    assert isinstance(one, reports.DialogEnded) and isinstance(another, reports.DialogEnded)
    assert one.call_id == another.call_id
    assert one.call_id is not another.call_id, "kept by a cache, which each call adds to"
