"""What the process that workers are forked from sees to before it forks."""

from __future__ import annotations

from pathlib import Path

import pytest

from siprtmp_b2bua.workers import forker


@pytest.mark.parametrize(("inherited", "raised"), [("0", "200"), ("-500", "-300"), ("900", "1000")])
def test_a_worker_is_ended_sooner_than_the_supervisor(
    inherited: str, raised: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "oom_score_adj"
    file.write_text(f"{inherited}\n")
    monkeypatch.setattr(forker, "_OOM_SCORE", file)
    forker.raise_oom_score()
    assert file.read_text() == raised


def test_where_that_cannot_be_written_it_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forker, "_OOM_SCORE", tmp_path / "none" / "oom_score_adj")
    forker.raise_oom_score()
    assert list(tmp_path.iterdir()) == []
