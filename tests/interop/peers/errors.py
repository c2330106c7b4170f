"""What can go wrong with a real peer."""


class PeerError(Exception):
    """A peer program is missing, did not start, or did not do what it was asked."""


class PeerMissing(PeerError):  # noqa: N818 - says what is missing, not what failed
    """The program is not installed on this machine; `install` says how to get it."""

    def __init__(self, program: str, why: str = "is not installed") -> None:
        self.program = program
        self.install = "sudo tests/interop/install-peers"
        super().__init__(f"{program} {why}; get it with: {self.install}")


class PeerFailed(PeerError):  # noqa: N818 - as PeerMissing
    """The program ended or stayed silent when it should have worked; the text ends with its log."""


class PeerTimeout(PeerFailed):
    """The awaited thing did not happen in time."""
