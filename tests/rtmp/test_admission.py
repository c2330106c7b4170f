"""Which connections are taken, and what is said of the others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmp import admission as module
from rtmp.admission import Admission, address_group
from rtmp.errors import TooManyConnections
from rtmp.limits import AdmissionLimits


@pytest.mark.parametrize(
    ("host", "group"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("", ""),
        ("/run/rtmp.sock", ""),
    ],
)
def test_groups_of_addresses(host: str, group: str) -> None:
    assert address_group(host) == group


def test_limits_in_all_and_of_one_address() -> None:
    admission = Admission(AdmissionLimits(max_connections=3, max_connections_per_address=2))
    admission.admit("a", 0.0)
    admission.admit("a", 0.0)
    with pytest.raises(TooManyConnections, match="2 connections are open from a"):
        admission.admit("a", 0.0)
    admission.admit("b", 0.0)
    with pytest.raises(TooManyConnections, match="3 connections are open already"):
        admission.admit("c", 0.0)
    admission.release("a")
    admission.admit("", 0.0)
    assert admission.count == 3
    for group in ("a", "b", ""):
        admission.release(group)
    assert admission.count == 0
    assert not admission._open


def test_new_connections_have_a_rate() -> None:
    limits = AdmissionLimits(new_per_second=2.0, new_burst=3)
    admission = Admission(limits)

    def admitted(now_s: float) -> int:
        count = 0
        try:
            while True:
                admission.admit("a", now_s)
                admission.release("a")
                count += 1
        except TooManyConnections as error:
            assert "2 new a second from a" in str(error)
        return count

    assert admitted(0.0) == 3
    assert admitted(0.1) == 0
    assert admitted(1.0) == 2, "those that were refused do not count"
    assert 3 <= admitted(100.0) <= 6, "up to two bursts after a rest"
    admission.admit("b", 0.0)


def test_one_line_a_second_of_one_address() -> None:
    admission = Admission()
    assert admission.refusals_to_log("a", 0.0) == 1
    assert admission.refusals_to_log("b", 0.0) == 1
    assert [admission.refusals_to_log("a", n / 100) for n in range(99)] == [0] * 99
    assert admission.refusals_to_log("a", 1.0) == 100
    assert admission.refusals_to_log("a", 1.5) == 0


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MAX_REMEMBERED", 10)
    admission = Admission(AdmissionLimits(new_per_second=1.0))
    for n in range(100):
        admission.admit(str(n), 0.0)
        admission.release(str(n))
        admission.refusals_to_log(f"refused {n}", 0.0)
    assert len(admission._recent) == 10
    assert not admission._open


@given(st.lists(st.tuples(st.sampled_from(["", "a", "b"]), st.booleans())))
def test_what_was_admitted_is_what_is_counted(steps: list[tuple[str, bool]]) -> None:
    limits = AdmissionLimits(max_connections=4, max_connections_per_address=2)
    admission, held = Admission(limits), list[str]()
    for group, enters in steps:
        if enters:
            try:
                admission.admit(group, 0.0)
                held.append(group)
            except TooManyConnections:
                assert len(held) == 4 or (group and held.count(group) == 2)
        elif group in held:
            held.remove(group)
            admission.release(group)
        assert admission.count == len(held)


def test_what_connections_of_an_address_send_is_counted_together_and_in_all() -> None:
    limits = AdmissionLimits(max_bytes_per_second=300, max_bytes_per_second_per_address=200, rate_burst_s=1.0)
    admission = Admission(limits)
    for group in ("192.0.2.1", "192.0.2.1", "192.0.2.2"):
        admission.admit(group, 0.0)
    first, in_all = admission.budgets("192.0.2.1", 0.0)
    assert admission.budgets("192.0.2.1", 0.0) == (first, in_all)
    other, also_in_all = admission.budgets("192.0.2.2", 0.0)
    assert also_in_all is in_all
    assert admission.budgets("", 0.0) == (in_all,)
    assert first.spend(200, 0.0) == 0
    assert first.spend(100, 0.0) == pytest.approx(0.5)
    assert other.spend(100, 0.0) == 0
    assert in_all.spend(300, 0.0) == 0
    assert in_all.spend(30, 0.0) == pytest.approx(0.1)
    assert in_all.spend(0, 0.1) == 0
    for _ in range(2):
        admission.release("192.0.2.1")
    assert admission.budgets("192.0.2.1", 1.0)[0] is not first


def test_what_connections_are_sent_of_files_is_counted_beside_what_they_send() -> None:
    limits = AdmissionLimits(max_file_bytes_per_second=30, max_file_bytes_per_second_per_address=20)
    admission = Admission(limits)
    of_address, in_all = admission.file_budgets("192.0.2.1", 0.0)
    assert (of_address, in_all) == admission.file_budgets("192.0.2.1", 0.0)
    assert {of_address, in_all}.isdisjoint(admission.budgets("192.0.2.1", 0.0))
    assert of_address.spend(42, 0.0) == pytest.approx(0.1)
    assert in_all.spend(63, 0.0) == pytest.approx(0.1)
