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


def gstreamer_publisher(flv: Path, url: str, sink: str) -> Gstreamer:
    """Mux the H.264 and AAC of a file anew and publish them with a sink; `output` is the muxed stream."""
    return Gstreamer(
        f"filesrc location={flv} ! flvdemux name=demux "
        "flvmux name=mux streamable=true ! tee name=muxed "
        f"muxed. ! queue ! {sink} location={url} sync=false "
        "muxed. ! queue ! filesink location=@OUTPUT@ "
        "demux.video ! queue ! h264parse ! mux. demux.audio ! queue ! aacparse ! mux."
    )
