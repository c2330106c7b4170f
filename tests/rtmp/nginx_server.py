"""A private nginx with the RTMP module, on a free port."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.interop.peers.polling import until
from tests.interop.peers.ports import free_port, tcp_is_listening
from tests.interop.peers.process import PeerProcess

_MODULES = [
    Path(directory) / "ngx_rtmp_module.so"
    for directory in ("/usr/lib/nginx/modules", "/usr/share/nginx/modules")
]
_MODULE = next((path for path in _MODULES if path.exists()), None)

needs_nginx = pytest.mark.skipif(
    shutil.which("nginx") is None or _MODULE is None,
    reason="needs nginx with its RTMP module (apt install libnginx-mod-rtmp)",
)

_CONFIGURATION = """
load_module {module};
{user}
daemon off;
master_process off;
pid {directory}/nginx.pid;
error_log stderr info;
events {{ worker_connections 64; }}
rtmp {{
    access_log off;
    server {{
        listen 127.0.0.1:{port};
        application live {{ live on; sync 0; wait_key off; }}
    }}
}}
"""


@asynccontextmanager
async def nginx(directory: Path, port: int | None = None) -> AsyncIterator[int]:
    """Run it in a directory of its own; the port, where `live` is an application."""
    port = port or free_port()
    configuration = directory / "nginx.conf"
    user = "user root;" if os.geteuid() == 0 else ""
    configuration.write_text(_CONFIGURATION.format(module=_MODULE, directory=directory, port=port, user=user))
    process = PeerProcess(["nginx", "-p", str(directory), "-c", str(configuration)], directory)
    await process.start()

    def listens() -> bool:
        process.check_running()
        return tcp_is_listening(port)

    try:
        await until(listens, "nginx to listen")
        yield port
    finally:
        await process.stop()
