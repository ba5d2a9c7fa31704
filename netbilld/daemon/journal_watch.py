"""Watches how much of the journal the database has not applied, and how old it is: figures, and an alarm."""

import logging
from typing import Final

from netbilld.accounting.entry import JournalCursor
from netbilld.adapters.clock import SystemClock
from netbilld.adapters.journal import Journal
from netbilld.daemon.metering import Metering
from netbilld.daemon.settings import MeteringSettings

LOOK_SECONDS: Final = 5.0
logger = logging.getLogger("netbilld.metering")


class JournalWatch:
    """Compares what waits in the journal with what is allowed to wait.

    Attributes:
        notice: what is wrong; None while all is well.
    """

    def __init__(self, journal: Journal, metering: Metering, settings: MeteringSettings, clock: SystemClock) -> None:
        self._journal = journal
        self._metering = metering
        self._clock = clock
        self._alarm_seconds: Final = settings.alarm_minutes * 60
        self._alarm_octets: Final = settings.alarm_megabytes * 1024 * 1024
        self.most_octets: Final = settings.journal_megabytes * 1024 * 1024
        self.notice: str | None = None
        self._oldest: tuple[JournalCursor, int] | None = None  # the record after that place arrived then, in µs

    @property
    def unapplied_octets(self) -> int:
        """Return how much waits to be applied."""
        return self._metering.behind_octets

    def oldest_seconds(self) -> float:
        """Return the age of the oldest record that is not applied; 0 where there is none."""
        cursor = self._metering.cursor or self._journal.applied
        if cursor is None or not self.unapplied_octets:
            return 0.0
        if self._oldest is None or self._oldest[0] != cursor:
            oldest = self._journal.oldest_after(cursor)
            if oldest is None:
                return 0.0
            self._oldest = (cursor, oldest.received_us)
        return max(0.0, self._clock.now().timestamp() - self._oldest[1] / 1_000_000)

    async def look(self) -> None:
        """Note how far it is applied, and raise or end the alarm; to be called every `LOOK_SECONDS`."""
        if (cursor := self._metering.cursor) is not None:
            self._journal.note_applied(cursor)
        before, self.notice = self.notice, self._problem()
        if self.notice is not None and before is None:
            logger.error("%s", self.notice, extra={"event": "journal_alarm"})
        elif self.notice is None and before is not None:
            logger.warning("the accounting journal is applied again", extra={"event": "journal_alarm_over"})

    @property
    def damage(self) -> str | None:
        """Return what of the journal could not be read since the start; None for nothing."""
        octets, segments = self.damaged_octets, self.missing_segments
        if not octets and not segments:
            return None
        return f"the accounting journal is damaged: {octets} octets could not be read, {segments} segments are missing"

    @property
    def damaged_octets(self) -> int:
        """Return how many octets between sound records could not be read."""
        return self._journal.skipped_octets

    @property
    def missing_segments(self) -> int:
        """Return how many segments were expected and not there."""
        return self._journal.missing_segments

    def _problem(self) -> str | None:
        octets, seconds = self.unapplied_octets, self.oldest_seconds()
        if octets <= self._alarm_octets and seconds <= self._alarm_seconds:
            return None
        return (
            f"{octets / 1_048_576:.0f} MiB of accounting, the oldest {seconds / 60:.0f} min old, "
            f"wait to be applied to the database; the journal takes {self.most_octets >> 20} MiB"
        )
