"""How long it takes until the picture is back, and what the table says."""

from benchmarks.video_loss import LossFigures, networks, recoveries, report


def test_recovery_is_from_the_first_and_from_the_last_request_to_the_next_picture():
    first, last = recoveries([1.25, 2.25, 5.0, 9.0], [0.5, 1.0, 2.5, 4.0, 5.25, 6.0])

    assert first == [1.25, 0.25]
    assert last == [0.25, 0.25]
    assert recoveries([], [1.0, 2.0]) == ([], [])


def test_each_network_is_one_line():
    figures = [
        LossFigures(each.name, "nack" in each.feedback, 0.012, 0.9, 3, 0.5, [0.1, 0.2, 1.3], [0.1, 0.2, 0.3])
        for each in networks()
    ]
    table = report(figures).splitlines()

    assert len(table) == 2 + 10
    cells = [cell.strip() for cell in table[3].split("|")]
    assert cells == ["", "1 % lost", "NACK, PLI", "1.2 %", "90.0 %", "3", "200 ms", "1300 ms", "300 ms", ""]
