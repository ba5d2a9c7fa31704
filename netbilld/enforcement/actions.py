"""What can be asked of a NAS for one running session: plain values."""

from dataclasses import dataclass
from enum import StrEnum

from netbilld.enforcement.profile import ServiceProfile


@dataclass(frozen=True, slots=True)
class SessionHandle:
    """What a NAS knows a session by, as it reported it itself; vendors choose from it (RFC 5176 §3)."""

    username: str
    acct_session_id: str
    framed_ip: str | None = None
    nas_ip: str | None = None  # NAS-IP-Address as the NAS says it; None where it is not certain
    mac: str | None = None  # the station's, as AA:BB:CC:DD:EE:FF
    session_id: int | None = None  # ours; nothing that a NAS is told, but what is made on it is marked with it
    has_ipv6: bool = False  # it was given an IPv6 prefix, which no list of IPv4 addresses holds


@dataclass(frozen=True, slots=True)
class ChangeOfAuthorization:
    """Give the running session this profile (RFC 5176 §2.2)."""

    profile: ServiceProfile


class Via(StrEnum):
    """The door an order goes through."""

    RADIUS = "radius"
    API = "api"


@dataclass(frozen=True, slots=True)
class Disconnect:
    """End the session; the next log-in gets what is due (RFC 5176 §2.1; over the API the session is removed)."""

    via: Via = Via.RADIUS


@dataclass(frozen=True, slots=True)
class EnterList:
    """Put the session's address on a list of the NAS, over its API, and end the connections that it has open."""

    address_list: str


@dataclass(frozen=True, slots=True)
class LeaveList:
    """Take the session's address off a list of the NAS, over its API."""

    address_list: str


class Obstacle(StrEnum):
    """Why a session can't be brought to what is due by any order."""

    NO_COA_PORT = "no_coa_port"
    NO_ADDRESS = "no_address"
    NO_SECRET = "no_secret"  # noqa: S105 - the name of an obstacle
    NO_RATE = "no_rate"
    NO_ORDERS = "no_orders"
    SHARED_ADDRESS = "shared_address"
    LOCAL_ACCOUNT = "local_account"


@dataclass(frozen=True, slots=True)
class Cannot:
    """No order helps here; a person must see why."""

    obstacle: Obstacle


Order = ChangeOfAuthorization | Disconnect | EnterList | LeaveList
