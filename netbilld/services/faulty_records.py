"""FaultyRecords: finds the records on which our own rules fail, and lets a few of them be passed over.

A batch that fails is taken again in ever smaller parts, until a record fails alone. Such a one is parked: it stays in
the journal, while everyone else's metering goes on. Where many fail, the fault is not in the records.
"""

from datetime import datetime, timedelta
from typing import Final

from netbilld.model.errors import NetbilldError
from netbilld.ports.clock import Clock

_PARTS: Final = 8  # that a batch which fails is taken in
_TRIES: Final = 3  # of one record alone, before it is parked: a deadlock passes, a value no column holds does not
_MOST_PARKED: Final = 5  # a minute: more, and the fault is not in the records
_PARKED_WITHIN: Final = timedelta(minutes=1)


class FaultyRecords:
    """Counts those that are `parked`, and says how many records to take next: at `most` so many."""

    def __init__(self, clock: Clock, batch_records: int) -> None:
        """Take what tells the time, and how many records to take while none fails."""
        self.parked = 0
        self.most = batch_records
        self._batch_records = batch_records
        self._clock = clock
        self._parked_at: list[datetime] = []  # within the last minute
        self._tries = 0  # how often the next one has failed alone

    def none_failed(self) -> None:
        """Take note that what was taken is stored."""
        self.most, self._tries = min(2 * self.most, self._batch_records), 0

    def failed(self, count: int) -> bool:
        """Take note that so many records failed together; tell whether that is the one to be parked."""
        if count > 1:
            self.most = max(1, count // _PARTS)
            return False
        self._tries += 1
        return self._tries >= _TRIES

    def may_park(self, count: int, of: int = 1) -> None:
        """Make sure that no more records are passed over than a fault in a few of them can explain.

        Raises:
            NetbilldError: too many have failed within a minute; nothing is passed over, and a later call goes on.
        """
        if count > _MOST_PARKED:  # in smaller parts there may be few enough in each
            self.most = max(1, of // _PARTS)
        now = self._clock.now()
        self._parked_at = [at for at in self._parked_at if timedelta(0) <= now - at < _PARKED_WITHIN]
        if len(self._parked_at) + count > _MOST_PARKED:
            raise NetbilldError(
                "accounting records fail one after the other by a fault of ours, and wait in the journal",
                hint="look for 'could not be metered' in the log; it is tried again by itself",
                code="metering_halted",
            )

    def have_parked(self, count: int) -> None:
        """Take note that so many are passed over for good."""
        self.parked += count
        self._parked_at += [self._clock.now()] * count
