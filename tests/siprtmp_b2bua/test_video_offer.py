"""The formats that we name, by what the client publishes."""

import pytest

from media_bridge.h264.configuration import AvcConfiguration
from siprtmp_b2bua.video_offer import video_formats
from siprtmp_b2bua.video_sdp import H264, X_FLV


@pytest.mark.parametrize(
    ("published", "offered"),
    [
        ("64000d", ["64001f", "42e01f", "42e01f"]),
        ("640028", ["640028", "42e01f", "42e01f"]),
        ("42c01e", ["42c01f", "42e01f", "42e01f"]),
        ("42e00d", ["42e01f", "42e01f"]),
        ("42e01f", ["42e01f", "42e01f"]),
    ],
)
def test_the_level_is_that_of_what_a_client_can_show(published: str, offered: list[str]) -> None:
    configuration = AvcConfiguration((b"\x67" + bytes.fromhex(published) + b"\x80",), (b"\x68\x80",))
    formats = video_formats((H264,), configuration)
    assert [each.profile_level_id for each in formats] == offered
    assert [each.packetization_mode for each in formats] == [1] * (len(offered) - 1) + [0]
    assert formats[0].sprop_parameter_sets == configuration.to_sprop()


@pytest.mark.parametrize(
    ("names", "offered"),
    [
        ((X_FLV,), [(97, X_FLV)]),
        ((H264, X_FLV), [(97, X_FLV), (96, H264), (98, H264)]),
        ((H264,), [(96, H264), (98, H264)]),
    ],
)
def test_x_flv_comes_first_where_it_is_wanted(names: tuple[str, ...], offered: list[tuple[int, str]]) -> None:
    assert [(each.payload_type, each.name) for each in video_formats(names, None)] == offered
