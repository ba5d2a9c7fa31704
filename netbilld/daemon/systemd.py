"""Talks to the service manager: readiness, watchdog, stopping (sd_notify(3))."""

import os
import socket
from contextlib import suppress
from typing import Final

ENVIRONMENT: Final = frozenset(("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"))  # the daemon's own to speak to


def notify(state: str) -> None:
    """Tell the service manager, where there is one: `READY=1`, `WATCHDOG=1`, `STOPPING=1`, `STATUS=…`."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.sendto(state.encode(), address)


def watchdog_seconds() -> float | None:
    """Return how often to say `WATCHDOG=1`: half of what the unit allows; None where no watchdog is set."""
    try:
        microseconds = int(os.environ.get("WATCHDOG_USEC", ""))
    except ValueError:
        return None
    owner = os.environ.get("WATCHDOG_PID")
    if microseconds <= 0 or (owner and owner != str(os.getpid())):
        return None
    return microseconds / 2_000_000
