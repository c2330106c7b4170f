"""What can go wrong with media, and who is at fault.

MediaError
├── CodecDataError          the payload a peer sent cannot be decoded; the next one may be good
├── UnsupportedCodecError   no encoder or decoder for this codec or rate: do not offer it
├── CodecLibraryError       a library the codec needs is missing on this machine: install it
├── PacketError             an RTP or RTCP packet is malformed, or does not pass SRTP: drop it
├── CryptoAttributeError    an `a=crypto` line cannot be used: refuse it
├── PortsInUseError         no UDP port of the range is free
├── OversizeError           the payload format agreed on cannot carry something so large: leave it out
└── MediaClosedError        a codec or port was used after `close()`: a bug in the caller
"""


class MediaError(Exception):
    """Any documented failure of `media_bridge`."""


class CodecDataError(MediaError):
    """A payload is damaged or is not of the codec it claims to be. The decoder stays usable."""


class UnsupportedCodecError(MediaError):
    """There is no encoder or decoder for the codec, or not at the rate asked for."""


class CodecLibraryError(MediaError):
    """A shared library is missing; the message names the package to install."""


class OversizeError(MediaError):
    """A NAL unit or message is larger than the payload format agreed on with the peer can carry."""


class MediaClosedError(MediaError):
    """A codec or port was used after `close()`."""


class PacketError(MediaError):
    """An RTP, RTCP, SRTP or SRTCP packet is not what its format demands. Nothing of it was used."""


class CryptoAttributeError(MediaError):
    """An `a=crypto` attribute is malformed or asks for what we do not do. The message never has the key."""


class PortsInUseError(MediaError):
    """No pair of UDP ports of the range could be bound."""
