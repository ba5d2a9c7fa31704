"""Which of our own addresses a NAS sees us by."""

import socket
from collections.abc import Sequence
from contextlib import closing
from ipaddress import ip_address
from typing import Final

_ANY_PORT: Final = 9  # nothing is sent there: the kernel is only asked which way it would go


def own_address(host: str, listens_on: Sequence[str]) -> str | None:
    """Return the address that packets of ours to `host` come from; None where there is no way to it.

    An address that RADIUS is bound to goes before what the routes say: orders leave from there.
    """
    version = ip_address(host).version
    for address in listens_on:
        bound = ip_address(address)
        if bound.version == version and not bound.is_unspecified:
            return address
    family = socket.AF_INET if version == 4 else socket.AF_INET6
    with closing(socket.socket(family, socket.SOCK_DGRAM)) as probe:
        try:
            probe.connect((host, _ANY_PORT))
        except OSError:
            return None
        return str(probe.getsockname()[0]).partition("%")[0]
