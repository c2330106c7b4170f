"""GStreamer: rtmp2src and rtmp2sink, which speak RTMP themselves, and rtmpsink on librtmp."""

import shlex
from pathlib import Path
from typing import ClassVar

from tests.interop.peers.rtmp_program import RtmpProgram


class Gstreamer(RtmpProgram):
    """A pipeline, in the notation of gst-launch."""

    program: ClassVar[str] = "gst-launch-1.0"

    def __init__(self, pipeline: str) -> None:
        super().__init__("-q", *shlex.split(pipeline))


def gstreamer_player(url: str) -> Gstreamer:
    """Write what rtmp2src plays into an FLV file."""
    return Gstreamer(f"rtmp2src location={url} ! filesink location=@OUTPUT@")


def gstreamer_publisher(flv: Path, url: str) -> Gstreamer:
    """Mux the H.264 and AAC of a file anew and publish them with rtmp2sink; `output` is the muxed stream."""
    return Gstreamer(
        f"filesrc location={flv} ! flvdemux name=demux "
        "flvmux name=mux streamable=true ! tee name=muxed "
        f"muxed. ! queue ! rtmp2sink location={url} sync=false "
        "muxed. ! queue ! filesink location=@OUTPUT@ "
        "demux.video ! queue ! h264parse ! mux. demux.audio ! queue ! aacparse ! mux."
    )


def librtmp_publisher(flv: Path, url: str) -> Gstreamer:
    """Publish an FLV file as it is with rtmpsink."""
    return Gstreamer(f"filesrc location={flv} ! rtmpsink location={url}")
