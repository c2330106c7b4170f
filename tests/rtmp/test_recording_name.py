"""Names of streams, and the files that they may and may not mean."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmp.aio.recording.recordings import Recordings
from rtmp.errors import InvalidStreamName
from rtmp.recording.recording_name import recording_path
from tests.rtmp import flv_samples as flv


@pytest.mark.parametrize(
    ("app", "name", "path"),
    [
        ("live", "cam", "live/cam.flv"),
        ("live", "flv:cam", "live/cam.flv"),
        ("live", "cam.flv", "live/cam.flv"),
        ("live", "flv:cam.flv?key=../..", "live/cam.flv"),
        ("live/", "cam.1-a_B", "live/cam.1-a_B.flv"),
        ("live?token=x", "day/cam", "live/day/cam.flv"),
        ("sip/alice@example.com", "1+2=3,4", "sip/alice@example.com/1+2=3,4.flv"),
        ("", "cam", "cam.flv"),
    ],
)
def test_names(app: str, name: str, path: str) -> None:
    assert recording_path(app, name) == PurePosixPath(path)


@pytest.mark.parametrize("name", ["c*m?key=secret", "..?key=secret"])
def test_a_refused_name_is_told_without_its_query(name: str) -> None:
    with pytest.raises(InvalidStreamName) as caught:
        recording_path("live?token=secret", name)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("app", "name"),
    [
        ("live", ""),
        ("live", ".flv"),
        ("live", "flv:"),
        ("live", "?cam"),
        ("live", ".."),
        ("live", "../cam"),
        ("live", "a/../../cam"),
        ("..", "cam"),
        ("live/../..", "cam"),
        ("live", "/etc/passwd"),
        ("/etc", "passwd"),
        ("live", "a//b"),
        ("live", "a/"),
        ("live", ".hidden"),
        ("live", "a/.hidden"),
        ("live", "-rf"),
        ("live", "a\\b"),
        ("live", "a\0b"),
        ("live", "a\nb"),
        ("live", "cam\n"),
        ("live", "c m"),
        ("live", "ça"),
        ("live", "mp4:cam"),
        ("live", "flv:flv:cam"),
        ("live", "~"),
        ("live", "a" * 129),
        ("live", "/".join("a" * 9)),
        ("live/" + "a" * 100, "b" * 100 + "/" + "c" * 100),
    ],
)
def test_names_that_none_may_have(app: str, name: str) -> None:
    with pytest.raises(InvalidStreamName) as caught:
        recording_path(app, name)
    assert len(str(caught.value)) < 300


@given(st.text(max_size=30), st.text(alphabet="ab./\\?:~\0-flv", max_size=30))
def test_no_name_leads_out(app: str, name: str) -> None:
    try:
        path = recording_path(app, name)
    except InvalidStreamName:
        return
    assert not path.is_absolute()
    assert all(not part.startswith(".") for part in path.parts)
    assert path.suffix == ".flv"


async def test_links_may_not_lead_out(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    (root / "live").mkdir(parents=True)
    outside.mkdir()
    data = flv.flv_bytes(flv.stream(2))
    for directory in (outside, root / "live"):
        (directory / "cam.flv").write_bytes(data)
    (root / "away").symlink_to(outside)
    (root / "live" / "away.flv").symlink_to(outside / "cam.flv")
    (root / "live" / "nowhere.flv").symlink_to(tmp_path / "not-there")
    (root / "live" / "round.flv").symlink_to("round.flv")
    (root / "live" / "within.flv").symlink_to("cam.flv")
    recordings = Recordings(root)
    for app, name in (("away", "cam"), ("live", "away"), ("live", "nowhere"), ("live", "round")):
        with pytest.raises(InvalidStreamName):
            await recordings.find(app, name)
    assert await recordings.find("live", "within") == root / "live" / "cam.flv"
    assert await recordings.find("live", "none") is None
    assert await recordings.path("live", "new/one") == root / "live" / "new" / "one.flv"
    assert await recordings.duration_ms("live", "cam") == 1960
    assert await recordings.duration_ms("live", "none") is None
