"""The documentation says what the code does: settings, flags, links, names, tables, examples."""

import asyncio
import json
import re
import signal
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from rtmp.aio import RtmpClient
from siprtmp_b2bua import __version__
from siprtmp_b2bua.call_state import TRANSITIONS
from siprtmp_b2bua.cli import _SETTINGS, make_parser
from siprtmp_b2bua.client_api import COMMANDS
from siprtmp_b2bua.client_codecs import KNOWN_NAMES
from siprtmp_b2bua.client_port import ClientPort
from siprtmp_b2bua.config import AccountConfig, GatewayConfig
from tests.interop.peers.ports import HOST, free_port

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    ROOT / "tests/interop/README.md",
    *sorted(DOCS.glob("*.md")),
]
PACKAGES = ("rtmp", "media_bridge", "siprtmp_b2bua")


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)


def rows(page: Path, columns: int) -> Iterator[list[str]]:
    """The cells of all table rows of so many columns."""
    for line in page.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and len(cells) == columns:
            yield cells


def settings(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, object]]:
    """The name and default of each setting, sections unfolded."""
    for name, field in model.model_fields.items():
        section = field.annotation
        if prefix + name == "accounts":
            yield from settings(AccountConfig, "accounts.")
        elif isinstance(section, type) and issubclass(section, BaseModel) and name != "rtp_ports":
            yield from settings(section, f"{prefix}{name}.")
        else:
            yield prefix + name, field.default


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, _ in settings(GatewayConfig):
        monkeypatch.delenv(f"SIPRTMP_{name.upper().replace('.', '__')}", raising=False)


# -- configuration


def test_the_whole_file_is_whole_and_can_be_loaded(tmp_path: Path) -> None:
    (text,) = blocks(DOCS / "configuration.md", "toml")
    file = tmp_path / "siprtmp.toml"
    file.write_text(text)
    config = GatewayConfig.load(file)
    assert config.accounts[0].password.get_secret_value() == "correct horse battery staple"
    given = tomllib.loads(text)
    for name, _ in settings(GatewayConfig):
        section, _, key = name.rpartition(".")
        table = given["accounts"][0] if section == "accounts" else given.get(section, given)
        assert key in table, f"{name} is not in the example"


def test_the_tables_of_settings_are_true() -> None:
    documented = {
        cells[0].strip("`"): cells[1].strip("`")
        for width in (3, 5)
        for cells in rows(DOCS / "configuration.md", width)
        if re.fullmatch(r"`[a-z_.]+`", cells[0])
    }
    for name, default in settings(GatewayConfig):
        shown = documented.pop(name)
        if default is PydanticUndefined:
            assert shown == "none, required"
        else:
            expected = default if isinstance(default, bool | int | float | None) else str(default)
            expected = list(default) if isinstance(default, tuple) else expected
            expected = dict(default) if isinstance(default, Mapping) else expected
            assert json.loads(shown) == expected, name
    assert not documented, "documented settings that do not exist"


def test_the_tables_name_the_right_flags_and_variables() -> None:
    flags = {action.dest: action.option_strings for action in make_parser()._actions}
    flag_of = {".".join(place): ", ".join(f"`{f}`" for f in flags[dest]) for dest, place in _SETTINGS.items()}
    for name, _, flag, variable, _ in rows(DOCS / "configuration.md", 5):
        if re.fullmatch(r"`[a-z_.]+`", name):
            assert flag == flag_of.get(name.strip("`"), "")
            if variable != "see there":
                assert variable.strip("`") == "SIPRTMP_" + name.strip("`").upper().replace(".", "__")


def test_every_documented_variable_works(monkeypatch: pytest.MonkeyPatch) -> None:
    count = 0
    for _, default, _, variable, _ in rows(DOCS / "configuration.md", 5):
        if variable.startswith("`"):
            value = json.loads(default.strip("`"))
            if value is None:
                continue  # there is no way to write it, but to leave it away
            monkeypatch.setenv(variable.strip("`"), value if isinstance(value, str) else json.dumps(value))
            count += 1
    monkeypatch.setenv("SIPRTMP_MEDIA__RTP_PORTS__LOW", "20000")
    monkeypatch.setenv("SIPRTMP_MEDIA__RTP_PORTS__HIGH", "20999")
    config = GatewayConfig.load()
    assert count > 10
    assert str(config.media.rtp_ports) == "20000-20999"
    assert config.rtmp == GatewayConfig.model_fields["rtmp"].default


