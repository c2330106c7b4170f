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
