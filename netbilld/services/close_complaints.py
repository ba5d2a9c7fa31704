"""CloseComplaints: what was resolved some days ago, and nobody said it was not, is closed by itself."""

from datetime import datetime, timedelta
from typing import Final

from netbilld.model.actor import SCHEDULE
from netbilld.model.complaint import ComplaintState
from netbilld.ports.complaints import Store
from netbilld.services.complaint_steps import DEFAULT_REOPEN_DAYS, Doing, Wish, move

_AT_ONCE: Final = 100  # in one transaction


class CloseComplaints:
    """Run every few minutes."""

    def __init__(self, store: Store, close_after_days: int, reopen_days: int = DEFAULT_REOPEN_DAYS) -> None:
        self._store, self._days, self._reopen_days = store, close_after_days, reopen_days

    async def run(self, now: datetime) -> int:
        """Close what is due, a bounded number, and return how many were."""
        before = now - timedelta(days=self._days)
        doing = Doing(SCHEDULE, now, reopen_days=self._reopen_days)
        closed = 0
        async with self._store.write() as work:
            for number in await work.complaints.resolved_before(before, _AT_ONCE):
                complaint = await work.complaints.by_number(number, lock=True)
                if complaint is not None and complaint.state is ComplaintState.RESOLVED:
                    await move(work, complaint, ComplaintState.CLOSED, doing, Wish())
                    closed += 1
        return closed
