from __future__ import annotations

import asyncio
import shutil
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmp import events as ev
from rtmp.connect_arguments import format_connect_arguments, parse_connect_arguments
from rtmp.errors import InvalidConnectArgument, LocalProtocolError
from tests.rtmp.running_server import running
from tests.rtmp.test_aio_programs import run_program

MANUAL = ["B:1", "S:authMe", "O:1", "NN:code:1.23", "NS:flag:ok", "O:0"]
"""The example of rtmpdump's manual."""


@pytest.mark.parametrize(
    ("texts", "values"),
    [
        ([], ()),
        (MANUAL, (True, "authMe", {"code": 1.23, "flag": "ok"})),
        (
            ["B:0", "N:-1.5e3", "N:.5", "N:7.", "S:", "S:a:b", "Z:"],
            (False, -1500.0, 0.5, 7.0, "", "a:b", None),
        ),
        (
            ["O:1", "NO:in:1", "NB:b:1", "NZ:z:", "O:0", "NS:s:x:y", "O:0", "N:1"],
            ({"in": {"b": True, "z": None}, "s": "x:y"}, 1.0),
        ),
        (["O:1", "O:0"], ({},)),
    ],
)
def test_parse(texts: list[str], values: tuple[Any, ...]) -> None:
    parsed = parse_connect_arguments(texts)
    assert parsed == values
    assert [type(value) for value in parsed] == [type(value) for value in values]
    assert parse_connect_arguments(format_connect_arguments(values)) == values


@pytest.mark.parametrize(
    ("texts", "index", "problem"),
    [
        (["S:a", ""], 1, "begins with none of"),
        (["plain secret"], 0, "begins with none of"),
        (["X:secret"], 0, "begins with none of"),
        (["B:secret"], 0, "neither 0 nor 1"),
        (["N:secret"], 0, "not a number"),
        (["N:nan"], 0, "not a number"),
        (["N:1e999"], 0, "not a number"),
        (["N:1_0"], 0, "not a number"),
        (["N:"], 0, "not a number"),
        (["Z:secret"], 0, "no value"),
        (["O:secret"], 0, "neither 0 nor 1"),
        (["O:0"], 0, "has not begun"),
        (["O:1", "NS:a:b"], 0, "does not end"),
        (["O:1", "NO:a:1", "O:0"], 0, "does not end"),
        (["NS:a:secret"], 0, "in no object"),
        (["O:1", "S:secret", "O:0"], 1, "needs a name"),
        (["O:1", "NS:secret", "O:0"], 1, "NS:name:value"),
        (["O:1", "NS::secret", "O:0"], 1, "NS:name:value"),
        (["O:1", "NS:a:x", "NS:a:secret", "O:0"], 2, "two members 'a'"),
        (["O:1", "NO:a:1", "NO:a:0"], 2, "no name"),
        (["O:1", *["NO:a:1"] * 40], 32, "deep"),
    ],
)
def test_errors_say_which_and_why_but_not_the_value(texts: list[str], index: int, problem: str) -> None:
    with pytest.raises(InvalidConnectArgument, match=problem) as caught:
        parse_connect_arguments(texts)
    assert caught.value.index == index
    assert str(caught.value).startswith(f"connect argument {index + 1}: ")
    assert "secret" not in str(caught.value)
    assert isinstance(caught.value, LocalProtocolError)


@pytest.mark.parametrize(
    "value",
    [float("inf"), float("nan"), 10**400, b"x", [1.0], {"": 1.0}, {"a:b": 1.0}, {"a": {"b": [None]}}],
)
def test_what_has_no_form(value: Any) -> None:
    with pytest.raises(InvalidConnectArgument) as caught:
        format_connect_arguments(["fine", value])
    assert caught.value.index == 1


names = st.text(min_size=1, max_size=6).filter(lambda name: ":" not in name)
arguments = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(arguments, max_size=5).map(tuple))
def test_parse_is_the_opposite_of_format(values: tuple[Any, ...]) -> None:
    assert parse_connect_arguments(format_connect_arguments(values)) == values


pieces = st.sampled_from(["B:1", "B:0", "N:1", "S:x", "Z:", "O:1", "O:0", "NO:a:1", "NS:b:c", "NN:c:2", "x"])


@given(st.lists(pieces | st.text(max_size=6), max_size=8))
def test_any_texts_are_parsed_or_refused(texts: list[str]) -> None:
    try:
        values = parse_connect_arguments(texts)
    except InvalidConnectArgument as error:
        assert 0 <= error.index < len(texts)
    else:
        assert parse_connect_arguments(format_connect_arguments(values)) == values


NESTED = ["B:0", "N:2.5", "Z:", "O:1", "NB:b:1", "NO:o:1", "NS:s:x", "O:0", "NN:n:3", "O:0", "S:end"]


async def connect_arguments_of(*program: str) -> tuple[Any, ...]:
    """What a server gets from a program, whose last argument is to be the URL."""
    async with running() as run, asyncio.timeout(10):
        # its application ends the connection
        running_program = run_program(*program, f"rtmp://127.0.0.1:{run.server.port}/fail/cam")
        assert await running_program != 0
        log = run.logs.get_nowait()
        requested = await log.wait(lambda e: isinstance(e, ev.ConnectRequested))
        arguments: tuple[Any, ...] = requested.arguments
        return arguments


@pytest.mark.interop
@pytest.mark.skipif(shutil.which("rtmpdump") is None, reason="needs rtmpdump (apt install rtmpdump)")
async def test_rtmpdump_means_the_same() -> None:
    options = [option for text in NESTED for option in ("-C", text)]
    arguments = await connect_arguments_of("rtmpdump", "-q", "-o", "/dev/null", *options, "-r")
    assert arguments == parse_connect_arguments(NESTED)


@pytest.mark.interop
@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg (apt install ffmpeg)")
async def test_ffmpeg_means_the_same() -> None:
    texts = ["O:1", "NZ:z:", "O:0", *NESTED]
    arguments = await connect_arguments_of("ffmpeg", "-v", "quiet", "-rtmp_conn", " ".join(texts), "-i")
    assert arguments == parse_connect_arguments(texts)
