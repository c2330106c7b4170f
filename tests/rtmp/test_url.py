from __future__ import annotations

import pytest

from rtmp.errors import InvalidUrl
from rtmp.url import RtmpUrl


@pytest.mark.parametrize(
    ("text", "url", "tc_url"),
    [
        ("rtmp://h/app", RtmpUrl("rtmp", "h", 1935, "app"), "rtmp://h/app"),
        ("rtmp://h:1935/app", RtmpUrl("rtmp", "h", 1935, "app"), "rtmp://h/app"),
        ("rtmp://h:80/a/b?k=v", RtmpUrl("rtmp", "h", 80, "a/b?k=v"), "rtmp://h:80/a/b?k=v"),
        (
            "rtmp://h/sip/alice@example.com/2",
            RtmpUrl("rtmp", "h", 1935, "sip/alice@example.com/2"),
            "rtmp://h/sip/alice@example.com/2",
        ),
        ("rtmps://[::1]:8443/x", RtmpUrl("rtmps", "::1", 8443, "x"), "rtmps://[::1]:8443/x"),
        ("rtmp://h", RtmpUrl("rtmp", "h", 1935, ""), "rtmp://h/"),
    ],
)
def test_parse(text: str, url: RtmpUrl, tc_url: str) -> None:
    assert RtmpUrl.parse(text) == url
    assert url.tc_url == tc_url
    assert RtmpUrl.parse(tc_url) == url


@pytest.mark.parametrize(
    "text",
    [
        "",
        "http://h/x",
        "rtmp:///x",
        "rtmp://h:port/x",
        "rtmp://h:99999/x",
        "rtmp://[::1/x",
        "rtmp://u[::]@h[:5:1/x",
        "rtmp://[v1.a:b]/x",
        "rtmp://u[::]@]h/x",
    ],
)
def test_refused(text: str) -> None:
    with pytest.raises(InvalidUrl):
        RtmpUrl.parse(text)
