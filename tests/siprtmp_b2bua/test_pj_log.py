"""Which lines of pjsip's are in the log, and at which level."""

from __future__ import annotations

import asyncio
import logging
import socket

import pytest

from examples.rtmp_phone import CallRefused, RtmpPhone
from media_bridge.pj_module import pj
from siprtmp_b2bua.pj_log import PjLogWriter
from tests.interop.peers.ports import HOST
from tests.siprtmp_b2bua.running_gateway import gateway

ORDINARY = (
    "pjsua_acc.c Unable to create/send REGISTER: Object is busy (PJSIP_EBUSY) [status=171001]\n",
    "account.cpp pjsua_acc_set_registration(id, renew) error: Object is busy (PJSIP_EBUSY) (status=171001)",
    "pjsua_media.c RTP socket bind() at 127.0.0.1:23000 error: Address already in use",
    "pjsua_media.c RTCP socket bind() at 127.0.0.1:23001 error: Address already in use",
    "call.cpp pjsua_call_make_call(acc.getId(), &pj_dst_uri) error: gethostbyname() has returned error "
    "(PJ_ERESOLVE) (status=70018)",
    "pjsua_media.c Call 0: error: Unsupported media type (PJMEDIA_EINVALIMEDIATYPE)",
)
FAULTS = (
    "pjsua_acc.c Unable to create/send REGISTER: Not enough memory (PJ_ENOMEM) [status=70007]",
    "pjsua_media.c RTP socket bind() at 192.0.2.1:23000 error: Cannot assign requested address",
    "call.cpp pjsua_call_make_call(acc.getId(), &pj_dst_uri) error: Too many objects (PJ_ETOOMANY)",
)


@pytest.fixture
def writer() -> PjLogWriter:
    made = PjLogWriter()
    made.started = True
    return made


def entry(level: int, line: str) -> object:
    made = pj.LogEntry()
    made.level, made.msg = level, line
    return made


@pytest.mark.parametrize(
    ("lines", "level"), [(ORDINARY, logging.DEBUG), (FAULTS, logging.ERROR)], ids=["ordinary", "faults"]
)
def test_what_is_ordinary_is_no_error(
    lines: tuple[str, ...], level: int, writer: PjLogWriter, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "pjsip")
    for line in lines:
        writer.write(entry(1, line))
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
        (level, line.rstrip()) for line in lines
    ]


def test_a_failure_to_start_is_told_by_others(writer: PjLogWriter, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "pjsip")
    writer.started = False
    writer.write(entry(1, FAULTS[0]))
    assert caplog.records[0].levelno == logging.DEBUG


async def test_a_busy_port_and_an_unknown_host_are_no_faults_of_the_gateway() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((HOST, 0))
        port = other.getsockname()[1] & ~1
        async with gateway("--workers", "1", "--rtp-ports", f"{port}-{port + 39}") as running:
            phone = await RtmpPhone.connect(f"rtmp://{HOST}:{running.port}/sip/guest@{HOST}")
            with pytest.raises(CallRefused, match="502"):
                await phone.invite("sip:bob@no-such.invalid")
            await phone.close()
            assert running.process.stderr is not None
            async with asyncio.timeout(20):
                line = b""
                while b"ended while outgoing: 502" not in line:
                    line = await running.process.stderr.readline()
                    assert b" pjsip: " not in line
