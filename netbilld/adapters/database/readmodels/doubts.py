"""What the meter doubts, for the panel."""

from collections.abc import Sequence

from netbilld.adapters.database.doubts import DoubtStore
from netbilld.adapters.database.meters import MeterStore
from netbilld.adapters.database.queries import Queries
from netbilld.services.decide_doubts import UsageDoubt


class DoubtQueries(Queries):
    """Read from an index that holds only those that wait."""

    async def doubts(self, *, only_open: bool) -> Sequence[UsageDoubt]:
        """Return doubts, the newest first."""
        return await DoubtStore(self._connection).newest(only_open=only_open)

    async def doubts_waiting(self) -> int:
        """Return how many wait for a decision."""
        return await DoubtStore(self._connection).waiting()

    async def meter_doubts_waiting(self) -> int:
        """Return how many readings of meters beside the sessions wait for a decision."""
        return await MeterStore(self._connection).doubts_waiting()
