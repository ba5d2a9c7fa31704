"""Who dials in, and the session that follows."""

from dataclasses import dataclass, field

from tests.routeros.lines import Line
from tests.routeros.store import Item

START, STOP, INTERIM = 1, 2, 3
USER_REQUEST, LOST_CARRIER, SESSION_TIMEOUT, ADMIN_RESET, ADMIN_REBOOT = 1, 2, 5, 6, 7


@dataclass(eq=False)
class Home:
    """A subscriber's device.

    Attributes:
        redials: between how many and how many seconds after it was cut it dials again; None for never by itself.
        up_bps, down_bps: what it wants of its line.
    """

    username: str
    password: str = "rahasia"
    mac: str = "02:00:00:00:00:01"
    service: str = "pppoe"
    redials: tuple[float, float] | None = None
    up_bps: int = 0
    down_bps: int = 0
    chap: bool = False
    said: str = ""  # why it is not in


@dataclass(eq=False)
class Dialled(Line):
    """A session that RADIUS let in."""

    home: Home = field(default_factory=lambda: Home(""))
    classes: tuple[bytes, ...] = ()
    pool: str = ""
    nas_port: int = 0
    interim_seconds: int = 0
    entry: Item | None = None
    ends: int | None = None  # its Acct-Terminate-Cause, once it is over
