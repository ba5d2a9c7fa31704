"""A check of a NAS: its name, how it stands, the cause as a stable word, and the lines that mend it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

Value = str | int | datetime | None


class CheckName(StrEnum):
    """The checks, in the order in which they are shown."""

    SOURCE_ADDRESS = "source_address"
    SECRET = "secret"  # noqa: S105 - the name of a check
    MESSAGE_AUTHENTICATOR = "message_authenticator"
    RADIUS = "radius"
    CLOCK = "clock"
    INTERIM = "interim"
    DIRECTION = "direction"
    ORDERS = "orders"
    API = "api"
    API_RIGHTS = "api_rights"
    SNMP = "snmp"
    POOL = "pool"
    LIST = "list"
    FASTTRACK = "fasttrack"
    MASQUERADE = "masquerade"


class Result(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    UNKNOWN = "unknown"  # what can't be known is never fine


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found.

    Attributes:
        values: the figures that its sentence needs.
        mend: lines to type, on the device where they begin with a slash, else on this machine.
    """

    name: CheckName
    result: Result
    cause: str
    values: Mapping[str, Value] = field(default_factory=dict)
    mend: tuple[str, ...] = ()
