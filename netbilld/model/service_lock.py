"""What a service's log-ins may be tied to, and one such lock as it is kept."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

LockKind = Literal["mac", "vlan", "nas_port", "nas"]
SecondLogin = Literal["replace", "refuse", "allow"]  # what one log-in too many leads to


@dataclass(frozen=True, slots=True)
class ServiceLock:
    """One of the values a service is locked to.

    Attributes:
        value: normalised; a NAS by its id.
        learned: at a log-in, not set by a person.
        shown: the value for people; a NAS by its name.
    """

    kind: LockKind
    value: str
    learned: bool
    created_at: datetime
    shown: str
