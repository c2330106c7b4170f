"""Which worker registers which accounts."""

from __future__ import annotations

import pytest

from siprtmp_b2bua.config import GatewayConfig
from siprtmp_b2bua.errors import ConfigurationError
from siprtmp_b2bua.workers.account_plan import AccountPlan, check_accounts


def test_accounts_are_dealt_out_and_kept() -> None:
    plan = AccountPlan()
    plan.begin(["a", "b", "c", "d", "e"])
    assert plan.assign(1, 4) == ("a", "b", "c", "d")
    assert plan.unassigned == {"e"}
    assert plan.assign(1, 4) == plan.of(1) == ("a", "b", "c", "d")
    assert plan.of(2) == ()
    assert plan.assign(2, 4) == ("e",)
    assert not plan.unassigned
    assert plan.assign(3, 4) == ()


def test_a_new_configuration_deals_anew() -> None:
    plan = AccountPlan()
    plan.begin(["a"])
    plan.assign(1, 4)
    plan.begin(["b"])
    assert plan.of(1) == ()
    assert plan.assign(2, 4) == ("b",)


def test_more_accounts_than_workers_can_register_are_refused_with_what_would_do() -> None:
    accounts = [{"aor": f"user{number}@pbx", "password": "secret"} for number in range(9)]
    accounts[8]["keep_registered"] = "false"
    config = GatewayConfig.load(flags={"accounts": accounts, "sip": {"max_calls": 4}})
    check_accounts(config, 2)
    with pytest.raises(ConfigurationError, match=r"8 accounts .* 1 workers can keep 4, .* --max-workers"):
        check_accounts(config, 1)