def test_the_readme_has_every_flag_and_no_other() -> None:
    table = [cells[0] for cells in rows(ROOT / "README.md", 3)]
    documented = {flag for cell in table for flag in re.findall(r"`(--?[a-zA-Z-]+)`", cell)}
    assert documented == {flag for action in make_parser()._actions for flag in action.option_strings}


# -- architecture


def test_the_architecture_page_names_every_file_once() -> None:
    text = (DOCS / "architecture.md").read_text()
    named = re.findall(r"`((?:rtmp|media_bridge|siprtmp_b2bua)/[\w/]+\.py)`", text)
    tables = [
        name
        for name in named
        if f"`{name}`" in "".join(cell[0] for cell in rows(DOCS / "architecture.md", 2))
    ]
    files = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if path.name != "__init__.py"
    }
    assert files - set(tables) == set(), "files that the page does not name"
    assert set(named) - files == set(), "files that do not exist"


def test_the_table_of_states_is_a_copy() -> None:
    documented = [
        tuple(cells)
        for cells in rows(DOCS / "architecture.md", 3)
        if cells[0].isupper() and cells[1].isupper()
    ]
    expected = [
        (state.name, event.name, following.name)
        for state, events in TRANSITIONS.items()
        for event, following in events.items()
    ]
    assert documented == expected


# -- client API


def names_of(heading: str) -> dict[str, bool]:
    """The names in the first column of a section of the page, and whether they are there yet."""
    section = (DOCS / "client-api.md").read_text().partition(f"\n## {heading}")[2].partition("\n## ")[0]
    return {
        match[1]: "*not yet*" not in match[0]
        for match in re.finditer(r"^\| `(\w+)` \|.*$", section, re.MULTILINE)
    }


def test_the_client_api_has_every_command_method_and_codec() -> None:
    methods = {name for name in vars(ClientPort) if not name.startswith("_")}
    methods -= {"play_audio", "play_video", "key_picture_wanted", "stream_time_ms"}
    methods -= {"audio_configuration", "video_configuration"}
    for heading, names in (("Commands", set(COMMANDS)), ("Methods", methods)):
        assert {name for name, is_there in names_of(heading).items() if is_there} == names
    assert set(names_of("Codecs")) == KNOWN_NAMES


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_examples_are_python(page: Path) -> None:
    for number, code in enumerate(blocks(page, "python")):
        compile(code, f"{page.name} block {number}", "exec")


async def test_the_readme_s_server_of_live_streams_serves() -> None:
    (code,) = blocks(ROOT / "README.md", "python")
    port = free_port()
    assert "1935" in code
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code.replace("1935", str(port)), cwd=ROOT, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(20):
            client = await connect_once_it_listens(program, f"rtmp://{HOST}:{port}/live")
            await (await client.create_stream()).publish("cam")
            assert program.returncode is None
            program.send_signal(signal.SIGINT)
            assert await client.wait_closed() is None
            _, errors = await program.communicate()
            assert errors.endswith(b"KeyboardInterrupt\n")
    finally:
        if program.returncode is None:
            program.kill()
            await program.wait()


async def connect_once_it_listens(program: asyncio.subprocess.Process, url: str) -> RtmpClient:
    """Connect to a program that does not say when it listens."""
    while True:
        try:
            return await RtmpClient.connect(url)
        except ConnectionRefusedError:
            assert program.returncode is None, "the program has ended"
            await asyncio.sleep(0.05)


# -- all pages


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub makes of the headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        assert path.exists(), target
        assert not anchor or anchor in anchors(path), target


def test_the_changelog_has_this_version() -> None:
    assert f"## [{__version__}]" in (ROOT / "CHANGELOG.md").read_text()
