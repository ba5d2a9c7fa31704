"""Who makes a change, and from where."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Actor:
    """The author of a change: a staff e-mail, an operating-system user or `system`, and where they act from."""

    name: str
    origin: str


SCHEDULE: Final = Actor("system", "schedule")
METER: Final = Actor("system", "metering")
