"""A server application for live streams: one publishes, many play; and for recordings of them."""

from rtmp.aio.live.application import LiveApplication
from rtmp.aio.live.directory import StreamReport
from rtmp.aio.live.requests import Authorize, LiveLimits, LiveRequest, Purpose, Refused, Republish

__all__ = [
    "Authorize",
    "LiveApplication",
    "LiveLimits",
    "LiveRequest",
    "Purpose",
    "Refused",
    "Republish",
    "StreamReport",
]
