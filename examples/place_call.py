"""An RTMP softphone for the command line: place a call through the gateway, or wait for one and answer it."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import dataclasses
import re
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

if __package__ in (None, ""):  # run as a file: python examples/place_call.py
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from examples.audio_probe import frames
from examples.connect_error import explain_connect_error
from examples.phone_audio import ReceivedFrame
from examples.phone_events import Byed, Cancelled, Invited, PhoneEvent
from examples.rtmp_phone import CallRefused, RtmpPhone
from examples.wav_file import WavError, WavRecorder, read_wav
from rtmp.errors import ConnectionLost, InvalidUrl, RtmpError
from rtmp.url import RtmpUrl
from siprtmp_b2bua.client_api import DTMF_KEYS
from siprtmp_b2bua.client_codecs import KNOWN_NAMES

EXIT_OK, EXIT_REFUSED, EXIT_USAGE = 0, 1, 2

_URL: Final = "rtmp://HOST/sip/USER@DOMAIN"

_EPILOG: Final = """\
codecs: wideband, narrowband (Speex on both sides), pcmu, pcma (G.711 on both sides),
ulaw, alaw (Speex on RTMP, G.711 on SIP). The first that the other side has is taken.

exit status: 0 the call went well, 1 it was refused or not answered, 2 wrong usage or no connection.
"""


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="place_call",
        description=__doc__,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("url", help="rtmp://HOST[:PORT]/sip/USER@DOMAIN; anonymous@invalid for a guest, who can only call")
    add("destination", nargs="?", help='who to call: sip:bob@home.com, bob, tel:+12125551234, "Bob" <sip:…>')
    add("--login", default="", help="name that the registrar knows (default: USER)")
    add("--password-file", type=Path, metavar="FILE", help="file with the password: then you are registered")
    add("--display-name", default="", metavar="NAME", help="name that the other side sees")
    add("--rate", choices=("wideband", "narrowband"), help="which Speex is preferred if no --codec is named")
    add("--codec", action="append", default=[], metavar="NAME", help="see below; may be given several times")
    add("--play", type=Path, metavar="WAV", help="what to send; silence before and after it")
    add("--record", type=Path, metavar="WAV", help="where to write what comes")
    add("--answer", action="store_true", help="wait for a call and accept it, instead of calling")
    add("--duration", type=float, metavar="S", help="hang up so long after the start (default: after --play)")
    add("--dtmf", default="", metavar="DIGITS", help="keys to press once the call is up: 0-9*#A-D")
    add("--ring-timeout", type=float, default=60.0, metavar="S", help="give up waiting (default %(default)g)")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    parser = make_parser()
    arguments = parser.parse_args(argv)
    if bool(arguments.destination) == arguments.answer:
        parser.error("name a destination to call, or --answer to wait for a call")
    try:
        return asyncio.run(_run(arguments))
    except CallRefused as refused:
        return _fail(f"the call was refused: {refused.status}", EXIT_REFUSED)
    except TimeoutError:
        return _fail(f"no answer within {arguments.ring_timeout:g} s", EXIT_REFUSED)
    except asyncio.CancelledError:
        return _fail("interrupted before the call was up", EXIT_REFUSED)
    except (RtmpError, WavError, UsageError) as error:
        return _fail(str(error), EXIT_USAGE)


class UsageError(Exception):
    """An argument that cannot be used, or no connection; the text says why."""


class Softphone:
    """One call of the command line: prints its events, plays and records."""

    def __init__(self, phone: RtmpPhone, arguments: argparse.Namespace, recorder: WavRecorder | None) -> None:
        self._phone = phone
        self._arguments = arguments
        self._recorder = recorder
        self._invited = asyncio.Event()
        self._ended = asyncio.Event()
        if recorder is not None:
            phone.on_frame = self._record

    async def run(self) -> int:
        """Make the call and see it through. Raises CallRefused, TimeoutError, RtmpError, WavError."""
        watcher = asyncio.create_task(self._watch())
        try:
            await self._set_up()
            await self._converse()
            counters = self._phone.counters
            print(f"sent {counters.sent} frames, received {counters.received} ({counters.missing} missing)")
            return EXIT_USAGE if self._phone.client.is_closed else EXIT_OK
        finally:
            with contextlib.suppress(RtmpError):
                await self._phone.bye()
            await self._phone.close()
            watcher.cancel()

    def hang_up(self) -> None:
        """End the conversation."""
        self._ended.set()

    async def _set_up(self) -> None:
        async with asyncio.timeout(self._arguments.ring_timeout):
            if self._arguments.answer:
                print("waiting for a call", flush=True)
                await self._invited.wait()
                await self._phone.accept(*self._codecs)
            else:
                await self._phone.invite(self._arguments.destination, *self._codecs)

    @property
    def _codecs(self) -> list[str]:
        named = list(self._arguments.codec)
        return [*named, "dtmf"] if named and "dtmf" not in named else named

    async def _converse(self) -> None:
        rate_hz = self._phone.send_codec.rate_hz
        pcm = read_wav(self._arguments.play, rate_hz) if self._arguments.play else b""
        duration_s = self._arguments.duration
        if duration_s is None and self._arguments.play:
            duration_s = len(pcm) / 2 / rate_hz
        sender = asyncio.create_task(self._phone.send_in_real_time(self._sound(pcm)))
        try:
            if self._arguments.dtmf:
                await self._phone.send_dtmf(self._arguments.dtmf)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(duration_s):
                    await self._ended.wait()
        finally:
            sender.cancel()

    def _sound(self, pcm: bytes) -> Iterator[bytes]:
        size = self._phone.send_codec.frame_bytes
        yield from frames(pcm, size)
        while True:
            yield bytes(size)

    def _record(self, frame: ReceivedFrame) -> None:
        assert self._recorder is not None
        self._recorder.write(frame.rate_hz, frame.pcm)

    async def _watch(self) -> None:
        try:
            while not self._ended.is_set():
                self._note(await self._phone.next_event())
        except ConnectionLost as error:
            print(f"connection lost: {error}", flush=True)
            self._ended.set()

    def _note(self, event: PhoneEvent) -> None:
        print(describe(event), flush=True)
        match event:
            case Invited():
                self._invited.set()
            case Cancelled():
                self._invited.clear()
            case Byed():
                self._ended.set()
            case _:
                pass


def describe(event: PhoneEvent) -> str:
    """Return an event as a line: its name and what it carries."""
    values = [getattr(event, field.name) for field in dataclasses.fields(event)]
    shown = [
        str(value).lower() if isinstance(value, bool) else value for value in values if value is not None
    ]
    return " ".join([type(event).__name__.lower(), *shown])


def check_usage(arguments: argparse.Namespace) -> None:
    """Say now, before anybody's phone rings, what cannot be. Raises UsageError, WavError."""
    try:
        app = RtmpUrl.parse(arguments.url).app
    except InvalidUrl as error:
        raise UsageError(explain_connect_error(arguments.url, error)) from None
    if not re.match("/*sips?/", app):
        raise UsageError(f"{app!r} is no phone's application; the URL should be like {_URL}")
    if unknown := [name for name in arguments.codec if name not in KNOWN_NAMES]:
        raise UsageError(f"there is no codec {unknown[0]!r}; there are {', '.join(sorted(KNOWN_NAMES))}")
    if arguments.dtmf and not DTMF_KEYS.fullmatch(arguments.dtmf):
        raise UsageError(f"--dtmf takes at most 64 keys out of 0-9*#A-D, not {arguments.dtmf!r}")
    if arguments.play is not None:
        read_wav(arguments.play, 16000)


