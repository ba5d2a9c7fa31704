"""A driver's lane: whether it takes messages now, and whether anybody is to wait for it."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from netbilld.services.route_messages import Way

FIRST_PAUSE: Final = timedelta(seconds=30)
LONGEST_PAUSE: Final = timedelta(minutes=15)
OK: Final = "ok"
PAUSED: Final = "paused"  # it comes back by itself
REFUSED: Final = "refused"  # our log-in there: a person has to look
OFF: Final = "off"  # the staff want it so


@dataclass(slots=True)
class Lane:
    """A driver's messages, one after the other, and how it fares."""

    way: Way
    state: str = OK
    said: str = ""
    since_at: datetime | None = None
    paused_until: datetime | None = None
    pause: timedelta = field(default=FIRST_PAUSE)

    def is_away(self, now: datetime) -> bool:
        """Tell whether it takes nothing now."""
        return self.state == OFF or (self.paused_until is not None and now < self.paused_until)

    def is_given_up(self, now: datetime, patience: timedelta) -> bool:
        """Tell whether nobody is to wait for it any longer."""
        if self.state in {OK, OFF}:
            return self.state == OFF
        is_long = self.since_at is not None and now - self.since_at >= patience
        return is_long and self.is_away(now)  # when its pause is over one message finds out how it is
