"""The asyncio shell around the RTMP sessions: it moves bytes and keeps time, and decides nothing else."""

from rtmp.aio.client import ClientStream, IncomingCall, RtmpClient
from rtmp.aio.server import RtmpServer, ServerConnection, ServerHandler, start_server

__all__ = [
    "ClientStream",
    "IncomingCall",
    "RtmpClient",
    "RtmpServer",
    "ServerConnection",
    "ServerHandler",
    "start_server",
]
