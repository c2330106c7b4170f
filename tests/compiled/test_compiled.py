"""The compiled build does what the other one does (docs/compiling.md). It is built once for all tests."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from zipfile import ZipFile

import pytest

from siprtmp_b2bua import __version__
from tests.interop.conftest import skip_or_fail
from tests.interop.peers.errors import PeerMissing

REPOSITORY = Path(__file__).parents[2]
BUILT_FROM = ("rtmp", "media_bridge", "siprtmp_b2bua", "pyproject.toml", "README.md", "LICENSE")
NEEDED_BY_TESTS = ("tests", "examples", "benchmarks", "pyproject.toml")
UNIT_TESTS = (
    "tests/rtmp/relay",
    "tests/rtmp/test_aggregate.py",
    "tests/rtmp/test_aio_loopback.py",
    "tests/rtmp/test_captures.py",
    "tests/rtmp/test_chunks.py",
    "tests/rtmp/test_client_session.py",
    "tests/rtmp/test_control_messages.py",
    "tests/rtmp/test_headers.py",
    "tests/rtmp/test_recorded_play.py",
    "tests/rtmp/test_session_streams.py",
    "tests/rtmp/test_sessions.py",
    "tests/rtmp/test_shared_message.py",
    "tests/rtmp/test_token_bucket.py",
    "tests/media_bridge/test_arrival_clock.py",
    "tests/media_bridge/test_pcm_queue.py",
    "tests/media_bridge/test_pipeline.py",
    "tests/media_bridge/test_playout_clock.py",
    "tests/media_bridge/test_speex.py",
    "tests/siprtmp_b2bua/test_call_audio.py",
)
TIMEOUT_S = 230


def check_compiler() -> None:
    """Skip the test, or fail it where nothing may be missing, if no C can be compiled for this Python."""
    if shutil.which("gcc") is None and shutil.which("cc") is None:
        skip_or_fail(PeerMissing("gcc"))
    if not Path(sysconfig.get_path("include"), "Python.h").exists():
        skip_or_fail(PeerMissing("Python.h (python3-dev)"))


@contextmanager
def alone(lock: Path) -> Iterator[None]:
    """Hold a lock that only one process has at a time."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def copy(names: tuple[str, ...], target: Path) -> None:
    ignored = shutil.ignore_patterns("__pycache__", "*.so")
    for name in names:
        if (REPOSITORY / name).is_dir():
            shutil.copytree(REPOSITORY / name, target / name, ignore=ignored)
        else:
            shutil.copy(REPOSITORY / name, target / name)


def run(argv: list[str], directory: Path, **environment: str) -> str:
    """Run a program to its end, which must be a good one; returns its standard output."""
    done = subprocess.run(
        argv,
        cwd=directory,
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        | environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, f"{argv}: {done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def build(tree: Path) -> None:
    """Leave in `tree` a compiled build as it would be installed, and what tests need besides."""
    source, wheels = tree / "source", tree / "wheels"
    source.mkdir(parents=True)
    copy(BUILT_FROM, source)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    run([*pip, "--wheel-dir", str(wheels), "."], source, HATCH_BUILD_HOOK_ENABLE_MYPYC="true")
    (wheel,) = wheels.iterdir()
    with ZipFile(wheel) as archive:
        archive.extractall(tree)
    shutil.rmtree(source)
    copy(NEEDED_BY_TESTS, tree)


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compiled build, made by the first process of the test run that needs it.

    If it cannot be made, all say why.
    """
    check_compiler()
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    tree, outcome = shared / "compiled", shared / "compiled.outcome"
    with alone(shared / "compiled.lock"):
        if not outcome.exists():
            try:
                build(tree)
            except (AssertionError, OSError, subprocess.SubprocessError) as error:
                outcome.write_text(f"no compiled build: {error}")
            else:
                outcome.touch()
    assert not (reason := outcome.read_text()), reason
    return tree


def test_what_is_listed_is_compiled(tree: Path) -> None:
    settings = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    listed = settings["targets"]["wheel"]["hooks"]["mypyc"]["include"]
    modules = {path for pattern in listed for path in REPOSITORY.glob(pattern.lstrip("/"))}
    names = {path.relative_to(REPOSITORY).with_suffix("") for path in modules}
    compiled = {path.relative_to(tree) for path in tree.rglob("*.so") if "__mypyc" not in path.name}
    assert {path.with_name(path.name.partition(".")[0]) for path in compiled} == names
    assert all(any(REPOSITORY.glob(pattern.lstrip("/"))) for pattern in listed)


def test_it_says_that_it_is_compiled(tree: Path) -> None:
    argv = [sys.executable, "-m", "siprtmp_b2bua", "--version"]
    assert run(argv, tree) == f"siprtmp {__version__} (compiled)\n"
    assert run(argv, REPOSITORY) == f"siprtmp {__version__}\n"


def test_fixed_inputs_lead_to_the_same(tree: Path) -> None:
    argv = [sys.executable, "-m", "tests.compiled.outcomes"]
    compiled, pure = (run(argv, directory).splitlines() for directory in (tree, REPOSITORY))
    assert (compiled.pop(0), pure.pop(0)) == ("compiled", "pure")
    assert len(pure) > 1000
    assert compiled == pure


def test_unit_tests_pass(tree: Path) -> None:
    options = ["-p", "no:cacheprovider", "-p", "no:xdist"]
    run([sys.executable, "-m", "pytest", *options, *UNIT_TESTS], tree, HYPOTHESIS_STORAGE_DIRECTORY="unused")
