"""Pages about subscribers, and the jobs that they start, in the running daemon."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from netbilld.adapters.clock import SystemClock
from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.daemon.settings import Settings
from netbilld.daemon.tasks import every
from netbilld.daemon.taxes import tax_policy
from netbilld.panel.people_parts import PeopleParts
from netbilld.services.export_people import ExportPeople
from netbilld.services.import_subscribers import ImportSubscribers
from netbilld.services.keep_records import KeepRecords
from netbilld.services.manage_subscribers import ManageSubscribers
from netbilld.services.manage_terms import ManageTerms
from netbilld.services.new_service import Defaults
from netbilld.services.pause_service import PauseService
from netbilld.services.preview_plan import PreviewPlan
from netbilld.services.propose_jobs import ProposeJobs
from netbilld.services.run_jobs import RunJobs
from netbilld.services.sell_top_up import SellTopUp

LOOK_SECONDS: Final = 1.0  # nothing to do
TIDY_SECONDS: Final = 3600.0


def people_parts(settings: Settings, database: Database, box: SecretBox) -> PeopleParts:
    """Return what the pages work with."""
    return PeopleParts(
        records=KeepRecords(database),
        terms=ManageTerms(database),
        pause=PauseService(database),
        top_ups=SellTopUp(database, tax_policy(settings)),
        preview=PreviewPlan(database),
        jobs=ProposeJobs(database, box, Defaults(settings.currency, settings.timezone)),
        exports=ExportPeople(database),
        box=box,
    )


class Working:
    """The worker of jobs; one node of several has it."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        box: SecretBox,
        clock: SystemClock,
        manage_subscribers: ManageSubscribers,
        nudge: Callable[[], None],
    ) -> None:
        async def nudged() -> None:
            nudge()

        def importing() -> ImportSubscribers:
            return ImportSubscribers(
                database,
                box,
                Defaults(settings.currency, settings.timezone),
                due_days=settings.billing.due_days,
                numbering=settings.billing.numbering(),
            )

        self.run: Final = RunJobs(
            database,
            box,
            clock,
            manage_subscribers=manage_subscribers,
            manage_terms=ManageTerms(database),
            importing=importing,
            nudge=nudged,
        )

    def loops(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """Return the work that goes on for ever on one node, by name."""
        return {"jobs": self._work, "files of jobs": partial(every, TIDY_SECONDS, self.run.tidy)}

    async def _work(self) -> None:
        while True:
            if not await self.run.run():
                await asyncio.sleep(LOOK_SECONDS)