async def _run(arguments: argparse.Namespace) -> int:
    check_usage(arguments)
    password = read_password(arguments.password_file) if arguments.password_file else ""
    recorder = WavRecorder(arguments.record) if arguments.record else None
    try:
        phone = await _connect(arguments, password)
        softphone = Softphone(phone, arguments, recorder)
        task = asyncio.create_task(softphone.run())
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, _interrupt, softphone, task, phone)
        return await task
    finally:
        if recorder is not None:
            recorder.close()


def _interrupt(softphone: Softphone, task: asyncio.Task[int], phone: RtmpPhone) -> None:
    """Hang up a call that is up; give up one that is not."""
    if phone.is_in_call:
        softphone.hang_up()
    else:
        task.cancel()


async def _connect(arguments: argparse.Namespace, password: str) -> RtmpPhone:
    try:
        return await RtmpPhone.connect(
            arguments.url, arguments.login, password, arguments.display_name, arguments.rate
        )
    except (OSError, RtmpError) as error:
        raise UsageError(explain_connect_error(arguments.url, error)) from None


def read_password(path: Path) -> str:
    """Return the first line of a file. Raises UsageError."""
    try:
        password = path.read_text(encoding="utf-8").partition("\n")[0].rstrip("\r")
    except OSError as error:
        raise UsageError(f"cannot read the password from {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"the password in {path} is not UTF-8 text") from None
    if not password:
        raise UsageError(f"the first line of {path} is empty; it should be the password")
    return password


def _fail(message: str, status: int) -> int:
    print(f"place_call: {message}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
