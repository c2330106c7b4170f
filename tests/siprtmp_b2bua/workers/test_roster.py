"""Which worker gets a client."""

from __future__ import annotations

import pytest

from siprtmp_b2bua.errors import CapacityError
from siprtmp_b2bua.workers.roster import Member, Roster

ALICE = "alice@example.com"


def roster_of(*members: Member) -> Roster:
    roster = Roster()
    roster.members.update(members)
    return roster


def member(number: int, clients: int = 0, *, lines: int = 4, late: bool = False, aor: str = "") -> Member:
    made = Member(number, lines=lines, is_overloaded=late)
    made.clients.update({100 * number + n: None for n in range(clients)})
    if aor:
        made.clients[100 * number + 99] = aor
    return made


def test_the_least_loaded_gets_the_next() -> None:
    busy, idle, same = member(1, 3), member(2, 1), member(3, 1)
    assert roster_of(busy, idle, same).find(None) is idle
    idle.clients.update({1: None, 2: None, 3: None})
    assert roster_of(busy, idle, same).find(None) is same


def test_nobody_gets_it_while_all_are_starting_or_full() -> None:
    assert roster_of().find(None) is None
    assert roster_of(member(1, lines=0), member(2, 4)).find(None) is None


def test_relief_is_coming_while_a_worker_starts_and_the_others_are_half_full() -> None:
    starting = member(3, lines=0)
    assert roster_of(member(1, 2), member(2, 3), starting).is_relief_coming(None)
    assert not roster_of(member(1, 2), member(2, 3)).is_relief_coming(None)
    assert not roster_of(member(1, 1), member(2, 3), starting).is_relief_coming(None)
    assert roster_of(member(1, late=True), member(2, 3), starting).is_relief_coming(None)
    assert not roster_of(member(1, 2, aor=ALICE), starting).is_relief_coming(ALICE)
    starting.is_open = False
    assert not roster_of(member(1, 2), starting).is_relief_coming(None)


def test_one_address_stays_together_even_beyond_the_lines() -> None:
    has, idle = member(1, 3, aor=ALICE), member(2)
    assert has.free_lines == 0
    assert roster_of(has, idle).find(ALICE) is has
    assert roster_of(has, idle).find("bob@example.com") is idle


def test_a_registered_address_waits_for_its_worker() -> None:
    starting, idle = Member(1, standing=frozenset({ALICE})), member(2)
    assert roster_of(starting, idle).find(ALICE) is None
    starting.lines = 4
    assert roster_of(starting, idle).find(ALICE) is starting


def test_each_registered_address_has_a_line_kept_until_its_client_is_there() -> None:
    registers, idle = member(1, 1), member(2, 3)
    registers.standing = frozenset({ALICE, "bob@example.com", "carol@example.com"})
    assert registers.free_lines == 0
    assert roster_of(registers, idle).find(None) is idle
    assert roster_of(registers, idle).find(ALICE) is registers
    registers.clients[7] = ALICE
    assert registers.free_lines == 0
    registers.clients[8] = "bob@example.com"
    del registers.clients[100]
    assert registers.free_lines == 1


def test_lines_are_missing_for_who_waits_for_what_nobody_registers_and_for_a_reserve() -> None:
    assert roster_of(member(1, 1)).lines_missing(4, [], []) == -1
    assert roster_of(member(1, 1)).lines_missing(4, [None, ALICE], []) == 1
    assert roster_of(member(1, 1)).lines_missing(4, [None, ALICE], [ALICE]) == 1
    starting = Member(2, standing=frozenset({ALICE}))
    assert roster_of(member(1, 4), starting).lines_missing(4, [None, ALICE], []) == 0
    starting.is_open = False
    assert roster_of(member(1, 4), starting).lines_missing(4, [None, ALICE], []) == 4


def test_a_worker_that_ends_gets_nobody() -> None:
    ending, idle = member(1, aor=ALICE), member(2, 3)
    ending.is_open = False
    assert roster_of(ending, idle).find(ALICE) is idle
    assert ending.free_lines == 0


def test_an_address_stays_where_it_is_open_whoever_had_it_before() -> None:
    has, idle = member(100, 2, aor=ALICE), member(101)
    ending = [member(number, aor=ALICE) for number in range(20)]  # a set says in no order who comes first
    for one in ending:
        one.is_open = False
    assert roster_of(*ending, has, idle).find(ALICE) is has


def test_a_late_worker_gets_nobody_and_if_all_are_late_the_client_hears_so() -> None:
    late, calm = member(1, late=True), member(2, 3)
    assert roster_of(late, calm).find(None) is calm
    calm.is_overloaded = True
    with pytest.raises(CapacityError, match="overloaded"):
        roster_of(late, calm).find(None)
