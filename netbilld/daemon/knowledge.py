"""How fresh is what log-ins are answered by: the database's word of a moment ago, or a snapshot of one that is away."""

from datetime import datetime, timedelta
from typing import Final

from netbilld.adapters.clock import SystemClock
from netbilld.adapters.snapshot import Snapshot
from netbilld.services.access_directory import AccessDirectory

LOOK_SECONDS: Final = 1.0
_FRESH: Final = timedelta(seconds=10)


class Knowledge:
    """What is known of services, and since when nobody could confirm it.

    Attributes:
        known_at: when the database last said that nothing else had changed.
        snapshot: what this process started with; None where the database was there, and once it is read.
        is_from_snapshot: until everything has been read from the database itself.
    """

    def __init__(
        self, directory: AccessDirectory, clock: SystemClock, trust_minutes: int, snapshot: Snapshot | None
    ) -> None:
        self.snapshot = snapshot
        self.is_from_snapshot = snapshot is not None
        self.known_at: datetime = clock.now() if snapshot is None else snapshot.taken_at
        self._directory = directory
        self._clock = clock
        # Its age grows by the clock that nobody sets. A snapshot that seems to be of the future tells of a clock that
        # was set back by as much at least.
        self._aged_seconds = abs((clock.now() - self.known_at).total_seconds())
        self._since_mono = clock.monotonic()
        self._trust: Final = timedelta(minutes=trust_minutes)

    def confirm(self) -> None:
        """Take note that all changes up to now have been followed."""
        if not self.is_from_snapshot:
            self.known_at = self._clock.now()
            self._aged_seconds, self._since_mono = 0.0, self._clock.monotonic()

    def joined(self) -> None:
        """Take note that everything has been read from the database."""
        self.is_from_snapshot = False
        self.confirm()

    @property
    def is_fresh(self) -> bool:
        """Tell whether the database was there a moment ago."""
        return not self.is_from_snapshot and self.age_seconds < _FRESH.total_seconds()

    @property
    def age_seconds(self) -> float:
        """Return for how long nobody could confirm what is known."""
        return self._aged_seconds + self._clock.monotonic() - self._since_mono

    @property
    def is_doubted(self) -> bool:
        """Tell whether it is too old for plans that fail closed."""
        return not self.is_fresh and self.age_seconds > self._trust.total_seconds()

    @property
    def notice(self) -> str | None:
        """Return what an operator should know of it; None while the database is there."""
        if self.is_from_snapshot:
            return (
                f"the database is away: log-ins are answered by the snapshot of {_said(self.known_at)}, "
                f"{round(self.age_seconds / 60)} min old{self._refused}"
            )
        if not self.is_fresh:
            return (
                f"the database is away: log-ins are answered by what was known at {_said(self.known_at)}{self._refused}"
            )
        return None

    @property
    def _refused(self) -> str:
        return "; plans that fail closed let nobody in" if self.is_doubted else ""

    async def look(self) -> None:
        """Close and open the plans that fail closed; to be called every `LOOK_SECONDS`."""
        self._directory.doubt(self.is_doubted)


def _said(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")
