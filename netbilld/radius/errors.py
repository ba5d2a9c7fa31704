"""What can be wrong with bytes: theirs (the network's) and ours."""


class MalformedPacket(Exception):  # noqa: N818 - named for what it is; it never passes the edge of the core
    """Bytes from the network that are not a RADIUS packet, or a value that is not of its attribute's type."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class EncodeError(Exception):
    """A packet or attribute of our own making that does not fit the protocol: a fault in netbilld or its settings."""
