"""Which number is started next, and when."""

from __future__ import annotations

from siprtmp_b2bua.workers.numbers import Numbers

_ALL = range(1, 26)
_LIFE_S = 0.05


def starts(
    numbers: Numbers, begin_s: float, end_s: float, bad: frozenset[int] = frozenset(_ALL)
) -> list[int]:
    """Start whatever may be, again and again; those that are bad die at once. Return what was started."""
    started: list[int] = []
    now_s, living = begin_s, set[int]()
    while now_s < end_s:
        number = numbers.first(set(_ALL) - living, now_s)
        if number is not None:
            started.append(number)
            numbers.started(number, now_s)
            if number in bad:
                numbers.died(number, now_s + _LIFE_S)
            else:
                living.add(number)
        now_s += 2 * _LIFE_S
    return started


def test_if_all_die_they_wait_together_up_to_half_a_minute() -> None:
    numbers = Numbers()
    assert starts(numbers, 0.0, 8.0)[:6] == [1, 1, 2, 2, 3, 4]
    assert len(starts(Numbers(), 0.0, 8.0)) == 9
    starts(numbers, 8.0, 200.0)
    assert len(starts(numbers, 200.0, 500.0)) == 10


def test_a_death_or_some_at_once_are_replaced_at_once() -> None:
    numbers = Numbers()
    for number in range(1, 9):
        numbers.started(number, 0.0)
    for number in range(1, 9):
        numbers.died(number, 5.0)
    for number in range(1, 9):
        assert numbers.first(_ALL, 5.0) == number
        numbers.started(number, 5.0)


def test_a_few_that_cannot_start_keep_no_others_from_it() -> None:
    assert set(starts(Numbers(), 0.0, 5.0, frozenset({1}))) == set(_ALL)
    assert set(starts(Numbers(), 0.0, 5.0, frozenset({1, 2}))) == set(_ALL)


def test_many_that_cannot_start_let_others_go_first() -> None:
    numbers = Numbers()
    bad = frozenset(range(1, 6))
    starts(numbers, 0.0, 100.0)
    (first, *others) = starts(numbers, 100.0, 200.0, bad)
    assert first not in bad
    assert set(others) >= set(_ALL) - bad - {first}


def test_those_that_die_at_once_count_once_and_then_one_is_tried_at_a_time() -> None:
    numbers = Numbers()
    for now_s in (0.0, 5.0):
        for number in _ALL:
            numbers.started(number, now_s)
        for number in _ALL:
            numbers.died(number, now_s + 1)
    assert numbers.first([24, 25], 6.5) == 24
    numbers.started(24, 6.5)
    assert numbers.first([25], 7.4) is None
    assert numbers.first([25], 7.5) == 25
    numbers.died(24, 7.5)
    assert numbers.first([25], 7.9) is None
    assert numbers.first([25], 8.0) == 25


def test_those_that_always_die_take_turns() -> None:
    numbers = Numbers()
    starts(numbers, 0.0, 200.0)
    assert sorted(starts(numbers, 200.0, 950.0)) == sorted(_ALL)


def test_one_that_lives_long_ends_the_waiting() -> None:
    numbers = Numbers()
    starts(numbers, 0.0, 200.0)
    numbers.started(20, 200.0)
    numbers.started(21, 200.0)
    numbers.died(21, 200.5)
    assert not numbers.may_start(22, 230.0)
    numbers.died(20, 231.0)
    numbers.started(20, 231.0)
    numbers.started(21, 231.0)
    assert numbers.may_start(22, 231.0)


def test_one_that_is_alive_counts_as_much() -> None:
    numbers = Numbers()
    starts(numbers, 0.0, 200.0)
    started = starts(numbers, 200.0, 231.0, frozenset(_ALL) - {20})
    assert 20 not in started
    numbers.started(20, 231.0)
    numbers.started(21, 265.0)
    numbers.died(21, 266.0)
    assert numbers.may_start(22, 266.0)


def test_one_that_was_told_to_end_says_something_if_it_has_lived_long() -> None:
    for end_s, may_start in ((270.0, True), (201.0, False)):
        numbers = Numbers()
        starts(numbers, 0.0, 200.0)
        numbers.started(20, 200.0)
        numbers.ended(20, end_s)
        numbers.started(21, 275.0)
        numbers.died(21, 276.0)
        assert numbers.may_start(22, 276.0) is may_start


def test_new_settings_are_tried_at_once() -> None:
    numbers = Numbers()
    starts(numbers, 0.0, 200.0)
    numbers.died(1, 200.0)
    numbers.begin_anew()
    assert numbers.first([2, 25], 230.0) == 2


def test_what_could_not_even_be_started_has_to_wait_too() -> None:
    numbers = Numbers()
    numbers.started(1, 0.0)
    numbers.ended(1, 50.0)
    numbers.failed(1, 60.0)
    numbers.failed(1, 60.0)
    assert not numbers.may_start(1, 60.4)
    assert not numbers.dead
