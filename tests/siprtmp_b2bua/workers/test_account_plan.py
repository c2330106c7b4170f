"""Which worker registers which accounts."""

from __future__ import annotations

from siprtmp_b2bua.workers.account_plan import AccountPlan


def test_accounts_are_dealt_out_and_kept() -> None:
    plan = AccountPlan()
    plan.begin(["a", "b", "c", "d", "e"])
    assert plan.assign(1, 4) == ("a", "b", "c", "d")
    assert not plan.is_done
    assert plan.assign(1, 4) == plan.of(1) == ("a", "b", "c", "d")
    assert plan.of(2) == ()
    assert plan.assign(2, 4) == ("e",)
    assert plan.is_done
    assert plan.assign(3, 4) == ()


def test_a_new_configuration_deals_anew() -> None:
    plan = AccountPlan()
    plan.begin(["a"])
    plan.assign(1, 4)
    plan.begin(["b"])
    assert plan.of(1) == ()
    assert plan.assign(2, 4) == ("b",)
