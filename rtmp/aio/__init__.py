"""The asyncio shell around the RTMP sessions: it moves bytes and keeps time, and decides nothing else."""

from rtmp.admission import Admission
from rtmp.aio.client import IncomingCall, RtmpClient
from rtmp.aio.client_stream import ClientStream
from rtmp.aio.reconnecting.player import ReconnectingPlayer
from rtmp.aio.reconnecting.publisher import ReconnectingPublisher
from rtmp.aio.reconnecting.state import LinkState, StateChange
from rtmp.aio.server import RtmpServer, ServerConnection, ServerHandler, start_server
from rtmp.aio.tls import ServerTls

__all__ = [
    "Admission",
    "ClientStream",
    "IncomingCall",
    "LinkState",
    "ReconnectingPlayer",
    "ReconnectingPublisher",
    "RtmpClient",
    "RtmpServer",
    "ServerConnection",
    "ServerHandler",
    "ServerTls",
    "StateChange",
    "start_server",
]
