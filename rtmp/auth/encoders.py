"""Whom a server asks who they are: encoders, by what they say of themselves in `connect`.

What publishes cannot be told from what plays before it does, and then it is too late to ask. So servers go by
what Flash Media Live Encoder, for which the methods were made, says: a `flashVer` of its own, and the type
"nonprivate". FFmpeg, librtmp (and so OBS) and GStreamer took over the type, for publishing only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rtmp.amf_value import AmfValue
from rtmp.auth.auth_scheme import AUTH_MARK

_TYPE: Final = "nonprivate"
_FLASH_VERSIONS: Final = ("fmle/", "wirecast/")

ENCODER: Final[Mapping[str, AmfValue]] = {"type": _TYPE, "flashVer": "FMLE/3.0 (compatible; siprtmp)"}
"""What the command object of a client says that wants to be asked."""


def is_encoder(app: str, command_object: Mapping[str, AmfValue]) -> bool:
    """Return whether a connect is that of an encoder, or of whoever has begun to say who it is."""
    flash_version = command_object.get("flashVer")
    if isinstance(flash_version, str) and flash_version.lower().startswith(_FLASH_VERSIONS):
        return True
    return command_object.get("type") == _TYPE or AUTH_MARK in app
