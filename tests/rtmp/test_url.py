from __future__ import annotations

import re
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


@pytest.mark.parametrize("host", ["a" * 63, "a." * 126 + "b", "münchen.example", "h."])
def test_hosts_that_a_resolver_takes(host: str) -> None:
    assert RtmpUrl.parse(f"rtmp://{host}/x").host == host


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
        f"rtmp://{'a' * 64}/x",
        f"rtmp://{'a.' * 127}/x",
        "rtmp://a..b/x",
        "rtmp://.h/x",
        "rtmp://h\0/x",
        "rtmp://h h/x",
        "rtmp://\ud800/x",
    ],
)
def test_refused(text: str) -> None:
    with pytest.raises(InvalidUrl):
        RtmpUrl.parse(text)


def test_credentials_are_decoded_and_kept_to_ourselves() -> None:
    url = RtmpUrl.parse("rtmp://al%40ice:s%3Acr%2Fet@h:80/live/cam?k=v")
    assert (url.user, url.password) == ("al@ice", "s:cr/et")
    assert url.tc_url == "rtmp://h:80/live/cam?k=v"
    assert "cr/et" not in repr(url)
    assert url == RtmpUrl("rtmp", "h", 80, "live/cam?k=v", "al@ice", "s:cr/et")


@pytest.mark.parametrize(
    "text",
    [
        "rtmp://u:s3cret@h:port/x",
        "http://u:s3cret@h/x",
        "rtmp://u:s3cret@/x",
        "rtmp://u:s3cret@[::1/x",
        "rtmp://u:s3/cret@h/x",
        "rtmp://u:a@s3cret@h:x/y",
        "http://s3cret@h/a@b",
        "http://u/x@y:s3cret@h/x",
        "http://u/x:s3/cret@h/x",
    ],
)
def test_no_error_tells_a_password(text: str) -> None:
    with pytest.raises(InvalidUrl) as caught:
        RtmpUrl.parse(text)
    shown = "".join(traceback.format_exception(caught.value))
    message = str(caught.value)
    assert "s3" not in message
    assert "cret" not in message
    assert "ValueError" not in shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://gateway/sip/alice@pbx", "http://gateway/sip/alice@pbx"),
        ("http://gateway/sip/alice@pbx:5070", "http://gateway/sip/alice@pbx:5070"),
        ("http://user:pw@gateway/x", "http://***@gateway/x"),
        ("http://user:pw@gateway:80/sip/alice@pbx", "http://***@gateway:80/***@pbx"),
        ("http://gateway:80/sip/alice@pbx", "http://***@pbx"),
    ],
)
def test_an_error_shows_the_url(text: str, shown: str) -> None:
    with pytest.raises(InvalidUrl, match=re.escape(f"'{shown}' does not begin with rtmp://")):
        RtmpUrl.parse(text)


@pytest.mark.parametrize(
    ("text", "segments", "app", "stream"),
    [
        ("rtmp://h/live/cam", 1, "live", "cam"),
        ("rtmp://h/live/cam?user=a/b&x", 1, "live", "cam?user=a/b&x"),
        ("rtmp://h/live/inst/cam", 1, "live", "inst/cam"),
        ("rtmp://h/live/inst/cam?k", 2, "live/inst", "cam?k"),
        ("rtmp://h/live/cam", 2, "live/cam", ""),
        ("rtmp://h/live?k=v", 1, "live?k=v", ""),
        ("rtmp://h/live/?k=v", 1, "live?k=v", ""),
        ("rtmp://u:p@[::1]:80/live/mp4:a/b.mp4", 1, "live", "mp4:a/b.mp4"),
        ("rtmp://h", 1, "", ""),
    ],
)
def test_split_stream(text: str, segments: int, app: str, stream: str) -> None:
    assert RtmpUrl.parse(text).split_stream(segments) == (app, stream)


@pytest.mark.parametrize(
    ("reference", "url"),
    [
        ("rtmp://foo.example.com:1935/realtimeapp", "rtmp://foo.example.com/realtimeapp"),
        ("rtmps://192.0.2.1/realtimeapp", "rtmps://192.0.2.1/realtimeapp"),
        ("//192.0.2.0/realtimeapp", "rtmp://192.0.2.0/realtimeapp"),
        ("//[::2]:99/x", "rtmp://[::2]:99/x"),
        ("/realtimeapp?k", "rtmp://[::1]:80/realtimeapp?k"),
        ("other", "rtmp://[::1]:80/a/other"),
        ("../other", "rtmp://[::1]:80/other"),
        ("", "rtmp://[::1]:80/a/b"),
    ],
)
def test_resolve(reference: str, url: str) -> None:
    base = RtmpUrl.parse("rtmp://u:p@[::1]:80/a/b")
    resolved = base.resolve(reference)
    assert resolved.tc_url == url
    assert (resolved.user, resolved.password) == (("u", "p") if resolved.host == "::1" else ("", ""))


@pytest.mark.parametrize(
    ("reference", "keeps"),
    [
        ("rtmps://h/b", True),
        ("rtmps://h:8443/b", True),
        ("rtmps://H/b", True),
        ("//h/b", True),
        ("rtmp://h/b", False),
        ("rtmps://h.other/b", False),
        ("//other/b", False),
    ],
)
def test_credentials_stay_with_their_host_and_its_encryption(reference: str, keeps: bool) -> None:
    resolved = RtmpUrl.parse("rtmps://u:p@h/a").resolve(reference)
    assert (resolved.user, resolved.password) == (("u", "p") if keeps else ("", ""))
    assert (RtmpUrl.parse("rtmp://u:p@h/a").resolve("rtmps://h/a").user) == "u"


def test_a_reference_may_bring_credentials_or_be_refused() -> None:
    base = RtmpUrl.parse("rtmp://u:p@h/a")
    assert base.resolve("//x:y@h2/a") == RtmpUrl("rtmp", "h2", 1935, "a", "x", "y")
    for reference in ("http://h/a", "//[::1/x", "//h:port/x", "mailto:x"):
        with pytest.raises(InvalidUrl):
            base.resolve(reference)


hosts = st.sampled_from(["h", "example.com", "192.0.2.1", "::1"])
words = st.text("abc019-_.~", min_size=1, max_size=8)


@given(st.sampled_from(["rtmp", "rtmps"]), hosts, st.integers(1, 65535), st.lists(words, max_size=4), words)
def test_parse_is_the_opposite_of_tc_url(
    scheme: str, host: str, port: int, segments: list[str], query: str
) -> None:
    url = RtmpUrl(scheme, host, port, "/".join(segments) + f"?{query}")
    assert RtmpUrl.parse(url.tc_url) == url
    app, stream = url.split_stream()
    assert url.app == (f"{app}/{stream}" if stream else app)
