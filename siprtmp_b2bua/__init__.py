"""The B2BUA: configuration, SIP leg, RTMP leg, calls and the command line."""

__version__ = "0.1.0"
